//! T-R13: somebody sets the machine's clock. Nothing that has ended comes back, no window gets
//! longer, and whoever begins afterwards is served.

use serde_json::json;

use crate::app::{Person, TestApp};

const HOUR: i64 = 60 * 60;
const YEAR: i64 = 365 * 24 * HOUR;
const CODE_SECONDS: i64 = 5 * 60;
const COOLDOWN_SECONDS: i64 = 30;
const INVALID: &str = "api.authn.error.PASSCODE_INVALID";
const NEW: &str = "Marble-Harbour-77";

impl TestApp {
    /// Time passes while the wall clock stands still.
    fn freeze_for_ms(&self, millis: i64) {
        self.clock.advance_ms(millis);
        self.clock.set_back_ms(millis);
    }

    async fn recovers(&self) {
        let login = Person::Active.login();
        let last = self.mailbox.list(None, None).first().map(|m| m.id.clone());
        let mut walk = self.begin().await;
        walk.as_far_as_challenge(login).await;
        let code = self.mail_after(login, last.as_deref()).await.code.unwrap();
        walk.answer(&code)
            .await
            .expect_page(200, "reset-authenticator");
        walk.answer(NEW).await.interaction_code();
    }
}

#[tokio::test]
async fn t_r13_a_clock_set_back_lengthens_no_code_and_no_cooldown() {
    for back in [HOUR, YEAR] {
        for (millis, proved) in [(-1, true), (0, false)] {
            let app = TestApp::start().await;
            let login = Person::Active.login();
            let mut walk = app.begin().await;
            walk.as_far_as_challenge(login).await;
            let code = app.code_for(login).await;
            app.clock.set_back(back);
            app.clock.advance_ms(CODE_SECONDS * 1_000 + millis);
            let page = walk.answer(&code).await.clone();
            if proved {
                page.expect_page(200, "reset-authenticator");
            } else {
                page.expect_passcode(401, INVALID);
            }
            app.close().await;
        }
        let app = TestApp::start().await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(Person::Active.login()).await;
        let first = app.mail_to(Person::Active.login()).await;
        app.clock.set_back(back);
        app.clock.advance_ms(COOLDOWN_SECONDS * 1_000);
        walk.act("resend").await.expect_status(200);
        app.mail_after(Person::Active.login(), Some(&first.id))
            .await;
        app.close().await;
    }
}

#[tokio::test]
async fn t_r13_a_clock_that_stands_still_does_not_stop_time() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    for _ in 0..5 {
        app.freeze_for_ms(60_000);
        // Every request reads the clock: time must not begin anew with it.
        walk.introspect().await.expect_status(200);
    }
    walk.answer(&code).await.expect_passcode(401, INVALID);
    app.freeze_for_ms(HOUR * 1_000);
    walk.answer(&code).await.expect_status(401);
    assert_eq!(walk.page.top_keys(), ["idx.session.expired"]);
    app.recovers().await;
    app.close().await;
}

#[tokio::test]
async fn t_r13_what_a_jump_ahead_ended_stays_ended_when_the_clock_is_set_right() {
    for jump in [HOUR, YEAR] {
        let app = TestApp::start().await;
        let login = Person::Active.login();
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(login).await;
        let code = app.code_for(login).await;
        app.clock.set_back(-jump);
        walk.answer(&code).await.expect_status(401);
        app.clock.set_back(jump);
        for _ in 0..2 {
            let again = json!({"credentials": {"passcode": code}});
            walk.post("/idp/idx/challenge/answer", again).await;
            walk.page.expect_status(401);
            assert_eq!(walk.page.top_keys(), ["idx.session.expired"]);
            // And a year later by the wrong clock, set right a second time.
            app.clock.set_back(2 * jump);
        }
        // Who begins now is served, at whatever time the store counts.
        app.recovers().await;
        app.close().await;
    }
}
