//! `reset-authenticator` and `reenroll-authenticator`: the new password, after the proof.

use regain_types::Secret;

use crate::authenticators::may_set_password;
use crate::flow::{Flow, Stage};
use crate::intents::{expired_password, recover, second_factor, sign_in};
use crate::limits::Spent;
use crate::need::{Facts, Need, NewPassword, StoredPassword, UserFacts};
use crate::notice::Notice;
use crate::policy::password::{BrokenRule, normalised};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(
    flow: Flow,
    passcode: Option<&Secret<String>>,
    revoke_sessions: Option<bool>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let passcode = passcode.ok_or(Refusal::NotOffered)?;
    let subject = may_set_password(&flow, env.policy, env.now).ok_or(Refusal::Expired)?;
    let recovers = matches!(flow.stage, Stage::ResetAuthenticator { .. });
    // The user was removed or switched off meanwhile: nothing is left to set a password for.
    let may = |user: &&UserFacts| {
        let status = user.status;
        user.id == *subject && (recovers && status.may_recover() || status.may_sign_in())
    };
    let user = facts.user.as_ref().filter(may).ok_or(Refusal::Expired)?;
    // Whoever has a second factor by now proves it before anything is replaced.
    if !recovers
        && let Some(climb) = flow.climb().cloned()
        && !second_factor::wanted(user, &climb, env.policy).is_empty()
    {
        let spent = Spent::open(&climb.who, facts, &env.tools())?;
        return Ok(sign_in::go_on(flow, climb, (user, facts), spent, env)?.step());
    }
    let tried = flow.climb().map_or(0, |climb| climb.tally.reused_passwords);
    if tried >= env.policy.limits.reused_passwords_per_flow {
        return Err(Refusal::TooManyRequests);
    }
    let broken = broken_rules(passcode.expose(), user, env);
    if !broken.is_empty() {
        return Ok(Step::Show(vec![notice(&broken)]));
    }
    match &facts.new_password {
        None => Ok(Step::Need(Need::HashPassword {
            candidate: Secret::new(normalised(passcode.expose())),
            previous: previous(user, compared(&flow, env)),
        })),
        Some(NewPassword::Reused) => Ok(reused(flow, env)),
        Some(NewPassword::Hashed(phc)) if recovers => {
            recover::complete(flow, (user, facts), phc, revoke_sessions, env)
        }
        Some(NewPassword::Hashed(phc)) => {
            expired_password::complete(flow, (user, facts), phc, revoke_sessions, env)
        }
    }
}

fn broken_rules(candidate: &str, user: &UserFacts, env: &Env<'_>) -> Vec<BrokenRule> {
    let rules = &env.policy.password;
    let mut broken = rules.broken_by(candidate, user);
    let minutes = rules.min_age_minutes;
    let too_young = user
        .password
        .as_ref()
        .is_some_and(|password| env.now < password.set_at.plus_seconds(i64::from(minutes) * 60));
    if too_young {
        broken.push(BrokenRule::TooYoung(minutes));
    }
    broken
}

fn notice(broken: &[BrokenRule]) -> Notice {
    match broken {
        [BrokenRule::Common] => Notice::PasswordCommon,
        _ => Notice::PasswordRequirementsNotMet(BrokenRule::sentence(broken)),
    }
}

/// With how many earlier passwords a new one is compared. One that is too old is not its own successor.
fn compared(flow: &Flow, env: &Env<'_>) -> u32 {
    let history = env.policy.password.history;
    if matches!(flow.stage, Stage::ReenrollAuthenticator { .. }) {
        history.max(1)
    } else {
        history
    }
}

/// The last `count` passwords, the present one first.
fn previous(user: &UserFacts, count: u32) -> Vec<StoredPassword> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    user.password
        .iter()
        .chain(&user.history)
        .take(count)
        .cloned()
        .collect()
}

/// Comparing with old passwords costs hashes and tells about them: such tries are counted (P-07).
fn reused(mut flow: Flow, env: &Env<'_>) -> Step {
    if let Stage::ResetAuthenticator { climb } | Stage::ReenrollAuthenticator { climb, .. } =
        &mut flow.stage
    {
        climb.tally.reused_passwords += 1;
    }
    let broken = [BrokenRule::Reused(compared(&flow, env))];
    Transition::to(flow).saying(notice(&broken)).step()
}
