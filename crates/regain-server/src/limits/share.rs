//! What one node holds of what all nodes together may let happen within a window: the limiter
//! itself, without store and clock.
//!
//! Windows are aligned to the store's time, so all nodes mean the same one. A node takes a block
//! of what is left, a quarter at first and single ones near the end, and uses it up before it
//! takes the next. So no more is ever let through than the ceiling, whatever the nodes do
//! (T-G9); what a node took and does not use is lost until the window ends.

use regain_store::Allowance;
use regain_types::Timestamp;

/// A node takes this part of what is left at once.
const BLOCK_PARTS: u32 = 4;

/// How often something may happen within a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ceiling {
    pub(crate) at_most: u32,
    pub(crate) window_seconds: i64,
}

impl Ceiling {
    /// The end of the window that `now` lies in.
    pub(crate) const fn window_end(self, now: Timestamp) -> Timestamp {
        let length = self.window_seconds * 1_000;
        let passed = now.as_millis().rem_euclid(length);
        Timestamp::from_millis(now.as_millis() - passed + length)
    }

    /// The same for more addresses together.
    pub(crate) const fn times(self, factor: u32) -> Self {
        Self {
            at_most: self.at_most.saturating_mul(factor),
            window_seconds: self.window_seconds,
        }
    }
}

/// What is said about a limit in the answer (`idx-wire` §1.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) limit: u32,
    pub(crate) remaining: u32,
    pub(crate) resets_at: Timestamp,
}

/// What becomes of one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may happen.
    Admitted(Quota),
    /// It may not; says how many were refused in this window already.
    Refused(Quota, u32),
}

/// What a node holds of one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which window; `None` before the first.
    ends_at: Option<Timestamp>,
    /// Taken and not used yet.
    held: u32,
    /// What all nodes had taken, when this one last heard of it.
    taken: u32,
    /// Nothing was left.
    is_over: bool,
    refused: u32,
}

/// What must be done before a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing.
    Done(Verdict),
    /// Take so much of the window that ends then, and [`Share::credit`] it.
    Take(u32, Timestamp),
}

impl Share {
    /// Asks for one more.
    pub(crate) fn ask(&mut self, ceiling: Ceiling, now: Timestamp) -> Ask {
        let ends_at = ceiling.window_end(now);
        if self.ends_at != Some(ends_at) {
            *self = Self {
                ends_at: Some(ends_at),
                ..Self::default()
            };
        }
        if self.held > 0 {
            self.held -= 1;
            return Ask::Done(Verdict::Admitted(self.quota(ceiling, ends_at)));
        }
        if self.is_over {
            return Ask::Done(self.refuse(ceiling, ends_at));
        }
        let left = ceiling.at_most.saturating_sub(self.taken);
        Ask::Take((left / BLOCK_PARTS).max(1), ends_at)
    }

    /// Adds what was taken for the window that ends at `ends_at`, and uses one of it.
    pub(crate) fn credit(
        &mut self,
        ceiling: Ceiling,
        ends_at: Timestamp,
        allowance: Allowance,
    ) -> Verdict {
        let Some(rest) = allowance.granted.checked_sub(1) else {
            if self.ends_at == Some(ends_at) {
                self.is_over = true;
                self.taken = ceiling.at_most;
            }
            return self.refuse(ceiling, ends_at);
        };
        // A window that has passed meanwhile still pays for the one that took from it.
        if self.ends_at == Some(ends_at) {
            self.held = self.held.saturating_add(rest);
            self.taken = self.taken.max(allowance.used);
        }
        Verdict::Admitted(self.quota(ceiling, ends_at))
    }

    /// All that is left, for a node that shares with nobody.
    pub(crate) fn all(&self, ceiling: Ceiling) -> Allowance {
        Allowance {
            granted: ceiling.at_most.saturating_sub(self.taken),
            used: ceiling.at_most,
        }
    }

    fn refuse(&mut self, ceiling: Ceiling, ends_at: Timestamp) -> Verdict {
        let quota = Quota {
            limit: ceiling.at_most,
            remaining: 0,
            resets_at: ends_at,
        };
        let before = self.refused;
        self.refused = self.refused.saturating_add(1);
        Verdict::Refused(quota, before)
    }

    fn quota(&self, ceiling: Ceiling, ends_at: Timestamp) -> Quota {
        let left = ceiling.at_most.saturating_sub(self.taken);
        Quota {
            limit: ceiling.at_most,
            remaining: left.saturating_add(self.held).min(ceiling.at_most),
            resets_at: ends_at,
        }
    }
}

#[cfg(test)]
mod tests;
