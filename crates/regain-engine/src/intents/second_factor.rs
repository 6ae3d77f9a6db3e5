//! The second rung of a sign-in: whoever has something for it is asked for it, after the password,
//! and after a recovery just so (I-12).

use crate::authenticators::{Authenticator, AuthenticatorKey, of_new_password, password};
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

/// What is to be proved yet; what was set up in this flow was shown to work in it.
pub(crate) fn wanted(user: &UserFacts, climb: &Climb, policy: &Policy) -> Vec<AuthenticatorKey> {
    if is_proved(climb) {
        return Vec::new();
    }
    let mut had = of(user, policy);
    had.retain(|key| !climb.enrolled.contains(key));
    let is_open = |key: &AuthenticatorKey| {
        let mut proofs = climb.proofs.iter();
        !proofs.any(|proof| proof.authenticator() == key)
    };
    let open: Vec<AuthenticatorKey> = had.iter().filter(|key| is_open(key)).cloned().collect();
    // What a sign-in began with is no second one: where there is nothing else, the password is.
    if open.is_empty() && !had.is_empty() {
        let password = AuthenticatorKey::of(&password::DESCRIPTOR);
        return Some(password).filter(is_open).into_iter().collect();
    }
    open
}

/// Whether a second proof was asked for and is there.
pub(crate) fn is_proved(climb: &Climb) -> bool {
    let has_proved = |key| {
        let mut proofs = climb.proofs.iter();
        proofs.any(|proof| proof.authenticator() == key)
    };
    climb.further.iter().any(has_proved)
}

/// A recovery is over, and goes on as a sign-in with the new password: what it was begun with has
/// done its part and counts no more, not as a factor and not as a code (I-05, I-12). What it has
/// spent stays spent, however often it begins anew (C-05).
pub(crate) fn after_recovery(
    mut flow: Flow,
    mut climb: Climb,
    wanted: Vec<AuthenticatorKey>,
    spent: Spent,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    flow.spent = climb.tally.clone();
    climb.proofs = of_new_password(&flow, env).into_iter().collect();
    climb.intent = Intent::SignIn;
    climb.recovered = true;
    // The mail that the recovery took keeps nobody from the next one.
    climb.tally.last_send_at = None;
    ask(flow, climb, wanted, spent, env)
}

/// Asks for one of them: the only one at once, unless that sends something.
pub(crate) fn ask(
    flow: Flow,
    mut climb: Climb,
    wanted: Vec<AuthenticatorKey>,
    spent: Spent,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    // Who gets here has the password: no stranger's recoveries may spend the mails that it takes
    // (M-03).
    climb.paid = true;
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
