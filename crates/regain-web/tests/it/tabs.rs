//! Several tabs, the Back button, double clicks.

use http::StatusCode;
use regain_sdk::testkit::documents;
use serde_json::json;

use crate::browser::TestApp;
use crate::engine::{CODE, ORIGIN, PASSWORD};

#[tokio::test]
async fn two_tabs_run_two_transactions() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let first = browser.reach_code_page().await;
    let second = browser.reach_code_page().await;
    assert_ne!(first.path, second.path);
    for page in [first, second] {
        let form = page
            .form("challenge-authenticator-form")
            .with("verificationCode", CODE);
        assert_eq!(browser.submit(form).await.heading(), "Reset password");
    }
}

#[tokio::test]
async fn another_browser_cannot_use_the_transaction() {
    let app = TestApp::new().await;
    let code = app.browser().reach_code_page().await;
    let mut other = app.browser();
    assert_eq!(
        other.get(&code.path).await.location(),
        "/recover-password?notice=expired"
    );
    // With a token of its own it gets no further than that.
    let own = other
        .open("/recover-password")
        .await
        .form("password-recover-form");
    let token = own
        .pairs
        .iter()
        .find(|(name, _)| name == "csrf")
        .unwrap()
        .1
        .clone();
    let answers = app.engine.paths().len();
    let form = code
        .form("challenge-authenticator-form")
        .with("csrf", &token);
    let page = other.post(&form.with("verificationCode", CODE)).await;
    assert_eq!(page.location(), "/recover-password?notice=expired");
    assert_eq!(app.engine.paths().len(), answers);
    let page = other.follow(page).await;
    assert_eq!(page.message(), "That page has expired. Please start again.");
}

#[tokio::test]
async fn a_page_of_an_earlier_or_later_step_leads_to_the_current_one() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let state = code.path.split_once('?').unwrap().1;
    for path in [
        "/reset-password",
        "/challenge-authenticator/okta_password",
        "/other-step",
        "/challenge-authenticator/phone_number",
        "/terminal",
        "/continue",
    ] {
        let page = browser.get(&format!("{path}?{state}")).await;
        assert_eq!(page.location(), code.path, "{path}");
    }
}

#[tokio::test]
async fn the_choice_can_be_opened_again_while_a_code_is_open() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    assert!(
        !code.html.contains("name=\"another\""),
        "there is no other way than the mail"
    );
    let state = code.path.split_once('?').unwrap().1;
    let page = browser
        .open(&format!("/select-authenticator?{state}"))
        .await;
    assert_eq!(page.heading(), "Select authenticator");
    let form = page
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    assert_eq!(
        browser.submit(form).await.heading(),
        "Challenge email authenticator"
    );
    assert_eq!(app.engine.count("/idp/idx/challenge"), 2);
}

#[tokio::test]
async fn another_way_is_offered_where_there_is_one() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let mut page = documents::code_page(ORIGIN);
    let options = page
        .pointer_mut("/remediation/value/1/value/0/options")
        .unwrap();
    options.as_array_mut().unwrap().push(json!({
        "label": "Security Question",
        "value": { "form": { "value": [{ "name": "id", "required": true, "value": "autSQ" }] } },
    }));
    app.engine.answer_once("/challenge/answer", 401, page);
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", "000000");
    let code = browser.submit(form).await;
    let href = code
        .between("name=\"another\" href=\"", "\"")
        .unwrap()
        .to_owned();
    let page = browser.open(&href).await;
    assert!(page.html.contains("Security Question"));
    assert!(
        !page.html.contains(" checked"),
        "of several ways none is chosen beforehand"
    );
}

#[tokio::test]
async fn a_tab_that_comes_late_learns_that_another_one_went_on() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let select = browser.recover("alice@example.com").await;
    let same_in_other_tab = browser.get(&select.path).await;
    let form = select
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    let code = browser.submit(form).await;
    let form = same_in_other_tab
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    let page = browser.post(&form).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert_eq!(page.heading(), "You already continued in another tab");
    assert!(page.html.contains(&format!("href=\"{}\"", code.path)));
    assert_eq!(app.engine.count("/idp/idx/challenge"), 1);
}

#[tokio::test]
async fn a_double_click_sends_once_and_both_answers_go_on() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let select = browser.recover("alice@example.com").await;
    let form = select
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    let mut again = browser.clone();
    let (first, second) = tokio::join!(browser.post(&form), again.post(&form));
    assert_eq!(first.location(), second.location());
    assert!(
        first
            .location()
            .starts_with("/challenge-authenticator/okta_email?state=")
    );
    assert_eq!(app.engine.count("/idp/idx/challenge"), 1);
}

#[tokio::test]
async fn a_transaction_that_another_tab_finished_leads_home() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let late = browser.sign_in("alice@example.com", "wrong").await;
    let form = late
        .form("login-form")
        .with("username", "alice@example.com");
    browser
        .submit(form.clone().with("password", PASSWORD))
        .await;
    let state = late.path.split_once('?').unwrap().1;
    let page = browser
        .get(&format!("/challenge-authenticator/okta_email?{state}"))
        .await;
    assert_eq!(page.location(), "/");
}

#[tokio::test]
async fn going_back_and_typing_another_address_starts_anew_and_ends_the_first() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let state = code.path.split_once('?').unwrap().1.to_owned();
    let back = browser.get(&format!("/recover-password?{state}")).await;
    assert_eq!(back.heading(), "Recover password");
    assert!(back.html.contains("value=\"alice@example.com\""));

    let same = back
        .form("password-recover-form")
        .with("username", "alice@example.com");
    assert_eq!(
        browser.submit(same).await.path,
        code.path,
        "the same name changes nothing"
    );
    assert_eq!(app.engine.count("/v1/interact"), 1);

    let other = back
        .form("password-recover-form")
        .with("username", "bob@example.com");
    let page = browser.submit(other).await;
    assert_eq!(page.heading(), "Select authenticator");
    assert!(!page.path.ends_with(&state));
    assert_eq!(app.engine.count("/v1/interact"), 2);
    assert_eq!(app.engine.count("/idp/idx/cancel"), 1);
    assert_eq!(
        browser.get(&code.path).await.location(),
        "/recover-password?notice=expired"
    );
}

#[tokio::test]
async fn the_browsers_back_button_finds_the_recovery_that_began_there() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let home = browser.open("/").await;
    let entry = home
        .between("forgotPassword\" href=\"", "\"")
        .unwrap()
        .to_owned();
    let page = browser.open(&entry).await;
    let form = page
        .form("password-recover-form")
        .with("username", "alcie@example.com");
    let select = browser.submit(form).await;
    let form = select
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    browser.submit(form).await;

    let back = browser.open(&entry).await;
    assert_eq!(back.heading(), "Recover password");
    assert!(back.html.contains("value=\"alcie@example.com\""));
    let form = back.form("password-recover-form");
    assert_eq!(form.action, entry);
    let page = browser
        .submit(form.with("username", "alice@example.com"))
        .await;
    assert_eq!(page.heading(), "Select authenticator");
    assert_eq!(app.engine.count("/idp/idx/cancel"), 1);
    assert_eq!(
        browser.get(&select.path).await.location(),
        "/recover-password?notice=expired"
    );
    // Once more: the second recovery now belongs to that page.
    let again = browser.open(&entry).await;
    assert!(again.html.contains("value=\"alice@example.com\""));
}

#[tokio::test]
async fn a_double_click_on_an_entry_page_begins_once() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/recover-password").await;
    let form = page
        .form("password-recover-form")
        .with("username", "alice@example.com");
    let mut again = browser.clone();
    let (first, second) = tokio::join!(browser.post(&form), again.post(&form));
    assert_eq!(first.location(), second.location());
    assert_eq!(app.engine.count("/v1/interact"), 1);
}

#[tokio::test]
async fn back_from_the_password_page_takes_another_name() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.identifier_first = true);
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let form = page.form("login-form");
    let first = browser
        .submit(form.clone().with("username", "alcie@example.com"))
        .await;
    let back = browser.open(&form.action).await;
    assert!(back.html.contains("value=\"alcie@example.com\""));
    let form = back
        .form("login-form")
        .with("username", "alice@example.com");
    let second = browser.submit(form).await;
    assert!(second.html.contains("Signing in as alice@example.com"));
    assert_ne!(first.path, second.path);
    assert_eq!(
        browser.get(&first.path).await.location(),
        "/login?notice=expired"
    );
}

#[tokio::test]
async fn open_tabs_survive_a_sign_in_in_another_one() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let before = browser.cookie.clone();
    browser.sign_in("alice@example.com", PASSWORD).await;
    assert_ne!(browser.cookie, before);
    // The page that was open has the token of the old cookie: it is refused, and a fresh look works.
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    assert_eq!(browser.post(&form).await.status, StatusCode::FORBIDDEN);
    let fresh = browser.get(&code.path).await;
    let form = fresh
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    assert_eq!(browser.submit(form).await.heading(), "Reset password");
}

#[tokio::test]
async fn an_open_transaction_survives_a_restart_of_the_app() {
    let mut app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    app.restart().await;
    browser.reach(&app);
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    assert_eq!(browser.submit(form).await.heading(), "Reset password");
}
