//! The ladder of password recovery: name, proof, new password.

use super::{enrollment, issue_code, second_factor};
use crate::authenticators::password;
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome, Outgoing};
use crate::flow::{Climb, Completed, Ending, Flow, Intent, Stage, Subject, Who};
use crate::limits::{Spent, StartVerdict};
use crate::need::{Facts, UserFacts, UserStatus};
use crate::notice::Notice;
use crate::policy::{ProofOfWork, SingleAuthenticator};
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};
use crate::work::{WorkDemand, WorkPayment, take_payment, work_price};

/// Somebody is named: on to the choice of authenticators, whoever it is (promise 3).
///
/// A name whose budget is spent needs proof of work, whoever has it, and whether anybody has it
/// (M-03); `work` is what the client sent for it.
pub(crate) fn identified(
    mut flow: Flow,
    who: Who,
    work: Option<&str>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let subject = facts
        .user
        .as_ref()
        .filter(|user| user.status.may_recover() && user.email.is_some())
        .map_or(Subject::Unknown, |user| Subject::Known(user.id.clone()));
    if subject == Subject::Unknown && !env.policy.enumeration_prevention {
        return Ok(Step::Show(vec![Notice::UnknownUser(who.typed)]));
    }
    let mut spent = Spent::open(&who, facts, &env.tools())?;
    let start = (flow.id.clone(), flow.last_moment());
    let verdict = spent.start((&start.0, start.1), false);
    let mut paid = false;
    if let Some(fee) = fee(verdict, env.policy.recovery.proof_of_work)? {
        match take_payment(&flow, work, fee.price, env) {
            WorkPayment::Made => {}
            WorkPayment::Awaited | WorkPayment::Refused if !facts.solves_work => {
                return Err(fee.otherwise);
            }
            unpaid @ (WorkPayment::Awaited | WorkPayment::Refused) => {
                return Ok(demand_work(flow, &who, (unpaid, fee.price), env));
            }
        }
        // What the budget covers is charged to the budget.
        paid = verdict != StartVerdict::Begins;
        if paid {
            spent.start((&start.0, start.1), true);
        }
    }
    flow.work = None;
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

/// What a start costs.
struct Fee {
    /// In work.
    price: u32,
    /// What becomes of it where the client cannot work.
    otherwise: Refusal,
}

/// What a start costs; `None`: nothing.
fn fee(verdict: StartVerdict, proof_of_work: ProofOfWork) -> Result<Option<Fee>, Refusal> {
    match (verdict, proof_of_work) {
        (StartVerdict::Begins, ProofOfWork::Never | ProofOfWork::WhenNeeded) => Ok(None),
        (StartVerdict::Begins, ProofOfWork::Always) => Ok(Some(Fee {
            price: work_price(0),
            otherwise: Refusal::TooManyRequests,
        })),
        (StartVerdict::ProofOfWorkNeeded { limited, .. }, ProofOfWork::Never) => {
            Err(limited.into())
        }
        (
            StartVerdict::ProofOfWorkNeeded { limited, paid_24h },
            ProofOfWork::Always | ProofOfWork::WhenNeeded,
        ) => Ok(Some(Fee {
            price: work_price(paid_24h),
            otherwise: limited.into(),
        })),
    }
}

/// The page of the name again, with work to do before it goes on. Nothing is charged for it.
fn demand_work(
    mut flow: Flow,
    who: &Who,
    (payment, price): (WorkPayment, u32),
    env: &mut Env<'_>,
) -> Step {
    if payment == WorkPayment::Awaited {
        return Step::Show(vec![Notice::WorkNeeded]);
    }
    flow.work = Some(WorkDemand::new(price, &who.typed, env.rng));
    Transition::to(flow.moved_to(Stage::IdentifyRecovery, env.now))
        .saying(Notice::WorkNeeded)
        .step()
}

/// The new password stands: everything that belongs to it happens in one commit (I-07).
pub(crate) fn complete(
    flow: Flow,
    (user, facts): (&UserFacts, &Facts),
    phc: &str,
    revoke_sessions: Option<bool>,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let revokes = env.policy.recovery.revoke_sessions.revokes(revoke_sessions);
    let name = "user.account.reset_password";
    let mut effects = changes((&flow, user), (name, phc), revokes, env);
    let climb = flow
        .climb()
        .ok_or(Refusal::Bug("a recovery ends that is nobody's"))?;
    let who = climb.who.clone();
    let mut spent = Spent::open(&who, facts, &env.tools())?;
    spent.recovered();
    // What must be set up yet is set up at a sign-in, by whoever has the new password.
    let lacks = enrollment::lacks_what_is_required(user, env.policy);
    let auto_sign_in = env.policy.recovery.auto_sign_in && !lacks;
    let wanted = second_factor::of(user, env.policy);
    if auto_sign_in && !wanted.is_empty() {
        let climb = climb.clone();
        let mut transition = second_factor::after_recovery(flow, climb, wanted, spent, env)?;
        transition.effects.splice(0..0, effects);
        return Ok(transition.step());
    }
    let mut new_device = None;
    let ending = if auto_sign_in {
        effects.push(issue_code(&flow, &user.id, amr(&flow), env));
        effects.push(audit(user, "user.session.start"));
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

/// What a new password changes, whatever comes next; the log has it under `name`.
pub(crate) fn changes(
    (flow, user): (&Flow, &UserFacts),
    (name, phc): (&'static str, &str),
    revokes: bool,
    env: &Env<'_>,
) -> Vec<Effect> {
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
        audit(user, name),
    ];
    if revokes {
        effects.push(Effect::RevokeSessions {
            user: user.id.clone(),
        });
        effects.push(audit(user, "user.session.clear"));
    }
    if user.status == UserStatus::LockedOut {
        effects.push(Effect::Unlock {
            user: user.id.clone(),
        });
        effects.push(audit(user, "user.account.unlock"));
    }
    effects.push(Effect::Enqueue(Outgoing::PasswordChanged {
        user: user.id.clone(),
        at: env.now,
        app_label: flow.app.label.clone(),
    }));
    effects
}

fn audit(user: &UserFacts, name: &'static str) -> Effect {
    Effect::Audit(AuditEvent {
        name,
        subject: AuditSubject::User(user.id.clone()),
        outcome: Outcome::Success,
        reason: None,
    })
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
