//! `POST /idp/idx/challenge/resend`: another code; the one before is void from then on.

use serde_json::json;

use crate::app::{Person, TestApp};

const INVALID: &str = "api.authn.error.PASSCODE_INVALID";

#[tokio::test]
async fn the_code_of_the_older_mail_is_void() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    let first_page = walk.as_far_as_challenge(login).await.json.clone();
    let first = app.mail_to(login).await;
    app.clock.advance(30);
    walk.act("resend")
        .await
        .expect_page(200, "challenge-authenticator");
    let mut second_page = walk.page.json.clone();
    second_page["expiresAt"] = first_page["expiresAt"].clone();
    assert_eq!(second_page, first_page, "the shape does not change");
    let second = app.mail_after(login, Some(&first.id)).await;
    assert_ne!(first.code, second.code);
    walk.answer(&first.code.unwrap())
        .await
        .expect_passcode(401, INVALID);
    assert_eq!(
        walk.stored()
            .await
            .flow
            .climb()
            .unwrap()
            .tally
            .wrong_answers,
        1
    );
    walk.answer(&second.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn thirty_seconds_must_pass_for_everybody() {
    for person in [Person::Active, Person::Unknown] {
        let app = TestApp::start().await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
        app.mail_is_done().await;
        for passed in [0, 29_999] {
            app.clock.advance_ms(passed);
            let again = walk.post("/idp/idx/challenge/resend", json!({}));
            let page = app.unchanged("too soon", again).await;
            page.expect_page(429, "challenge-authenticator")
                .expect_top(429, "tooManyRequests");
            let actions = &page.json["currentAuthenticatorEnrollment"]["value"];
            assert!(actions.get("resend").is_some(), "the forms stay");
            assert!(actions.get("poll").is_some(), "the forms stay");
        }
        app.clock.advance_ms(1);
        walk.act("resend")
            .await
            .expect_page(200, "challenge-authenticator");
        app.close().await;
    }
}

#[tokio::test]
async fn the_same_click_twice_sends_once() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    app.mail_is_done().await;
    app.clock.advance(30);
    walk.act("resend").await.expect_status(200);
    app.mail_is_done().await;
    app.clock.advance(4);
    let again = walk.act("resend");
    app.unchanged("a repeated resend", again)
        .await
        .expect_status(200);
    app.clock.advance(1);
    walk.act("resend").await.expect_top(429, "tooManyRequests");
    assert_eq!(app.mailbox.list(Some(login), None).len(), 2);
    app.close().await;
}

#[tokio::test]
async fn a_flow_sends_five_messages_and_no_more() {
    for person in [Person::Active, Person::Unknown] {
        let app = TestApp::start().await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
        for _ in 0..4 {
            // A message whose code is replaced before it leaves is not sent at all.
            app.mail_is_done().await;
            app.clock.advance(31);
            walk.act("resend").await.expect_status(200);
        }
        app.mail_is_done().await;
        app.clock.advance(31);
        let sixth = walk.post("/idp/idx/challenge/resend", json!({}));
        app.unchanged("the sixth", sixth)
            .await
            .expect_page(429, "challenge-authenticator")
            .expect_top(429, "tooManyRequests");
        // Nor by choosing the mail anew.
        let id = walk.authenticator_id("okta_email");
        let chosen = walk.post("/idp/idx/challenge", json!({"authenticator": {"id": id}}));
        app.unchanged("the sixth by choice", chosen)
            .await
            .expect_top(429, "tooManyRequests");
        let mails = app.mailbox.list(None, None).len();
        assert_eq!(mails, if person == Person::Active { 5 } else { 0 });
        app.close().await;
    }
}
