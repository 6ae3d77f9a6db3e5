//! Wrong passwords in a row, and how long each makes the next one wait (G-08).

use regain_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DAY, MINUTE};

/// So many cost no wait.
const FREE: u32 = 3;
/// The longest wait.
const WAIT_MAX_SECONDS: i64 = 15 * MINUTE;
/// After so long without another one they do not count any more.
const KEPT_SECONDS: i64 = 30 * DAY;
/// More than this many, and only a success ends it (G-04): kept for so long.
const SUSPENDED_SECONDS: i64 = 400 * DAY;

/// Wrong passwords since the last right one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InARow {
    count: u32,
    last: Option<Timestamp>,
}

impl InARow {
    /// How many there were, without a pause of thirty days.
    #[must_use]
    pub fn count(&self, suspended_over: u32, now: Timestamp) -> u32 {
        match self.end(suspended_over) {
            Some(end) if now < end => self.count,
            Some(_) | None => 0,
        }
    }

    /// From when on the next one may be compared; `None`: now. The fourth makes one second of
    /// waiting, and each further one doubles it, up to a quarter of an hour.
    #[must_use]
    pub fn free_at(&self, suspended_over: u32, now: Timestamp) -> Option<Timestamp> {
        let beyond = self.count(suspended_over, now).checked_sub(FREE + 1)?;
        let wait = 1_i64.checked_shl(beyond.min(20)).unwrap_or(i64::MAX);
        let free_at = self.last?.plus_seconds(wait.min(WAIT_MAX_SECONDS));
        (now < free_at).then_some(free_at)
    }

    /// One more.
    pub fn add(&mut self, suspended_over: u32, now: Timestamp) {
        self.count = self.count(suspended_over, now).saturating_add(1);
        self.last = Some(now);
    }

    /// A right one ends the row; says whether there was one.
    pub fn clear(&mut self) -> bool {
        std::mem::take(self) != Self::default()
    }

    /// From when on it counts no more.
    #[must_use]
    pub fn end(&self, suspended_over: u32) -> Option<Timestamp> {
        let kept = if self.count > suspended_over {
            SUSPENDED_SECONDS
        } else {
            KEPT_SECONDS
        };
        self.last.map(|last| last.plus_seconds(kept))
    }
}
