//! The store's time: it never goes back, not even over restarts.
//!
//! It is the database's, so that all nodes have the same. Three things keep it from going back
//! when the database's clock does (a standby whose clock is behind takes over): a high-water mark
//! in the database, the latest time that this node has seen, and, while the database is behind
//! that, this node's own monotonic time. Each statement that needs the time reads it by the
//! `moment!` part, to which this node binds the latest that it knows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use regain_types::{Clock, Timestamp};

/// How far the database may be behind what was seen before it counts as set back: more than two
/// statements on their way can pass each other.
const BEHIND_MS: i64 = 1_000;
/// How far the high-water mark may be behind.
const MARK_AFTER_MS: i64 = 1_000;

/// The beginning of a statement that needs the store's time: `moment` has one row, with `wall`
/// (without the development clock's offset), `now` (with it) and `db` (what the database's own
/// clock shows). `$2` and `$3` are what [`StoreClock::bounds`] says.
macro_rules! moment {
    () => {
        "WITH raw AS MATERIALIZED (
             SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS db,
                    high_water_ms, offset_ms
             FROM clock WHERE id = 1),
         moment AS MATERIALIZED (
             SELECT greatest(high_water_ms, $2, CASE WHEN $3 THEN db END) AS wall,
                    greatest(high_water_ms, $2, CASE WHEN $3 THEN db END) + offset_ms AS now,
                    db
             FROM raw)"
    };
}
pub(crate) use moment;

/// What this node knows of the time.
pub(crate) struct StoreClock {
    clock: Arc<dyn Clock>,
    /// The clock is where the time comes from, not the database: for tests.
    given: bool,
    reached: Mutex<Reached>,
}

#[derive(Clone, Copy, Debug)]
struct Reached {
    /// The latest time, without the offset.
    latest: Timestamp,
    /// The monotonic time at that moment.
    at: Duration,
    /// The database shows an earlier time: ours goes on by itself.
    behind: bool,
    /// How far the high-water mark is, as far as we know.
    marked: Timestamp,
}

impl StoreClock {
    pub(crate) fn new(clock: Arc<dyn Clock>, given: bool) -> Self {
        let latest = if given {
            clock.now()
        } else {
            Timestamp::from_millis(0)
        };
        let reached = Reached {
            latest,
            at: clock.monotonic(),
            behind: given,
            marked: Timestamp::from_millis(0),
        };
        Self {
            clock,
            given,
            reached: Mutex::new(reached),
        }
    }

    /// The earliest that it can be, and whether the database's clock counts besides.
    pub(crate) fn bounds(&self) -> (Timestamp, bool) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if !reached.behind {
            return (reached.latest, true);
        }
        // Before the monotonic time: what passes in between would otherwise be counted twice.
        let given = self.given.then(|| self.clock.now());
        let monotonic = self.clock.monotonic();
        let passed = monotonic.saturating_sub(reached.at);
        let steady = reached.latest.plus(passed);
        let wall = given.map_or(steady, |given| given.max(steady));
        // What is left over of a millisecond counts at the next reading.
        let rest = Duration::from_nanos(u64::from(passed.subsec_nanos() % 1_000_000));
        reached.at = if wall == steady {
            monotonic.saturating_sub(rest)
        } else {
            monotonic
        };
        reached.latest = wall;
        (wall, !self.given)
    }

    /// Takes over what a statement said: the store's time, and what the database's clock shows.
    pub(crate) fn observe(&self, wall: Timestamp, db: Timestamp) {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.given {
            let shown = Timestamp::from_millis(db.as_millis().saturating_add(BEHIND_MS));
            let behind = shown < wall;
            if behind && !reached.behind {
                tracing::warn!(
                    database = %db, store = %wall,
                    "the clock of the database was set back; the store's time goes on without it"
                );
            }
            reached.behind = behind;
        }
        if wall > reached.latest {
            reached.latest = wall;
            reached.at = self.clock.monotonic();
        }
    }

    /// The time to write down as the high-water mark, when the last one is long ago.
    pub(crate) fn due_mark(&self) -> Option<Timestamp> {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let since = reached
            .latest
            .as_millis()
            .saturating_sub(reached.marked.as_millis());
        if since < MARK_AFTER_MS {
            return None;
        }
        reached.marked = reached.latest;
        Some(reached.latest)
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock").finish_non_exhaustive()
    }
}
