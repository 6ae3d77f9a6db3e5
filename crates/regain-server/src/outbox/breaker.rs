//! A relay that does not work is left alone but for a probe now and then: sends that can only
//! wait would fill the worker and tell the relay's operator nothing new.

use std::time::Duration;

/// After so many failures in a row.
const FAILURES_MAX: u32 = 5;
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// Counts failures. Time is monotonic.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// When the relay may be asked again; set while it is left alone.
    probe_at: Option<Duration>,
}

impl Breaker {
    /// How many sends may begin, with so many on their way.
    pub(super) fn admits(&self, now: Duration, on_their_way: usize) -> usize {
        match self.probe_at {
            None => usize::MAX,
            Some(at) => usize::from(now >= at && on_their_way == 0),
        }
    }

    /// The relay answered; whether it was left alone before.
    pub(super) fn works(&mut self) -> bool {
        self.failures = 0;
        let was_open = self.probe_at.take().is_some();
        if was_open {
            tracing::info!("the mail relay works again");
        }
        was_open
    }

    /// It did not.
    pub(super) fn fails(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_MAX {
            if self.probe_at.is_none() {
                tracing::warn!("the mail relay does not work: mails wait in the outbox");
            }
            self.probe_at = Some(now + PROBE_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_failures_there_is_one_probe_every_ten_seconds() {
        //
        let second = Duration::from_secs;
        let mut breaker = Breaker::default();
        for failures in 0..5 {
            assert_eq!(breaker.admits(second(0), failures), usize::MAX);
            breaker.fails(second(0));
        }
        assert_eq!(breaker.admits(second(9), 0), 0);
        assert_eq!(breaker.admits(second(10), 1), 0, "one at a time");
        assert_eq!(breaker.admits(second(10), 0), 1);
        breaker.fails(second(20));
        assert_eq!(breaker.admits(second(29), 0), 0);
        assert_eq!(breaker.admits(second(30), 0), 1);
        assert!(breaker.works());
        assert_eq!(breaker.admits(second(30), 0), usize::MAX);
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            for _ in 0..4 {
                breaker.fails(Duration::ZERO);
            }
            assert!(!breaker.works());
        }
        assert_eq!(breaker.admits(Duration::ZERO, 31), usize::MAX);
    }
}
