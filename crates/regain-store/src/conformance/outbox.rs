//! The outbox: leased, given back, finished.

use regain_engine::Effect;
use regain_types::{OutboxId, SystemEntropy};

use super::{Failure, Fixture, Verdict, sample};
use crate::{Backlog, MailVerdict, OutboxRow};

impl Fixture {
    async fn enqueue(&self) -> Verdict {
        let now = self.now().await?;
        let mail = Effect::Enqueue(sample::mail(None, now));
        self.apply(vec![mail]).await.map(drop)
    }

    async fn lease(&self, limit: usize) -> Result<Vec<OutboxRow>, Failure> {
        Ok(self.store.lease_outbox(&self.org, limit, 30, false).await?)
    }

    async fn lease_one(&self) -> Result<OutboxRow, Failure> {
        let row = self.lease(1).await?.pop();
        row.ok_or_else(|| Failure::new("a message is due"))
    }

    async fn finish(&self, row: &OutboxRow, verdict: MailVerdict) -> Verdict {
        Ok(self.store.finish_outbox(&self.org, row, verdict).await?)
    }
}

pub(super) async fn messages_are_leased_in_order(fixture: Fixture) -> Verdict {
    ensure_eq!(fixture.store.next_outbox_due(&fixture.org).await?, None);
    ensure!(fixture.lease(10).await?.is_empty());
    let mut committed = Vec::new();
    for _message in 0..5 {
        committed.push(fixture.now().await?);
        fixture.enqueue().await?;
        fixture.advance_millis(2);
    }
    ensure!(fixture.lease(0).await?.is_empty());
    let mut leased = Vec::new();
    for size in [2, 2, 1, 0] {
        let rows = fixture.lease(2).await?;
        ensure_eq!(rows.len(), size);
        leased.extend(rows.into_iter().map(|row| row.created_at));
    }
    ensure_eq!(leased, committed);
    Ok(())
}

pub(super) async fn what_waits_is_counted_until_it_is_done_with(fixture: Fixture) -> Verdict {
    let (store, org) = (&fixture.store, &fixture.org);
    ensure_eq!(store.measure_outbox(org).await?, Backlog::default());
    fixture.enqueue().await?;
    fixture.advance_millis(5_000);
    fixture.enqueue().await?;
    let waiting = Backlog {
        messages: 2,
        oldest_seconds: 5,
    };
    ensure_eq!(store.measure_outbox(org).await?, waiting);
    // On its way is not done with.
    let row = fixture.lease_one().await?;
    ensure_eq!(store.measure_outbox(org).await?, waiting);
    fixture.finish(&row, MailVerdict::Delivered).await?;
    let waiting = Backlog {
        messages: 1,
        oldest_seconds: 0,
    };
    ensure_eq!(store.measure_outbox(org).await?, waiting);
    Ok(())
}

pub(super) async fn a_lease_that_ends_gives_the_message_back(fixture: Fixture) -> Verdict {
    fixture.enqueue().await?;
    let first = fixture.lease_one().await?;
    ensure_eq!(first.attempts, 0);
    let end = fixture.now().await?.plus_seconds(30);
    ensure_eq!(
        fixture.store.next_outbox_due(&fixture.org).await?,
        Some(end)
    );
    fixture.advance_millis(29_999);
    ensure!(fixture.lease(1).await?.is_empty());
    fixture.advance_millis(1);
    let second = fixture.lease_one().await?;
    ensure_eq!((&second.id, second.attempts), (&first.id, 1));
    ensure_eq!(second.outgoing, first.outgoing);
    Ok(())
}

pub(super) async fn a_message_that_failed_waits_for_its_time(fixture: Fixture) -> Verdict {
    fixture.enqueue().await?;
    let row = fixture.lease_one().await?;
    let again_at = fixture.now().await?.plus_seconds(4);
    fixture.finish(&row, MailVerdict::Retry(again_at)).await?;
    ensure_eq!(
        fixture.store.next_outbox_due(&fixture.org).await?,
        Some(again_at)
    );
    fixture.advance_millis(3_999);
    ensure!(fixture.lease(1).await?.is_empty());
    fixture.advance_millis(1);
    let again = fixture.lease_one().await?;
    ensure_eq!((again.id, again.attempts), (row.id, 1));
    Ok(())
}

pub(super) async fn a_message_that_is_done_with_is_gone_and_logged(fixture: Fixture) -> Verdict {
    let alice = fixture.user("alice@example.com").await?;
    let now = fixture.now().await?;
    for (user, verdict, subject, outcome, reason) in [
        (
            Some(&alice),
            MailVerdict::Delivered,
            alice.as_str(),
            "SUCCESS",
            None,
        ),
        (
            Some(&alice),
            MailVerdict::Dropped("code_dead"),
            alice.as_str(),
            "FAILURE",
            Some("code_dead"),
        ),
        (
            None,
            MailVerdict::Dropped("no_such_user"),
            "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1",
            "FAILURE",
            Some("no_such_user"),
        ),
    ] {
        fixture
            .apply(vec![Effect::Enqueue(sample::mail(user, now))])
            .await?;
        let row = fixture.lease_one().await?;
        fixture.finish(&row, verdict.clone()).await?;
        ensure_eq!(fixture.store.next_outbox_due(&fixture.org).await?, None);
        let rows = fixture.store.list_audit(&fixture.org, 1).await?;
        let told = rows.first().ok_or_else(|| Failure::new("it is logged"))?;
        ensure_eq!(told.name, "system.email.delivery");
        ensure_eq!(told.subject, subject);
        ensure_eq!(told.outcome, outcome);
        ensure_eq!(told.reason.as_deref(), reason);
        ensure_eq!(told.request, row.request);
        ensure!(told.flow.is_some());
        // The worker that was too slow says it once more.
        let before = fixture.fingerprint().await?;
        fixture.finish(&row, verdict).await?;
        fixture.finish(&row, MailVerdict::Retry(now)).await?;
        let absent = OutboxRow {
            id: OutboxId::random(&mut SystemEntropy),
            ..row.clone()
        };
        fixture.finish(&absent, MailVerdict::Delivered).await?;
        ensure_eq!(fixture.fingerprint().await?, before);
    }
    Ok(())
}
