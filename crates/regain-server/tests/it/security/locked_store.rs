//! T-R7 on SQLite: another process holds the database. Requests that must write say so soon and
//! change nothing, the others go on, and when it is back everything goes on at once.

use std::time::Duration;

use axum::http::Method;
use regain_types::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::app::socket::{at_once, once};
use crate::app::{Person, TestApp, Walk};

const PATH: &str = "/idp/idx/challenge/answer";
/// A second, and what a busy machine adds.
const FAILS_WITHIN: Duration = Duration::from_millis(1_500);
/// Two seconds.
const BACK_WITHIN: Duration = Duration::from_secs(2);

fn answer(walk: &Walk<'_>, passcode: &str) -> Value {
    json!({"stateHandle": walk.state_handle, "credentials": {"passcode": passcode}})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r7_a_database_that_another_process_holds_refuses_soon_and_is_back_at_once() {
    let app = TestApp::with(|setup| setup.policy.limits.volume = false).await;
    let server = app.listen().await;
    let clock = SystemClock::new();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    let right = walk.derived_code().await;
    let wrong = Walk::wrong(&right, 3);

    let other = app.database();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = app.store.fingerprint().unwrap();
    // Also those that come while the first ones wait are refused within their second.
    for _ in 0..2 {
        let codes = [&right, &wrong].into_iter().cycle().take(32);
        let bodies = codes.map(|code| answer(&walk, code)).collect();
        let started = clock.monotonic();
        let pages = once(server.address, PATH, bodies).await;
        let took = clock.monotonic().saturating_sub(started);
        for page in &pages {
            page.expect_top(503, "idx.error.server.busy");
            assert!(page.header("retry-after").is_some());
        }
        assert!(took < FAILS_WITHIN, "{took:?}");
    }
    what_only_reads_goes_on(&app, &mut walk).await;
    assert_eq!(
        app.store.fingerprint().unwrap(),
        before,
        "nothing was stored"
    );

    other.execute_batch("ROLLBACK").unwrap();
    let started = clock.monotonic();
    // No wrong answer was counted, and the right one is still good: it was neither used nor taken.
    let pages = at_once(server.address, PATH, vec![answer(&walk, &right)]).await;
    pages[0].expect_page(200, "reset-authenticator");
    // Readiness is asked of the store once a second.
    while app
        .call(Method::GET, "/health/ready", json!({}))
        .await
        .status
        != 200
    {
        let took = clock.monotonic().saturating_sub(started);
        assert!(took < BACK_WITHIN, "not ready again after {took:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let took = clock.monotonic().saturating_sub(started);
    assert!(took < BACK_WITHIN, "{took:?}");
    let climb = walk.stored().await.flow.climb().cloned().unwrap();
    assert_eq!(climb.tally.wrong_answers, 0);
    app.close().await;
}

async fn what_only_reads_goes_on(app: &TestApp, walk: &mut Walk<'_>) {
    for path in [
        "/health/live",
        "/oauth2/default/.well-known/openid-configuration",
        "/oauth2/default/v1/keys",
    ] {
        let page = app.call(Method::GET, path, json!({})).await;
        assert_eq!(page.status, 200, "{path}");
    }
    let ready = app.call(Method::GET, "/health/ready", json!({})).await;
    ready.expect_status(503);
    walk.introspect()
        .await
        .expect_page(200, "challenge-authenticator");
}
