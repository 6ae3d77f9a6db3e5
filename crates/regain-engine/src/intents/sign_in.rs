//! The ladder of sign-in: name and password, together or one after the other.

use regain_types::Secret;

use super::{enrollment, expired_password, hashed, issue_code, second_factor};
use crate::authenticators::{of_password, password};
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome};
use crate::flow::{Climb, Completed, Ending, Flow, Intent, Stage, Subject, Who};
use crate::limits::{Attempted, Pass, Spent, attempt_gate};
use crate::need::{Facts, Need, UserFacts};
use crate::notice::Notice;
use crate::policy::Policy;
use crate::policy::password::normalised;
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};
use crate::steps::select_authenticator;

/// Checks name and password of a one-page form.
pub(crate) fn with_password(
    flow: Flow,
    who: &Who,
    passcode: &Secret<String>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let user = facts.user.as_ref();
    let mut spent = Spent::open(who, facts, &env.tools())?;
    let pass = attempt_gate(Attempted::Password, None, &spent, env.policy)?;
    match (facts.password_matches, user) {
        (None, _) => Ok(Step::Need(verify_password(user, passcode, &pass))),
        (Some(true), Some(user)) if user.status.may_sign_in() => {
            spent.succeeded(&pass);
            let who = Who {
                subject: Subject::Known(user.id.clone()),
                ..who.clone()
            };
            let mut climb = who.climb(Intent::SignIn);
            climb.proofs.push(of_password(&flow, &user.id, &pass, env));
            let mut transition = go_on(flow, climb, (user, facts), spent, env)?;
            // Who has the password and not the second factor may not be who it belongs to.
            if transition.flow.is_live() {
                transition = transition.with(Effect::Audit(AuditEvent {
                    name: "user.authentication.verify",
                    subject: AuditSubject::User(user.id.clone()),
                    outcome: Outcome::Success,
                    reason: None,
                }));
            }
            Ok(transition.step())
        }
        (Some(_), _) => {
            spent.failed(&pass);
            let failed = Effect::Audit(AuditEvent {
                name: "user.session.start",
                subject: AuditSubject::Identifier(hashed(&who.canonical, env.keys, env.org)),
                outcome: Outcome::Failure,
                reason: Some("INVALID_CREDENTIALS"),
            });
            Ok(Transition::to(flow)
                .with(failed)
                .charged_to(spent)
                .saying(Notice::AuthenticationFailed)
                .step())
        }
    }
}

/// Somebody is named: on to the password where that is all there is, else to the choice, whoever it
/// is (promise 3). What sends something is never sent unasked.
pub(crate) fn identified(
    flow: Flow,
    climb: Climb,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    let choices = climb.choices(env.policy);
    match choices.as_slice() {
        [only] if password::is(only) => select_authenticator::open(flow, climb, only, facts, env),
        _ => {
            let stage = Stage::SelectAuthenticator { climb };
            Ok(Transition::to(flow.moved_to(stage, env.now)).step())
        }
    }
}

/// Everything that the ladder asks for is proved.
pub(crate) fn proved(
    flow: Flow,
    climb: Climb,
    spent: Spent,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    let user = climber(&climb, facts)?;
    go_on(flow, climb, (user, facts), spent, env)
}

/// Who climbs, as long as they may sign in.
pub(crate) fn climber<'a>(climb: &Climb, facts: &'a Facts) -> Result<&'a UserFacts, Refusal> {
    let user = facts.user.as_ref();
    user.filter(|user| climb.who.subject.known() == Some(&user.id) && user.status.may_sign_in())
        .ok_or(Refusal::Expired)
}

/// A rung is climbed: on to a second proof, where the user has something to prove with and has not
/// yet; then to a new password, where the present one is too old; then to what is to be set up; then in.
pub(crate) fn go_on(
    flow: Flow,
    climb: Climb,
    (user, facts): (&UserFacts, &Facts),
    spent: Spent,
    env: &mut Env<'_>,
) -> Result<Transition, Refusal> {
    let further = second_factor::wanted(user, &climb, env.policy);
    let asked = if !further.is_empty() {
        second_factor::ask(flow, climb, further, spent, env)?
    } else if let Some(wanted) = expired_password::wanted(user, &climb, env) {
        expired_password::ask(flow, climb, wanted, spent, env)
    } else if let Some(enrolling) = enrollment::wanted(user, &climb, env.policy) {
        enrollment::ask(flow, climb, enrolling, spent, env)
    } else {
        return Ok(end(flow, &climb, (user, facts), spent, env));
    };
    Ok(held_to_the_password(asked, user))
}

/// Everything is proved and set up.
pub(crate) fn end(
    flow: Flow,
    climb: &Climb,
    (user, facts): (&UserFacts, &Facts),
    spent: Spent,
    env: &mut Env<'_>,
) -> Transition {
    let amr = amr(climb);
    let transition = complete(flow, (user, &climb.who, facts), amr, spent, env);
    held_to_the_password(transition, user)
}

/// A sign-in in one page belongs to nobody until its password is compared: a reset does not find it
/// to end it. It is the first of the effects.
fn held_to_the_password(mut transition: Transition, user: &UserFacts) -> Transition {
    let compared = user.password.clone();
    let required = compared.map(|password| Effect::RequirePassword {
        user: user.id.clone(),
        password,
    });
    transition.effects.splice(0..0, required);
    transition
}

/// How somebody signed in (RFC 8176); more than one way is `mfa`.
fn amr(climb: &Climb) -> Vec<String> {
    let mut amr: Vec<String> = climb
        .proofs
        .iter()
        .filter_map(|proof| proof.authenticator().resolve())
        .map(|known| known.descriptor().amr.to_owned())
        .collect();
    if second_factor::is_proved(climb) {
        amr.push("mfa".to_owned());
    }
    amr.sort();
    amr.dedup();
    amr
}

/// What the hashing threads must do for a sign-in: the same work for everybody (E-05).
pub(crate) fn verify_password(
    user: Option<&UserFacts>,
    passcode: &Secret<String>,
    _: &Pass,
) -> Need {
    let stored = user.and_then(|user| user.password.clone());
    let as_stored = stored.as_ref().is_none_or(|stored| stored.nfc);
    let candidate = if as_stored {
        normalised(passcode.expose())
    } else {
        passcode.expose().clone()
    };
    Need::VerifyPassword {
        stored,
        candidate: Secret::new(candidate),
    }
}

/// What a wrong password comes to: which part was wrong is only said when the org wants it.
pub(crate) fn wrong_password(user: Option<&UserFacts>, policy: &Policy) -> Notice {
    if !policy.enumeration_prevention && user.is_some_and(|user| user.status.may_sign_in()) {
        Notice::PasswordIncorrect
    } else {
        Notice::AuthenticationFailed
    }
}

fn complete(
    flow: Flow,
    (user, who, facts): (&UserFacts, &Who, &Facts),
    amr: Vec<String>,
    mut spent: Spent,
    env: &mut Env<'_>,
) -> Transition {
    spent.signed_in();
    let new_device = spent.remember((&flow, who), facts.browser, env);
    let code = issue_code(&flow, &user.id, amr, env);
    let started = Effect::Audit(AuditEvent {
        name: "user.session.start",
        subject: AuditSubject::User(user.id.clone()),
        outcome: Outcome::Success,
        reason: None,
    });
    let stage = Stage::Completed(Completed {
        user: user.id.clone(),
        canonical: who.canonical.clone(),
        at: env.now,
        ending: Ending::InteractionCode,
        ledgers: Some(who.ledgers),
    });
    let mut transition = Transition::to(flow.moved_to(stage, env.now));
    transition.new_device = new_device;
    transition.with(code).with(started).charged_to(spent)
}
