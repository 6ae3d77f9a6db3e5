//! How many codes were answered rightly in the last day, over all nodes: the org's budget of wrong
//! answers grows with them (G-03).
//!
//! Each node counts in memory and adds up once a minute. A row that every success writes would
//! make all of them wait for each other; a minute that is lost in a crash only makes the budget
//! smaller.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use regain_engine::LedgerKey;
use regain_store::StoreError;
use regain_types::Timestamp;

use crate::state::AppState;
use crate::tasks::Stop;

const EVERY: Duration = Duration::from_mins(1);
const HOUR_MILLIS: i64 = 60 * 60 * 1_000;
/// The hours of a day.
const HOURS: i64 = 24;

/// The count of one node, and what all nodes together have.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    pending: AtomicU32,
    trailing: AtomicU32,
    /// Hours that are over, with their counts: they do not change any more.
    over: Mutex<Vec<(i64, u32)>>,
}

impl Answered {
    /// One more was right.
    pub(crate) fn add(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were in the last day, as of the last minute.
    pub(crate) fn in_24h(&self) -> u32 {
        self.trailing.load(Ordering::Relaxed)
    }

    /// Adds what was counted here to what all nodes have, and reads the sum.
    pub(crate) async fn settle(&self, state: &AppState) -> Result<(), StoreError> {
        let now = state.store().now().await?;
        let hour = now.as_millis().div_euclid(HOUR_MILLIS);
        let pending = self.pending.swap(0, Ordering::Relaxed);
        let added = count(state, hour, pending).await;
        if added.is_err() {
            self.pending.fetch_add(pending, Ordering::Relaxed);
        }
        let mut sum = added?;
        for past in hour - HOURS + 1..hour {
            sum = sum.saturating_add(self.past(state, past, hour).await?);
        }
        self.trailing.store(sum, Ordering::Relaxed);
        Ok(())
    }

    /// The count of an hour that is over. Another node may add to the last one a minute late.
    async fn past(&self, state: &AppState, past: i64, hour: i64) -> Result<u32, StoreError> {
        if let Some((_, known)) = self.known().iter().find(|(known, _)| *known == past) {
            return Ok(*known);
        }
        let used = count(state, past, 0).await?;
        if past < hour - 1 {
            let mut known = self.known();
            known.retain(|(known, _)| *known > hour - HOURS);
            known.push((past, used));
        }
        Ok(used)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<(i64, u32)>> {
        self.over
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Adds to an hour's count, and says what it is. The store's allowances count over all nodes; this
/// one has no end but its time.
async fn count(state: &AppState, hour: i64, more: u32) -> Result<u32, StoreError> {
    let key = LedgerKey::from_bytes(state.keys().throttle.mac(&[b"answered"]));
    let ends_at = Timestamp::from_millis((hour + 1 + HOURS) * HOUR_MILLIS);
    let allowance = state
        .store()
        .take_allowance(state.org(), &key, ends_at, more, u32::MAX)
        .await?;
    Ok(allowance.used)
}

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    loop {
        if let Err(error) = state.answered().settle(&state).await {
            tracing::warn!(%error, "right answers could not be counted; trying again");
        }
        tokio::select! {
            () = stop.wait() => {
                // What is left is not worth a delay: it only makes a budget smaller.
                return;
            }
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
