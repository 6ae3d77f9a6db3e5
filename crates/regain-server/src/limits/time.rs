//! The store's time, estimated between two readings of it: limits are looked at before anything is
//! read, and windows must mean the same on all nodes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regain_store::{Store, StoreError};
use regain_types::{Clock as _, SystemClock, Timestamp};

/// An older reading is replaced before anything is decided.
const READING_MAX_AGE: Duration = Duration::from_secs(5);
/// A refusal wants to be sure: the clock of development may have been moved. At most so often,
/// because who is refused costs nothing else.
const REFUSAL_MAX_AGE: Duration = Duration::from_millis(20);

/// Estimates run ahead of the store by less than this; a clock that goes back further was set back
/// by a developer.
const AHEAD_MAX_SECONDS: i64 = 10;

/// What the store's time was, and when that was read.
#[derive(Debug, Default)]
pub(crate) struct StoreTime {
    clock: SystemClock,
    known: Mutex<Option<Known>>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    read: Timestamp,
    /// By the machine's monotonic clock.
    at: Duration,
    /// The latest that was said.
    said: Timestamp,
}

impl StoreTime {
    /// Takes over a reading that came along with something else.
    pub(crate) fn observe(&self, now: Timestamp) {
        let at = self.clock.monotonic();
        let mut known = self.lock();
        let said = known
            .map(|known| known.said)
            .filter(|said| *said <= now.plus_seconds(AHEAD_MAX_SECONDS));
        *known = Some(Known {
            read: now,
            at,
            said: said.map_or(now, |said| said.max(now)),
        });
    }

    /// The clock was moved: the next question is for the store.
    pub(crate) fn forget(&self) {
        *self.lock() = None;
    }

    /// The time, good enough to count by.
    pub(crate) async fn about(&self, store: &dyn Store) -> Result<Timestamp, StoreError> {
        self.no_older_than(READING_MAX_AGE, store).await
    }

    /// The time, good enough to refuse by.
    pub(crate) async fn surely(&self, store: &dyn Store) -> Result<Timestamp, StoreError> {
        self.no_older_than(REFUSAL_MAX_AGE, store).await
    }

    /// The time as far as it is known without asking; the machine's before the first reading.
    pub(crate) fn guess(&self) -> Timestamp {
        self.estimate(Duration::MAX)
            .unwrap_or_else(|| self.clock.now())
    }

    async fn no_older_than(
        &self,
        age_max: Duration,
        store: &dyn Store,
    ) -> Result<Timestamp, StoreError> {
        if let Some(now) = self.estimate(age_max) {
            return Ok(now);
        }
        let now = store.now().await?;
        self.observe(now);
        Ok(now)
    }

    /// Never goes back a little, so that windows do not begin twice.
    fn estimate(&self, age_max: Duration) -> Option<Timestamp> {
        let mut known = self.lock();
        let known = known.as_mut()?;
        let age = self.clock.monotonic().saturating_sub(known.at);
        if age > age_max {
            return None;
        }
        known.said = known.said.max(known.read.plus(age));
        Some(known.said)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_never_goes_back_a_little_and_follows_a_clock_that_was_set_back() {
        let time = StoreTime::default();
        time.observe(Timestamp::from_millis(100_000));
        let said = time.guess();
        time.observe(Timestamp::from_millis(99_000));
        assert!(time.guess() >= said);
        time.observe(Timestamp::from_millis(50_000));
        assert!(time.guess() < said);
    }
}
