//! The ladder of sign-in: name and password, together or one after the other.

use regain_types::{Identifier, Secret};

use super::{hashed, issue_code};
use crate::authenticators::{AuthenticatorKey, password};
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome};
use crate::flow::{Climb, Completed, Ending, Flow, Stage};
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
    identifier: &Identifier,
    passcode: &Secret<String>,
    facts: &Facts,
    env: &Env<'_>,
) -> Step {
    let user = facts.user.as_ref();
    match (facts.password_matches, user) {
        (None, _) => Step::Need(verify_password(user, passcode)),
        (Some(true), Some(user)) if user.status.may_sign_in() => {
            let amr = vec![password::DESCRIPTOR.amr.to_owned()];
            complete(flow, user, identifier.canonical(), amr, env)
        }
        (Some(_), _) => {
            let failed = Effect::Audit(AuditEvent {
                name: "user.session.start",
                subject: AuditSubject::Identifier(hashed(
                    identifier.canonical(),
                    env.keys,
                    env.org,
                )),
                outcome: Outcome::Failure,
                reason: Some("INVALID_CREDENTIALS"),
            });
            let notice = Notice::AuthenticationFailed;
            Transition::to(flow).with(failed).saying(notice).step()
        }
    }
}

/// Asks for the password on the next page.
pub(crate) fn ask_password(flow: Flow, climb: Climb, env: &mut Env<'_>) -> Result<Step, Refusal> {
    select_authenticator::open(
        flow,
        climb,
        &AuthenticatorKey::of(&password::DESCRIPTOR),
        env,
    )
}

/// Everything that the ladder asks for is proved.
pub(crate) fn proved(
    flow: Flow,
    climb: &Climb,
    facts: &Facts,
    env: &Env<'_>,
) -> Result<Step, Refusal> {
    let user = facts
        .user
        .as_ref()
        .filter(|user| climb.who.subject.known() == Some(&user.id) && user.status.may_sign_in())
        .ok_or(Refusal::Expired)?;
    let mut amr: Vec<String> = climb
        .proofs
        .iter()
        .filter_map(|proof| proof.authenticator().resolve())
        .map(|known| known.descriptor().amr.to_owned())
        .collect();
    amr.sort();
    amr.dedup();
    Ok(complete(flow, user, &climb.who.canonical, amr, env))
}

/// What the hashing threads must do for a sign-in: the same work for everybody (E-05).
pub(crate) fn verify_password(user: Option<&UserFacts>, passcode: &Secret<String>) -> Need {
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
    user: &UserFacts,
    canonical: &str,
    amr: Vec<String>,
    env: &Env<'_>,
) -> Step {
    let code = issue_code(&flow, &user.id, amr, env);
    let started = Effect::Audit(AuditEvent {
        name: "user.session.start",
        subject: AuditSubject::User(user.id.clone()),
        outcome: Outcome::Success,
        reason: None,
    });
    let stage = Stage::Completed(Completed {
        user: user.id.clone(),
        canonical: canonical.to_owned(),
        at: env.now,
        ending: Ending::InteractionCode,
    });
    let mut transition = Transition::to(flow.moved_to(stage, env.now));
    // A one-page sign-in belongs to nobody until here: a reset does not find it to end it.
    let compared = user.password.clone();
    transition
        .effects
        .extend(compared.map(|password| Effect::RequirePassword {
            user: user.id.clone(),
            password,
        }));
    transition.with(code).with(started).step()
}
