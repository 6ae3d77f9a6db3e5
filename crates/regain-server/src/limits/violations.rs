//! Over-run limits in the audit log: the first of each kind in a window, and no more than so many
//! a minute over all (U-05). Whoever is refused cannot fill a disk.

use std::sync::{Mutex, PoisonError};

use regain_engine::Outcome;
use regain_store::{AuditRow, RequestMeta};
use regain_types::{SystemEntropy, Timestamp, random_base62};

use super::share::Ceiling;
use crate::state::AppState;

const ROWS_PER_MINUTE_MAX: u32 = 100;
const MINUTE: Ceiling = Ceiling {
    at_most: ROWS_PER_MINUTE_MAX,
    window_seconds: 60,
};
const ID_LENGTH: usize = 20;

/// Which limit was over-run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// Too many requests at the same moment.
    Concurrency,
    /// Requests of one handle.
    Handle,
    /// Requests of an address or an app.
    Requests,
    /// Recoveries of an address.
    Starts,
}

impl Violation {
    const fn event(self) -> &'static str {
        match self {
            Self::Concurrency => "system.client.concurrency_rate_limit.violation",
            Self::Handle | Self::Requests | Self::Starts => "system.client.rate_limit.violation",
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Concurrency => "CONCURRENCY",
            Self::Handle => "STATE_HANDLE",
            Self::Requests => "REQUESTS",
            Self::Starts => "RECOVERIES",
        }
    }
}

/// How many rows were written lately, and how many were not.
#[derive(Debug, Default)]
pub(crate) struct Violations(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    ends_at: Option<Timestamp>,
    written: u32,
    left_out: u32,
}

impl Violations {
    /// Whether one more row may be written now.
    fn admits(&self, now: Timestamp) -> bool {
        let mut tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ends_at = Some(MINUTE.window_end(now));
        if tally.ends_at != ends_at {
            if tally.left_out > 0 {
                let left_out = tally.left_out;
                tracing::warn!(left_out, "over-run limits that are not in the audit log");
            }
            *tally = Tally {
                ends_at,
                ..Tally::default()
            };
        }
        if tally.written < MINUTE.at_most {
            tally.written += 1;
            true
        } else {
            tally.left_out += 1;
            false
        }
    }

    /// Notes an over-run in the audit log, behind the answer.
    pub(crate) fn note(
        &self,
        state: &AppState,
        (violation, client): (Violation, &str),
        request: RequestMeta,
    ) {
        let at = state.limits().now();
        if !self.admits(at) {
            return;
        }
        let row = AuditRow {
            id: random_base62(&mut SystemEntropy, ID_LENGTH),
            at,
            name: violation.event().to_owned(),
            subject: client.to_owned(),
            flow: None,
            outcome: Outcome::Failure.as_str().to_owned(),
            reason: Some(violation.reason().to_owned()),
            request,
        };
        let task = state.clone();
        state.tasks().spawn(async move {
            if let Err(error) = task.store().add_audit(task.org(), vec![row]).await {
                tracing::warn!(%error, "an over-run limit is not in the audit log");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_a_bounded_number_of_rows() {
        // T-U1 (U-05).
        let violations = Violations::default();
        let admitted = |millis| violations.admits(Timestamp::from_millis(millis));
        assert_eq!((0..10_000).filter(|_| admitted(1)).count(), 100);
        assert!(admitted(60_000));
    }
}
