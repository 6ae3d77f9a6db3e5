//! How fast one state handle may be used (H-10): 10 steps in 5 seconds, one poll in a second.
//!
//! Each node counts by itself. What these figures protect is a node's time; how often a code is
//! tried (C-*) and a name is asked about (G-*, M-02) is counted in the store, in the commit, so
//! many nodes give nobody more tries.

use regain_types::Timestamp;

const STEPS_MAX: u32 = 10;
const WINDOW_MS: i64 = 5_000;
const POLL_EVERY_MS: i64 = 1_000;

/// How a handle was used lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HandleUse {
    window_began: Option<Timestamp>,
    steps: u32,
    polled_at: Option<Timestamp>,
    refused: u32,
}

/// It is used too fast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// Milliseconds until it may be used again.
    pub(crate) wait_ms: i64,
    /// How many were refused before, in this window.
    pub(crate) before: u32,
}

impl HandleUse {
    /// Counts a step. Time is an estimate and may go back a little; that gives nobody more.
    pub(crate) fn step(&mut self, now: Timestamp) -> Result<(), TooFast> {
        self.turn(now);
        if self.steps >= STEPS_MAX {
            let began = self.window_began.unwrap_or(now);
            return Err(self.refuse(WINDOW_MS - since(began, now).max(0)));
        }
        self.steps += 1;
        Ok(())
    }

    /// Counts a poll. One that came too early does not put off the next.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Result<(), TooFast> {
        self.turn(now);
        let too_early = self
            .polled_at
            .map(|last| since(last, now))
            .filter(|passed| passed.abs() < POLL_EVERY_MS);
        if let Some(passed) = too_early {
            return Err(self.refuse(POLL_EVERY_MS - passed.max(0)));
        }
        self.polled_at = Some(now);
        Ok(())
    }

    fn turn(&mut self, now: Timestamp) {
        let is_over = self
            .window_began
            .is_none_or(|began| since(began, now).abs() >= WINDOW_MS);
        if is_over {
            (self.window_began, self.steps, self.refused) = (Some(now), 0, 0);
        }
    }

    fn refuse(&mut self, wait_ms: i64) -> TooFast {
        let before = self.refused;
        self.refused = before.saturating_add(1);
        TooFast { wait_ms, before }
    }
}

const fn since(earlier: Timestamp, now: Timestamp) -> i64 {
    now.as_millis().saturating_sub(earlier.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn ten_steps_in_five_seconds_and_not_eleven() {
        // T-G11.
        let mut handle = HandleUse::default();
        for _ in 0..10 {
            handle.step(at(1_000)).unwrap();
        }
        for before in 0..3 {
            let refused = handle.step(at(5_999)).unwrap_err();
            assert_eq!(refused, TooFast { wait_ms: 1, before });
        }
        handle.step(at(6_000)).unwrap();
    }

    #[test]
    fn a_poll_each_second_beside_any_number_of_steps() {
        // T-G11: polls are exempt, but bounded.
        let mut handle = HandleUse::default();
        for second in 0..100 {
            handle.poll(at(second * 1_000)).unwrap();
            assert_eq!(
                handle.poll(at(second * 1_000 + 999)).unwrap_err().wait_ms,
                1
            );
        }
        handle.step(at(100_000)).unwrap();
        assert_eq!(handle.steps, 1);
    }

    #[test]
    fn a_clock_that_goes_back_locks_nobody_out() {
        let mut handle = HandleUse::default();
        for _ in 0..10 {
            handle.step(at(1_000_000)).unwrap();
        }
        handle.poll(at(1_000_000)).unwrap();
        handle.step(at(5_000)).unwrap();
        handle.poll(at(5_000)).unwrap();
    }
}
