//! `POST /idp/idx/cancel`: the first page again, under a new handle.

use serde_json::json;

use crate::app::{Person, TestApp, Walk};

#[tokio::test]
async fn it_leads_back_to_the_first_page_from_everywhere() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    for stage in 0..5 {
        let mut walk = app.first_page().await;
        let first = walk.page.clone();
        match stage {
            0 => {}
            1 => drop(walk.act("recover").await),
            2 => drop(walk.recover(login).await),
            3 => {
                walk.as_far_as_challenge(login).await;
                // Else its mail could come when the next flow waits for its own.
                app.mail_is_done().await;
            }
            _ => drop(walk.as_far_as_reset(login, login).await),
        }
        let old = walk.state_handle.clone();
        walk.act("cancel").await.expect_page(200, "identify");
        assert_ne!(walk.state_handle, old, "the handle is a new one");
        let text =
            |page: &crate::app::Page, handle: &str| page.json.to_string().replace(handle, "HANDLE");
        assert_eq!(text(&walk.page, &walk.state_handle), text(&first, &old));
        let again = walk.introspect().await.clone();
        assert_eq!(again.bytes, walk.page.bytes);
        let body = json!({"stateHandle": old});
        app.post("/idp/idx/introspect", &body)
            .await
            .expect_expired();
    }
    app.close().await;
}

#[tokio::test]
async fn what_was_proved_before_is_worth_nothing_after() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let code = app.code_for(login).await;
    walk.act("cancel").await.expect_page(200, "identify");
    walk.recover(login).await.expect_status(200);
    // A first message was sent a moment ago, but by the flow before: it starts anew.
    walk.choose_email()
        .await
        .expect_page(200, "challenge-authenticator");
    let set = json!({"credentials": {"passcode": "Marble-Harbour-77"}});
    walk.post("/idp/idx/challenge/answer", set)
        .await
        .expect_passcode(401, "api.authn.error.PASSCODE_INVALID");
    walk.answer(&code)
        .await
        .expect_passcode(401, "api.authn.error.PASSCODE_INVALID");
    app.close().await;
}

#[tokio::test]
async fn a_flow_is_cancelled_fifty_times_and_no_more() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    for _ in 0..50 {
        // Something between, or it would be taken for one request that came twice.
        walk.act("recover").await.expect_status(200);
        walk.act("cancel").await.expect_page(200, "identify");
    }
    walk.act("recover").await.expect_status(200);
    let path = "/idp/idx/cancel";
    let refused = Walk::post(&mut walk, path, json!({}));
    app.unchanged("the 51st", refused)
        .await
        .expect_top(429, "tooManyRequests");
    app.close().await;
}
