//! `select-authenticator-enroll`: begins to set up an authenticator.

use crate::authenticators::{Authenticator, challenge_id};
use crate::flow::{Challenge, Flow, Stage};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(flow: Flow, id: &str, env: &mut Env<'_>) -> Result<Step, Refusal> {
    let (climb, enrolling) = flow.enrolling().ok_or(Refusal::NotOffered)?;
    let (climb, enrolling) = (climb.clone(), enrolling.clone());
    let chosen = enrolling
        .choices
        .iter()
        .find(|key| key.authenticator_id(env.keys, env.org) == id)
        .ok_or(Refusal::NotOffered)?
        .clone();
    // Somebody went back and chose the same again: what was shown for it still holds.
    if let Stage::EnrollAuthenticator { challenge, .. } = &flow.stage
        && challenge.authenticator == chosen
        && env.now < challenge.expires_at
    {
        return Ok(Step::Show(Vec::new()));
    }
    let enroll = chosen
        .resolve()
        .and_then(Authenticator::enroll)
        .ok_or(Refusal::Bug(
            "policy names an authenticator that nobody can set up",
        ))?;
    let id = challenge_id(env.rng);
    let challenge = Challenge {
        authenticator: chosen,
        issued_at: env.now,
        expires_at: flow.last_moment(),
        wrong_answers: 0,
        data: enroll.begin(&id),
        id,
    };
    let stage = Stage::EnrollAuthenticator {
        climb,
        enrolling,
        challenge,
    };
    Ok(Transition::to(flow.moved_to(stage, env.now)).step())
}
