//! The last rung of a sign-in: what its user must, or may, set up to prove with from now on.
//!
//! A recovery sets up nothing: whoever holds a mailbox would make the account their own for good.
//! And the clients' recovery flows know no such page (`idx-wire` §8.1).

use super::second_factor;
use crate::authenticators::AuthenticatorKey;
use crate::flow::{Climb, Enrolling, Flow, Stage};
use crate::limits::Spent;
use crate::need::UserFacts;
use crate::policy::Policy;
use crate::step::{Env, Transition};

/// What is to be set up yet: what must be, and then what may be.
pub(crate) fn wanted(user: &UserFacts, climb: &Climb, policy: &Policy) -> Option<Enrolling> {
    if climb.recovered {
        return None;
    }
    let missing = |keys: &[AuthenticatorKey]| -> Vec<AuthenticatorKey> {
        let is_missing = |key: &&AuthenticatorKey| {
            user.enrollments.of(key).is_none() && !climb.enrolled.contains(key)
        };
        keys.iter().filter(is_missing).cloned().collect()
    };
    let required = missing(&policy.enrollment.required);
    let may_skip = required.is_empty();
    // A mailbox alone is offered nothing; what is required it must set up to get in.
    let is_sure = climb.has_password() || second_factor::is_proved(climb);
    let choices = if may_skip && !is_sure {
        Vec::new()
    } else if may_skip {
        missing(&policy.enrollment.optional)
    } else {
        required
    };
    (!choices.is_empty()).then_some(Enrolling { choices, may_skip })
}

/// Whether a user lacks what the org demands of everybody.
pub(crate) fn lacks_what_is_required(user: &UserFacts, policy: &Policy) -> bool {
    let mut required = policy.enrollment.required.iter();
    required.any(|key| user.enrollments.of(key).is_none())
}

/// Asks what to set up.
pub(crate) fn ask(
    flow: Flow,
    climb: Climb,
    enrolling: Enrolling,
    spent: Spent,
    env: &Env<'_>,
) -> Transition {
    let stage = Stage::SelectAuthenticatorEnroll { climb, enrolling };
    Transition::to(flow.moved_to(stage, env.now)).charged_to(spent)
}
