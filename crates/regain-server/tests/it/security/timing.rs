//! T-E3 and T-C8 in the form for every run: how long an answer takes tells nothing.
//!
//! A rank statistic (AUC) says how well somebody could tell two classes apart by time alone: one
//! half is a coin. Samples of all classes are taken in random order. A miss is measured afresh,
//! and three in a row fail (E-11). Medians, distributions and more clients belong to the long
//! command.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use regain_engine::{AuthenticatorKey, Env, Facts, Input, Stage, step as take_step};
use regain_mail::{Accepted, Message, SendError, Transport};
use regain_server::{HashSettings, StoredHash, hash_now, hash_with, save_hash_kind, start};
use regain_types::{Clock as _, Pepper, PepperVersion, SystemClock, SystemEntropy, random_array};
use serde_json::json;

use super::slow_relay::Relay;
use crate::app::socket::Connection;
use crate::app::{PASSWORD, Person, TestApp, Walk, people};

/// Samples per class of the light steps, and how far from a coin their AUC may be.
const SAMPLES: usize = 500;
const DEVIATION_MAX: f64 = 0.06;
/// Fewer samples where each costs a password hash; the bound is as many standard errors away.
const HASH_SAMPLES: usize = 60;
const HASH_DEVIATION_MAX: f64 = 0.173;
/// By libxcrypt, of everybody's password: longer than a hash of the present kind.
const BCRYPT_COST_9: &str = "$2b$09$abcdefghijklmnopqrstuuHztKn01aZQsqhFSUra/qqpWXwwqBCjW";
const MEASUREMENTS_MAX: usize = 3;

/// The classes of the light steps. Staged and deactivated users take the path of suspended ones,
/// users without a password that of active ones (T-E1 compares their documents too).
const CLASSES: [Person; 6] = [
    Person::Active,
    Person::Locked,
    Person::NoMail,
    Person::OtherMail,
    Person::Suspended,
    Person::Unknown,
];

/// Takes every mail at once.
#[derive(Debug)]
struct Sink;

#[async_trait]
impl Transport for Sink {
    async fn send(&self, _: &Message) -> Result<Accepted, SendError> {
        Ok(Accepted {
            detail: "250".to_owned(),
        })
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

/// Times by step and class.
type Samples = BTreeMap<(&'static str, Person), Vec<Duration>>;

/// Every class `count` times, in random order.
fn shuffled(classes: &[Person], count: usize) -> Vec<Person> {
    let mut order: Vec<Person> = classes
        .iter()
        .copied()
        .cycle()
        .take(classes.len() * count)
        .collect();
    for last in (1..order.len()).rev() {
        let drawn = u64::from_be_bytes(random_array(&mut SystemEntropy));
        let other = usize::try_from(drawn % (last as u64 + 1)).unwrap();
        order.swap(last, other);
    }
    order
}

/// The share of pairs in which the first takes longer than the second.
fn auc(first: &[Duration], second: &[Duration]) -> f64 {
    let mut sorted = second.to_vec();
    sorted.sort_unstable();
    let wins: usize = first
        .iter()
        .map(|time| {
            let less = sorted.partition_point(|other| other < time);
            let not_more = sorted.partition_point(|other| other <= time);
            less + not_more // Twice the wins, ties counted half.
        })
        .sum();
    let share = |count: usize| f64::from(u32::try_from(count).unwrap());
    share(wins) / share(2 * first.len() * second.len())
}

/// The largest distance from a coin between anybody and the active user, and where it is.
fn worst(samples: &Samples) -> (f64, String) {
    let mut worst = (0.0, String::new());
    for ((step, person), times) in samples {
        if *person == Person::Active {
            continue;
        }
        let deviation = (auc(times, &samples[&(*step, Person::Active)]) - 0.5).abs();
        if deviation >= worst.0 {
            worst = (deviation, format!("{step}, {person:?}: {deviation:.3}"));
        }
    }
    worst
}

/// So rarely does a name ask for a code that none of its limits is near.
const BETWEEN_RECOVERIES_SECONDS: i64 = 4 * 24 * 60 * 60;
/// The longest wait after wrong passwords.
const BETWEEN_SIGN_INS_SECONDS: i64 = 15 * 60;

async fn recovery_times() -> Samples {
    recovery_times_of(&CLASSES, Arc::new(Sink)).await
}

async fn recovery_times_of(classes: &[Person], relay: Arc<dyn Transport>) -> Samples {
    let app = TestApp::with(|setup| {
        setup.dev = false;
        setup.policy.limits.volume = false;
        setup.transport = Some(relay);
    })
    .await;
    let server = app.listen().await;
    let mut connection = Connection::open(server.address).await;
    let key = AuthenticatorKey::parse("okta_email").unwrap();
    let id = key.authenticator_id(app.state.keys(), app.org());
    let mut samples = Samples::new();
    for person in shuffled(classes, SAMPLES) {
        // Nobody comes near a limit of a name: it would end the walk, for everybody alike.
        app.clock.advance(BETWEEN_RECOVERIES_SECONDS);
        let handle = app
            .begin_with(|flow| flow.stage = Stage::IdentifyRecovery)
            .await
            .state_handle;
        for (step, path, body, status) in [
            (
                "identify",
                "/idp/idx/identify",
                json!({"identifier": person.login()}),
                200,
            ),
            (
                "challenge",
                "/idp/idx/challenge",
                json!({"authenticator": {"id": id}}),
                200,
            ),
            (
                "answer",
                "/idp/idx/challenge/answer",
                json!({"credentials": {"passcode": "wrong"}}),
                401,
            ),
        ] {
            let mut body = body;
            body["stateHandle"] = json!(handle);
            let (page, took) = connection.post(path, &body).await;
            page.expect_status(status);
            samples.entry((step, person)).or_default().push(took);
        }
    }
    app.leave_mail().await;
    samples
}

async fn sign_in_times() -> Samples {
    let app = TestApp::with(|setup| {
        setup.dev = false;
        setup.policy.limits.volume = false;
    })
    .await;
    let server = app.listen().await;
    let mut connection = Connection::open(server.address).await;
    let classes = [
        Person::Active,
        Person::Locked,
        Person::NoPassword,
        Person::Unknown,
    ];
    let mut samples = Samples::new();
    for person in shuffled(&classes, HASH_SAMPLES) {
        // Wrong passwords in a row make one wait (G-08).
        app.clock.advance(BETWEEN_SIGN_INS_SECONDS);
        let walk = app.begin().await;
        let body = json!({"stateHandle": walk.state_handle, "identifier": person.login(),
            "credentials": {"passcode": "wrong"}});
        let (page, took) = connection.post("/idp/idx/identify", &body).await;
        page.expect_status(401);
        samples.entry(("sign-in", person)).or_default().push(took);
    }
    app.close().await;
    samples
}

/// Wrong passwords, by the kind of the hash that they are compared with.
async fn hash_kind_times() -> Samples {
    // The background work begins below, when the kinds are listed.
    let app = TestApp::with(|setup| {
        setup.dev = false;
        setup.worker = false;
    })
    .await;
    let older = HashSettings {
        memory_kib: 32_768,
        ..HashSettings::FLOOR
    };
    let older = hash_now(&PASSWORD.to_owned().into(), older).unwrap();
    people::import(&app, Person::Imported.login(), BCRYPT_COST_9).await;
    people::import(&app, Person::Older.login(), &older).await;
    for (person, phc) in [(Person::Imported, BCRYPT_COST_9), (Person::Older, &older)] {
        let kind = StoredHash::parse(phc).unwrap().kind();
        let saved = save_hash_kind(&*app.store, app.org(), kind, true).await;
        saved.unwrap_or_else(|error| panic!("{person:?}: {error}"));
    }
    start(&app.state).await.unwrap();
    let samples = wrong_password_times(&app).await;
    app.close().await;
    samples
}

async fn wrong_password_times(app: &TestApp) -> Samples {
    let server = app.listen().await;
    let mut connection = Connection::open(server.address).await;
    let classes = [
        Person::Active,
        Person::Imported,
        Person::Older,
        Person::Unknown,
    ];
    let mut samples = Samples::new();
    for person in shuffled(&classes, HASH_SAMPLES) {
        // Wrong passwords in a row make one wait (G-08).
        app.clock.advance(BETWEEN_SIGN_INS_SECONDS);
        let walk = app.begin().await;
        let body = json!({"stateHandle": walk.state_handle, "identifier": person.login(),
            "credentials": {"passcode": "wrong"}});
        let (page, took) = connection.post("/idp/idx/identify", &body).await;
        page.expect_status(401);
        samples.entry(("sign-in", person)).or_default().push(took);
    }
    samples
}

/// Wrong passwords, by the pepper of the hash that they are compared with: none (active), the one
/// before (imported), the present one (older).
async fn pepper_times() -> Samples {
    let one = Pepper::random(&mut SystemEntropy);
    let second = PepperVersion::FIRST.next().unwrap();
    let both = one.with_new(second, &mut SystemEntropy).unwrap();
    let app = TestApp::with(|setup| {
        setup.dev = false;
        setup.pepper = both.clone();
    })
    .await;
    for (person, pepper) in [(Person::Imported, &one), (Person::Older, &both)] {
        let password = PASSWORD.to_owned().into();
        let phc = hash_with(&password, HashSettings::FLOOR, pepper.newest()).unwrap();
        people::import(&app, person.login(), &phc).await;
    }
    let samples = wrong_password_times(&app).await;
    app.close().await;
    samples
}

/// Measures up to three times.
async fn must_be_a_coin<F: Future<Output = Samples>>(measure: impl Fn() -> F, bound: f64) {
    let mut misses = Vec::new();
    for _ in 0..MEASUREMENTS_MAX {
        let (deviation, place) = worst(&measure().await);
        println!("largest deviation from a coin: {place}");
        if deviation < bound {
            return;
        }
        misses.push(place);
    }
    panic!("time tells who is there: {misses:?}");
}

/// On one thread: the answer to the choice of the mail, and the mail itself, compete with the next
/// request for it, so that work for users only would show at once.
#[tokio::test]
async fn t_e3_no_kind_of_user_is_told_from_the_active_one_by_time() {
    must_be_a_coin(recovery_times, DEVIATION_MAX).await;
}

/// While the relay refuses every mail after a while, so that mails pile up.
#[tokio::test]
async fn t_e8_a_relay_that_fails_does_not_show_in_the_time() {
    let people = [Person::Active, Person::Unknown];
    must_be_a_coin(
        || recovery_times_of(&people, Arc::new(Relay::Slow)),
        DEVIATION_MAX,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_e3_a_wrong_password_takes_as_long_for_everybody() {
    must_be_a_coin(sign_in_times, HASH_DEVIATION_MAX).await;
}

/// E-05: one hash of each kind is computed for everybody, so that none of them shows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_e4_the_kind_of_a_hash_is_not_told_by_time() {
    must_be_a_coin(hash_kind_times, HASH_DEVIATION_MAX).await;
}

/// E-05: neither does the pepper's version, whose hashes cost one time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_e4_the_pepper_of_a_hash_is_not_told_by_time() {
    must_be_a_coin(pepper_times, HASH_DEVIATION_MAX).await;
}

/// Times of answers that share nothing with the right code, and all but the last digit.
async fn prefix_times() -> Samples {
    const ANSWERS: usize = 2_000;
    let app = TestApp::with(|setup| setup.worker = false).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    let right = walk.derived_code().await;
    let loaded = walk.stored().await;
    let facts = Facts::default();
    let clock = SystemClock::new();
    let mut samples = Samples::new();
    // The classes stand for how much is right: nothing (active) or five digits (unknown).
    for class in shuffled(&[Person::Active, Person::Unknown], ANSWERS) {
        let place = if class == Person::Active { 0 } else { 5 };
        let input = Input::Answer {
            passcode: Some(Walk::wrong(&right, place).into()),
            revoke_sessions: None,
        };
        let mut env = Env {
            now: loaded.now,
            wall: loaded.now,
            rng: &mut SystemEntropy,
            policy: &app.state.settings().policy,
            keys: app.state.keys(),
            org: app.org(),
        };
        let flow = loaded.flow.clone();
        let started = clock.monotonic();
        let stepped = take_step(flow, input, &facts, &mut env);
        let took = clock.monotonic().saturating_sub(started);
        assert!(stepped.is_ok());
        samples.entry(("answer", class)).or_default().push(took);
    }
    app.leave_mail().await;
    samples
}

#[tokio::test]
async fn t_c8_how_much_of_a_code_is_right_takes_no_other_time() {
    must_be_a_coin(prefix_times, DEVIATION_MAX).await;
}

#[test]
fn the_statistic_tells_classes_apart() {
    let times = |start: u64| {
        (start..start + 100)
            .map(Duration::from_micros)
            .collect::<Vec<_>>()
    };
    assert!((auc(&times(0), &times(0)) - 0.5).abs() < 1e-9);
    assert!(auc(&times(1_000), &times(0)) > 0.999);
    assert!(auc(&times(0), &times(1_000)) < 0.001);
    assert!((auc(&times(10), &times(0)) - 0.5).abs() > DEVIATION_MAX);
}
