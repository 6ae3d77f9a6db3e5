//! T-R11, T-P6: with more requests than there is room for, what a request is decides who is let
//! in, and never whom it is about.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Request;
use futures_util::stream::pending;
use regain_server::{AppState, Parts, operations_router, router};
use serde_json::json;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::indistinguishable::canonical;
use crate::app::held_store::HeldStore;
use crate::app::http::{PEER, send_to};
use crate::app::{PUBLIC, Page, Person, REDIRECT_URI, TestApp, Walk, document};

/// The bounds for each processor, of which two count at least (`shedding`).
const STARTING: usize = 64;
const OPENING: usize = 128;
const CONTINUING: usize = 256;
const ESSENTIAL: usize = 512;
/// Refused at each bound; they must find it where it is.
const REFUSED: usize = 5;

fn cores() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// What is asked, one of each kind.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Interact,
    IntrospectNew,
    Poll,
    Token,
}

impl Ask {
    fn request(self) -> Request<Body> {
        let form = "application/x-www-form-urlencoded";
        let (path, kind, body) = match self {
            Self::Interact => (
                "/oauth2/default/v1/interact",
                form,
                format!(
                    "client_id={PUBLIC}&scope=openid&redirect_uri={REDIRECT_URI}&state=s&nonce=n\
                     &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                     &code_challenge_method=S256"
                ),
            ),
            Self::IntrospectNew => (
                "/idp/idx/introspect",
                "application/json",
                json!({"interactionHandle": "nobody's"}).to_string(),
            ),
            Self::Poll => (
                "/idp/idx/challenge/poll",
                "application/json",
                json!({"stateHandle": "02.nobody's"}).to_string(),
            ),
            Self::Token => (
                "/oauth2/default/v1/token",
                form,
                format!(
                    "client_id={PUBLIC}&grant_type=interaction_code&interaction_code=nobody-s\
                     &code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
                ),
            ),
        };
        let request = Request::post(path).header("content-type", kind);
        request.body(Body::from(body)).unwrap()
    }

    /// What it gets where there is no room for it.
    fn expect_refused(self, page: &Page) {
        page.expect_status(503);
        let wait: u32 = page.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&wait), "{wait}");
        match self {
            Self::Interact | Self::Token => {
                assert_eq!(page.json["error"], "temporarily_unavailable");
                let text = page.json["error_description"].as_str().unwrap();
                assert!(!text.is_empty());
            }
            Self::IntrospectNew | Self::Poll => {
                // A document, by which pages know that it is ours, with a sentence for the person.
                document::check(page);
                assert_eq!(page.top_keys(), ["idx.error.server.busy"]);
                assert!(page.json.get("errorCode").is_none());
            }
        }
    }

    /// What it gets with no such flow or code.
    const fn status(self) -> u16 {
        match self {
            Self::Interact => 200,
            Self::IntrospectNew | Self::Poll => 401,
            Self::Token => 400,
        }
    }
}

/// A node whose store stands still, and what was sent to it.
struct Node {
    state: AppState,
    router: Router,
    store: Arc<HeldStore>,
    waiting: JoinSet<(Ask, Page)>,
}

impl Node {
    fn of(app: &TestApp) -> Self {
        let store = Arc::new(HeldStore::new(app.store.clone()));
        let mut parts = Parts {
            store: store.clone(),
            ..app.parts()
        };
        // All of them come from one address.
        parts.settings.policy.limits.volume = false;
        let state = AppState::new(parts).unwrap();
        Self {
            router: router(state.clone()),
            state,
            store,
            waiting: JoinSet::new(),
        }
    }

    async fn send(&self, ask: Ask) -> Page {
        send_to(&self.router, IpAddr::from(PEER), ask.request()).await
    }

    /// Sends until so many wait, and then some that find no room.
    async fn fill(&mut self, ask: Ask, up_to: usize) {
        while self.store.came() < up_to {
            let (router, next) = (self.router.clone(), self.store.came() + 1);
            self.waiting.spawn(async move {
                (
                    ask,
                    send_to(&router, IpAddr::from(PEER), ask.request()).await,
                )
            });
            // One after the other: each of them is let in, and nobody is refused meanwhile.
            tokio::select! {
                () = self.store.until(next) => {}
                Some(answered) = self.waiting.join_next() => panic!("{next}: {answered:?}"),
            }
        }
        self.expect_full(ask).await;
    }

    async fn expect_full(&self, ask: Ask) {
        for _ in 0..REFUSED {
            ask.expect_refused(&self.send(ask).await);
        }
    }

    async fn get(&self, path: &str) -> Page {
        let request = Request::get(path).body(Body::empty()).unwrap();
        send_to(&self.router, IpAddr::from(PEER), request).await
    }
}

#[tokio::test]
async fn t_r11_starts_are_sent_away_first_then_steps_then_tokens_each_at_its_bound() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let mut node = Node::of(&app);
    node.fill(Ask::Interact, STARTING * cores()).await;
    node.fill(Ask::IntrospectNew, OPENING * cores()).await;
    node.expect_full(Ask::Interact).await;
    node.fill(Ask::Poll, CONTINUING * cores()).await;
    node.expect_full(Ask::IntrospectNew).await;
    node.fill(Ask::Token, ESSENTIAL * cores()).await;
    for ask in [Ask::Interact, Ask::IntrospectNew, Ask::Poll] {
        node.expect_full(ask).await;
    }
    // Whoever watches over the process is answered in the worst of times.
    node.get("/health/live").await.expect_status(200);
    node.get("/health/ready").await.expect_status(200);
    let text = metrics_of(node.state.clone()).await;
    for (class, refusals) in [
        ("starting", 3 * REFUSED),
        ("opening", REFUSED),
        // Where there is no room for steps, nobody looks which of them only begin.
        ("continuing", 4 * REFUSED),
        ("essential", REFUSED),
    ] {
        let line = format!("regain_shed_total{{class=\"{class}\"}} {refusals}");
        assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
    }

    // Whoever was let in is answered, and then there is room again for as many as before.
    node.store.let_go();
    while let Some(answered) = node.waiting.join_next().await {
        let (ask, page) = answered.unwrap();
        page.expect_status(ask.status());
    }
    for _ in 0..2 * STARTING * cores() {
        node.send(Ask::Interact).await.expect_status(200);
    }
    app.leave_mail().await;
}

#[tokio::test]
async fn t_r11_whoever_goes_away_while_waiting_makes_room() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let mut node = Node::of(&app);
    let room = STARTING * cores();
    node.fill(Ask::Interact, room).await;
    // Their connections break.
    node.waiting.shutdown().await;
    node.fill(Ask::Interact, 2 * room).await;
    node.waiting.shutdown().await;
    app.leave_mail().await;
}

/// A body that never comes.
fn never() -> Body {
    Body::from_stream(pending::<Result<Bytes, Infallible>>())
}

#[tokio::test]
async fn t_r11_bodies_that_never_come_take_no_room() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let mut node = Node::of(&app);
    let mut slow = JoinSet::new();
    for _ in 0..2 * ESSENTIAL * cores() {
        let request = Request::post("/idp/idx/challenge/poll")
            .header("content-type", "application/json")
            .body(never())
            .unwrap();
        let router = node.router.clone();
        slow.spawn(async move { send_to(&router, IpAddr::from(PEER), request).await });
    }
    tokio::task::yield_now().await;
    node.fill(Ask::Interact, STARTING * cores()).await;
    node.waiting.shutdown().await;
    slow.shutdown().await;
    app.leave_mail().await;
}

/// A password's check that takes seconds, so that a test knows where the queue stands.
const PASSES: u32 = 300;
const PLACES: usize = 2;

async fn sign_in<'a>(app: &'a TestApp, login: &str) -> Walk<'a> {
    let mut walk = app.begin().await;
    let body = json!({"identifier": login, "credentials": {"passcode": "Wrong-Lantern-42"}});
    walk.post("/idp/idx/identify", body).await;
    walk
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_p6_a_full_queue_sends_away_somebody_and_nobody_alike() {
    let app = Arc::new(
        TestApp::with(|setup| {
            setup.worker = false;
            setup.dev = false;
            setup.policy.limits.volume = false;
            setup.hash.passes = PASSES;
            setup.hash.workers = 1;
            setup.hash.queue_per_worker = PLACES;
            setup.hash.deadline = Duration::from_mins(1);
        })
        .await,
    );
    // One is being hashed, and then the queue is filled.
    let mut first = JoinSet::new();
    for (figure, count) in [(TAKEN, 1), (WAITING, PLACES)] {
        for _ in 0..count {
            let begun = app.clone();
            first.spawn(async move {
                sign_in(&begun, "first@example.com").await;
            });
        }
        while figure_of(&app, figure).await < count {
            assert!(first.try_join_next().is_none(), "a hash takes seconds");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut seen: Option<String> = None;
    for round in 0..6 {
        for person in [Person::Active, Person::Unknown] {
            let walk = sign_in(&app, person.login()).await;
            walk.page.expect_page(503, "identify");
            assert_eq!(walk.page.top_keys(), ["idx.error.server.busy"]);
            let told = canonical(&walk.page, &walk, person.login());
            let same = seen.get_or_insert_with(|| told.clone());
            assert_eq!(told, *same, "{person:?} in round {round}");
        }
    }
    assert!(
        first.try_join_next().is_none(),
        "the queue was full all the time"
    );
    assert_eq!(figure_of(&app, WAITING).await, PLACES);
    first.shutdown().await;
    let app = Arc::into_inner(app).expect("nobody else holds it");
    app.leave_mail().await;
}

/// Passwords that a thread has taken, and those that wait for one.
const TAKEN: &str = "regain_hash_wait_seconds_count";
const WAITING: &str = "regain_hash_queue";

async fn figure_of(app: &TestApp, name: &str) -> usize {
    let text = metrics_of(app.state.clone()).await;
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap().trim().parse().unwrap()
}

async fn metrics_of(state: AppState) -> String {
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let answer = operations_router(state).oneshot(request).await.unwrap();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await;
    String::from_utf8(bytes.unwrap().to_vec()).unwrap()
}
