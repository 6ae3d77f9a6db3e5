//! Each step asks the store twice at most, and writes once at most: on a network these are what a
//! step waits for.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use regain_server::operations_router;
use serde_json::json;
use tower::ServiceExt as _;

use crate::app::{PASSWORD, PUBLIC, Page, Person, REDIRECT_URI, TestApp, Walk};

const NEW: &str = "Marble-Harbour-77";
/// The example of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const ROUND_TRIPS_MAX: usize = 2;
/// Operations that write.
const WRITES: [&str; 4] = [
    "commit",
    "insert_flow",
    "redeem_interaction_code",
    "rotate_refresh_token",
];

/// The page of figures asks for the outbox itself; and a client is read once a second for all steps
/// of all flows (`known_clients.rs`), whichever of them comes first.
const NOT_OF_THE_STEP: [&str; 2] = ["find_client", "measure_outbox"];

/// What each step of a flow asked of the store.
struct Ledger<'a> {
    app: &'a TestApp,
    before: BTreeMap<String, u64>,
    steps: Vec<(&'static str, Vec<String>)>,
}

impl<'a> Ledger<'a> {
    async fn open(app: &'a TestApp) -> Self {
        Self {
            app,
            before: operations(app).await,
            steps: Vec::new(),
        }
    }

    /// What was asked since the last time belongs to this step.
    async fn close(&mut self, step: &'static str) {
        let after = operations(self.app).await;
        let mut asked = Vec::new();
        for (operation, count) in &after {
            let before = self.before.get(operation).copied().unwrap_or(0);
            asked.extend((before..*count).map(|_| operation.clone()));
        }
        self.before = after;
        self.steps.push((step, asked));
    }

    #[track_caller]
    fn expect(&self, expected: &[(&str, &[&str])]) {
        let steps: Vec<(&str, Vec<&str>)> = self
            .steps
            .iter()
            .map(|(step, asked)| (*step, asked.iter().map(String::as_str).collect()))
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = expected
            .iter()
            .map(|(step, asked)| (*step, asked.to_vec()))
            .collect();
        assert_eq!(steps, expected);
        for (step, asked) in &steps {
            assert!(asked.len() <= ROUND_TRIPS_MAX, "{step}: {asked:?}");
            let writes = asked.iter().filter(|asked| WRITES.contains(asked));
            assert!(writes.count() <= 1, "{step}: {asked:?}");
        }
    }
}

/// How often each operation of the store was asked for. The server sees no other store than the one
/// that counts, so nothing is forgotten.
async fn operations(app: &TestApp) -> BTreeMap<String, u64> {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let router = operations_router(app.state.clone());
    let response = router.oneshot(request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await;
    let text = String::from_utf8(body.unwrap().to_vec()).unwrap();
    let start = "regain_store_duration_seconds_count{operation=\"";
    let counts: BTreeMap<String, u64> = text
        .lines()
        .filter_map(|line| line.strip_prefix(start)?.split_once("\"} "))
        .filter(|(operation, _)| !NOT_OF_THE_STEP.contains(operation))
        .map(|(operation, count)| (operation.to_owned(), count.parse().unwrap()))
        .collect();
    counts
}

async fn post_form(app: &TestApp, path: &str, body: String) -> Page {
    let request = Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body));
    app.send(request.unwrap()).await
}

/// A flow that was begun over HTTP.
async fn begin(app: &TestApp) -> Walk<'_> {
    let body = format!(
        "client_id={PUBLIC}&scope=openid&redirect_uri={REDIRECT_URI}&state=s&nonce=n\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    );
    let begun = post_form(app, "/oauth2/default/v1/interact", body).await;
    begun.expect_status(200);
    let handle = begun.json["interaction_handle"].as_str().unwrap();
    Walk::new(app, handle.to_owned(), String::new())
}

async fn token(app: &TestApp, code: &str) {
    let body = format!(
        "grant_type=interaction_code&client_id={PUBLIC}&interaction_code={code}\
         &code_verifier={VERIFIER}"
    );
    let page = post_form(app, "/oauth2/default/v1/token", body).await;
    page.expect_status(200);
}

/// Without the mail worker, which has its own business with the store; and with clients and keys
/// already known, as they are in a server that is in use.
async fn warm_app() -> TestApp {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let mut walk = begin(&app).await;
    walk.introspect().await.expect_status(200);
    let who = json!({"identifier": Person::Active.login(), "credentials": {"passcode": PASSWORD}});
    let code = walk.remediate("identify", who).await.interaction_code();
    token(&app, &code).await;
    app
}

const STEP: &[&str] = &["commit", "load_flow"];
const LOOK: &[&str] = &["load_flow"];

#[tokio::test]
async fn every_step_of_a_recovery_asks_twice_and_writes_once() {
    let app = warm_app().await;
    let login = Person::Active.login();
    let mut ledger = Ledger::open(&app).await;
    let mut walk = begin(&app).await;
    ledger.close("interact").await;
    walk.introspect().await.expect_page(200, "identify");
    ledger.close("introspect").await;
    walk.act("recover").await.expect_status(200);
    ledger.close("recover").await;
    let who = json!({"identifier": login});
    walk.remediate("identify-recovery", who).await;
    ledger.close("identify").await;
    walk.choose_email().await;
    ledger.close("challenge").await;
    walk.act("poll").await.expect_status(200);
    ledger.close("poll").await;
    let code = walk.derived_code().await;
    walk.answer(&Walk::wrong(&code, 0)).await.expect_status(401);
    ledger.close("wrong answer").await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    ledger.close("answer").await;
    walk.answer("short").await.expect_status(400);
    ledger.close("bad password").await;
    let code = walk.answer(NEW).await.interaction_code();
    ledger.close("new password").await;
    token(&app, &code).await;
    ledger.close("token").await;
    ledger.expect(&[
        ("interact", &["insert_flow", "now"]),
        ("introspect", LOOK),
        ("recover", STEP),
        ("identify", STEP),
        ("challenge", STEP),
        ("poll", LOOK),
        ("wrong answer", STEP),
        ("answer", STEP),
        ("bad password", LOOK),
        ("new password", STEP),
        (
            "token",
            &["find_interaction_code", "redeem_interaction_code"],
        ),
    ]);
    app.leave_mail().await;
}

#[tokio::test]
async fn every_step_of_a_sign_in_asks_twice_and_writes_once() {
    let app = warm_app().await;
    let mut ledger = Ledger::open(&app).await;
    let mut walk = begin(&app).await;
    ledger.close("interact").await;
    walk.introspect().await.expect_page(200, "identify");
    ledger.close("introspect").await;
    for (step, password, status) in [("wrong password", "wrong", 401), ("sign-in", PASSWORD, 200)] {
        let given =
            json!({"identifier": Person::Active.login(), "credentials": {"passcode": password}});
        walk.remediate("identify", given)
            .await
            .expect_status(status);
        ledger.close(step).await;
    }
    let code = walk.page.interaction_code();
    token(&app, &code).await;
    ledger.close("token").await;
    ledger.expect(&[
        ("interact", &["insert_flow", "now"]),
        ("introspect", LOOK),
        ("wrong password", STEP),
        ("sign-in", STEP),
        (
            "token",
            &["find_interaction_code", "redeem_interaction_code"],
        ),
    ]);
    app.leave_mail().await;
}
