//! `identify-recovery`: whose password is lost.

use regain_types::Identifier;

use crate::flow::Flow;
use crate::intents::recover;
use crate::need::Facts;
use crate::step::{Env, Step};

pub(crate) fn take(flow: Flow, identifier: &Identifier, facts: &Facts, env: &Env<'_>) -> Step {
    recover::identified(flow, identifier.typed(), identifier.canonical(), facts, env)
}
