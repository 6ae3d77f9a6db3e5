//! A request that was accepted a moment ago and comes again, because its answer was lost: the
//! same answer, and nothing happens twice (I-06, R-04).

use crate::flow::{Flow, Stage, Subject, Who};
use crate::input::Input;
use crate::intents::sign_in;
use crate::ledger::LedgerKeys;
use crate::limits::{Attempted, Spent, attempt_gate};
use crate::need::Facts;
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
    let fresh =
        |at: regain_types::Timestamp| env.now < at.plus_seconds(env.policy.limits.replay_seconds);
    if let Some(replay) = &flow.replay
        && fresh(replay.at)
        && replay.digest == input.digest(flow, env.keys)
    {
        return Ok(Some(Step::Show(Vec::new())));
    }
    // Of a password no digest is kept: the repeated one is checked against the new hash.
    let passcode = match input {
        Input::Answer { passcode, .. } | Input::Identify { passcode, .. } => passcode.as_ref(),
        Input::Cancel
        | Input::Challenge { .. }
        | Input::Introspect
        | Input::Poll
        | Input::Recover
        | Input::Resend => None,
    };
    let (Stage::Completed(completed), Some(passcode)) = (&flow.stage, passcode) else {
        return Ok(None);
    };
    if !fresh(completed.at) {
        return Ok(None);
    }
    let user = facts.user.as_ref().filter(|user| user.id == completed.user);
    // A flow that is over counts nothing any more, and the next request finds it over; but who
    // must wait with passwords waits here too.
    let ledgers = completed
        .ledgers
        .unwrap_or_else(|| LedgerKeys::derive(env.keys, env.org, &completed.canonical, None));
    let who = Who {
        typed: completed.canonical.clone(),
        canonical: completed.canonical.clone(),
        subject: Subject::Known(completed.user.clone()),
        ledgers,
    };
    let spent = Spent::open(&who, facts, &env.tools())?;
    let pass = attempt_gate(Attempted::Password, None, &spent, env.policy)?;
    match facts.password_matches {
        None => {
            let need = sign_in::verify_password(user, passcode, &pass);
            Ok(Some(Step::Need(need)))
        }
        Some(true) => Ok(Some(Step::Show(Vec::new()))),
        Some(false) => Err(Refusal::Expired),
    }
}
