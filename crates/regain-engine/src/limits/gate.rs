//! The one door to every comparison of a credential (G-10): whoever compares needs a [`Pass`], and
//! only [`attempt_gate`] makes one.

use regain_types::Timestamp;

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
    /// What shows that a new authenticator works: whoever answers was shown its secret.
    Enrollment,
    /// A password.
    Password,
    /// What comes after a right password: only who has that gets here.
    SecondFactor {
        /// Since when the user has it: with a new one, wrong answers to the old one are forgotten.
        /// `None`: there is none, so nothing is right, and nothing is charged.
        since: Option<Timestamp>,
    },
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
        // A new challenge of an app is no help: its code does not depend on it.
        let is_app = matches!(
            attempted,
            Attempted::Enrollment | Attempted::SecondFactor { .. }
        );
        if !is_app && challenge.wrong_answers >= limits.wrong_answers_per_challenge {
            return Err(Limited::by(Limit::ChallengeAnswers));
        }
    }
    let limited = match attempted {
        Attempted::Code { digits } => spent.code_limited(digits),
        Attempted::Enrollment => None,
        Attempted::Password => spent.password_limited(),
        Attempted::SecondFactor { since } => spent.second_factor_limited(since),
    };
    match limited {
        None => Ok(Pass { attempted }),
        Some(limited) => Err(limited),
    }
}
