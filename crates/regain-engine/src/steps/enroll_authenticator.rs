//! `enroll-authenticator`: the answer that shows that what was set up works.

use regain_types::Secret;

use crate::authenticators::{Attempt, Confirmed, confirm};
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome, Outgoing};
use crate::flow::{Flow, Stage};
use crate::intents::{enrollment, second_factor, sign_in};
use crate::limits::Spent;
use crate::need::{Enrollment, Facts, UserFacts};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(
    flow: Flow,
    passcode: Option<&Secret<String>>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let Stage::EnrollAuthenticator {
        climb, challenge, ..
    } = &flow.stage
    else {
        return Err(Refusal::NotOffered);
    };
    let passcode = passcode.ok_or(Refusal::NotOffered)?;
    let (climb, challenge) = (climb.clone(), challenge.clone());
    let user = sign_in::climber(&climb, facts)?;
    let mut spent = Spent::open(&climb.who, facts, &env.tools())?;
    // Set up elsewhere meanwhile, or no longer wanted by the org: nobody's is written over. And
    // whoever has a second factor by now proves it before there is another one.
    let is_asked = !second_factor::wanted(user, &climb, env.policy).is_empty();
    let wanted = enrollment::wanted(user, &climb, env.policy);
    let is_wanted = wanted.is_some_and(|wanted| wanted.choices.contains(&challenge.authenticator));
    if is_asked || !is_wanted {
        return Ok(sign_in::go_on(flow, climb, (user, facts), spent, env)?.step());
    }
    let attempt = Attempt {
        flow: &flow,
        climb: &climb,
        challenge: &challenge,
        passcode,
        facts,
    };
    match confirm(&attempt, &mut spent, &env.tools())? {
        Confirmed::Wrong(notice) => {
            let counted = wrong(flow).charged_to(spent);
            Ok(counted.saying(notice).step())
        }
        Confirmed::Works(enrollment) => {
            let changes = changes((&flow, user), enrollment, env);
            let mut climb = climb;
            climb.enrolled.push(challenge.authenticator);
            let mut transition = sign_in::go_on(flow, climb, (user, facts), spent, env)?;
            transition.effects.splice(0..0, changes);
            Ok(transition.step())
        }
    }
}

/// What a new authenticator changes: it is the user's, and the owner is told of it (M-08).
fn changes((flow, user): (&Flow, &UserFacts), added: Enrollment, env: &Env<'_>) -> [Effect; 3] {
    let told = Effect::Enqueue(Outgoing::AuthenticatorAdded {
        user: user.id.clone(),
        authenticator: added.authenticator.clone(),
        at: env.now,
        app_label: flow.app.label.clone(),
    });
    let saved = Effect::SaveEnrollments {
        user: user.id.clone(),
        version: user.enrollments.version,
        list: user.enrollments.with(added),
    };
    let audited = Effect::Audit(AuditEvent {
        name: "user.mfa.factor.activate",
        subject: AuditSubject::User(user.id.clone()),
        outcome: Outcome::Success,
        reason: None,
    });
    [saved, audited, told]
}

/// Counts a wrong answer; the flow stays where it is.
fn wrong(mut flow: Flow) -> Transition {
    if let Stage::EnrollAuthenticator {
        climb, challenge, ..
    } = &mut flow.stage
    {
        climb.tally.wrong_answers += 1;
        challenge.wrong_answers += 1;
    }
    Transition::to(flow)
}
