//! A clock that stands still until a test moves it, to the millisecond.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use regain_types::{Clock, Timestamp};

/// 2026-01-02T03:04:05.678Z.
const START_MS: i64 = 1_767_323_045_678;

#[derive(Debug, Default)]
pub(crate) struct TestClock {
    passed_ms: AtomicI64,
    set_back_ms: AtomicI64,
}

impl TestClock {
    pub(crate) fn advance_ms(&self, millis: i64) {
        self.passed_ms.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock back; time itself goes on.
    pub(crate) fn set_back(&self, seconds: i64) {
        self.set_back_ms(seconds * 1_000);
    }

    pub(crate) fn set_back_ms(&self, millis: i64) {
        self.set_back_ms.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.advance_ms(seconds * 1_000);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let set_back = self.set_back_ms.load(Ordering::SeqCst);
        Timestamp::from_millis(START_MS + self.passed_ms.load(Ordering::SeqCst) - set_back)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.passed_ms.load(Ordering::SeqCst).try_into().unwrap())
    }
}
