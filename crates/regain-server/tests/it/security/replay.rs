//! T-S9: what a finished flow was asked, asked again, in order and out of order.

use serde_json::{Value, json};

use crate::app::{PASSWORD, Person, TestApp, Walk};

/// Posts everything again, forwards, backwards and in steps of another length.
async fn ask_again(app: &TestApp, posted: &[(String, Value)]) {
    let count = posted.len();
    let forwards: Vec<usize> = (0..count).collect();
    let backwards: Vec<usize> = (0..count).rev().collect();
    let shuffled: Vec<usize> = (0..count).map(|index| (index * 7 + 3) % count).collect();
    for order in [forwards, backwards, shuffled] {
        for index in order {
            let (path, body) = &posted[index];
            let sent = app.post(path, body);
            app.unchanged(path, sent).await.expect_expired();
        }
    }
}

#[tokio::test]
async fn t_s9_a_finished_recovery_answers_nothing_any_more() {
    for auto_sign_in in [true, false] {
        let app = TestApp::with(|setup| setup.policy.recovery.auto_sign_in = auto_sign_in).await;
        let login = Person::Active.login();
        let mut walk = app.first_page().await;
        let first = app.mailbox.list(None, None).len();
        assert_eq!(first, 0);
        walk.as_far_as_challenge(login).await;
        walk.answer("000000").await;
        walk.act("poll").await;
        let code = app.code_for(login).await;
        walk.answer(&code).await.expect_status(200);
        walk.answer("short").await.expect_status(400);
        walk.answer("Marble-Harbour-77").await.expect_status(200);
        app.mail_is_done().await;
        let mut posted = walk.posted.clone();
        posted.push((
            "/idp/idx/cancel".to_owned(),
            json!({"stateHandle": walk.state_handle}),
        ));
        app.clock.advance(5);
        ask_again(&app, &posted).await;
        // Long after its time, and after the sweeper came by, it says the same.
        app.clock.advance(3 * 24 * 60 * 60);
        regain_store::Store::sweep(&*app.store, app.org(), 1_000)
            .await
            .unwrap();
        assert_eq!(app.count("SELECT count(*) FROM flows"), 0);
        ask_again(&app, &posted).await;
        app.close().await;
    }
}

#[tokio::test]
async fn t_s9_a_finished_sign_in_answers_nothing_any_more() {
    let app = TestApp::start().await;
    let mut walk = app.first_page().await;
    let given =
        json!({"identifier": Person::Active.login(), "credentials": {"passcode": PASSWORD}});
    walk.remediate("identify", given).await.interaction_code();
    let posted = walk.posted.clone();
    app.clock.advance(5);
    ask_again(&app, &posted).await;
    app.close().await;
}

#[tokio::test]
async fn t_s9_a_cancelled_handle_answers_nothing_any_more() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    let posted: Vec<_> = walk
        .posted
        .iter()
        .filter(|(path, _)| path != "/idp/idx/introspect")
        .cloned()
        .collect();
    Walk::act(&mut walk, "cancel")
        .await
        .expect_page(200, "identify");
    ask_again(&app, &posted).await;
    // The new handle knows nothing of it.
    walk.act("recover")
        .await
        .expect_page(200, "identify-recovery");
    app.close().await;
}
