//! `/health/…` and `/metrics`: who sees what, and that nothing of a person is in it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use regain_server::operations_router;
use serde_json::json;
use tower::ServiceExt as _;

use crate::app::{Page, Person, TestApp};

const NEW: &str = "Marble-Harbour-77";
/// How long the slowest machine may take to see that the store is back.
const PATIENCE: Duration = Duration::from_secs(20);

async fn get(router: Router, path: &str) -> Page {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    Page::new(parts.status, parts.headers, bytes.to_vec())
}

async fn operators(app: &TestApp, path: &str) -> Page {
    get(operations_router(app.state.clone()), path).await
}

async fn people(app: &TestApp, path: &str) -> Page {
    app.call(Method::GET, path, json!({})).await
}

async fn metrics(app: &TestApp) -> String {
    let page = operators(app, "/metrics").await;
    page.expect_status(200);
    String::from_utf8(page.bytes).unwrap()
}

/// The value of the line that begins so; 0 when there is none.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|it| it.strip_prefix(line));
    found.map_or(0.0, |value| value.trim().parse().unwrap())
}

#[tokio::test]
async fn t_h7_people_see_health_and_no_numbers_and_no_reasons() {
    let app = TestApp::with(|setup| setup.dev = false).await;
    for path in ["/health/live", "/health/ready"] {
        for page in [people(&app, path).await, operators(&app, path).await] {
            page.expect_status(200);
            assert_eq!(page.json, json!({"status": "ok"}));
        }
    }
    people(&app, "/metrics").await.expect_status(404);
    operators(&app, "/idp/idx/introspect")
        .await
        .expect_status(404);
    operators(&app, "/dev/mailbox").await.expect_status(404);

    app.state.say_stopping();
    let red = people(&app, "/health/ready").await;
    red.expect_status(503);
    assert_eq!(red.json, json!({"status": "unavailable"}));
    let red = operators(&app, "/health/ready").await;
    red.expect_status(503);
    assert_eq!(red.json["reason"], "the process is stopping");
    people(&app, "/health/live").await.expect_status(200);
    app.close().await;
}

#[tokio::test]
async fn it_is_not_ready_while_the_store_cannot_write_and_alive_all_the_same() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    people(&app, "/health/ready").await.expect_status(200);
    let other = rusqlite::Connection::open(app.directory.path().join("regain.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    until(&app, 503).await;
    people(&app, "/health/live").await.expect_status(200);
    other.execute_batch("ROLLBACK").unwrap();
    until(&app, 200).await;
    app.leave_mail().await;
}

async fn until(app: &TestApp, status: u16) {
    let seen = async {
        while operators(app, "/health/ready").await.status != status {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap();
}

/// What one recovery with one wrong code counts, at least.
const RECOVERY: &[(&str, f64)] = &[
    ("regain_build_info{version=\"0.1.0\"}", 1.0),
    ("regain_flows_total{step=\"begun\"}", 0.0),
    ("regain_flows_total{step=\"recovery_started\"}", 1.0),
    ("regain_flows_total{step=\"code_sent\"}", 1.0),
    ("regain_flows_total{step=\"recovery_completed\"}", 1.0),
    ("regain_flows_total{step=\"signed_in\"}", 1.0),
    (
        "regain_mails_total{mail=\"recovery_code\",outcome=\"delivered\"}",
        1.0,
    ),
    (
        "regain_mails_total{mail=\"password_changed\",outcome=\"delivered\"}",
        1.0,
    ),
    (
        "regain_audit_events_total{event=\"user.authentication.verify\",outcome=\"FAILURE\"}",
        1.0,
    ),
    (
        "regain_audit_events_total{event=\"user.account.reset_password\",outcome=\"SUCCESS\"}",
        1.0,
    ),
    (
        "regain_http_requests_total{method=\"POST\",route=\"/idp/idx/challenge/answer\",status=\"200\"}",
        2.0,
    ),
    (
        "regain_http_requests_total{method=\"POST\",route=\"/idp/idx/challenge/answer\",status=\"401\"}",
        1.0,
    ),
    (
        "regain_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"}",
        1.0,
    ),
    (
        "regain_http_request_duration_seconds_count{route=\"/idp/idx/challenge/answer\"}",
        3.0,
    ),
    ("regain_hash_duration_seconds_count", 1.0),
    ("regain_hash_queue", 0.0),
    ("regain_outbox_messages", 0.0),
    ("process_open_fds", 3.0),
];

#[tokio::test]
async fn a_recovery_is_counted_and_nothing_of_the_person_is_in_the_numbers() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = app.code_for(login).await;
    walk.answer(&"0".repeat(code.len())).await;
    walk.answer(&code).await;
    let interaction_code = walk.answer(NEW).await.interaction_code();
    people(&app, &format!("/nowhere/{code}?{login}"))
        .await
        .expect_status(404);
    app.mail_is_done().await;

    let text = metrics(&app).await;
    for (line, least) in RECOVERY {
        assert!(value(&text, line) >= *least, "{line} in\n{text}");
    }
    assert!(
        value(
            &text,
            "regain_store_duration_seconds_count{operation=\"commit\"}"
        ) >= 4.0
    );
    assert!(value(&text, "process_resident_memory_bytes") > 1e6);
    assert!(text.ends_with("# EOF\n"));
    // T8, C-09: what leaks here is read for ever.
    for canary in [
        login,
        "alice",
        &code,
        &interaction_code,
        &walk.state_handle,
        &walk.interaction_handle,
        NEW,
    ] {
        assert!(!text.contains(canary), "{canary} in\n{text}");
    }
    app.close().await;
}

#[tokio::test]
async fn who_is_refused_by_a_limit_is_counted() {
    let app = TestApp::start().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let code = app.code_for(Person::Active.login()).await;
    let wrong = "9".repeat(code.len());
    for _ in 0..6 {
        walk.answer(&wrong).await;
    }
    let text = metrics(&app).await;
    let line = "regain_limit_refusals_total{limit=\"flow\"} 1";
    assert!(text.lines().any(|it| it == line), "{text}");
    app.close().await;
}
