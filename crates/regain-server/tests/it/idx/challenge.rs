//! `POST /idp/idx/challenge`: choose an authenticator.

use serde_json::json;

use crate::app::{Person, TestApp};

const PATH: &str = "/idp/idx/challenge";

#[tokio::test]
async fn one_mail_is_sent_and_the_same_choice_again_sends_none() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let first = app.mail_to(login).await;
    let shown = walk.page.bytes.clone();
    app.mail_is_done().await;
    // At once it is a repetition; later somebody went back: either way the code on its way counts.
    for seconds in [0, 4, 10] {
        app.clock.advance(seconds);
        let id = walk.authenticator_id("okta_email");
        let again = walk.post(PATH, json!({"authenticator": {"id": id}}));
        let page = app.unchanged("the same choice", again).await;
        assert_eq!(page.bytes, shown);
    }
    app.mail_is_done().await;
    assert_eq!(app.mailbox.list(Some(login), None).len(), 1);
    walk.answer(&first.code.unwrap())
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn members_that_clients_add_are_ignored() {
    let app = TestApp::start().await;
    // Java sends a method of its own making, auth-js more members than the form has.
    for extra in [
        json!({"methodType": "Email"}),
        json!({"methodType": "sms", "key": "okta_email"}),
        json!({"enrollmentId": "eaeSomething", "phoneNumber": "+1", "channel": {"a": 1}}),
        json!({"methodType": null, "enrollmentId": null}),
    ] {
        let mut walk = app.begin().await;
        walk.recover(Person::Active.login()).await;
        let mut choice = extra.clone();
        choice["id"] = json!(walk.authenticator_id("okta_email"));
        walk.post(PATH, json!({"authenticator": choice}))
            .await
            .expect_page(200, "challenge-authenticator");
    }
    app.close().await;
}

#[tokio::test]
async fn only_authenticators_of_the_list_can_be_chosen() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.recover(Person::Active.login()).await;
    let email = walk.authenticator_id("okta_email");
    let enrolment = walk.page.json["authenticatorEnrollments"]["value"][0]["id"].clone();
    let password = walk.page.json["recoveryAuthenticator"]["value"]["id"].clone();
    let choices = [
        json!(""),
        json!("okta_email"),
        json!(email.to_lowercase()),
        enrolment,
        // The password itself is no way to recover the password.
        password,
    ];
    for choice in choices {
        let body = json!({"authenticator": {"id": choice}});
        let refused = walk.post(PATH, body);
        app.unchanged("a foreign choice", refused)
            .await
            .expect_page(400, "select-authenticator-authenticate")
            .expect_top(400, "E0000020");
    }
    for body in [
        json!({}),
        json!({"authenticator": null}),
        json!({"authenticator": "autX"}),
        json!({"authenticator": [{"id": email}]}),
        json!({"authenticator": {"id": [email]}}),
        json!({"authenticator": {"id": email, "methodType": ["email"]}}),
    ] {
        let refused = walk.post(PATH, body);
        app.unchanged("a malformed choice", refused)
            .await
            .expect_api_error(400, "E0000003");
    }
    app.close().await;
}

#[tokio::test]
async fn after_the_code_is_proved_there_is_nothing_left_to_choose() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.recover(login).await;
    let id = walk.authenticator_id("okta_email");
    walk.choose_email().await;
    let code = app.code_for(login).await;
    walk.answer(&code).await.expect_status(200);
    app.mail_is_done().await;
    let refused = walk.post(PATH, json!({"authenticator": {"id": id}}));
    app.unchanged("a late choice", refused)
        .await
        .expect_page(400, "reset-authenticator")
        .expect_top(400, "E0000020");
    app.close().await;
}
