//! `identify-recovery`: whose password is lost.

use regain_types::{Identifier, TokenHash};

use crate::flow::{Flow, Who};
use crate::intents::recover;
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step};

pub(crate) fn take(
    flow: Flow,
    identifier: &Identifier,
    (device, work): (Option<&TokenHash>, Option<&str>),
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let who = Who::named(identifier, device, env);
    recover::identified(flow, who, work, facts, env)
}
