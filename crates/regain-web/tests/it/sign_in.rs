//! Signing in, with the password on the first page or after it.

use crate::browser::TestApp;
use crate::engine::PASSWORD;

#[tokio::test]
async fn one_page_takes_name_and_password() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/").await;
    assert!(page.html.contains("name=\"signin\" href=\"/login?entry="));
    assert!(page.html.contains("id=\"server-config\""));
    assert!(
        !page.html.contains("regain-demo-secret"),
        "the secret is never shown"
    );

    let page = browser.open("/login").await;
    let link = page.between(
        "name=\"forgotPassword\" href=\"/recover-password?entry=",
        "</a>",
    );
    assert!(link.unwrap().ends_with(">Forgot password?"));
    assert!(page.html.contains("autocomplete=\"current-password\""));
    let form = page
        .form("login-form")
        .with("username", "alice@example.com")
        .with("password", PASSWORD);
    let page = browser.submit(form).await;
    assert_eq!(page.path, "/");
    assert_eq!(
        page.heading(),
        "Welcome, Alice &#60;Doe&#62;",
        "claims are escaped"
    );
    assert_eq!(
        page.between("id=\"claim-zoneinfo\">", "<"),
        Some("Europe/Vienna")
    );
    assert_eq!(page.message(), "");
}

#[tokio::test]
async fn a_wrong_password_keeps_the_name_and_can_be_corrected_in_the_same_transaction() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.sign_in("alice@example.com", "wrong").await;
    assert!(page.path.starts_with("/login?state="));
    assert_eq!(page.message(), "Authentication failed");
    assert!(page.html.contains("value=\"alice@example.com\""));
    assert!(!page.html.contains("value=\"wrong\""));
    let interactions = app.engine.count("/v1/interact");
    let form = page
        .form("login-form")
        .with("username", "alice@example.com")
        .with("password", PASSWORD);
    assert_eq!(browser.submit(form).await.path, "/");
    assert_eq!(app.engine.count("/v1/interact"), interactions);
}

#[tokio::test]
async fn the_sign_in_page_asks_the_engine_once_a_minute_and_leaves_nothing_open() {
    let app = TestApp::new().await;
    let mut browsers = [app.browser(), app.browser(), app.browser()];
    let [first, second, third] = &mut browsers;
    tokio::join!(
        first.open("/login"),
        second.open("/login"),
        third.open("/login")
    );
    assert_eq!(app.engine.count("/v1/interact"), 1);
    assert_eq!(app.engine.count("/idp/idx/cancel"), 1);
    app.advance(60);
    app.browser().open("/login").await;
    assert_eq!(app.engine.count("/v1/interact"), 2);
}

#[tokio::test]
async fn identifier_first_asks_for_the_password_on_its_own_page() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.identifier_first = true);
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    assert!(!page.html.contains("type=\"password\""));
    assert!(page.html.contains("name=\"forgotPassword\""));
    let page = browser
        .submit(
            page.form("login-form")
                .with("username", "alice@example.com"),
        )
        .await;
    assert!(
        page.path
            .starts_with("/challenge-authenticator/okta_password?state=")
    );
    assert_eq!(page.heading(), "Enter your password");
    assert!(
        page.html
            .contains("name=\"username\" value=\"alice@example.com\"")
    );

    let page = browser
        .submit(
            page.form("challenge-password-form")
                .with("password", "wrong"),
        )
        .await;
    assert_eq!(page.message(), "Authentication failed");
    let page = browser.submit(page.form("challenge-password-form")).await;
    assert_eq!(page.message(), "Enter your password.");
    let page = browser
        .submit(
            page.form("challenge-password-form")
                .with("password", PASSWORD),
        )
        .await;
    assert_eq!(page.path, "/");
}

#[tokio::test]
async fn forgot_password_in_the_middle_of_a_sign_in_keeps_the_name_out_of_the_url() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.identifier_first = true);
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let page = browser
        .submit(
            page.form("login-form")
                .with("username", "alice@example.com"),
        )
        .await;
    let href = page
        .between("name=\"forgotPassword\" href=\"", "\"")
        .unwrap()
        .to_owned();
    assert!(!href.contains("alice"));
    let page = browser.open(&href).await;
    assert_eq!(page.heading(), "Recover password");
    assert!(page.html.contains("value=\"alice@example.com\""));
}

#[tokio::test]
async fn empty_fields_are_named() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let form = page.form("login-form");
    let empty = browser.submit(form.clone().with("username", "  ")).await;
    assert_eq!(empty.message(), "Enter your username.");
    assert!(empty.html.contains("aria-describedby=\"username-error\""));
    let empty = browser
        .submit(form.with("username", "alice@example.com"))
        .await;
    assert_eq!(empty.message(), "Enter your password.");
    let page = browser.open("/recover-password").await;
    let empty = browser.submit(page.form("password-recover-form")).await;
    assert_eq!(empty.message(), "Enter your username.");
}

#[tokio::test]
async fn an_engine_without_recovery_gets_no_link_and_a_clear_page() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.has_no_recovery = true);
    let mut browser = app.browser();
    assert!(!browser.open("/login").await.html.contains("forgotPassword"));
    let page = browser.open("/recover-password").await;
    let form = page
        .form("password-recover-form")
        .with("username", "alice@example.com");
    let page = browser.post(&form).await;
    assert_eq!(page.status, 403);
    assert_eq!(page.heading(), "Passwords cannot be recovered here");
}
