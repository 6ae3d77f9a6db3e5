//! Codes from an authenticator app (RFC 6238: SHA-1, 30 seconds, 6 digits, as every app has them).
//!
//! The secret that app and engine share derives from the enrolment, as codes in mails derive from
//! their challenge: nothing of it is stored (C-07). A code works once: the step it belongs to is kept,
//! and an earlier one never works again.

mod algorithm;
mod enroll;
mod picture;

use std::collections::BTreeSet;

use regain_types::{Entropy, KeyRing, OrgId, Secret, Timestamp, random_base62};
use regain_wire::idx;
use serde::{Deserialize, Serialize};

use super::{Attempt, Authenticator, AuthenticatorKey, Descriptor, Enroll, Tools, Verdict};
use crate::limits::{Attempted, Pass};
use crate::need::Enrollment;
use crate::notice::Notice;
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

/// The secret of an enrolment, by what is kept of it; `None` when that is no app's.
#[must_use]
pub fn totp_secret(data: &serde_json::Value, keys: &KeyRing, org: &OrgId) -> Option<TotpSecret> {
    let kept: Kept = serde_json::from_value(data.clone()).ok()?;
    Some(secret_of(&kept, keys, org))
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

    fn attempted(&self, attempt: &Attempt<'_>) -> Option<Attempted> {
        let since = enrolled(attempt).map(|enrollment| enrollment.enrolled_at);
        Some(Attempted::SecondFactor { since })
    }

    fn judge(&self, attempt: &Attempt<'_>, _: &Pass, tools: &Tools<'_>) -> Verdict {
        let Some(enrollment) = enrolled(attempt) else {
            return Verdict::Wrong(Notice::CodeInvalid);
        };
        let Ok(kept) = serde_json::from_value::<Kept>(enrollment.data.clone()) else {
            return Verdict::Wrong(Notice::CodeInvalid);
        };
        let secret = secret_of(&kept, tools.keys, tools.org);
        match matching(
            attempt.passcode,
            &secret,
            &steps_at([tools.now, tools.wall]),
        ) {
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

    fn is_knowledge(&self) -> bool {
        false
    }

    fn fields(&self) -> Vec<idx::Field> {
        code_fields()
    }

    fn enroll(&self) -> Option<&dyn Enroll> {
        Some(self)
    }
}

fn code_fields() -> Vec<idx::Field> {
    vec![idx::Field {
        name: Some("passcode".to_owned()),
        label: Some("Enter code".to_owned()),
        required: Some(true),
        ..idx::Field::default()
    }]
}

/// The enrolment of the flow's subject: a user who took over the name meanwhile is not it.
fn enrolled<'a>(attempt: &Attempt<'a>) -> Option<&'a Enrollment> {
    let subject = attempt.climb.who.subject.known();
    let user = attempt.facts.user.as_ref()?;
    let may = subject == Some(&user.id) && user.status.may_sign_in();
    let key = AuthenticatorKey::of(&DESCRIPTOR);
    user.enrollments.of(&key).filter(|_| may)
}

/// The steps whose codes are taken. People's apps show the time of the world; the store's clock is
/// that too, unless it jumped ahead once, or a developer moved it.
fn steps_at(clocks: [Timestamp; 2]) -> BTreeSet<u64> {
    let around = |now| {
        let now = step_at(now);
        now.saturating_sub(STEPS_AROUND)..=now.saturating_add(STEPS_AROUND)
    };
    clocks.into_iter().flat_map(around).collect()
}

/// The step whose code this is, the latest of them; all are compared, whichever it is.
fn matching(passcode: &Secret<String>, secret: &TotpSecret, steps: &BTreeSet<u64>) -> Option<u64> {
    let typed: String = passcode
        .expose()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '\t' | '\r' | '\n'))
        .collect();
    let mut found = None;
    for step in steps.iter().copied() {
        if bool::from(subtle::ConstantTimeEq::ct_eq(
            typed.as_bytes(),
            code(secret, step).as_bytes(),
        )) {
            found = Some(step);
        }
    }
    found
}
