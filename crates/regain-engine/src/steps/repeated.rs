//! A request that was accepted a moment ago and comes again, because its answer was lost: the
//! same answer, and nothing happens twice (I-06, R-04).

use regain_types::{Secret, Timestamp};

use crate::authenticators::password;
use crate::flow::{Flow, Stage, Subject, Who};
use crate::input::Input;
use crate::intents::sign_in;
use crate::ledger::LedgerKeys;
use crate::limits::{Attempted, Spent, attempt_gate};
use crate::need::Facts;
use crate::offers::offers;
use crate::refusal::Refusal;
use crate::step::{Env, Step};

/// The answer to a repeated request; `None` when it is a new one.
pub(crate) fn answer(
    flow: &Flow,
    input: &Input,
    facts: &Facts,
    env: &Env<'_>,
) -> Result<Option<Step>, Refusal> {
    // Ended from outside: what was accepted before is no way back (I-08).
    if matches!(flow.stage, Stage::Dead) {
        return Err(Refusal::Expired);
    }
    let fresh = |at: Timestamp| env.now < at.plus_seconds(env.policy.limits.replay_seconds);
    // One page after the other can be skipped: where there is something to skip, it is meant.
    let skips_anew = matches!(input, Input::Skip) && offers(flow, env.policy).admit(input).is_ok();
    if let Some(replay) = &flow.replay
        && fresh(replay.at)
        && !skips_anew
        && replay.digest == input.digest(flow, env.keys)
    {
        return Ok(Some(Step::Show(Vec::new())));
    }
    // Of a password no digest is kept: the repeated one is checked against the new hash.
    let passcode = match input {
        // The old password where a new one is asked for is a mistake, and told as such.
        Input::Answer { .. } if matches!(flow.stage, Stage::ReenrollAuthenticator { .. }) => None,
        Input::Answer { passcode, .. } | Input::Identify { passcode, .. } => passcode.as_ref(),
        Input::Cancel
        | Input::Challenge { .. }
        | Input::Enroll { .. }
        | Input::Introspect
        | Input::Poll
        | Input::Recover
        | Input::Resend
        | Input::Skip => None,
    };
    let Some(passcode) = passcode else {
        return Ok(None);
    };
    let Some((who, at)) = who_just_had_a_password(flow, passcode, env) else {
        return Ok(None);
    };
    if !fresh(at) {
        return Ok(None);
    }
    let user = facts
        .user
        .as_ref()
        .filter(|user| who.subject.known() == Some(&user.id));
    // A flow that is over counts nothing any more, and the next request finds it over; but who
    // must wait with passwords waits here too.
    let spent = Spent::open(&who, facts, &env.tools())?;
    let pass = attempt_gate(Attempted::Password, None, &spent, env.policy)?;
    match facts.password_matches {
        None => {
            let need = sign_in::verify_password(user, passcode, &pass);
            Ok(Some(Step::Need(need)))
        }
        Some(true) => Ok(Some(Step::Show(Vec::new()))),
        // Over, it is no answer to anything; else it is one to what is asked for now.
        Some(false) if flow.is_live() => Ok(None),
        Some(false) => Err(Refusal::Expired),
    }
}

/// Whose password was taken last in this flow, and when: by its end, or by what is asked for since,
/// a second factor or something to set up. What looks like a code is an answer to that, and no password.
fn who_just_had_a_password(
    flow: &Flow,
    passcode: &Secret<String>,
    env: &Env<'_>,
) -> Option<(Who, Timestamp)> {
    if let Stage::Completed(completed) = &flow.stage {
        let ledgers = completed
            .ledgers
            .unwrap_or_else(|| LedgerKeys::derive(env.keys, env.org, &completed.canonical, None));
        let who = Who {
            typed: completed.canonical.clone(),
            canonical: completed.canonical.clone(),
            subject: Subject::Known(completed.user.clone()),
            ledgers,
        };
        return Some((who, completed.at));
    }
    let sets_up = matches!(
        flow.stage,
        Stage::EnrollAuthenticator { .. }
            | Stage::ReenrollAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. }
    );
    let climb = flow
        .climb()
        .filter(|climb| sets_up || !climb.further.is_empty())?;
    let is_code = |c: char| c.is_ascii_digit() || c == ' ' || c == '-';
    if passcode.expose().chars().all(is_code) {
        return None;
    }
    let last = climb
        .proofs
        .iter()
        .rfind(|proof| password::is(proof.authenticator()))?;
    Some((climb.who.clone(), last.proved_at()))
}
