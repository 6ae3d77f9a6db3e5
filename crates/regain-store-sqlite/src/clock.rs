//! The store's time: it never goes back, not even over restarts.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regain_types::{Clock, Timestamp};

/// What the store calls "now".
///
/// It is the wall clock, unless that one was set back: then it is the latest time that was ever
/// seen, moved on by the time that has passed since by the monotonic clock. So nothing that has
/// expired comes back, and no window gets longer because somebody set a clock.
pub(crate) struct StoreClock {
    wall: Arc<dyn Clock>,
    reached: Mutex<Reached>,
}

#[derive(Clone, Copy, Debug)]
struct Reached {
    /// The latest wall-clock time, without the offset.
    latest: Timestamp,
    /// The monotonic time at that moment.
    at: Duration,
    /// The development clock's offset, in milliseconds.
    offset_ms: i64,
}

/// A moment: by the wall, and as everything but token stamps counts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Without the development clock's offset.
    pub(crate) wall: Timestamp,
    /// With it.
    pub(crate) now: Timestamp,
}

impl StoreClock {
    pub(crate) fn new(wall: Arc<dyn Clock>) -> Self {
        let reached = Reached {
            latest: wall.now(),
            at: wall.monotonic(),
            offset_ms: 0,
        };
        Self {
            wall,
            reached: Mutex::new(reached),
        }
    }

    /// Takes over what the database remembers.
    pub(crate) fn adopt(&self, high_water: Timestamp, offset_ms: i64) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        reached.offset_ms = offset_ms;
        if high_water > reached.latest {
            reached.latest = high_water;
            reached.at = self.wall.monotonic();
        }
    }

    pub(crate) fn read(&self) -> Moment {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        // In this order: time that passes between the two readings is then counted by the second, and
        // would otherwise be counted once by the wall and once more at the next reading.
        let wall = self.wall.now();
        let monotonic = self.wall.monotonic();
        let passed = monotonic.saturating_sub(reached.at);
        let steady = reached.latest.plus(passed);
        let wall = wall.max(steady);
        reached.at = if wall == steady {
            // What is left over of a millisecond counts at the next reading.
            monotonic.saturating_sub(Duration::from_nanos(u64::from(
                passed.subsec_nanos() % 1_000_000,
            )))
        } else {
            monotonic
        };
        reached.latest = wall;
        let now = Timestamp::from_millis(wall.as_millis().saturating_add(reached.offset_ms));
        Moment { wall, now }
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// A second passes after each of the first four looks, and then none: a thread that is stopped
    /// between its looks, and then goes on.
    #[derive(Debug, Default)]
    struct Halting(AtomicI64);

    impl Halting {
        fn look(&self) -> i64 {
            1_000 * self.0.fetch_add(1, Ordering::SeqCst).min(4)
        }
    }

    impl Clock for Halting {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.look())
        }

        fn monotonic(&self) -> Duration {
            Duration::from_millis(self.look().try_into().unwrap())
        }
    }

    #[test]
    fn t_r13_a_thread_that_is_stopped_while_it_reads_the_time_is_not_ahead_of_it() {
        let wall = Arc::new(Halting::default());
        let clock = StoreClock::new(wall.clone());
        for _ in 0..9 {
            assert!(clock.read().wall.as_millis() <= 4_000);
        }
    }
}
