//! `resend`: a new challenge and a new message; the counts of the flow go on (C-05).

use crate::flow::{Flow, Stage};
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step};
use crate::steps::select_authenticator;

pub(crate) fn take(flow: Flow, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    let Stage::ChallengeAuthenticator { climb, challenge } = &flow.stage else {
        return Err(Refusal::NotOffered);
    };
    let (climb, key) = (climb.clone(), challenge.authenticator.clone());
    select_authenticator::open(flow, climb, &key, facts, env)
}
