//! T-R14: how `regain serve` ends. Machines stop it by SIGTERM: readiness turns red, connections are
//! accepted a little longer, what is under way is answered, and no connection is reset.
//!
//! `REGAIN_TEST_STOPS=100 cargo test -p regain-cli --test it -- --ignored t_r14` stops it a hundred
//! times.

mod client;

use std::net::SocketAddr;
use std::time::Duration;

use regain_types::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use self::client::{Outcome, answer, ask, connect, load};
use crate::program::{Deployment, Running};
use crate::visitor::{self, ALICE, BEGIN, FORM, INTERACT, PASSWORD, idx, interact};

/// Stops in every run, and in the long form unless `REGAIN_TEST_STOPS` says otherwise.
const STOPS: usize = 5;
const STOPS_OF_THE_LONG_FORM: usize = 100;
/// Shorter than the default of five: what is tested does not depend on it.
const GRACE_SECONDS: u32 = 3;
/// T-R14.
const ENDS_WITHIN: Duration = Duration::from_secs(25);
/// Clients of each kind.
const CLIENTS: usize = 3;
/// How long clients ask before it is stopped.
const LOAD: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(5);

fn deployment(grace_seconds: u32) -> Deployment {
    let deployment = Deployment::new();
    deployment.edit(|text| {
        let grace = format!("stop_grace_seconds = {grace_seconds}");
        let text = text.replace("stop_grace_seconds = 0", &grace);
        assert!(text.contains(&grace), "{text}");
        let unlimited = "[limits]\ndanger_volume_limits = \"off\"";
        format!(
            "{}\n[[clients]]\nid = \"page\"\nlabel = \"Page\"\n\
             redirect_uris = [\"http://localhost:8080/login/callback\"]\n",
            text.replace("[limits]", unlimited)
        )
    });
    deployment
}

fn start(deployment: &Deployment) -> Running {
    Running::start(&["serve", "--config", &deployment.config(), "--log", "warn"])
}

fn address_of(deployment: &Deployment) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], deployment.port))
}

/// The exit code, and how long that took.
async fn end_of(mut running: Running, clock: &SystemClock) -> (Option<i32>, Duration) {
    let from = clock.monotonic();
    loop {
        let took = clock.monotonic().saturating_sub(from);
        if let Some(status) = running.child.try_wait().unwrap() {
            return (status.code(), took);
        }
        assert!(took < 2 * ENDS_WITHIN, "it does not end");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

fn post(path: &str, kind: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {kind}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads, writes, and refusals.
fn mixture() -> Vec<String> {
    vec![
        post(INTERACT, FORM, BEGIN),
        get("/oauth2/default/v1/keys"),
        post(
            "/idp/idx/introspect",
            "application/json",
            r#"{"stateHandle":"02.x"}"#,
        ),
        post(
            "/oauth2/default/v1/token",
            FORM,
            "client_id=page&grant_type=x",
        ),
    ]
}

/// Half of a request.
async fn half_sent(address: SocketAddr) -> (TcpStream, String) {
    let request = post(INTERACT, FORM, BEGIN);
    let (first, rest) = request.split_at(request.len() - 20);
    let mut stream = connect(address).await.unwrap();
    stream.write_all(first.as_bytes()).await.unwrap();
    (stream, rest.to_owned())
}

/// Asks over new connections until it is red; connections must be accepted for so long.
async fn see_red(address: SocketAddr) {
    loop {
        let stream = connect(address).await;
        let mut stream = stream.expect("connections are accepted until it was seen red");
        match ask(&mut stream, &get("/health/ready")).await {
            Outcome::Answered(503, goes_on) => return assert!(!goes_on),
            Outcome::Answered(200, _) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// One stop under load.
async fn stop_under_load(deployment: &Deployment, clock: &SystemClock) {
    let (address, running) = (address_of(deployment), start(deployment));
    let mut clients = JoinSet::new();
    for number in 0..2 * CLIENTS {
        clients.spawn(load(address, number % 2 == 0, mixture()));
    }
    tokio::time::sleep(LOAD).await;
    let (mut slow, rest) = half_sent(address).await;
    let mut idle = connect(address).await.unwrap();
    let answered = ask(&mut idle, &get("/health/live")).await;
    assert_eq!(answered, Outcome::Answered(200, true));

    running.terminate();
    see_red(address).await;
    // Whoever keeps a connection is served on, and told that this answer was its last.
    let answered = ask(&mut idle, &get("/health/live")).await;
    assert_eq!(answered, Outcome::Answered(200, false));
    let mut requests = 0;
    while let Some(ended) = clients.join_next().await {
        let (answered, lost) = ended.unwrap();
        assert_eq!(lost, Vec::<String>::new(), "after {answered} answers");
        assert!(answered > 0);
        requests += answered;
    }
    assert!(requests > 10 * CLIENTS, "{requests} are no load");
    // Nobody is accepted any more, and what was begun is answered all the same.
    assert!(connect(address).await.is_none());
    slow.write_all(rest.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut slow).await, Outcome::Answered(200, false));
    let (code, took) = end_of(running, clock).await;
    assert_eq!(code, Some(0));
    assert!(took < ENDS_WITHIN, "{took:?}");
}

async fn stop_often(stops: usize) {
    let (deployment, clock) = (deployment(GRACE_SECONDS), SystemClock::new());
    for _ in 0..stops {
        stop_under_load(&deployment, &clock).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r14_a_stop_under_load_resets_nobody_and_ends_with_0() {
    stop_often(STOPS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: the same a hundred times"]
async fn t_r14_a_hundred_stops_under_load_reset_nobody() {
    let asked = std::env::var_os("REGAIN_TEST_STOPS");
    let stops = asked.map_or(STOPS_OF_THE_LONG_FORM, |text| {
        text.to_str().unwrap().parse().unwrap()
    });
    stop_often(stops).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r14_a_second_signal_ends_it_at_once_and_loses_nothing() {
    // It would accept for fifteen seconds more, and wait for a request that never comes whole.
    const GRACE: u32 = 15;
    let (deployment, clock) = (deployment(GRACE), SystemClock::new());
    let (address, running) = (address_of(&deployment), start(&deployment));
    let origin = format!("http://{address}");
    let begun = interact(&origin);
    let handle = begun.json["interaction_handle"].clone();
    assert_eq!(begun.status, 200);
    let (_slow, _) = half_sent(address).await;
    running.terminate();
    see_red(address).await;
    running.terminate();
    let (code, took) = end_of(running, &clock).await;
    assert_eq!(code, Some(1), "it says that it was cut short");
    assert!(took < Duration::from_secs(u64::from(GRACE)) / 2, "{took:?}");

    // R-01: what was acknowledged is there.
    let running = start(&deployment);
    let body = json!({ "interactionHandle": handle });
    let first = idx(&origin, "introspect", &body);
    assert_eq!(first.status, 200, "{}", first.json);
    running.terminate();
    running.terminate();
    end_of(running, &clock).await;
}

/// Goes as far as the mail that is on its way.
fn ask_for_a_code(origin: &str) {
    let state = visitor::begin(origin);
    let step = |step: &str, mut body: Value| {
        body["stateHandle"] = state.clone();
        let page = idx(origin, step, &body);
        assert_eq!(page.status, 200, "{step}: {}", page.json);
        page.json
    };
    step("recover", json!({}));
    let choice = step("identify", json!({"identifier": ALICE}));
    step(
        "challenge",
        json!({"authenticator": {"id": visitor::email_id(&choice)}}),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_r14_a_mail_that_is_on_its_way_is_given_back() {
    let (deployment, clock) = (deployment(0), SystemClock::new());
    // A relay that takes the connection and says nothing.
    let relay = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = relay.local_addr().unwrap().port();
    deployment.edit(|text| {
        format!("{text}\n[mail.smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n")
    });
    let made = deployment.create_user(ALICE, PASSWORD);
    assert!(made.status.success());
    let running = start(&deployment);
    ask_for_a_code(&format!("http://{}", address_of(&deployment)));
    let asked = tokio::time::timeout(ENDS_WITHIN, relay.accept()).await;
    let (_silent, _) = asked.expect("the relay is asked").unwrap();
    let database = rusqlite::Connection::open(deployment.path("regain.db")).unwrap();
    let due = || -> i64 {
        let sql = "SELECT due_at FROM outbox";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let leased_until = due();
    running.terminate();
    let (code, took) = end_of(running, &clock).await;
    assert_eq!(code, Some(0));
    assert!(took < ENDS_WITHIN, "{took:?}");
    // Thirty seconds is a lease. Another worker, or the next start, sends it now.
    let given_back_at = due();
    let now = clock.now().as_millis();
    assert!(given_back_at <= now, "{given_back_at} of {now}");
    assert!(
        given_back_at < leased_until,
        "{given_back_at}, leased until {leased_until}"
    );
}
