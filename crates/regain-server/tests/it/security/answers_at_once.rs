//! T-C3, T-C4, T-C5: answers from many sockets at the same moment.

use regain_engine::Stage;
use serde_json::{Value, json};

use crate::app::socket::{at_once, once};
use crate::app::{PASSWORD, Page, Person, TestApp, Walk};

const PATH: &str = "/idp/idx/challenge/answer";

fn answer(walk: &Walk<'_>, passcode: &str) -> Value {
    json!({"stateHandle": walk.state_handle, "credentials": {"passcode": passcode}})
}

fn with_status(pages: &[Page], status: u16) -> usize {
    pages.iter().filter(|page| page.status == status).count()
}

/// Wrong answers of the flow and of its open challenge.
async fn counted(walk: &Walk<'_>) -> (u32, u32) {
    let Stage::ChallengeAuthenticator { climb, challenge } = walk.stored().await.flow.stage else {
        panic!("no challenge is open");
    };
    (climb.tally.wrong_answers, challenge.wrong_answers)
}

async fn verdicts(app: &TestApp, outcome: &str) -> usize {
    let rows = app.audit().await;
    let of_answers = |row: &&regain_store::AuditRow| {
        row.name == "user.authentication.verify" && row.outcome == outcome
    };
    rows.iter().filter(of_answers).count()
}

/// Wrong codes of the right form, all different.
fn wrong_codes(right: &str, count: u32) -> Vec<String> {
    let right: u32 = right.parse().unwrap();
    (1..=count)
        .map(|step| format!("{:06}", (right + step) % 1_000_000))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_c3_of_a_thousand_wrong_answers_at_once_five_are_compared() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let right = walk.derived_code().await;
    let mut told = 0;
    // Ten bursts of a hundred: more sockets at once than that measure the machine's limits.
    for burst in wrong_codes(&right, 1_000).chunks(100) {
        let bodies = burst.iter().map(|code| answer(&walk, code)).collect();
        let pages = at_once(server.address, PATH, bodies).await;
        assert_eq!(with_status(&pages, 401) + with_status(&pages, 429), 100);
        told += with_status(&pages, 401);
    }
    assert_eq!(told, 5, "who was told that the code is wrong");
    assert_eq!(counted(&walk).await, (5, 5));
    assert_eq!(verdicts(&app, "FAILURE").await, 5);
    walk.answer(&right).await.expect_top(429, "tooManyRequests");
    assert_eq!(verdicts(&app, "SUCCESS").await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_c4_of_five_hundred_right_answers_at_once_one_proves() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let right = walk.derived_code().await;
    let mut proved = 0;
    for _ in 0..5 {
        let bodies = vec![answer(&walk, &right); 100];
        let pages = at_once(server.address, PATH, bodies).await;
        // Whoever repeats the winning request gets the winner's document, byte for byte.
        let winners: Vec<_> = pages.iter().filter(|page| page.status == 200).collect();
        proved += winners.len();
        for page in &winners {
            page.expect_page(200, "reset-authenticator");
            assert_eq!(page.bytes, winners[0].bytes);
        }
    }
    assert!(proved >= 1);
    assert_eq!(verdicts(&app, "SUCCESS").await, 1);
    let climb = walk.stored().await.flow.climb().cloned().unwrap();
    assert_eq!(climb.proofs.len(), 1);
    assert_eq!(climb.tally.wrong_answers, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_code_twice_at_the_same_moment_has_one_effect() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    for _ in 0..10 {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(Person::Active.login()).await;
        let right = walk.derived_code().await;
        let before = verdicts(&app, "SUCCESS").await;
        let pages = at_once(server.address, PATH, vec![answer(&walk, &right); 2]).await;
        for page in &pages {
            page.expect_page(200, "reset-authenticator");
        }
        assert_eq!(pages[0].bytes, pages[1].bytes);
        assert_eq!(verdicts(&app, "SUCCESS").await, before + 1);
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_new_passwords_at_the_same_moment_one_is_set() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let bodies = ["Marble-Harbour-77", "Copper-Garden-3"].map(|new| answer(&walk, new));
    let pages = at_once(server.address, PATH, bodies.to_vec()).await;
    assert_eq!(with_status(&pages, 200), 1, "{pages:?}");
    assert_eq!(with_status(&pages, 401), 1, "{pages:?}");
    assert_eq!(app.count("SELECT count(*) FROM interaction_codes"), 1);
    let rows = app.audit().await;
    let resets = rows
        .iter()
        .filter(|row| row.name == "user.account.reset_password");
    assert_eq!(resets.count(), 1);
    // And the same one twice: one effect, one document.
    let mut walk = app.begin().await;
    app.mail_is_done().await;
    walk.as_far_as_reset(login, login).await;
    let bodies = vec![answer(&walk, "Silver-Orchard-5"); 2];
    let pages = at_once(server.address, PATH, bodies).await;
    assert_eq!(pages[0].interaction_code(), pages[1].interaction_code());
    assert_eq!(
        app.count("SELECT count(*) FROM interaction_codes WHERE consumed_at IS NULL"),
        1
    );
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_flows_that_complete_at_the_same_moment_one_does() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let login = Person::Active.login();
    let (mut one, mut other) = (app.begin().await, app.begin().await);
    for walk in [&mut one, &mut other] {
        walk.as_far_as_challenge(login).await;
        let code = walk.derived_code().await;
        walk.answer(&code)
            .await
            .expect_page(200, "reset-authenticator");
    }
    let bodies = vec![
        answer(&one, "Marble-Harbour-77"),
        answer(&other, "Copper-Garden-3"),
    ];
    let pages = at_once(server.address, PATH, bodies).await;
    assert_eq!(with_status(&pages, 200), 1, "{pages:?}");
    assert_eq!(with_status(&pages, 401), 1, "{pages:?}");
    assert_eq!(app.count("SELECT count(*) FROM interaction_codes"), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_with_the_old_password_at_the_moment_of_the_reset_gives_nothing_after_it() {
    let app = TestApp::start().await;
    let server = app.listen().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let handle = app.begin().await.state_handle;
        let body = json!({"stateHandle": handle, "identifier": login,
            "credentials": {"passcode": PASSWORD}});
        requests.spawn(at_once(server.address, "/idp/idx/identify", vec![body]));
    }
    let reset = answer(&walk, "Marble-Harbour-77");
    let done = at_once(server.address, PATH, vec![reset]).await;
    let code = done[0].interaction_code();
    requests.join_all().await;
    // Whatever the order: what the old password gave is worthless, only the reset's code is left.
    assert_eq!(app.count("SELECT count(*) FROM interaction_codes"), 1);
    assert!(code.len() >= 43);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_hashing_queue_asks_to_come_back_and_changes_nothing() {
    let app = TestApp::with(|setup| {
        setup.hash.workers = 1;
        setup.hash.queue_per_worker = 2;
    })
    .await;
    let server = app.listen().await;
    let mut bodies = Vec::new();
    for number in 0..20 {
        let handle = app.begin().await.state_handle;
        // A name each: whoever is wrong four times in a row waits without being hashed.
        let name = format!("nobody-{number}@example.com");
        bodies.push(json!({"stateHandle": handle, "identifier": name,
            "credentials": {"passcode": "wrong"}}));
    }
    let pages = once(server.address, "/idp/idx/identify", bodies).await;
    let (wrong, busy) = (with_status(&pages, 401), with_status(&pages, 503));
    assert_eq!(wrong + busy, 20);
    assert!(
        wrong >= 1 && busy >= 1,
        "{wrong} were checked, {busy} sent away"
    );
    for page in pages.iter().filter(|page| page.status == 503) {
        // The forms stay, so that whoever is at the page can send the same again.
        page.expect_page(503, "identify");
        assert_eq!(page.top_keys(), ["idx.error.server.busy"]);
        let wait: u32 = page.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&wait), "{wait}");
    }
    let rows = app.audit().await;
    let failures = rows.iter().filter(|row| row.outcome == "FAILURE").count();
    assert_eq!(failures, wrong, "who was sent away left nothing");
    app.close().await;
}

#[tokio::test]
async fn t_c5_a_flow_takes_ten_wrong_answers_however_often_it_resends() {
    let app = TestApp::start().await;
    for person in [Person::Active, Person::Unknown] {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(person.login()).await;
        let mut told = 0;
        for resends in 0..5 {
            // Three per challenge at first, so that the challenge's own limit does not help.
            for _ in 0..(if resends == 0 { 3 } else { 4 }) {
                told += u32::from(walk.answer("x").await.status == 401);
            }
            app.clock.advance(31);
            walk.post("/idp/idx/challenge/resend", json!({})).await;
        }
        assert_eq!(told, 10, "{person:?}");
        assert_eq!(
            walk.stored()
                .await
                .flow
                .climb()
                .unwrap()
                .tally
                .wrong_answers,
            10
        );
        let right = walk.derived_code().await;
        walk.answer(&right).await.expect_top(429, "tooManyRequests");
    }
    app.close().await;
}
