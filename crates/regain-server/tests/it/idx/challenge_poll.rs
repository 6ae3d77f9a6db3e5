//! `POST /idp/idx/challenge/poll`: the same document until something happens.

use crate::app::{Person, TestApp};

#[tokio::test]
async fn documents_are_byte_stable_over_polls() {
    for person in [Person::Active, Person::Unknown] {
        let app = TestApp::start().await;
        let mut walk = app.begin().await;
        let shown = walk.as_far_as_challenge(person.login()).await.bytes.clone();
        app.mail_is_done().await;
        for _ in 0..20 {
            // Polls do not keep a flow alive: fifteen minutes of them end it.
            app.clock.advance(4);
            let polled = walk.act("poll");
            let page = app.unchanged("poll", polled).await;
            assert_eq!(page.bytes, shown);
        }
        app.clock.advance(15 * 60 - 20 * 4 - 1);
        walk.act("poll").await.expect_status(200);
        app.clock.advance(1);
        walk.act("poll").await.expect_expired();
        app.close().await;
    }
}

#[tokio::test]
async fn a_poll_after_the_proof_came_in_elsewhere_shows_the_page_that_follows() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    walk.post("/idp/idx/challenge/poll", serde_json::json!({}))
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}
