//! A password that is too old is replaced before anybody is in; one that soon is may be
//! (`idx-wire` §6.16). Where there is a second factor, that is proved first.

use super::{recover, sign_in};
use crate::flow::{Climb, Flow, Stage};
use crate::limits::Spent;
use crate::need::{Facts, UserFacts};
use crate::policy::password::PasswordAge;
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

/// Why a flow asks for a new password.
pub(crate) struct Wanted {
    /// Days until the present one is too old; `None`: it is.
    days_left: Option<u32>,
}

/// Whether the present password is too old, or soon is, and this flow has not asked about it yet.
pub(crate) fn wanted(user: &UserFacts, climb: &Climb, env: &Env<'_>) -> Option<Wanted> {
    // Whoever came in without it is not asked to replace it.
    let password = user.password.as_ref().filter(|_| climb.has_password())?;
    let days_left = match env.policy.password.age_of(password.set_at, env.now) {
        PasswordAge::Expired => None,
        PasswordAge::ExpiresSoon { days_left } => Some(days_left),
        PasswordAge::Fine => return None,
    };
    (!climb.password_is_settled).then_some(Wanted { days_left })
}

/// Asks for a new password.
pub(crate) fn ask(
    flow: Flow,
    climb: Climb,
    Wanted { days_left }: Wanted,
    spent: Spent,
    env: &Env<'_>,
) -> Transition {
    let stage = Stage::ReenrollAuthenticator { climb, days_left };
    Transition::to(flow.moved_to(stage, env.now)).charged_to(spent)
}

/// The new password stands, and the sign-in goes on.
pub(crate) fn complete(
    flow: Flow,
    (user, facts): (&UserFacts, &Facts),
    phc: &str,
    revoke_sessions: Option<bool>,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let revokes = env.policy.recovery.revoke_sessions.revokes(revoke_sessions);
    let name = "user.account.update_password";
    let changes = recover::changes((&flow, user), (name, phc), revokes, env);
    let climb = flow
        .climb()
        .ok_or(Refusal::Bug("a password is replaced that is nobody's"))?;
    let climb = Climb {
        password_is_settled: true,
        ..climb.clone()
    };
    let spent = Spent::open(&climb.who, facts, &env.tools())?;
    let mut transition = sign_in::go_on(flow, climb, (user, facts), spent, env)?;
    // First what was compared must still be so; and what ends other sessions comes before what this
    // one gets.
    transition.effects.splice(1..1, changes);
    Ok(transition.step())
}
