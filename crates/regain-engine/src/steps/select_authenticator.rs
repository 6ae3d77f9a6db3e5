//! `select-authenticator-authenticate` and `authenticator-verification-data`: open a challenge.

use crate::authenticators::{AuthenticatorKey, challenge_id};
use crate::effect::Effect;
use crate::flow::{Challenge, Climb, Flow, Stage};
use crate::limits::Spent;
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(
    flow: Flow,
    id: &str,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let climb = flow.climb().ok_or(Refusal::NotOffered)?;
    let chosen = climb
        .choices(env.policy)
        .into_iter()
        .find(|key| key.authenticator_id(env.keys, env.org) == id)
        .ok_or(Refusal::NotOffered)?;
    // Somebody went back and chose the same again: the code that is on its way still counts.
    if let Stage::ChallengeAuthenticator { challenge, .. } = &flow.stage
        && challenge.authenticator == chosen
        && env.now < challenge.expires_at
        && cools_down(climb, env)
    {
        return Ok(Step::Show(Vec::new()));
    }
    let climb = climb.clone();
    open(flow, climb, &chosen, facts, env)
}

/// Opens a challenge of an authenticator; an older one is void from then on (I-11).
pub(crate) fn open(
    flow: Flow,
    climb: Climb,
    key: &AuthenticatorKey,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let spent = Spent::open(&climb.who, facts, &env.tools())?;
    Ok(challenge(flow, climb, key, spent, env)?.step())
}

/// The same, within a step that has spent something already.
pub(crate) fn challenge(
    flow: Flow,
    mut climb: Climb,
    key: &AuthenticatorKey,
    mut spent: Spent,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    let authenticator = key.resolve().ok_or(Refusal::Bug(
        "policy names an authenticator that is not registered",
    ))?;
    let mut issue = None;
    if authenticator.sends() {
        if climb.tally.sends >= env.policy.limits.sends_per_flow || cools_down(&climb, env) {
            return Err(Refusal::TooManyRequests);
        }
        climb.tally.sends += 1;
        climb.tally.last_send_at = Some(env.now);
        issue = Some(spent.issue(env.policy.email.code_length, climb.paid)?);
    }
    let id = challenge_id(env.rng);
    let opened = authenticator.open(&flow, &climb, (&id, issue), &env.tools());
    let challenge = Challenge {
        id,
        authenticator: key.clone(),
        issued_at: env.now,
        expires_at: opened.expires_at,
        wrong_answers: 0,
        data: opened.data,
    };
    let stage = Stage::ChallengeAuthenticator { climb, challenge };
    let mut transition = Transition::to(flow.moved_to(stage, env.now)).charged_to(spent);
    transition
        .effects
        .extend(opened.outgoing.map(Effect::Enqueue));
    Ok(transition)
}

/// Whether the last message is too fresh for another one (M-02).
fn cools_down(climb: &Climb, env: &Env<'_>) -> bool {
    climb
        .tally
        .last_send_at
        .is_some_and(|sent| env.now < sent.plus_seconds(env.policy.limits.resend_cooldown_seconds))
}
