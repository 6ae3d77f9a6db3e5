//! The one door to every comparison of a credential (G-10): whoever compares needs a [`Pass`], and
//! only [`attempt_gate`] makes one.

use super::limit::{Limit, Limited};
use super::spent::Spent;
use crate::flow::{Challenge, Climb};
use crate::policy::Policy;

/// What would be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempted {
    /// A code of so many digits.
    Code {
        /// Digits.
        digits: u8,
    },
    /// A password.
    Password,
    /// What comes after a right password: only who has that gets here.
    SecondFactor,
}

/// Leave to compare once. Whatever comes of it is told to [`Spent::failed`] or
/// [`Spent::succeeded`].
#[derive(Debug)]
pub(crate) struct Pass {
    attempted: Attempted,
}

impl Pass {
    /// What it was given for.
    pub(crate) fn attempted(&self) -> Attempted {
        self.attempted
    }
}

/// Whether a credential may be compared now: nothing is compared, hashed or looked at without it.
///
/// `open` is the challenge that is answered, where there is one; a one-page sign-in has none.
pub(crate) fn attempt_gate(
    attempted: Attempted,
    open: Option<(&Climb, &Challenge)>,
    spent: &Spent,
    policy: &Policy,
) -> Result<Pass, Limited> {
    let limits = &policy.limits;
    if let Some((climb, challenge)) = open {
        if climb.tally.wrong_answers >= limits.wrong_answers_per_flow {
            return Err(Limited::by(Limit::FlowAnswers));
        }
        if challenge.wrong_answers >= limits.wrong_answers_per_challenge {
            return Err(Limited::by(Limit::ChallengeAnswers));
        }
    }
    let limited = match attempted {
        Attempted::Code { digits } => spent.code_limited(digits),
        Attempted::Password => spent.password_limited(),
        Attempted::SecondFactor => spent.second_factor_limited(),
    };
    match limited {
        None => Ok(Pass { attempted }),
        Some(limited) => Err(limited),
    }
}
