//! The flow that the project exists for.

use http::StatusCode;

use crate::browser::TestApp;
use crate::engine::CODE;

#[tokio::test]
async fn a_person_recovers_a_password_and_lands_on_home_signed_in() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/recover-password").await;
    assert_eq!(page.heading(), "Recover password");
    assert!(page.html.contains("Step 1 of 4: Find your account"));

    let form = page
        .form("password-recover-form")
        .with("username", " alice@example.com ");
    let page = browser.submit(form).await;
    assert!(page.path.starts_with("/select-authenticator?state="));
    assert_eq!(page.heading(), "Select authenticator");
    assert!(
        page.html.contains("data-key=\"okta_email\" checked"),
        "a single choice is preselected"
    );
    assert_eq!(
        app.engine.count("/idp/idx/challenge"),
        0,
        "nothing is mailed before the choice"
    );

    let form = page
        .form("select-authenticator-form")
        .with("authenticator", "okta_email");
    let page = browser.submit(form).await;
    assert!(
        page.path
            .starts_with("/challenge-authenticator/okta_email?state=")
    );
    assert_eq!(page.heading(), "Challenge email authenticator");
    assert!(page.html.contains("a***e@example.com"));

    let form = page
        .form("challenge-authenticator-form")
        .with("verificationCode", "123-456 ");
    let page = browser.submit(form).await;
    assert!(page.path.starts_with("/reset-password?state="));
    assert_eq!(page.heading(), "Reset password");

    let form = page
        .form("reset-password-form")
        .with("password", "Silver-Otter-77")
        .with("confirmPassword", "Silver-Otter-77")
        .with("revokeSessions", "true");
    let page = browser.submit(form).await;
    assert_eq!(page.path, "/");
    assert_eq!(
        page.message(),
        "Your password was changed. You were signed out on all other devices."
    );
    assert_eq!(
        page.between("id=\"claim-email\">", "<"),
        Some("alice@example.com")
    );
    assert_eq!(app.engine.password(), "Silver-Otter-77");
    assert!(
        app.engine
            .body("/challenge/answer")
            .contains("\"revokeSessions\":true")
    );
}

#[tokio::test]
async fn the_older_path_of_the_code_page_works_as_well() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_code_page().await;
    let older = page.path.replace("/okta_email", "/email");
    let page = browser.get(&older).await;
    assert_eq!(page.heading(), "Challenge email authenticator");
    let form = page.form("challenge-authenticator-form");
    assert!(
        form.action
            .starts_with("/challenge-authenticator/email?state=")
    );
    let page = browser.submit(form.with("verificationCode", CODE)).await;
    assert_eq!(page.heading(), "Reset password");
}

#[tokio::test]
async fn a_wrong_code_stays_on_the_page_with_one_message() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_code_page().await;
    let form = page
        .form("challenge-authenticator-form")
        .with("verificationCode", "000000");
    let page = browser.submit(form).await;
    assert!(
        page.path
            .starts_with("/challenge-authenticator/okta_email?state=")
    );
    assert_eq!(page.message(), "Invalid code. Try again.");
    assert!(
        page.html
            .contains("<title>Error: Challenge email authenticator")
    );
    assert!(
        page.html
            .contains("aria-describedby=\"code-hint code-error\" aria-invalid=\"true\"")
    );
    assert!(
        page.html.contains("value=\"\" inputmode=\"numeric\""),
        "the field is empty again"
    );
    let form = page
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    assert_eq!(browser.submit(form).await.heading(), "Reset password");
}

#[tokio::test]
async fn an_empty_code_asks_nobody() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_code_page().await;
    let form = page
        .form("challenge-authenticator-form")
        .with("verificationCode", " - ");
    let page = browser.submit(form).await;
    assert_eq!(page.message(), "Enter the code from the mail.");
    assert_eq!(app.engine.count("/challenge/answer"), 0);
}

#[tokio::test]
async fn a_new_code_can_be_asked_for_and_the_page_says_when() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_code_page().await;
    assert!(
        page.html.contains("data-wait=\"30\""),
        "the countdown starts with the mail"
    );
    app.advance(31);
    let page = browser.get(&page.path).await;
    assert!(page.html.contains("data-wait=\"0\""));
    let page = browser
        .submit(page.form("/challenge-authenticator/resend"))
        .await;
    assert!(
        page.message()
            .starts_with("We asked for a new code at 03:04 UTC."),
        "{}",
        page.message()
    );
    assert_eq!(app.engine.count("/challenge/resend"), 1);
}

#[tokio::test]
async fn different_passwords_send_nothing_and_mark_both_fields() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_reset_page().await;
    let answers = app.engine.count("/challenge/answer");
    let form = page
        .form("reset-password-form")
        .with("password", "Silver-Otter-77")
        .with("confirmPassword", "Silver-Otter-78");
    let page = browser.submit(form).await;
    assert_eq!(page.message(), "The two passwords do not match.");
    assert_eq!(page.html.matches("aria-invalid=\"true\"").count(), 2);
    assert!(
        !page.html.contains("Silver-Otter"),
        "a password is never written into a page"
    );
    assert_eq!(app.engine.count("/challenge/answer"), answers);
}

#[tokio::test]
async fn a_refused_password_shows_the_servers_reason_and_the_rules() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_reset_page().await;
    assert!(
        page.html
            .contains("<li data-rule=\"length\" data-least=\"8\">at least 8 characters")
    );
    assert!(page.html.contains("to differ from your last 4 passwords"));
    assert!(page.html.contains("passwordrules=\"minlength: 8; required: lower; required: upper; required: digit; allowed: ascii-printable;\""));
    assert!(
        page.html
            .contains("value=\"alice@example.com\" autocomplete=\"username\"")
    );
    let form = page
        .form("reset-password-form")
        .with("password", "12345678")
        .with("confirmPassword", "12345678");
    let page = browser.submit(form).await;
    assert!(page.message().contains("commonly used"));
    assert_eq!(page.heading(), "Reset password");
    // A box that was not ticked stays so.
    assert!(
        page.html
            .contains("name=\"revokeSessions\" value=\"true\">")
    );
}

#[tokio::test]
async fn an_unknown_user_is_told_only_where_the_server_tells() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.tells_unknown_users = true);
    let mut browser = app.browser();
    let page = browser.recover("mory@example.com").await;
    assert!(page.path.starts_with("/recover-password?state="));
    assert_eq!(
        page.message(),
        "There is no account with the Username mory@example.com."
    );
    assert!(
        page.html.contains("value=\"mory@example.com\""),
        "what was typed is kept"
    );
    let form = page
        .form("password-recover-form")
        .with("username", "alice@example.com");
    assert_eq!(browser.submit(form).await.heading(), "Select authenticator");

    app.engine.set(|mood| mood.tells_unknown_users = false);
    assert_eq!(
        app.browser().recover("mory@example.com").await.heading(),
        "Select authenticator"
    );
}

#[tokio::test]
async fn without_a_destination_the_page_promises_nothing() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.hides_profile = true);
    let page = app.browser().reach_code_page().await;
    assert!(page.html.contains("If there is an account with this name"));
}

#[tokio::test]
async fn servers_that_ask_for_the_method_get_the_verify_page() {
    let app = TestApp::new().await;
    app.engine.set(|mood| mood.verify_instead_of_select = true);
    let mut browser = app.browser();
    let page = browser.recover("alice@example.com").await;
    assert!(
        page.path
            .starts_with("/verify-authenticator/okta_email?state="),
        "{}",
        page.path
    );
    assert_eq!(page.heading(), "Verify using email authenticator");
    assert!(
        page.html
            .contains("name=\"methodType\" value=\"email\" checked")
    );
    let form = page
        .form("verify-authenticator-form")
        .with("methodType", "email");
    assert_eq!(
        browser.submit(form).await.heading(),
        "Challenge email authenticator"
    );
}

#[tokio::test]
async fn no_choice_and_a_made_up_choice_are_mistakes_that_send_nothing() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.recover("alice@example.com").await;
    let page = browser.submit(page.form("select-authenticator-form")).await;
    assert_eq!(page.message(), "Choose one of the options.");
    let form = page
        .form("select-authenticator-form")
        .with("authenticator", "phone_number");
    let page = browser.submit(form).await;
    assert_eq!(page.message(), "Choose one of the options.");
    assert_eq!(app.engine.count("/idp/idx/challenge"), 0);
}

#[tokio::test]
async fn cancel_gives_the_transaction_up_and_goes_home() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let page = browser.submit(code.form("/cancel")).await;
    assert_eq!(page.path, "/");
    assert_eq!(app.engine.count("/idp/idx/cancel"), 1);
    let page = browser.get(&code.path).await;
    assert_eq!(page.location(), "/recover-password?notice=expired");
}

#[tokio::test]
async fn the_well_known_address_leads_to_recovery() {
    let app = TestApp::new().await;
    let page = app.browser().get("/.well-known/change-password").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert!(page.location().starts_with("/recover-password?entry="));
}
