//! `cancel`: the first page again, under a new state handle (`idx-wire` §6.17).

use crate::flow::{Flow, Intent, Stage, Tally};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(mut flow: Flow, env: &Env<'_>) -> Result<Step, Refusal> {
    if flow.generation >= env.policy.limits.cancels_per_flow {
        return Err(Refusal::TooManyRequests);
    }
    flow.generation += 1;
    flow.work = None;
    if let Some(climb) = flow.climb()
        && climb.intent == Intent::RecoverPassword
    {
        flow.spent = Tally {
            // Whoever mistyped the name does not wait for the mail to the right one.
            last_send_at: None,
            ..climb.tally.clone()
        };
    }
    Ok(Transition::to(flow.moved_to(Stage::Identify, env.now)).step())
}
