//! The second rung of a sign-in: whoever has enrolled something for it is asked for it, after the
//! password, and after a recovery just so (I-12).

use crate::authenticators::{Authenticator, AuthenticatorKey};
use crate::flow::{Climb, Flow, Intent, Stage};
use crate::limits::Spent;
use crate::need::UserFacts;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::step::{Env, Transition};
use crate::steps::select_authenticator;

/// What of a user's the org takes for a second proof, best first.
pub(crate) fn of(user: &UserFacts, policy: &Policy) -> Vec<AuthenticatorKey> {
    let taken = policy.sign_in.second_factors.iter();
    taken
        .filter(|key| user.enrollments.of(key).is_some())
        .cloned()
        .collect()
}

/// What is to be proved yet. Nothing proves twice: what a recovery began with is one factor, and
/// stays one.
pub(crate) fn wanted(user: &UserFacts, climb: &Climb, policy: &Policy) -> Vec<AuthenticatorKey> {
    if is_proved(climb) {
        return Vec::new();
    }
    let mut wanted = of(user, policy);
    wanted.retain(|key| !has_proved(climb, key));
    wanted
}

/// Whether a second proof was asked for and is there.
pub(crate) fn is_proved(climb: &Climb) -> bool {
    climb.further.iter().any(|key| has_proved(climb, key))
}

fn has_proved(climb: &Climb, key: &AuthenticatorKey) -> bool {
    climb
        .proofs
        .iter()
        .any(|proof| proof.authenticator() == key)
}

/// Asks for one of them: the only one at once, unless that sends something.
pub(crate) fn ask(
    mut flow: Flow,
    mut climb: Climb,
    wanted: Vec<AuthenticatorKey>,
    spent: Spent,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    // A recovery is over here: its codes do not work from now on (I-05), and what it has spent stays
    // spent however often it begins anew (C-05).
    if climb.intent == Intent::RecoverPassword {
        flow.spent = climb.tally.clone();
    }
    climb.intent = Intent::SignIn;
    climb.further = wanted;
    let only = match climb.further.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    match only {
        Some(only) if !only.resolve().is_none_or(Authenticator::sends) => {
            select_authenticator::challenge(flow, climb, &only, spent, env)
        }
        Some(_) | None => {
            let stage = Stage::SelectAuthenticator { climb };
            Ok(Transition::to(flow.moved_to(stage, env.now)).charged_to(spent))
        }
    }
}
