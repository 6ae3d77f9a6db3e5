//! The ladder of password recovery: name, proof, new password.

use super::issue_code;
use crate::authenticators::password;
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome, Outgoing};
use crate::flow::{Climb, Completed, Ending, Flow, Intent, Stage, Subject, Who};
use crate::limits::{Spent, StartVerdict};
use crate::need::{Facts, UserFacts, UserStatus};
use crate::notice::Notice;
use crate::policy::SingleAuthenticator;
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

/// Somebody is named: on to the choice of authenticators, whoever it is (promise 3).
///
/// A name whose budget is spent needs proof of work, whoever has it. No client is asked for one
/// yet, so nobody shows it.
pub(crate) fn identified(
    flow: Flow,
    who: Who,
    facts: &Facts,
    env: &Env<'_>,
) -> Result<Step, Refusal> {
    let subject = facts
        .user
        .as_ref()
        .filter(|user| user.status.may_recover() && user.email.is_some())
        .map_or(Subject::Unknown, |user| Subject::Known(user.id.clone()));
    if subject == Subject::Unknown && !env.policy.enumeration_prevention {
        return Ok(Step::Show(vec![Notice::UnknownUser(who.typed)]));
    }
    let paid = false;
    let mut spent = Spent::open(&who, facts, &env.tools())?;
    match spent.start((&flow.id, flow.last_moment()), paid) {
        StartVerdict::Begins => {}
        StartVerdict::ProofOfWorkNeeded { limited, .. } => return Err(limited.into()),
    }
    let who = Who { subject, ..who };
    let climb = Climb {
        tally: flow.spent.clone(),
        paid,
        ..who.climb(Intent::RecoverPassword)
    };
    let recovery = &env.policy.recovery;
    let stage = match (
        recovery.single_authenticator,
        recovery.authenticators.as_slice(),
    ) {
        (SingleAuthenticator::Verify, [only]) => Stage::ConfirmAuthenticator {
            climb,
            authenticator: only.clone(),
        },
        (SingleAuthenticator::Verify | SingleAuthenticator::Select, _) => {
            Stage::SelectAuthenticator { climb }
        }
    };
    Ok(Transition::to(flow.moved_to(stage, env.now))
        .charged_to(spent)
        .step())
}

/// The new password stands: everything that belongs to it happens in one commit (I-07).
pub(crate) fn complete(
    flow: Flow,
    facts: (&UserFacts, &Facts),
    phc: &str,
    revoke_sessions: Option<bool>,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let (user, facts) = facts;
    let recovery = &env.policy.recovery;
    let revokes = recovery.revoke_sessions.revokes(revoke_sessions);
    let audit = |name| {
        let subject = AuditSubject::User(user.id.clone());
        Effect::Audit(AuditEvent {
            name,
            subject,
            outcome: Outcome::Success,
            reason: None,
        })
    };
    let mut effects = vec![
        Effect::SetPassword {
            user: user.id.clone(),
            phc: phc.to_owned(),
            keep_history: env.policy.password.history.saturating_sub(1),
            at: env.now,
        },
        Effect::EndOtherFlows {
            user: user.id.clone(),
        },
        audit("user.account.reset_password"),
    ];
    if revokes {
        effects.push(Effect::RevokeSessions {
            user: user.id.clone(),
        });
        effects.push(audit("user.session.clear"));
    }
    if user.status == UserStatus::LockedOut {
        effects.push(Effect::Unlock {
            user: user.id.clone(),
        });
        effects.push(audit("user.account.unlock"));
    }
    effects.push(Effect::Enqueue(Outgoing::PasswordChanged {
        user: user.id.clone(),
        at: env.now,
        app_label: flow.app.label.clone(),
    }));
    let who = flow
        .climb()
        .map(|climb| climb.who.clone())
        .ok_or(Refusal::Bug("a recovery ends that is nobody's"))?;
    let mut spent = Spent::open(&who, facts, &env.tools())?;
    spent.recovered();
    let mut new_device = None;
    let ending = if recovery.auto_sign_in {
        effects.push(issue_code(&flow, &user.id, amr(&flow), env));
        effects.push(audit("user.session.start"));
        spent.signed_in();
        new_device = spent.remember((&flow, &who), facts.browser, env);
        Ending::InteractionCode
    } else {
        Ending::PasswordChanged
    };
    let stage = Stage::Completed(Completed {
        user: user.id.clone(),
        canonical: who.canonical,
        at: env.now,
        ending,
        ledgers: Some(who.ledgers),
    });
    let mut transition = Transition::to(flow.moved_to(stage, env.now));
    transition.effects = effects;
    transition.new_device = new_device;
    Ok(transition.charged_to(spent).step())
}

/// What was proved, and the password that was just set. It is not two factors (I-12).
fn amr(flow: &Flow) -> Vec<String> {
    let mut amr: Vec<String> = flow
        .climb()
        .into_iter()
        .flat_map(|climb| &climb.proofs)
        .filter_map(|proof| proof.authenticator().resolve())
        .map(|known| known.descriptor().amr.to_owned())
        .collect();
    amr.push(password::DESCRIPTOR.amr.to_owned());
    amr.sort();
    amr.dedup();
    amr
}
