//! `challenge-authenticator`: an answer to the open challenge.

use regain_types::Secret;

use crate::authenticators::{Attempt, Verified, verify};
use crate::effect::{AuditEvent, Effect, Outcome};
use crate::flow::{Challenge, Climb, Flow, Intent, Stage};
use crate::intents::{audit_climber, sign_in};
use crate::limits::Spent;
use crate::need::{Enrollment, Facts};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(
    flow: Flow,
    passcode: Option<&Secret<String>>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let Stage::ChallengeAuthenticator { climb, challenge } = &flow.stage else {
        return Err(Refusal::NotOffered);
    };
    let passcode = passcode.ok_or(Refusal::NotOffered)?;
    let (climb, challenge) = (climb.clone(), challenge.clone());
    let mut spent = Spent::open(&climb.who, facts, &env.tools())?;
    let attempt = Attempt {
        flow: &flow,
        climb: &climb,
        challenge: &challenge,
        passcode,
        facts,
    };
    match verify(&attempt, &mut spent, &env.tools())? {
        Verified::Need(need) => Ok(Step::Need(need)),
        Verified::Wrong(notice) => {
            let counted = wrong(flow, climb, challenge, env);
            Ok(counted.charged_to(spent).saying(notice).step())
        }
        Verified::Proved(proof, used) => {
            let redeemed = audit(&climb, Outcome::Success, None, env);
            let mut climb = climb;
            climb.proofs.push(proof);
            let mut transition = match climb.intent {
                Intent::RecoverPassword => {
                    let stage = Stage::ResetAuthenticator { climb };
                    Transition::to(flow.moved_to(stage, env.now))
                        .with(redeemed)
                        .charged_to(spent)
                }
                Intent::SignIn => {
                    let is_second = !climb.further.is_empty();
                    let mut transition = sign_in::proved(flow, climb, spent, facts, env)?;
                    // Who stops after the password may not be who it belongs to: the log tells of it.
                    let is_told = is_second || transition.flow.is_live();
                    transition.effects.extend(is_told.then_some(redeemed));
                    transition
                }
            };
            transition
                .effects
                .extend(used.and_then(|used| save(used, facts)));
            Ok(transition.step())
        }
    }
}

/// What was used once is not used again: the commit is refused if somebody used it meanwhile.
fn save(enrollment: Enrollment, facts: &Facts) -> Option<Effect> {
    let user = facts.user.as_ref()?;
    Some(Effect::SaveEnrollments {
        user: user.id.clone(),
        version: user.enrollments.version,
        list: user.enrollments.with(enrollment),
    })
}

/// Counts a wrong answer; the flow stays where it is.
fn wrong(mut flow: Flow, mut climb: Climb, mut challenge: Challenge, env: &Env<'_>) -> Transition {
    let counted = audit(&climb, Outcome::Failure, Some("INVALID_CREDENTIALS"), env);
    climb.tally.wrong_answers += 1;
    challenge.wrong_answers += 1;
    flow.stage = Stage::ChallengeAuthenticator { climb, challenge };
    Transition::to(flow).with(counted)
}

fn audit(climb: &Climb, outcome: Outcome, reason: Option<&'static str>, env: &Env<'_>) -> Effect {
    Effect::Audit(AuditEvent {
        name: if climb.further.is_empty() {
            "user.authentication.verify"
        } else {
            "user.authentication.auth_via_mfa"
        },
        subject: audit_climber(climb, outcome, env),
        outcome,
        reason,
    })
}
