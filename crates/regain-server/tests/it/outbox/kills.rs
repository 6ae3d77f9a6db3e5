//! T-M1: whatever becomes of the worker or of the connection, and at whichever stage of SMTP: a mail
//! arrives, at most once more for each time, and as the same mail.

use std::time::Duration;

use super::smtp_relay::{SmtpRelay, Stage, Taken, Then};
use super::{deliveries, due_in_ms};
use crate::app::{Node, Person, TestApp};

/// How long a worker may keep a mail to itself.
const LEASE_SECONDS: i64 = 30;
const PATIENCE: Duration = Duration::from_secs(30);
/// A database that loses what became of a mail: the process died before it could store it.
const FORGETS: &str =
    "CREATE TRIGGER fault BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'x'); END";

/// Waits until so many mails to an address are at the relay, and looks on as often as a worker that
/// is told of new mails does.
async fn until_taken(relay: &SmtpRelay, node: &Node, address: &str, count: usize) -> Vec<Taken> {
    let taken = async {
        loop {
            let taken = relay.taken_for(address);
            if taken.len() >= count {
                return taken;
            }
            node.look();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, taken).await;
    in_time.unwrap_or_else(|_| panic!("{count} mails to {address}: {:?}", relay.taken()))
}

/// The worker of a new process dies when its mail came to a stage.
async fn die_at(app: &TestApp, relay: &SmtpRelay, stage: Stage) {
    relay.stop_at(stage, Then::IsSilent);
    if stage == Stage::Taken {
        app.database().execute_batch(FORGETS).unwrap();
    }
    let node = Node::start(app, relay.transport()).await;
    relay.has_stopped().await;
    node.kill().await;
    if stage == Stage::Taken {
        app.database().execute_batch("DROP TRIGGER fault").unwrap();
    }
}

/// One mail as often as it was sent: every octet is the same.
#[track_caller]
fn assert_one_mail(taken: &[Taken]) {
    assert!(taken[0].header("Message-ID").ends_with("@localhost>"));
    for again in taken {
        assert_eq!(again.header("Message-ID"), taken[0].header("Message-ID"));
        assert_eq!(again, &taken[0]);
    }
}

async fn without_a_worker() -> TestApp {
    TestApp::with(|setup| setup.worker = false).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_m1_a_worker_that_dies_at_any_stage_costs_no_mail_and_at_most_a_second_one() {
    let app = without_a_worker().await;
    let (owner, other) = (Person::Active, Person::OtherMail);
    let (address, elsewhere) = (owner.mail().unwrap(), other.mail().unwrap());
    for (number, stage) in (1..).zip(Stage::ALL) {
        let relay = SmtpRelay::start(&[]).await;
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(owner.login()).await;
        die_at(&app, &relay, stage).await;
        let before = usize::from(stage.has_the_mail());
        assert_eq!(relay.taken_for(address).len(), before, "{stage:?}");

        // Another worker leaves alone what is leased, and sends what is not.
        let node = Node::start(&app, relay.transport()).await;
        app.clock.advance_ms(LEASE_SECONDS * 1_000 - 1);
        app.begin().await.as_far_as_challenge(other.login()).await;
        until_taken(&relay, &node, elsewhere, 1).await;
        assert_eq!(relay.taken_for(address).len(), before, "{stage:?}");
        app.clock.advance_ms(1);
        let taken = until_taken(&relay, &node, address, before + 1).await;
        assert_eq!(taken.len(), before + 1, "{stage:?}");
        assert_one_mail(&taken);

        let code = walk.derived_code().await;
        let text = String::from_utf8(taken[before].content.clone()).unwrap();
        assert!(text.contains(&format!("\r\n{code}\r\n")), "{stage:?}");
        walk.answer(&code)
            .await
            .expect_page(200, "reset-authenticator");
        node.stop().await;
        assert_eq!(relay.taken_for(address).len(), before + 1, "{stage:?}");
        assert_eq!(deliveries(&app).await, vec![None; 2 * number], "{stage:?}");
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_m1_a_mail_whose_worker_dies_at_every_stage_in_turn_is_still_one_mail() {
    let app = without_a_worker().await;
    let login = Person::Active.login();
    let mut walk = app.begin().await;
    walk.as_far_as_challenge(login).await;
    let code = walk.derived_code().await;
    walk.answer(&code)
        .await
        .expect_page(200, "reset-authenticator");
    // The code's mail is of no use any more; the notice is.
    walk.answer("Marble-Harbour-77").await.interaction_code();
    let relay = SmtpRelay::start(&[]).await;
    for stage in Stage::ALL {
        die_at(&app, &relay, stage).await;
        app.clock.advance(LEASE_SECONDS);
    }
    let node = Node::start(&app, relay.transport()).await;
    // Twice it was taken and nobody knew of it.
    let taken = until_taken(&relay, &node, login, 3).await;
    node.stop().await;
    assert_eq!(relay.taken().len(), 3, "{} kills", Stage::ALL.len());
    assert_one_mail(&taken);
    let dead = Some("CODE_DEAD".to_owned());
    assert_eq!(deliveries(&app).await, [dead, None]);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t_m1_a_relay_that_hangs_up_at_any_stage_costs_no_mail_and_at_most_a_second_one() {
    let relay = SmtpRelay::start(&[]).await;
    let transport = relay.transport();
    let app = TestApp::with(|setup| setup.transport = Some(transport)).await;
    let login = Person::Active.login();
    let mut known = 0;
    for (number, stage) in (1..).zip(Stage::ALL) {
        relay.stop_at(stage, Then::HangsUp);
        let mut walk = app.begin().await;
        walk.as_far_as_challenge(login).await;
        relay.has_stopped().await;
        app.mail_is_done().await;
        if stage != Stage::Taken {
            let due = due_in_ms(&app).await;
            assert!((800..=1_200).contains(&due), "{stage:?}: {due} ms");
            app.clock.advance_ms(due);
            app.mail_is_done().await;
        }
        let sent = if stage == Stage::Dot { 2 } else { 1 };
        let taken = relay.taken();
        assert_eq!(taken.len(), known + sent, "{stage:?}");
        assert_one_mail(&taken[known..]);
        known = taken.len();
        let code = walk.derived_code().await;
        walk.answer(&code)
            .await
            .expect_page(200, "reset-authenticator");
        assert_eq!(deliveries(&app).await, vec![None; number], "{stage:?}");
    }
    app.close().await;
}
