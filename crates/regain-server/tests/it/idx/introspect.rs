//! `POST /idp/idx/introspect`: the current document, at any time, without a change.

use serde_json::json;

use crate::app::{Person, TestApp};

/// As text, so that the order of members counts too.
fn bytes(page: &crate::app::Page) -> String {
    String::from_utf8(page.bytes.clone()).unwrap()
}

#[tokio::test]
async fn every_stage_is_shown_again_byte_for_byte() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.first_page().await;
    let mut shown = vec![bytes(&walk.page)];
    shown.push(bytes(walk.act("recover").await));
    let who = json!({"identifier": login});
    shown.push(bytes(walk.remediate("identify-recovery", who).await));
    shown.push(bytes(walk.choose_email().await));
    // Replayed on a second flow, so that each document is asked for right after it was made.
    let code = app.code_for(login).await;
    app.mail_is_done().await;
    let again = app
        .unchanged("introspect", async {
            let by_interaction = bytes(walk.introspect().await);
            for name in ["stateToken", "stateHandle"] {
                let body = json!({name: walk.state_handle});
                let page = app.post("/idp/idx/introspect", &body).await;
                assert_eq!(bytes(&page), by_interaction, "{name}");
            }
            by_interaction
        })
        .await;
    assert_eq!(again, shown[3]);
    shown.push(bytes(walk.answer(&code).await));
    assert_eq!(bytes(walk.introspect().await), shown[4]);
    shown.sort_unstable();
    shown.dedup();
    assert_eq!(shown.len(), 5, "each stage has a document of its own");
    app.close().await;
}

#[tokio::test]
async fn early_stages_are_shown_again_byte_for_byte() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    for step in 0..3 {
        let shown = match step {
            0 => bytes(&walk.page),
            1 => bytes(walk.act("recover").await),
            _ => {
                let who = json!({"identifier": Person::Unknown.login()});
                bytes(walk.remediate("identify-recovery", who).await)
            }
        };
        let again = app
            .unchanged("introspect", async { bytes(walk.introspect().await) })
            .await;
        assert_eq!(again, shown);
    }
    app.close().await;
}

#[tokio::test]
async fn an_error_is_not_shown_again() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    let before = bytes(walk.as_far_as_challenge(Person::Active.login()).await);
    walk.answer("000-000-0")
        .await
        .expect_passcode(401, "api.authn.error.PASSCODE_INVALID");
    assert_eq!(bytes(walk.introspect().await), before);
    app.close().await;
}

#[tokio::test]
async fn handles_that_nobody_has_are_expired() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    for body in [
        json!({"interactionHandle": "nobody-has-it"}),
        json!({"interactionHandle": walk.state_handle}),
        json!({"stateHandle": walk.interaction_handle}),
        json!({"stateToken": ""}),
    ] {
        let shown = app.post("/idp/idx/introspect", &body);
        app.unchanged("introspect", shown).await.expect_expired();
    }
    app.close().await;
}

#[tokio::test]
async fn one_handle_is_needed_and_only_one() {
    let app = TestApp::start().await;
    let walk = app.first_page().await;
    for body in [
        json!({}),
        json!({"interactionHandle": walk.interaction_handle, "stateHandle": walk.state_handle}),
    ] {
        app.post("/idp/idx/introspect", &body)
            .await
            .expect_api_error(400, "E0000003");
    }
    app.close().await;
}

#[tokio::test]
async fn a_flow_ends_after_an_hour() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    app.clock.advance_ms(60 * 60 * 1_000 - 1);
    walk.introspect().await.expect_page(200, "identify");
    app.clock.advance_ms(1);
    walk.introspect().await.expect_expired();
    app.close().await;
}
