//! Relays that hang, are slow, or know an address to be dead (R-05, R-06, M-03, M-09).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use regain_engine::Outgoing;
use regain_mail::{Accepted, Message, SendError, Transport};
use regain_store::Store as _;
use tokio::sync::Notify;

use crate::app::{Person, TestApp};

use super::{deliveries, due_in_ms};

/// What a relay does with a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// Takes it after so many milliseconds.
    Takes(u64),
    /// Says nothing, until the mood changes.
    Hangs,
    /// Cannot be reached.
    Down,
    /// Knows that the address is dead.
    Bounces,
}

/// A relay with moods; counts what it was asked and what it took, by address.
#[derive(Debug)]
struct Moody {
    mood: Mutex<Mood>,
    changed: Notify,
    asked: Mutex<BTreeMap<String, u32>>,
    taken: Mutex<BTreeMap<String, u32>>,
}

impl Moody {
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            changed: Notify::new(),
            asked: Mutex::default(),
            taken: Mutex::default(),
        })
    }

    fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.changed.notify_waiters();
    }

    fn asked(&self) -> u32 {
        self.asked.lock().unwrap().values().sum()
    }

    fn taken(&self) -> u32 {
        self.taken.lock().unwrap().values().sum()
    }
}

#[async_trait]
impl Transport for Moody {
    async fn send(&self, message: &Message) -> Result<Accepted, SendError> {
        let to = message.to().to_owned();
        *self.asked.lock().unwrap().entry(to.clone()).or_default() += 1;
        loop {
            let changed = self.changed.notified();
            let mood = *self.mood.lock().unwrap();
            match mood {
                Mood::Hangs => changed.await,
                Mood::Down => return Err(SendError::Unreachable("no answer".to_owned())),
                Mood::Bounces => return Err(SendError::Recipient("550 dead".to_owned())),
                Mood::Takes(millis) => {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    *self.taken.lock().unwrap().entry(to).or_default() += 1;
                    let detail = "250".to_owned();
                    return Ok(Accepted { detail });
                }
            }
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

async fn with_relay(relay: &Arc<Moody>) -> TestApp {
    let transport: Arc<dyn Transport> = relay.clone();
    TestApp::with(|setup| setup.transport = Some(transport)).await
}

/// Waits until something is so; for what other tasks do.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), waited).await;
    assert!(in_time.is_ok(), "{what}");
}

/// So many recoveries of one person, each as far as the mail.
async fn recoveries(app: &TestApp, count: usize) {
    for _ in 0..count {
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(Person::Active.login()).await;
    }
}

#[tokio::test]
async fn t_r6_no_request_waits_for_a_relay_that_hangs_and_the_backlog_drains() {
    let relay = Moody::new(Mood::Hangs);
    let app = with_relay(&relay).await;
    // Far more than may be on their way at once: each answer is the same as ever.
    recoveries(&app, 120).await;
    until("as many as there is room for are tried", || {
        relay.asked() == 32
    })
    .await;
    let drained = async {
        relay.turn(Mood::Takes(20));
        until("all are sent", || relay.taken() == 120).await;
    };
    // at least 50 a second; one after the other they would take 2.4 s alone.
    let in_time = tokio::time::timeout(Duration::from_millis(2_400), drained).await;
    assert!(in_time.is_ok(), "{} of 120 are sent", relay.taken());
    app.close().await;
}

#[tokio::test]
async fn t_r6_a_relay_that_is_down_is_left_alone_after_five_tries() {
    let relay = Moody::new(Mood::Down);
    let app = with_relay(&relay).await;
    for _ in 0..20 {
        recoveries(&app, 1).await;
        // One after the other, so that five failures are five tries.
        app.mail_is_tried().await;
    }
    assert_eq!(relay.asked(), 5);
    // Codes that die meanwhile are dropped when the relay is back, and not sent.
    relay.turn(Mood::Takes(0));
    app.leave_mail().await;
}

#[tokio::test]
async fn t_m9_an_address_that_bounced_gets_nothing_for_a_day_and_nobody_sees_it() {
    let relay = Moody::new(Mood::Bounces);
    let app = with_relay(&relay).await;
    recoveries(&app, 1).await;
    app.mail_is_done().await;
    assert_eq!(deliveries(&app).await, [Some("REFUSED".to_owned())]);
    relay.turn(Mood::Takes(0));
    for hours in [0, 23] {
        app.clock.advance(hours * 3_600);
        // The page is the same as ever, and the code would work.
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(Person::Active.login()).await;
        app.mail_is_done().await;
        assert_eq!(relay.taken(), 0, "{hours}");
        let code = walk.derived_code().await;
        walk.answer(&code)
            .await
            .expect_page(200, "reset-authenticator");
    }
    app.clock.advance(3_601);
    recoveries(&app, 1).await;
    app.mail_is_done().await;
    assert_eq!(relay.taken(), 1);
    let reasons = deliveries(&app).await;
    assert!(reasons.contains(&Some("BOUNCED".to_owned())), "{reasons:?}");
    app.close().await;
}

/// An org that sends so many mails an hour, over a relay that takes them.
async fn with_ceiling(mails_per_hour: u32) -> (Arc<Moody>, TestApp) {
    let relay = Moody::new(Mood::Takes(0));
    let transport: Arc<dyn Transport> = relay.clone();
    let app = TestApp::with(|setup| {
        setup.transport = Some(transport);
        setup.dev = false;
        setup.mails_per_hour = mails_per_hour;
        setup.address_limits.requests_per_minute = 10_000;
    })
    .await;
    (relay, app)
}

/// How many lines of the audit log give this reason.
async fn told(app: &TestApp, reason: &str) -> usize {
    let rows = app.audit().await.into_iter();
    rows.filter(|row| row.reason.as_deref() == Some(reason))
        .count()
}

#[tokio::test]
async fn the_operator_hears_once_that_half_of_the_org_s_mails_are_used() {
    let (relay, app) = with_ceiling(10).await;
    // Of one name there are five in a quarter of an hour.
    let mut people = [Person::Active, Person::OtherMail].into_iter().cycle();
    let mut sent = 0;
    for (mails, lines) in [(5, 0), (1, 0), (1, 1), (1, 1)] {
        // It is looked at now and then, and before the mail that asks for it is counted.
        app.advance(31);
        sent += mails;
        for person in people.by_ref().take(mails) {
            let mut walk = app.begin().await;
            walk.as_far_as_challenge(person.login()).await;
        }
        until("they are sent", || {
            usize::try_from(relay.taken()) == Ok(sent)
        })
        .await;
        assert_eq!(
            told(&app, "HALF_OF_THE_MAILS_USED").await,
            lines,
            "after {}",
            relay.taken()
        );
    }
    app.leave_mail().await;
}

#[tokio::test]
async fn t_m9_over_the_org_s_ceiling_only_what_goes_first_leaves() {
    let (relay, app) = with_ceiling(3).await;
    recoveries(&app, 2).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    until("three mails are sent", || relay.taken() == 3).await;
    let code = walk.derived_code().await;
    // Nobody's mails use up nothing.
    let mut nobody = app.begin().await;
    nobody.as_far_as_challenge("nobody@example.com").await;
    recoveries(&app, 1).await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    walk.answer("Marble-Harbour-77").await.interaction_code();
    until("the notice is sent", || relay.taken() == 4).await;
    assert_eq!(told(&app, "MAILS_USED_UP").await, 1);
    // The fourth code waits for the next hour, in which it is dead.
    let rows = app
        .store
        .lease_outbox(app.org(), 10, 30, false)
        .await
        .unwrap();
    assert!(
        rows.iter()
            .all(|row| matches!(row.outgoing, Outgoing::Code { .. }))
    );
    assert_eq!(relay.taken(), 4);
    app.leave_mail().await;
}

#[tokio::test]
async fn a_server_that_stops_gives_back_what_is_on_its_way() {
    let relay = Moody::new(Mood::Hangs);
    let app = with_relay(&relay).await;
    recoveries(&app, 1).await;
    until("it is tried", || relay.asked() == 1).await;
    assert!(due_in_ms(&app).await > 20_000, "it is leased");
    app.state.tasks().drain().await;
    // another worker may take it at once.
    assert!(due_in_ms(&app).await <= 0);
    app.leave_mail().await;
}
