//! Authenticators: the kinds of proof. A new one is a folder here and one line in [`REGISTRY`].

pub(crate) mod email;
mod enroll;
pub(crate) mod password;
mod proof;
pub(crate) mod totp;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regain_types::{Entropy, KeyRing, OrgId, Secret, Timestamp};
use regain_wire::idx;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::effect::Outgoing;
use crate::flow::{Challenge, Climb, Flow};
use crate::limits::{Attempted, Issue, Pass};
use crate::need::{Enrollment, Facts, Need};
use crate::notice::Notice;
use crate::offers::Offer;
use crate::policy::Policy;
pub(crate) use enroll::{Confirmed, Enroll, EnrollPage, confirm};
pub use proof::Proof;
pub(crate) use proof::{Verified, may_set_password, of_new_password, of_password, verify};

/// Every authenticator there is, in the order in which lists show them.
static REGISTRY: [&dyn Authenticator; 3] = [&email::Email, &password::Password, &totp::Totp];

/// What documents say about an authenticator (`idx-wire` §4.6).
#[derive(Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// `okta_email`, `okta_password`, …
    pub key: &'static str,
    /// `email`, `password`, …
    pub kind: &'static str,
    /// The exact English name: the Go client finds options by it.
    pub display_name: &'static str,
    /// How it can be used.
    pub methods: &'static [&'static str],
    /// First letters of its enrolments' ids.
    pub enrollment_prefix: &'static str,
    /// Method reference in tokens (RFC 8176).
    pub amr: &'static str,
}

/// The key of a registered authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthenticatorKey(String);

impl AuthenticatorKey {
    /// The key of a descriptor.
    #[must_use]
    pub fn of(descriptor: &Descriptor) -> Self {
        Self(descriptor.key.to_owned())
    }

    /// The key that configuration or a client names; `None` when there is no such authenticator.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        REGISTRY
            .iter()
            .find(|known| known.descriptor().key == key)
            .map(|known| Self::of(known.descriptor()))
    }

    /// As on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people call it; the key itself when it is from a newer release.
    #[must_use]
    pub fn display_name(&self) -> &str {
        let known = self.resolve().map(Authenticator::descriptor);
        known.map_or(&self.0, |descriptor| descriptor.display_name)
    }

    /// Whether users can set it up in a flow.
    #[must_use]
    pub fn can_be_set_up(&self) -> bool {
        self.resolve().is_some_and(|known| known.enroll().is_some())
    }

    /// The authenticator itself; `None` when a stored key is from a newer release.
    pub(crate) fn resolve(&self) -> Option<&'static dyn Authenticator> {
        REGISTRY
            .iter()
            .copied()
            .find(|known| known.descriptor().key == self.0)
    }

    /// The authenticator's id in an org: `aut` and 17 characters, stable (E-02).
    #[must_use]
    pub fn authenticator_id(&self, keys: &KeyRing, org: &OrgId) -> String {
        synthetic_id(
            keys,
            "aut",
            &[org.as_str().as_bytes(), b"authenticator", self.0.as_bytes()],
        )
    }
}

/// The descriptors of all authenticators.
pub fn descriptors() -> impl Iterator<Item = &'static Descriptor> {
    REGISTRY.iter().map(|known| known.descriptor())
}

/// The ids of the authenticators whose challenges send something.
pub(crate) fn sending(keys: &KeyRing, org: &OrgId) -> impl Iterator<Item = String> {
    let sends = REGISTRY.iter().filter(|known| known.sends());
    sends.map(move |known| AuthenticatorKey::of(known.descriptor()).authenticator_id(keys, org))
}

/// What opening a challenge gives.
pub(crate) struct Opened {
    /// From when on no answer counts.
    pub(crate) expires_at: Timestamp,
    /// What the authenticator wants to remember.
    pub(crate) data: Value,
    /// What must be sent.
    pub(crate) outgoing: Option<Outgoing>,
}

/// What opening and verifying may use.
pub(crate) struct Tools<'a> {
    pub(crate) now: Timestamp,
    /// The machine's clock, for what is compared with people's own clocks.
    pub(crate) wall: Timestamp,
    pub(crate) keys: &'a KeyRing,
    pub(crate) org: &'a OrgId,
    pub(crate) policy: &'a Policy,
}

/// An answer to a challenge.
pub(crate) struct Attempt<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) climb: &'a Climb,
    pub(crate) challenge: &'a Challenge,
    pub(crate) passcode: &'a Secret<String>,
    pub(crate) facts: &'a Facts,
}

/// What an authenticator thinks of an answer. Only [`verify`] makes a proof of it.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Something slow must be computed first.
    Need(Need),
    /// It is right, and so the enrolment changes, if it does. Nobody's answer never is.
    Right(Option<Enrollment>),
    /// It is wrong, and so the user is told.
    Wrong(Notice),
}

/// A kind of proof.
pub(crate) trait Authenticator: Sync {
    /// What documents say about it.
    fn descriptor(&self) -> &'static Descriptor;

    /// Opens a challenge with the given id; how to send is there for those that send something.
    /// Unless something is sent, it is open for as long as the flow.
    fn open(
        &self,
        flow: &Flow,
        _climb: &Climb,
        _id: (&regain_types::ChallengeId, Option<Issue>),
        _tools: &Tools<'_>,
    ) -> Opened {
        Opened {
            expires_at: flow.expires_at,
            data: Value::Null,
            outgoing: None,
        }
    }

    /// What an answer to a challenge would be compared with; `None` when that cannot be read.
    fn attempted(&self, attempt: &Attempt<'_>) -> Option<Attempted>;

    /// Judges an answer that the gate let pass.
    fn judge(&self, attempt: &Attempt<'_>, pass: &Pass, tools: &Tools<'_>) -> Verdict;

    /// The fields of `credentials`.
    fn fields(&self) -> Vec<idx::Field>;

    /// Actions beside the form, besides `cancel`.
    fn actions(&self, _policy: &Policy) -> Vec<Offer> {
        Vec::new()
    }

    /// What its page needs besides the form.
    fn contextual_data(&self, _flow: &Flow) -> Option<idx::ContextualData> {
        None
    }

    /// The masked destination, for a user who proved something already.
    fn profile(&self, _user: &crate::need::UserFacts) -> Option<idx::Profile> {
        None
    }

    /// Whether a challenge sends something: sends are limited.
    fn sends(&self) -> bool {
        false
    }

    /// How users set it up in a flow; `None`: they do not.
    fn enroll(&self) -> Option<&dyn Enroll> {
        None
    }

    /// Whether an answer is a password: its digest is never kept.
    fn is_knowledge(&self) -> bool;
}

/// A stable id that looks drawn: prefix and 17 characters from a MAC over `parts` (E-02).
pub(crate) fn synthetic_id(keys: &KeyRing, prefix: &str, parts: &[&[u8]]) -> String {
    let text: String = STANDARD_NO_PAD
        .encode(keys.synthetic_id.mac(parts))
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(20 - prefix.len())
        .collect();
    // 43 characters of base64 without the rare `+` and `/` are always enough in practice; the
    // padding keeps the length fixed whatever the MAC is.
    format!("{prefix}{text:0<width$}", width = 20 - prefix.len())
}

/// Draws a challenge's id.
pub(crate) fn challenge_id(rng: &mut dyn Entropy) -> regain_types::ChallengeId {
    regain_types::ChallengeId::random(rng)
}

#[cfg(test)]
mod synthetic_ids;
