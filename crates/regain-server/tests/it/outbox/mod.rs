//! Mail after the commit: through a relay that fails, and what becomes of what is too late.

mod kills;
mod notices;
mod relays;
mod smtp_relay;
mod stored_address;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use regain_mail::{Accepted, Message, SendError, Transport};
use regain_store::Store as _;
use serde_json::json;

use crate::app::{Person, TestApp, Walk};

/// A relay that refuses a number of times and remembers what it was given.
#[derive(Debug, Default)]
struct Relay {
    refusals: AtomicU32,
    permanent: bool,
    tries: Mutex<Vec<(String, bool)>>,
}

impl Relay {
    fn refusing(times: u32) -> Arc<Self> {
        Arc::new(Self {
            refusals: AtomicU32::new(times),
            ..Self::default()
        })
    }

    /// The Message-ID of every try, and whether it was taken.
    fn tries(&self) -> Vec<(String, bool)> {
        self.tries.lock().unwrap().clone()
    }
}

#[async_trait]
impl Transport for Relay {
    async fn send(&self, message: &Message) -> Result<Accepted, SendError> {
        let text = String::from_utf8_lossy(message.raw()).into_owned();
        let id = text.lines().find(|line| line.starts_with("Message-ID:"));
        let one_fewer = |left: u32| left.checked_sub(1);
        let refused = self
            .refusals
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_fewer)
            .is_ok();
        let tried = (id.expect("a Message-ID").to_owned(), !refused);
        self.tries.lock().unwrap().push(tried);
        match (refused, self.permanent) {
            (false, _) => Ok(Accepted {
                detail: "250".to_owned(),
            }),
            (true, false) => Err(SendError::Temporary("451 later".to_owned())),
            (true, true) => Err(SendError::Permanent("550 never".to_owned())),
        }
    }

    async fn check(&self) -> Result<(), SendError> {
        Ok(())
    }
}

async fn with_relay(relay: &Arc<Relay>) -> TestApp {
    let transport: Arc<dyn Transport> = relay.clone();
    TestApp::with(|setup| setup.transport = Some(transport)).await
}

/// Reasons of the deliveries in the audit log; `None` is a success.
async fn deliveries(app: &TestApp) -> Vec<Option<String>> {
    let rows = app.audit().await;
    rows.into_iter()
        .filter(|row| row.name == "system.email.delivery")
        .map(|row| row.reason)
        .collect()
}

/// When the one message in the outbox is due, in milliseconds from now.
async fn due_in_ms(app: &TestApp) -> i64 {
    let now = app.store.now().await.unwrap();
    let due = app.store.next_outbox_due(app.org()).await.unwrap();
    due.expect("a message waits").as_millis() - now.as_millis()
}

#[tokio::test]
async fn a_relay_that_is_down_delays_the_mail_and_nothing_else() {
    let relay = Relay::refusing(4);
    let app = with_relay(&relay).await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    // The answer is the same as ever.
    walk.as_far_as_challenge(login).await;
    app.mail_is_done().await;
    for (tried, wait) in [(1, 1_000), (2, 2_000), (3, 4_000), (4, 8_000)] {
        assert_eq!(relay.tries().len(), tried);
        // Twice as long each time, give or take a fifth.
        let due = due_in_ms(&app).await;
        assert!(
            (wait * 8 / 10..=wait * 12 / 10).contains(&due),
            "{tried}: {due} ms"
        );
        app.clock.advance_ms(due - 1);
        app.mail_is_done().await;
        assert_eq!(relay.tries().len(), tried, "not a millisecond too early");
        app.clock.advance_ms(1);
        app.mail_is_done().await;
    }
    let tries = relay.tries();
    assert_eq!(tries.len(), 5);
    assert!(
        tries.iter().all(|(id, _)| *id == tries[0].0),
        "one Message-ID: {tries:?}"
    );
    assert!(tries[4].1);
    assert_eq!(deliveries(&app).await, [None]);
    let code = app.code_for(login).await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    app.close().await;
}

#[tokio::test]
async fn a_code_that_is_dead_is_not_sent() {
    // Expired while the relay was down.
    let relay = Relay::refusing(1);
    let app = with_relay(&relay).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    app.clock.advance(5 * 60);
    app.mail_is_done().await;
    assert_eq!(relay.tries().len(), 1);
    assert_eq!(deliveries(&app).await, [Some("CODE_DEAD".to_owned())]);
    app.close().await;
}

#[tokio::test]
async fn a_code_that_was_replaced_or_abandoned_is_not_sent() {
    for way in ["resend", "cancel"] {
        let relay = Relay::refusing(u32::MAX);
        let app = with_relay(&relay).await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(Person::Active.login()).await;
        app.mail_is_done().await;
        app.clock.advance(31);
        walk.act(way).await.expect_status(200);
        // The relay is back only now, when the first code is worth nothing any more.
        relay.refusals.store(0, Ordering::SeqCst);
        app.clock.advance(5);
        app.mail_is_done().await;
        let taken: Vec<_> = relay
            .tries()
            .into_iter()
            .filter(|(_, taken)| *taken)
            .collect();
        assert_eq!(
            taken.len(),
            usize::from(way == "resend"),
            "{way}: {taken:?}"
        );
        assert!(
            taken.iter().all(|(id, _)| *id != relay.tries()[0].0),
            "{way}"
        );
        assert!(
            deliveries(&app)
                .await
                .contains(&Some("CODE_DEAD".to_owned()))
        );
        app.close().await;
    }
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_given_up() {
    let relay = Arc::new(Relay {
        refusals: AtomicU32::new(1),
        permanent: true,
        ..Relay::default()
    });
    let app = with_relay(&relay).await;
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(Person::Active.login()).await;
    app.mail_is_done().await;
    assert_eq!(deliveries(&app).await, [Some("REFUSED".to_owned())]);
    app.clock.advance(60);
    app.mail_is_done().await;
    assert_eq!(relay.tries().len(), 1);
    app.close().await;
}

#[tokio::test]
async fn nobody_s_row_is_dropped_by_the_worker_and_not_before() {
    let relay = Relay::refusing(0);
    let app = with_relay(&relay).await;
    for person in Person::ALL {
        if person.may_recover() {
            continue;
        }
        let mut walk: Walk<'_> = app.begin().await;
        walk.recover(person.login()).await;
        let before = app.snapshot();
        walk.choose_email().await.expect_status(200);
        let changed = before.changed(&app.snapshot());
        assert!(
            changed.contains(&"flows".to_owned()),
            "{person:?}: {changed:?}"
        );
        app.mail_is_done().await;
        let notes = app.mailbox.notes(Some(person.login()), None);
        assert_eq!(notes.len(), 1, "{person:?}: a developer is told why");
    }
    assert!(relay.tries().is_empty(), "{:?}", relay.tries());
    let reasons = deliveries(&app).await;
    assert!(
        reasons
            .iter()
            .all(|reason| reason.as_deref() == Some("NO_RECIPIENT"))
    );
    app.close().await;
}

#[tokio::test]
async fn nothing_leaves_when_the_commit_does_not_happen() {
    let relay = Relay::refusing(0);
    let app = with_relay(&relay).await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.recover(login).await;
    let fault = "CREATE TRIGGER fault BEFORE INSERT ON outbox BEGIN SELECT RAISE(ABORT, 'x'); END";
    app.database().execute_batch(fault).unwrap();
    let id = walk.authenticator_id("okta_email");
    let choice = json!({"authenticator": {"id": id}});
    walk.post("/idp/idx/challenge", choice.clone())
        .await
        .expect_top(503, "idx.error.server.busy");
    app.database().execute_batch("DROP TRIGGER fault").unwrap();
    app.mail_is_done().await;
    assert!(relay.tries().is_empty());
    walk.introspect()
        .await
        .expect_page(200, "select-authenticator-authenticate");
    // The same request, once the database is back: one effect, one mail.
    walk.post("/idp/idx/challenge", choice)
        .await
        .expect_page(200, "challenge-authenticator");
    app.mail_is_done().await;
    assert_eq!(relay.tries().len(), 1);
    app.close().await;
}

#[tokio::test]
async fn the_notice_of_a_change_says_when_and_from_where() {
    let app = TestApp::start().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    let before = app.mail_to(login).await.id;
    walk.answer("Marble-Harbour-77").await.interaction_code();
    let notice = app.mail_after(login, Some(&before)).await;
    assert!(notice.text.contains("203.0.113.9"), "{}", notice.text);
    assert_eq!((notice.code, notice.link), (None, None));
    app.close().await;
}

#[tokio::test]
async fn a_notice_waits_for_three_days() {
    let relay = Relay::refusing(0);
    let app = with_relay(&relay).await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_reset(login, login).await;
    app.mail_is_done().await;
    relay.refusals.store(1_000_000, Ordering::SeqCst);
    walk.answer("Marble-Harbour-77").await.interaction_code();
    app.mail_is_done().await;
    for _ in 0..3 {
        app.clock.advance(86_400 - 120);
        app.mail_is_done().await;
        assert!(
            due_in_ms(&app).await <= 72_000,
            "tried again within about a minute"
        );
    }
    app.clock.advance(360);
    app.mail_is_done().await;
    assert_eq!(deliveries(&app).await, [None, Some("EXPIRED".to_owned())]);
    app.close().await;
}
