//! `skip`: what may be set up is left for another time.

use crate::flow::{Flow, Stage};
use crate::intents::sign_in;
use crate::limits::Spent;
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step};

pub(crate) fn take(flow: Flow, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    let (Stage::SelectAuthenticatorEnroll { climb, enrolling }
    | Stage::EnrollAuthenticator {
        climb, enrolling, ..
    }) = &flow.stage
    else {
        return Err(Refusal::NotOffered);
    };
    if !enrolling.may_skip {
        return Err(Refusal::NotOffered);
    }
    let climb = climb.clone();
    let user = sign_in::climber(&climb, facts)?;
    let spent = Spent::open(&climb.who, facts, &env.tools())?;
    Ok(sign_in::end(flow, &climb, (user, facts), spent, env).step())
}
