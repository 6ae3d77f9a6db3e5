//! T-S11, T-S12: asking for a recovery does nothing to the account, and nothing to its owner.

use serde_json::json;

use crate::app::{PASSWORD, Person, TestApp};

#[tokio::test]
async fn t_s11_nothing_about_a_user_changes_before_the_proof() {
    let app = TestApp::start().await;
    let before = app.snapshot();
    for person in Person::ALL {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
        for _ in 0..7 {
            walk.answer("000000").await;
        }
        app.clock.advance(31);
        walk.act("resend").await;
        app.clock.advance(20 * 60);
        walk.act("poll").await.expect_expired();
    }
    assert_eq!(before.rows("users"), app.snapshot().rows("users"));
    let mut walk = app.first_page().await;
    let given =
        json!({"identifier": Person::Active.login(), "credentials": {"passcode": PASSWORD}});
    walk.remediate("identify", given).await.interaction_code();
    app.close().await;
}

#[tokio::test]
async fn t_s12_other_flows_about_a_user_do_not_touch_the_code_that_is_being_typed() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut owner = app.begin().await;
    owner.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    // One wrong answer each: the tenth would make every code of the name long (G-01).
    for guesses in [1; 9] {
        let mut attacker = app.begin().await;
        attacker.as_far_as_challenge(login).await;
        for _ in 0..guesses {
            attacker.answer("x").await.expect_status(401);
        }
        attacker.act("cancel").await;
    }
    app.begin().await.as_far_as_challenge(login).await;
    owner
        .answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}
