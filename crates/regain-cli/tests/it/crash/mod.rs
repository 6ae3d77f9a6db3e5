//! T-R1: the engine is killed again and again, wherever a request or a mail stands at that moment,
//! while several clients recover, sign in, refresh and sign out. A ledger holds what they were told;
//! after each start it is held against what is.
//!
//! `cargo xtask crash --kills 1000` runs it for long, with `--store postgres` on a PostgreSQL server,
//! which lives on.

mod checks;
mod client;
mod engine;
mod http;
mod ledger;
mod relay;
mod report;
mod rows;
mod storm;

use std::sync::Arc;
use std::time::Duration;

use regain_types::{Entropy as _, SystemEntropy};

use self::client::Caller;
use self::engine::Engine;
use self::ledger::Person;
use self::relay::Relay;
use self::report::Report;
use self::storm::{Point, Storm};

const PASSWORD: &str = "Copper-Lantern-42";
const CLIENTS: usize = 6;
/// People that one client acts for, so that there is always somebody whose mail is not waited for.
const PEOPLE_EACH: usize = 8;
/// Kills unless `REGAIN_CRASH_KILLS` says otherwise.
const KILLS: usize = 60;
/// A trap that nobody walks into is sprung after this.
const TRAP_PATIENCE: Duration = Duration::from_secs(2);
/// A start takes no longer than this.
const START_MAX: Duration = Duration::from_secs(2);
/// A mail that a dead process had taken belongs to it for so long.
const LEASE_SECONDS: u64 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes a minute and more; cargo xtask test and cargo xtask crash run it"]
async fn t_r1_kills_under_load_lose_nothing_that_was_acknowledged() {
    let kills = std::env::var_os("REGAIN_CRASH_KILLS");
    let kills = kills.map_or(KILLS, |text| text.to_str().unwrap().parse().unwrap());
    let place = std::env::var_os("REGAIN_CRASH_STORE");
    let place = place.map_or("sqlite".to_owned(), |text| text.into_string().unwrap());
    let mut engine = Engine::prepare(&place).await;
    let storm = Arc::new(Storm::new(engine.address()));
    let relay = Arc::new(Relay::default());
    engine.mail_to(relay.listen(storm.clone()).await);
    let people = people();
    let logins: Vec<String> = people.iter().map(|person| person.login.clone()).collect();
    engine.database().fill(&logins, PASSWORD).await;

    let mut report = Report::default();
    report.started(engine.start(&storm, false).await);
    let clients = start_clients(&storm, &relay, &engine, people);
    for kill in 0..kills {
        let point = Point::ALL[kill % Point::ALL.len()];
        storm.kill_at((point, permille()), TRAP_PATIENCE).await;
        report.started(engine.start(&storm, false).await);
        for fault in engine.database().faults().await {
            storm.fault(&fault);
        }
        if !storm.faults().is_empty() {
            break;
        }
        report.progress(kill + 1, kills);
    }
    storm.end();
    let mut people: Vec<Person> = clients.join_all().await.into_iter().flatten().collect();
    settle_mails(&storm, &mut engine).await;
    let caller = caller(&storm, &relay, &engine);
    for person in &mut people {
        caller.resume(person, Duration::ZERO).await;
        caller.verify(person, usize::MAX).await;
    }
    settle_mails(&storm, &mut engine).await;
    let deliveries = relay.all();
    report
        .mails(&storm, &people, &deliveries, engine.database())
        .await;
    engine.stop(&storm).await;
    storm.close().await;
    report.say(&storm, &people);
    let faults = storm.faults();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(
        report.usual_start() <= START_MAX,
        "a start takes {:?}",
        report.usual_start()
    );
}

fn people() -> Vec<Person> {
    (0..CLIENTS * PEOPLE_EACH)
        .map(|number| Person::new(format!("p{number:03}@example.com"), PASSWORD))
        .collect()
}

fn caller(storm: &Arc<Storm>, relay: &Arc<Relay>, engine: &Engine) -> Caller {
    Caller {
        storm: storm.clone(),
        relay: relay.clone(),
        database: engine.database().clone(),
    }
}

fn start_clients(
    storm: &Arc<Storm>,
    relay: &Arc<Relay>,
    engine: &Engine,
    mut people: Vec<Person>,
) -> tokio::task::JoinSet<Vec<Person>> {
    let mut clients = tokio::task::JoinSet::new();
    while !people.is_empty() {
        let theirs = people.split_off(people.len().saturating_sub(PEOPLE_EACH));
        clients.spawn(act(caller(storm, relay, engine), theirs));
    }
    clients
}

/// One client, until the end is near.
async fn act(caller: Caller, mut people: Vec<Person>) -> Vec<Person> {
    let mut life = 0;
    let mut last = 0;
    while !caller.storm.is_ending() {
        let now = caller.storm.up().await;
        if now != life {
            life = now;
            caller.verify(&mut people[last], 4).await;
        }
        last = random(people.len() as u64) as usize;
        let person = &mut people[last];
        match random(100) {
            _ if person.parked.is_some() => caller.resume(person, Duration::from_millis(20)).await,
            0..45 => caller.recover(person, false).await,
            45..55 => caller.recover(person, true).await,
            55..70 => caller.sign_in(person).await,
            70..85 => caller.refresh(person).await,
            85..93 => caller.revoke(person).await,
            _ => caller.reuse(person).await,
        }
    }
    people
}

/// Lets all mails go out that wait: the leases of the dead end by the development clock.
async fn settle_mails(storm: &Arc<Storm>, engine: &mut Engine) {
    engine.stop(storm).await;
    engine.start(storm, true).await;
    engine.advance(LEASE_SECONDS + 1).await;
    engine.wait_for_mails(storm).await;
}

/// When to strike, in thousandths of somewhat more than a request usually takes: anywhere, or, every
/// other time, about when its commit and its answer are due.
fn permille() -> u32 {
    match random(2) {
        0 => random(1_000),
        _ => 550 + random(250),
    }
}

/// A number below `end`.
fn random(end: u64) -> u32 {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes);
    u32::try_from(u64::from_le_bytes(bytes) % end).unwrap()
}
