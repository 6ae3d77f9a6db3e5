//! T-S7: 64 copies of each transition at the same moment, over four nodes, do what one does (I-06).

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::app::socket::copies;
use crate::app::{PASSWORD, Page, Person, TestApp, Walk};

const COPIES: usize = 64;
const NODES: usize = 4;
/// Recoveries, of ten transitions each. `REGAIN_TEST_ROUNDS=100` makes the thousand rounds of the row.
const RECOVERIES: usize = 1;

/// Tables, and how many rows each has.
type Counts = Vec<(&'static str, i64)>;

fn counts(app: &TestApp) -> Counts {
    let tables = ["audit", "flows", "grants", "interaction_codes", "outbox"];
    tables
        .map(|table| (table, app.count(&format!("SELECT count(*) FROM {table}"))))
        .to_vec()
}

fn difference(before: &Counts, after: &Counts) -> Counts {
    let pairs = before.iter().zip(after);
    pairs.map(|((table, b), (_, a))| (*table, a - b)).collect()
}

/// What a transition does: the answer, the rows that came, and the steps of the flow's version.
#[derive(Debug, PartialEq)]
struct Effect {
    status: u16,
    page: Option<String>,
    rows: Counts,
    steps: u64,
}

/// Posts copies, and answers what they did together.
async fn effect_of(
    walk: &mut Walk<'_>,
    nodes: &[SocketAddr],
    (path, given): (&str, Value),
    count: usize,
) -> Effect {
    let app = walk.app;
    let mut body = given;
    body["stateHandle"] = json!(walk.state_handle);
    let (before, version) = (counts(app), walk.stored().await.flow.version);
    let pages = copies(nodes, path, &body, count).await;
    let after = counts(app);
    // Of many hashes at once some are asked to come back: to those nothing was done.
    let mut answered = pages.iter().filter(|page| page.status != 503);
    let first = answered.next().expect("somebody is answered");
    for page in answered {
        assert_eq!(page.status, first.status, "{path}: {}", page.json);
        assert_eq!(page.bytes, first.bytes, "{path}");
    }
    if let Some(handle) = first.json["stateHandle"].as_str() {
        handle.clone_into(&mut walk.state_handle);
    }
    walk.page = first.clone();
    Effect {
        status: first.status,
        page: first.page_name().map(str::to_owned),
        rows: difference(&before, &after),
        steps: walk.stored().await.flow.version - version,
    }
}

/// A recovery with each step posted `count` times: what each of them did.
async fn recover(app: &TestApp, nodes: &[SocketAddr], new: &str, count: usize) -> Vec<Effect> {
    // A completion takes unused codes along: let there be as many each time.
    app.database()
        .execute("DELETE FROM interaction_codes", [])
        .unwrap();
    let mut walk = app.first_page().await;
    let login = Person::Active.login();
    let mut effects = Vec::new();
    for step in 0..8 {
        let credentials = |passcode: &str| json!({"credentials": {"passcode": passcode}});
        let (path, body) = match step {
            0 => ("recover", json!({})),
            1 => ("identify", json!({"identifier": login})),
            2 => {
                let id = walk.authenticator_id("okta_email");
                ("challenge", json!({"authenticator": {"id": id}}))
            }
            3 => {
                app.clock.advance(31);
                ("challenge/resend", json!({}))
            }
            4 => ("challenge/poll", json!({})),
            5 => ("challenge/answer", credentials(&walk.derived_code().await)),
            6 => ("challenge/answer", credentials("short")),
            _ => ("challenge/answer", credentials(new)),
        };
        let path = format!("/idp/idx/{path}");
        effects.push(effect_of(&mut walk, nodes, (&path, body), count).await);
    }
    effects
}

async fn sign_in(app: &TestApp, nodes: &[SocketAddr], password: &str, count: usize) -> Effect {
    let mut walk = app.first_page().await;
    let body = json!({"identifier": Person::Active.login(), "credentials": {"passcode": password}});
    effect_of(&mut walk, nodes, ("/idp/idx/identify", body), count).await
}

/// Of many that cancel one gets the new handle; to the others the flow is over (T-S9).
async fn cancel(app: &TestApp, nodes: &[SocketAddr]) {
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let (before, version) = (counts(app), walk.stored().await.flow.version);
    let body = json!({"stateHandle": walk.state_handle});
    let pages = copies(nodes, "/idp/idx/cancel", &body, COPIES).await;
    let (won, lost): (Vec<&Page>, Vec<&Page>) = pages.iter().partition(|page| page.status == 200);
    assert_eq!(won.len(), 1);
    for page in lost {
        page.expect_expired();
    }
    assert_eq!(walk.stored().await.flow.version, version + 1);
    assert!(
        difference(&before, &counts(app))
            .iter()
            .all(|(_, more)| *more == 0)
    );
}

fn recoveries() -> usize {
    let asked = std::env::var_os("REGAIN_TEST_ROUNDS");
    asked.map_or(RECOVERIES, |text| text.to_str().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_s7_sixty_four_copies_of_each_transition_do_what_one_does() {
    let app = TestApp::with(|setup| {
        setup.worker = false;
        setup.policy.limits.volume = false;
    })
    .await;
    let mut servers = vec![app.listen().await];
    for _ in 1..NODES {
        servers.push(app.listen_again().await);
    }
    let nodes: Vec<SocketAddr> = servers.iter().map(|server| server.address).collect();
    let mut password = PASSWORD.to_owned();
    for round in 0..recoveries() {
        let alone = format!("Marble-Harbour-{round:03}-a");
        let often = format!("Marble-Harbour-{round:03}-b");
        let one = recover(&app, &nodes, &alone, 1).await;
        assert!(one.iter().any(|effect| effect.steps == 1), "{one:?}");
        let ended = one.last().unwrap();
        assert_eq!((ended.status, ended.steps), (200, 1), "it ends: {ended:?}");
        let many = recover(&app, &nodes, &often, COPIES).await;
        for (step, (one, many)) in one.iter().zip(&many).enumerate() {
            assert_eq!(one, many, "round {round}, step {step}");
        }
        let one = sign_in(&app, &nodes, &often, 1).await;
        assert_eq!(one.status, 200);
        assert_eq!(one, sign_in(&app, &nodes, &often, COPIES).await, "sign-in");
        cancel(&app, &nodes).await;
        let refused = sign_in(&app, &nodes, &password, 1).await;
        assert_eq!(refused.status, 401, "the old password");
        password = often;
    }
    app.leave_mail().await;
}

/// So that what is above is no comparison of nothing with nothing.
#[tokio::test]
async fn the_counts_see_what_happens_twice() {
    let app = TestApp::with(|setup| setup.worker = false).await;
    let before = counts(&app);
    let mut seen: Vec<Page> = Vec::new();
    for _ in 0..2 {
        let mut walk = app.begin().await;
        seen.push(
            walk.as_far_as_challenge(Person::Active.login())
                .await
                .clone(),
        );
    }
    let rows = difference(&before, &counts(&app));
    assert!(
        rows.contains(&("flows", 2)) && rows.contains(&("outbox", 2)),
        "{rows:?}"
    );
    app.leave_mail().await;
}
