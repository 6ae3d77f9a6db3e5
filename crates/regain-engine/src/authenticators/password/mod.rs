//! The password: checked on the hashing threads, replaced in `steps/reset_authenticator.rs`.

use regain_wire::idx;

use super::{Attempt, Authenticator, AuthenticatorKey, Descriptor, Tools, Verdict};
use crate::flow::{Challenge, Subject};
use crate::intents::sign_in;
use crate::limits::{Attempted, Pass};
use crate::need::UserFacts;
use crate::offers::{Holder, Offer};
use crate::policy::Policy;

/// `okta_password`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    key: "okta_password",
    kind: "password",
    display_name: "Password",
    methods: &["password"],
    enrollment_prefix: "lae",
    amr: "pwd",
};

/// The authenticator.
pub(crate) struct Password;

impl Authenticator for Password {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn attempted(&self, _: &Attempt<'_>) -> Option<Attempted> {
        Some(Attempted::Password)
    }

    fn judge(&self, attempt: &Attempt<'_>, pass: &Pass, tools: &Tools<'_>) -> Verdict {
        let user = subject_facts(attempt);
        match attempt.facts.password_matches {
            None => Verdict::Need(sign_in::verify_password(user, attempt.passcode, pass)),
            Some(true) if user.is_some_and(|user| user.status.may_sign_in()) => {
                Verdict::Right(None)
            }
            Some(_) => Verdict::Wrong(sign_in::wrong_password(user, tools.policy)),
        }
    }

    fn fields(&self) -> Vec<idx::Field> {
        vec![idx::Field {
            name: Some("passcode".to_owned()),
            label: Some("Password".to_owned()),
            secret: Some(true),
            ..idx::Field::default()
        }]
    }

    fn actions(&self, policy: &Policy) -> Vec<Offer> {
        if policy.offers_recovery() {
            vec![Offer::Recover(Holder::Enrollment)]
        } else {
            Vec::new()
        }
    }

    fn is_knowledge(&self) -> bool {
        true
    }
}

/// The facts of the flow's subject: a user who took over the name meanwhile is not it.
fn subject_facts<'a>(attempt: &Attempt<'a>) -> Option<&'a UserFacts> {
    let user = attempt.facts.user.as_ref()?;
    (attempt.climb.who.subject == Subject::Known(user.id.clone())).then_some(user)
}

/// Whether a challenge wants a password.
pub(crate) fn is_challenged(challenge: &Challenge) -> bool {
    is(&challenge.authenticator)
}

/// Whether this is the password.
pub(crate) fn is(key: &AuthenticatorKey) -> bool {
    key.as_str() == DESCRIPTOR.key
}
