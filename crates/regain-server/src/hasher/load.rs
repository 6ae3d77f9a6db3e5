//! How much work waits for the hashing threads, and whether more of it makes sense.
//!
//! What waits, divided by what is hashed in a second, is how long the last one waits (Little's
//! law). A hash that is done after its request has given up is a hash that somebody else missed,
//! so nothing is taken on that will probably come too late, and nothing is begun that must.

use std::time::Duration;

/// Eighths of the deadline. A request is taken on as long as it will probably be answered within
/// so many: the rest is for a machine that becomes slower meanwhile.
const ADMITTED_EIGHTHS: u32 = 7;
/// New flows begin as long as the wait is below so many, and the queue has room for a quarter of
/// what it holds: those that have begun come to it, too.
const PRESSED_EIGHTHS: u32 = 6;
/// A mean over about so many jobs.
const MEAN_OVER: u32 = 16;

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Threads that hash.
    pub(super) workers: usize,
    /// Jobs that may wait.
    pub(super) capacity: usize,
    /// From the moment that a job is queued to its answer.
    pub(super) deadline: Duration,
}

impl Bounds {
    /// Whether one more job is taken on beside those that wait, where a job takes so long.
    pub(super) fn admits(&self, waiting: usize, job: Duration) -> bool {
        // With fewer than one for each thread there is always a next one: how long jobs take is
        // only known from jobs.
        waiting < self.capacity
            && (waiting < self.workers
                || self.answered_after(waiting, job) <= self.eighths(ADMITTED_EIGHTHS))
    }

    /// Whether so much waits that nobody should be led here who need not be.
    pub(super) fn is_pressed(&self, waiting: usize, job: Duration) -> bool {
        waiting >= self.workers
            && (waiting.saturating_mul(4) >= self.capacity.saturating_mul(3)
                || self.answered_after(waiting, job) > self.eighths(PRESSED_EIGHTHS))
    }

    /// Whether a job that has waited so long comes too late, though it is begun now. One that
    /// waited less than half of the deadline is tried in any case: the estimate may be wrong.
    pub(super) fn is_too_late(&self, waited: Duration, job: Duration) -> bool {
        waited >= self.deadline / 2 && waited + job > self.deadline
    }

    fn answered_after(&self, waiting: usize, job: Duration) -> Duration {
        let rounds = 1 + waiting / self.workers.max(1);
        job.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    fn eighths(&self, count: u32) -> Duration {
        self.deadline / 8 * count
    }
}

/// How long a job takes, after one more that took `took`.
pub(super) fn mean(before: Option<Duration>, took: Duration) -> Duration {
    before.map_or(took, |before| (before * (MEAN_OVER - 1) + took) / MEAN_OVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    const BOUNDS: Bounds = Bounds {
        workers: 2,
        capacity: 128,
        deadline: ms(2_000),
    };

    /// The most that wait, where a job takes so long.
    fn most(bounds: Bounds, job: Duration) -> usize {
        (0..100_000)
            .find(|waiting| !bounds.admits(*waiting, job))
            .unwrap()
    }

    #[test]
    fn t_p6_what_would_come_too_late_is_not_taken_on() {
        // As many as are hashed in 1.75 s, and never more than there is room for.
        assert_eq!(most(BOUNDS, ms(25)), 128);
        assert_eq!(most(BOUNDS, ms(50)), 70);
        assert_eq!(most(BOUNDS, ms(175)), 20);
        // Before the first hash nobody knows how long one takes.
        assert_eq!(most(BOUNDS, ms(0)), 128);
        // A hash that takes longer than the deadline does not end hashing for ever.
        assert_eq!(most(BOUNDS, ms(60_000)), 2);
        for job in [1, 10, 30, 100, 300, 1_000].map(ms) {
            let last = most(BOUNDS, job) - 1;
            assert!(last < 2 || job * u32::try_from(1 + last / 2).unwrap() <= ms(1_750));
        }
    }

    #[test]
    fn t_p6_a_job_that_can_not_be_answered_in_time_is_not_begun() {
        assert!(!BOUNDS.is_too_late(ms(1_900), ms(100)));
        assert!(BOUNDS.is_too_late(ms(1_901), ms(100)));
        assert!(BOUNDS.is_too_late(ms(1_000), ms(1_001)));
        assert!(
            !BOUNDS.is_too_late(ms(999), ms(60_000)),
            "or nobody learns that it got faster"
        );
    }

    #[test]
    fn t_r11_nothing_new_begins_before_what_has_begun_is_refused() {
        for job in [0, 1, 10, 25, 50, 175, 500, 1_500, 9_000].map(ms) {
            let pressed = (0..100_000).find(|waiting| BOUNDS.is_pressed(*waiting, job));
            let (pressed, full) = (pressed.unwrap(), most(BOUNDS, job));
            assert!(pressed <= full, "{job:?}: {pressed} of {full}");
            assert!(!BOUNDS.is_pressed(1, job), "idle threads are no pressure");
        }
        // Sixty-four people at once on two cores are no overload.
        assert!(!BOUNDS.is_pressed(62, ms(45)));
    }

    #[test]
    fn a_mean_follows_and_is_not_moved_far_by_one() {
        let mut known = None;
        for _ in 0..100 {
            known = Some(mean(known, ms(20)));
        }
        assert_eq!(known, Some(ms(20)));
        assert!(mean(known, ms(180)) <= ms(30));
        for _ in 0..100 {
            known = Some(mean(known, ms(100)));
        }
        assert!(known.unwrap() > ms(95));
    }
}
