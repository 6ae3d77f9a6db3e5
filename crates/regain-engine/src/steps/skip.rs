//! `skip`: what may be set up, or replaced, is left for another time.

use crate::flow::{Climb, Flow, Stage};
use crate::intents::{enrollment, second_factor, sign_in};
use crate::limits::Spent;
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step};

pub(crate) fn take(flow: Flow, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    if let Stage::ReenrollAuthenticator {
        climb,
        days_left: Some(_),
    } = &flow.stage
    {
        let climb = Climb {
            password_is_settled: true,
            ..climb.clone()
        };
        let user = sign_in::climber(&climb, facts)?;
        let spent = Spent::open(&climb.who, facts, &env.tools())?;
        return Ok(sign_in::go_on(flow, climb, (user, facts), spent, env)?.step());
    }
    let (climb, enrolling) = flow.enrolling().ok_or(Refusal::NotOffered)?;
    if !enrolling.may_skip {
        return Err(Refusal::NotOffered);
    }
    let climb = climb.clone();
    let user = sign_in::climber(&climb, facts)?;
    let spent = Spent::open(&climb.who, facts, &env.tools())?;
    // What has come up since the page was shown is not skipped with it.
    let is_asked = !second_factor::wanted(user, &climb, env.policy).is_empty();
    let wanted = enrollment::wanted(user, &climb, env.policy);
    if is_asked || wanted.is_some_and(|wanted| !wanted.may_skip) {
        return Ok(sign_in::go_on(flow, climb, (user, facts), spent, env)?.step());
    }
    Ok(sign_in::end(flow, &climb, (user, facts), spent, env).step())
}
