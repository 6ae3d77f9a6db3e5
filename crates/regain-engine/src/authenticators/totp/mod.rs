//! Codes from an authenticator app (RFC 6238: SHA-1, 30 seconds, 6 digits, as every app has them).
//!
//! The secret that app and engine share derives from the enrolment, as codes in mails derive from
//! their challenge: nothing of it is stored (C-07). A code works once: the step it belongs to is kept,
//! and an earlier one never works again.

mod algorithm;

use regain_types::{ChallengeId, Entropy, KeyRing, OrgId, Secret, Timestamp, random_base62};
use regain_wire::idx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Attempt, Authenticator, AuthenticatorKey, Descriptor, Opened, Tools, Verdict};
use crate::flow::{Challenge, Climb, Flow};
use crate::limits::{Attempted, Issue, Pass};
use crate::need::{Enrollment, UserFacts};
use crate::notice::Notice;
use crate::offers::Offer;
use crate::policy::Policy;
pub use algorithm::TotpSecret;
use algorithm::{code, step_at};

/// Clocks differ: a code of the step before and of the one after is taken, too.
const STEPS_AROUND: u64 = 1;
const NAME_LENGTH: usize = 20;

/// `google_otp`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    key: "google_otp",
    kind: "app",
    display_name: "Google Authenticator",
    methods: &["otp"],
    enrollment_prefix: "uft",
    amr: "otp",
};

/// What an enrolment keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The secret derives from it.
    name: String,
    /// The step of the last code that was taken.
    last_step: u64,
}

/// A new enrolment, and the secret for the app: it is shown once, and never again.
#[must_use]
pub fn enroll_totp(
    (keys, org): (&KeyRing, &OrgId),
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> (Enrollment, TotpSecret) {
    let kept = Kept {
        name: random_base62(entropy, NAME_LENGTH),
        last_step: 0,
    };
    let secret = secret_of(&kept, keys, org);
    let enrollment = Enrollment {
        authenticator: AuthenticatorKey::of(&DESCRIPTOR),
        enrolled_at: now,
        data: serde_json::to_value(&kept).unwrap_or_default(),
    };
    (enrollment, secret)
}

/// The key of the enrolments that [`enroll_totp`] makes.
#[must_use]
pub fn totp_key() -> AuthenticatorKey {
    AuthenticatorKey::of(&DESCRIPTOR)
}

fn secret_of(kept: &Kept, keys: &KeyRing, org: &OrgId) -> TotpSecret {
    let parts = [org.as_str().as_bytes(), kept.name.as_bytes()];
    TotpSecret::from_mac(&keys.totp.mac(&parts))
}

/// The authenticator.
pub(crate) struct Totp;

impl Authenticator for Totp {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(
        &self,
        flow: &Flow,
        _: &Climb,
        _: (&ChallengeId, Option<Issue>),
        _: &Tools<'_>,
    ) -> Opened {
        Opened {
            expires_at: flow.expires_at,
            data: Value::Null,
            outgoing: None,
        }
    }

    fn attempted(&self, _: &Challenge) -> Option<Attempted> {
        Some(Attempted::SecondFactor)
    }

    fn judge(&self, attempt: &Attempt<'_>, _: &Pass, tools: &Tools<'_>) -> Verdict {
        let subject = attempt.climb.who.subject.known();
        let user = attempt.facts.user.as_ref();
        let enrollment = user
            .filter(|user| subject == Some(&user.id) && user.status.may_sign_in())
            .and_then(|user| user.enrollments.of(&AuthenticatorKey::of(&DESCRIPTOR)));
        let Some(enrollment) = enrollment else {
            return Verdict::Wrong(Notice::CodeInvalid);
        };
        let Ok(kept) = serde_json::from_value::<Kept>(enrollment.data.clone()) else {
            return Verdict::Wrong(Notice::CodeInvalid);
        };
        let secret = secret_of(&kept, tools.keys, tools.org);
        let now = step_at(tools.now);
        let around = now.saturating_sub(STEPS_AROUND)..=now.saturating_add(STEPS_AROUND);
        match matching(attempt.passcode, &secret, around) {
            None => Verdict::Wrong(Notice::CodeInvalid),
            Some(step) if step <= kept.last_step => Verdict::Wrong(Notice::CodeUsed),
            Some(step) => {
                let kept = Kept {
                    last_step: step,
                    ..kept
                };
                Verdict::Right(Some(Enrollment {
                    data: serde_json::to_value(&kept).unwrap_or_default(),
                    ..enrollment.clone()
                }))
            }
        }
    }

    fn fields(&self) -> Vec<idx::Field> {
        vec![idx::Field {
            name: Some("passcode".to_owned()),
            label: Some("Enter code".to_owned()),
            required: Some(true),
            ..idx::Field::default()
        }]
    }

    fn actions(&self, _: &Policy) -> Vec<Offer> {
        Vec::new()
    }

    fn contextual_data(&self) -> Option<idx::ContextualData> {
        None
    }

    fn profile(&self, _: &UserFacts) -> Option<idx::Profile> {
        None
    }

    fn sends(&self) -> bool {
        false
    }

    fn is_knowledge(&self) -> bool {
        false
    }
}

/// The step whose code this is, the latest of them; all are compared, whichever it is.
fn matching(
    passcode: &Secret<String>,
    secret: &TotpSecret,
    steps: std::ops::RangeInclusive<u64>,
) -> Option<u64> {
    let typed: String = passcode
        .expose()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '\t' | '\r' | '\n'))
        .collect();
    let mut found = None;
    for step in steps {
        if bool::from(subtle::ConstantTimeEq::ct_eq(
            typed.as_bytes(),
            code(secret, step).as_bytes(),
        )) {
            found = Some(step);
        }
    }
    found
}
