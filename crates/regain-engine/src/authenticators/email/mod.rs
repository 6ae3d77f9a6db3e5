//! E-mail: a code that derives from its challenge, so that nothing of it is stored (C-07).

mod link;

use regain_types::{ChallengeId, FlowId, KeyRing, OrgId, Secret, Timestamp};
use regain_wire::idx;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{Attempt, Authenticator, AuthenticatorKey, Descriptor, Opened, Tools, Verdict};
use crate::effect::Outgoing;
use crate::flow::{Challenge, Climb, Flow, Intent};
use crate::intents::hashed;
use crate::limits::{Attempted, Issue, Pass};
use crate::need::{Enrollment, UserFacts};
use crate::notice::Notice;
use crate::offers::{Holder, Offer};
use crate::policy::Policy;

pub use link::{LinkState, LinkTarget};

/// Fewest digits of a code (security §3).
pub const CODE_DIGITS_MIN: u8 = 6;
/// Most digits of a code: a long one's.
pub const CODE_DIGITS_MAX: u8 = 16;

/// `okta_email`.
pub(crate) static DESCRIPTOR: Descriptor = Descriptor {
    key: "okta_email",
    kind: "email",
    display_name: "Email",
    methods: &["email"],
    enrollment_prefix: "eae",
    amr: "email",
};

/// Everything that a code derives from (I-05): flow, challenge, purpose, authenticator, length.
/// It is no secret without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeTicket {
    /// The flow.
    pub flow: FlowId,
    /// The challenge.
    pub challenge: ChallengeId,
    /// Why the flow exists: a sign-in code never works in recovery.
    pub intent: Intent,
    /// Digits.
    pub digits: u8,
    /// When the challenge was opened.
    pub issued_at: Timestamp,
    /// From when on the code is worthless.
    pub expires_at: Timestamp,
}

impl CodeTicket {
    /// The code: digits with leading zeros. 128 bits are reduced, so the bias is below 2⁻⁷⁴ even
    /// for sixteen digits (C-01).
    #[must_use]
    pub fn code(&self, keys: &KeyRing, org: &OrgId) -> Secret<String> {
        let intent: &[u8] = match self.intent {
            Intent::RecoverPassword => b"recover",
            Intent::SignIn => b"sign-in",
        };
        let tag = keys.code.mac(&[
            org.as_str().as_bytes(),
            self.flow.as_str().as_bytes(),
            self.challenge.as_str().as_bytes(),
            intent,
            DESCRIPTOR.key.as_bytes(),
            &[self.digits],
        ]);
        let number = tag
            .iter()
            .take(16)
            .fold(0_u128, |n, byte| n << 8 | u128::from(*byte));
        let digits = usize::from(self.digits.clamp(CODE_DIGITS_MIN, CODE_DIGITS_MAX));
        let range = 10_u128.pow(u32::from(
            self.digits.clamp(CODE_DIGITS_MIN, CODE_DIGITS_MAX),
        ));
        Secret::new(format!("{:0digits$}", number % range))
    }
}

/// The key of e-mail.
#[must_use]
pub fn email_key() -> AuthenticatorKey {
    AuthenticatorKey::of(&DESCRIPTOR)
}

/// A code by mail as a second factor: nothing is kept of it, the address is the user's.
#[must_use]
pub fn enroll_email(now: Timestamp) -> Enrollment {
    Enrollment {
        authenticator: email_key(),
        enrolled_at: now,
        data: serde_json::Value::Null,
    }
}

/// The authenticator.
pub(crate) struct Email;

impl Authenticator for Email {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn open(
        &self,
        flow: &Flow,
        climb: &Climb,
        (id, issue): (&ChallengeId, Option<Issue>),
        tools: &Tools<'_>,
    ) -> Opened {
        // Whoever opens one charges it first; without that, a long code is never wrong.
        let issue = issue.unwrap_or(Issue {
            digits: CODE_DIGITS_MAX,
            known_device: false,
        });
        let lives = tools.now.plus_seconds(tools.policy.email.code_ttl_seconds);
        // What was proved before must still hold when the code is.
        let expires_at = climb.proofs_end().map_or(lives, |end| lives.min(end));
        let ticket = CodeTicket {
            flow: flow.id.clone(),
            challenge: id.clone(),
            intent: climb.intent,
            digits: issue.digits,
            issued_at: tools.now,
            expires_at,
        };
        let data = serde_json::to_value(&ticket).unwrap_or_default();
        let outgoing = Outgoing::Code {
            subject: climb.who.subject.clone(),
            canonical: climb.who.canonical.clone(),
            identifier_hash: hashed(&climb.who.canonical, tools.keys, tools.org),
            known_device: issue.known_device,
            ticket,
            app_label: flow.app.label.clone(),
            redirect_uri: flow.app.redirect_uri.clone(),
            after_password: climb.has_password(),
            link_of: has_link(flow).then(|| flow.app.client_id.clone()),
            language: flow.app.language.clone(),
        };
        Opened {
            expires_at,
            data,
            outgoing: Some(outgoing),
        }
    }

    fn attempted(&self, attempt: &Attempt<'_>) -> Option<Attempted> {
        let digits = ticket_of(attempt.challenge)?.digits;
        Some(Attempted::Code { digits })
    }

    /// Nobody's guess is compared with a real code too, and costs the same (E-09).
    fn judge(&self, attempt: &Attempt<'_>, _: &Pass, tools: &Tools<'_>) -> Verdict {
        let Some(ticket) = ticket_of(attempt.challenge) else {
            return Verdict::Wrong(Notice::CodeInvalid);
        };
        let code = ticket.code(tools.keys, tools.org);
        let alive = tools.now < attempt.challenge.expires_at;
        if matches_code(attempt.passcode.expose(), code.expose()) & alive {
            Verdict::Right(None)
        } else {
            Verdict::Wrong(Notice::CodeInvalid)
        }
    }

    fn fields(&self) -> Vec<idx::Field> {
        vec![idx::Field {
            name: Some("passcode".to_owned()),
            label: Some("Enter code".to_owned()),
            ..idx::Field::default()
        }]
    }

    fn actions(&self, _: &Policy) -> Vec<Offer> {
        vec![
            Offer::Resend(Holder::Enrollment),
            Offer::Poll(Holder::Enrollment),
        ]
    }

    fn contextual_data(&self, flow: &Flow) -> Option<idx::ContextualData> {
        // Absent would mean true: the widget then hides the field for the code.
        Some(idx::ContextualData {
            use_email_magic_link: Some(has_link(flow)),
            ..idx::ContextualData::default()
        })
    }

    fn profile(&self, user: &UserFacts) -> Option<idx::Profile> {
        Some(idx::Profile {
            email: Some(masked(user.email.as_deref()?)),
            ..idx::Profile::default()
        })
    }

    fn is_knowledge(&self) -> bool {
        false
    }

    fn sends(&self) -> bool {
        true
    }
}

/// Whether mails of a flow have a link: where its app knows how to go on with one.
fn has_link(flow: &Flow) -> bool {
    flow.app.email_verification_uri.is_some()
}

fn ticket_of(challenge: &Challenge) -> Option<CodeTicket> {
    serde_json::from_value(challenge.data.clone()).ok()
}

/// Compares in constant time over strings of one length. Spaces and dashes are for the eye and
/// fall away; any other character that is no ASCII digit makes the answer wrong (C-06).
fn matches_code(typed: &str, code: &str) -> bool {
    /// A byte that no UTF-8 text holds.
    const PADDING: u8 = 0xFF;
    let mut candidate = [PADDING; CODE_DIGITS_MAX as usize + 1];
    let mut expected = [PADDING; CODE_DIGITS_MAX as usize + 1];
    let typed = typed
        .bytes()
        .filter(|b| !matches!(b, b' ' | b'-' | b'\t' | b'\r' | b'\n'));
    for (slot, byte) in candidate.iter_mut().zip(typed) {
        *slot = byte;
    }
    for (slot, byte) in expected.iter_mut().zip(code.bytes()) {
        *slot = byte;
    }
    candidate.ct_eq(&expected).into()
}

/// `a***e@example.com`: first and last character of the local part (`idx-wire` §4.6).
fn masked(address: &str) -> String {
    let (local, domain) = address.split_once('@').unwrap_or((address, ""));
    let first: String = local.chars().take(1).collect();
    let last: String = local.chars().last().into_iter().collect();
    format!("{first}***{last}@{domain}")
}

#[cfg(test)]
mod tests;
