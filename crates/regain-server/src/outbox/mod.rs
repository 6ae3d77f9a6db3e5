//! Sends what commits put into the outbox, after the commit (R-05, R-06, M-01).
//!
//! A row holds no code and no address. The worker derives the code from its challenge and reads
//! the address of the user when it sends; for nobody the mail is written too, and dropped here, so
//! that requests, and the work behind them, cost the same for everybody (E-04).

mod address;
mod bounces;
mod breaker;
mod ceiling;
mod deliver;
mod letter;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use regain_engine::Outgoing;
use regain_store::{MailVerdict, OutboxRow, StoreError};
use regain_types::{Clock as _, FlowId, SystemClock};
use tokio::task::{Id, JoinError, JoinSet};

use crate::state::AppState;
use crate::tasks::Stop;
use breaker::Breaker;
use ceiling::MailCeiling;
use deliver::{Relay, deliver};

/// Messages that are on their way at once. One that is slow holds up nobody but itself.
const SENDS_MAX: usize = 32;
/// With room for fewer, the worker waits for more room before it asks for more.
const ROOM_MIN: usize = SENDS_MAX / 2;
const LEASE_SECONDS: i64 = 30;
/// Other nodes put rows into the outbox too: look at least so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long what is on its way may take once the server stops; then it is given back.
const STOP_PATIENCE: Duration = Duration::from_secs(4);
/// How long a leased message may wait behind another one: what is left of its lease must be enough
/// to send it.
const BEHIND_MAX: Duration = Duration::from_secs(4);

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    let mut worker = Worker::new(state.clone());
    loop {
        if let Err(error) = worker.take_on().await {
            tracing::warn!(%error, "the outbox cannot be read; trying again");
        }
        tokio::select! {
            () = stop.wait() => break,
            Some(done) = worker.sends.join_next_with_id(), if !worker.sends.is_empty() => {
                worker.is_done(done).await;
            }
            () = state.mail_is_due().notified() => worker.is_asked = true,
            () = tokio::time::sleep(LOOK_EVERY) => worker.is_asked = true,
        }
    }
    worker.stop().await;
}

/// How a send ended.
#[derive(Clone, Copy, Debug)]
struct Sent {
    relay: Relay,
    /// It is tried again later.
    is_put_off: bool,
}

/// What is on its way, and what the worker knows of the relay.
struct Worker {
    state: AppState,
    clock: SystemClock,
    sends: JoinSet<Sent>,
    rows: HashMap<Id, OutboxRow>,
    /// Leased, but behind another one; and since when, by the monotonic clock.
    behind: Vec<(Duration, OutboxRow)>,
    breaker: Breaker,
    ceiling: Arc<MailCeiling>,
    /// Something may be due: look, however little room there is.
    is_asked: bool,
    /// There was more than was taken: look when there is room for many.
    has_backlog: bool,
}

impl Worker {
    fn new(state: AppState) -> Self {
        Self {
            ceiling: Arc::new(MailCeiling::new(state.settings().mails_per_hour)),
            state,
            clock: SystemClock::new(),
            sends: JoinSet::new(),
            rows: HashMap::new(),
            behind: Vec::new(),
            breaker: Breaker::default(),
            is_asked: true,
            has_backlog: false,
        }
    }

    /// Begins to send what is due, for as long as there is room.
    async fn take_on(&mut self) -> Result<(), StoreError> {
        loop {
            let taken = self.sends.len() + self.behind.len();
            let admitted = self.breaker.admits(self.clock.monotonic(), taken);
            let room = SENDS_MAX.saturating_sub(taken).min(admitted);
            let looks = self.is_asked && room > 0 || self.has_backlog && room >= ROOM_MIN;
            if !looks {
                return Ok(());
            }
            (self.is_asked, self.has_backlog) = (false, false);
            let first_only = self.ceiling.is_used_up(&self.state);
            let (store, org) = (self.state.store(), self.state.org());
            let leased = store.lease_outbox(org, room, LEASE_SECONDS, first_only);
            let rows = leased.await?;
            self.has_backlog = rows.len() == room;
            for row in rows {
                self.begin_or_wait(row, self.clock.monotonic());
            }
        }
    }

    /// Mails of a flow leave in their order. And what is on its way here already waits for
    /// its end: either that put it off a moment ago, or a developer moved the clock past its lease.
    fn begin_or_wait(&mut self, row: OutboxRow, leased_at: Duration) {
        if self.rows.values().any(|other| is_before(other, &row)) {
            self.behind.push((leased_at, row));
        } else {
            self.begin(row);
        }
    }

    fn begin(&mut self, row: OutboxRow) {
        let (state, ceiling) = (self.state.clone(), Arc::clone(&self.ceiling));
        let kept = row.clone();
        let task = self.sends.spawn(async move {
            let (verdict, relay) = deliver(&state, &row, &ceiling).await;
            let is_put_off = matches!(verdict, MailVerdict::Retry(_));
            finish(&state, &row, verdict).await;
            Sent { relay, is_put_off }
        });
        self.rows.insert(task.id(), kept);
    }

    async fn is_done(&mut self, done: Result<(Id, Sent), JoinError>) {
        let (id, sent) = match done {
            Ok(done) => done,
            Err(error) => {
                tracing::error!(%error, "sending a mail broke off; its lease runs out");
                let relay = Relay::NotAsked;
                let is_put_off = true;
                (error.id(), Sent { relay, is_put_off })
            }
        };
        match sent.relay {
            Relay::NotAsked => {}
            // What waited for a probe may go.
            Relay::Works => self.is_asked |= self.breaker.works(),
            Relay::Fails => self.breaker.fails(self.clock.monotonic()),
        }
        let Some(ended) = self.rows.remove(&id) else {
            return;
        };
        let now = self.clock.monotonic();
        for (leased_at, row) in std::mem::take(&mut self.behind) {
            if row.id == ended.id && !sent.is_put_off {
                continue;
            }
            if now.saturating_sub(leased_at) <= BEHIND_MAX {
                self.begin_or_wait(row, leased_at);
            } else {
                self.give_back(&row).await;
            }
        }
    }

    /// Waits a little for what is on its way, and gives the rest back.
    async fn stop(mut self) {
        let all = async {
            while let Some(done) = self.sends.join_next_with_id().await {
                if let Ok((id, _)) = done {
                    self.rows.remove(&id);
                }
            }
        };
        // One that the relay took and whose answer is still on its way arrives twice, with one
        // Message-ID.
        let _ = tokio::time::timeout(STOP_PATIENCE, all).await;
        self.sends.shutdown().await;
        for row in self.rows.values() {
            self.give_back(row).await;
        }
        for (_, row) in &self.behind {
            self.give_back(row).await;
        }
    }

    /// Lets any worker take it. Without the store its lease runs out.
    async fn give_back(&self, row: &OutboxRow) {
        if let Ok(now) = self.state.store().now().await {
            finish(&self.state, row, MailVerdict::Retry(now)).await;
        }
    }
}

/// Whether `row` must wait for the end of `other`.
fn is_before(other: &OutboxRow, row: &OutboxRow) -> bool {
    other.id == row.id || flow_of(row).is_some_and(|flow| flow_of(other) == Some(flow))
}

const fn flow_of(row: &OutboxRow) -> Option<&FlowId> {
    match &row.outgoing {
        Outgoing::AuthenticatorAdded { .. } | Outgoing::PasswordChanged { .. } => None,
        Outgoing::Code { ticket, .. } => Some(&ticket.flow),
    }
}

async fn finish(state: &AppState, row: &OutboxRow, verdict: MailVerdict) {
    let store = state.store();
    if let Err(error) = store.finish_outbox(state.org(), row, verdict).await {
        // The lease runs out and the row is sent once more, with the same Message-ID.
        tracing::warn!(%error, mail = %row.id, "what became of a mail was not stored");
    }
}

#[cfg(test)]
mod tests;
