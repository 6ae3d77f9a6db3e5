//! What the pages say when something is wrong, and that they work again afterwards.

use http::StatusCode;
use regain_sdk::testkit::documents;
use serde_json::json;

use crate::browser::TestApp;
use crate::engine::{CODE, ORIGIN, PASSWORD};

#[tokio::test]
async fn an_engine_that_is_down_is_a_clear_502_and_then_all_goes_on() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    app.engine.set(|mood| mood.is_down = true);
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    let page = browser.post(&form).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert_eq!(page.heading(), "The sign-in service is not answering");
    assert!(page.html.contains("<title>Error: "));
    for path in ["/login", "/recover-password"] {
        let expected = if path == "/login" { 502 } else { 200 };
        assert_eq!(browser.get(path).await.status, expected, "{path}");
    }
    app.engine.set(|mood| mood.is_down = false);
    let again = page
        .between("id=\"next-action\" href=\"", "\"")
        .unwrap()
        .to_owned();
    assert_eq!(
        browser.open(&again).await.heading(),
        "Challenge email authenticator"
    );
    assert_eq!(
        browser.submit(form).await.heading(),
        "Reset password",
        "the same form may be sent again"
    );
    assert_eq!(browser.open("/login").await.status, 200);
}

#[tokio::test]
async fn a_limit_is_a_429_with_the_time_to_wait() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/recover-password").await;
    let body = json!({ "errorCode": "E0000047", "errorSummary": "API call exceeded rate limit" });
    app.engine.answer_once("/v1/interact", 429, body);
    let form = page
        .form("password-recover-form")
        .with("username", "alice@example.com");
    let page = browser.post(&form).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.header("retry-after"), "17");
    assert!(
        page.html
            .contains("Please wait 17 seconds before you try again.")
    );
}

#[tokio::test]
async fn a_limit_on_a_form_says_on_its_page_how_long_to_wait() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let answer = documents::with_message(
        documents::code_page(ORIGIN),
        "tooManyRequests",
        "Too many requests",
        "ERROR",
    );
    app.engine.answer_once("/challenge/resend", 429, answer);
    let page = browser
        .submit(code.form("/challenge-authenticator/resend"))
        .await;
    assert_eq!(page.heading(), "Challenge email authenticator");
    let waiting = "Too many requests. Please wait 17 seconds before you try again.";
    assert_eq!(page.message(), waiting);
    app.advance(17);
    assert_eq!(browser.get(&page.path).await.message(), "Too many requests");
}

#[tokio::test]
async fn an_expired_transaction_leads_to_the_entry_page_with_a_notice() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let code = browser.reach_code_page().await;
    let gone = documents::terminal("idx.session.expired", "The session has expired.", "ERROR");
    app.engine.answer_once("/challenge/answer", 401, gone);
    let form = code
        .form("challenge-authenticator-form")
        .with("verificationCode", CODE);
    let page = browser.submit(form).await;
    assert_eq!(page.path, "/recover-password?notice=expired");
    assert_eq!(page.message(), "That page has expired. Please start again.");
    assert_eq!(
        browser.get(&code.path).await.location(),
        "/recover-password?notice=expired"
    );
}

#[tokio::test]
async fn a_password_that_was_changed_without_a_sign_in_is_said_to_be_changed() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_reset_page().await;
    app.engine.set(|mood| mood.breaks_tokens = true);
    let form = page
        .form("reset-password-form")
        .with("password", "Silver-Otter-77")
        .with("confirmPassword", "Silver-Otter-77");
    let page = browser.post(&form).await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert_eq!(page.heading(), "Your password was changed");
    assert!(page.html.contains("id=\"next-action\" href=\"/login\""));
    app.engine.set(|mood| mood.breaks_tokens = false);
    assert_eq!(
        browser
            .sign_in("alice@example.com", "Silver-Otter-77")
            .await
            .path,
        "/"
    );
}

#[tokio::test]
async fn a_flow_that_ends_without_tokens_says_what_to_do_next() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.reach_reset_page().await;
    let text = "You can sign in with your new password.";
    let end = documents::terminal("idx.recovery.completed", text, "INFO");
    app.engine.answer_once("/challenge/answer", 200, end);
    let form = page
        .form("reset-password-form")
        .with("password", "Silver-Otter-77")
        .with("confirmPassword", "Silver-Otter-77");
    let page = browser.submit(form).await;
    assert!(page.path.starts_with("/terminal?state="));
    assert_eq!(page.heading(), "All done");
    assert_eq!(page.message(), text);
    assert!(page.html.contains("id=\"next-action\" href=\"/login\""));
    assert_eq!(
        browser.get(&page.path).await.message(),
        text,
        "a reload shows the same"
    );
}

#[tokio::test]
async fn a_refusal_for_good_is_an_error_with_a_way_back() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let text = "You do not have permission to perform the requested action.";
    app.engine.answer_once(
        "/identify",
        403,
        documents::terminal("security.access_denied", text, "ERROR"),
    );
    let page = browser.sign_in("alice@example.com", PASSWORD).await;
    assert_eq!(page.heading(), "This cannot go on here");
    assert_eq!(page.message(), text);
    assert!(page.html.contains("role=\"alert\""));
}

#[tokio::test]
async fn a_message_with_a_key_alone_gets_our_own_text() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let answer = documents::with_message(
        documents::sign_in_page(ORIGIN),
        "errors.E0000069",
        "",
        "ERROR",
    );
    app.engine.answer_once("/identify", 401, answer);
    let form = page
        .form("login-form")
        .with("username", "a")
        .with("password", "b");
    assert_eq!(
        browser.submit(form).await.message(),
        "Your account is locked."
    );
}

#[tokio::test]
async fn a_step_without_a_page_is_drawn_from_its_form() {
    let app = TestApp::new().await;
    let mut browser = app.browser();
    let page = browser.open("/login").await;
    let form = documents::form(
        ORIGIN,
        "profile-update",
        "enroll/new",
        vec![
            json!({ "name": "userProfile", "form": { "value": [
            { "name": "nickName", "label": "Nick <name>", "required": true },
            { "name": "level", "type": "integer", "label": "Level" },
        ] } }),
            json!({ "name": "terms", "type": "boolean", "label": "I agree" }),
            json!({ "name": "colour", "label": "Colour", "options": [
            { "label": "Red", "value": "red" }, { "label": "Blue", "value": "blue" } ] }),
        ],
    );
    let unknown = documents::page(ORIGIN, &[form], json!({}))
        .to_string()
        .replace(documents::STATE_HANDLE, "handle-2");
    app.engine
        .answer_once("/identify", 200, serde_json::from_str(&unknown).unwrap());
    let form = page
        .form("login-form")
        .with("username", "a")
        .with("password", "b");
    let page = browser.submit(form).await;
    assert!(page.path.starts_with("/other-step?state="));
    assert!(page.html.contains("Nick &#60;name&#62;"));
    let form = page
        .form("other-step-form")
        .with("userProfile.nickName", "Al")
        .with("userProfile.level", "3")
        .with("terms", "true")
        .with("colour", "1");
    browser.submit(form).await;
    let sent: serde_json::Value = serde_json::from_str(&app.engine.body("/enroll/new")).unwrap();
    assert_eq!(sent["userProfile"], json!({ "nickName": "Al", "level": 3 }));
    assert_eq!(
        (&sent["terms"], &sent["colour"]),
        (&json!(true), &json!("blue"))
    );
}
