//! Everything a client can submit: a closed list.

use regain_types::{Identifier, KeyRing, Secret, TokenHash};

use crate::flow::Flow;

/// What a client submits to a flow.
#[derive(Clone, Debug)]
pub enum Input {
    /// A proof, or a new password.
    Answer {
        /// The code or the password.
        passcode: Option<Secret<String>>,
        /// "Sign me out of all other devices".
        revoke_sessions: Option<bool>,
    },
    /// Start over.
    Cancel,
    /// Choose an authenticator.
    Challenge {
        /// The authenticator's id (`aut…`).
        authenticator_id: String,
        /// How to use it, where that is open.
        method_type: Option<String>,
    },
    /// Choose what to set up.
    Enroll {
        /// The authenticator's id (`aut…`).
        authenticator_id: String,
    },
    /// Say who you are, maybe with a password.
    Identify {
        /// What was typed.
        identifier: Identifier,
        /// The password, on a one-page form.
        passcode: Option<Secret<String>>,
        /// The device that asks, if the request names one (G-07).
        device: Option<TokenHash>,
        /// Proof of work, where it was demanded (M-03).
        work: Option<String>,
    },
    /// Ask for the current document.
    Introspect,
    /// Ask whether the proof came in elsewhere.
    Poll,
    /// "Forgot password?"
    Recover,
    /// Send the code again.
    Resend,
    /// Leave what is optional for another time.
    Skip,
}

/// The protocol's endpoints that change a flow (`idx-wire` §3), below `/idp/idx/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    /// `cancel`.
    Cancel,
    /// `challenge`.
    Challenge,
    /// `challenge/answer`.
    ChallengeAnswer,
    /// `challenge/poll`.
    ChallengePoll,
    /// `challenge/resend`.
    ChallengeResend,
    /// `credential/enroll`.
    CredentialEnroll,
    /// `identify`.
    Identify,
    /// `introspect`.
    Introspect,
    /// `recover`.
    Recover,
    /// `skip`.
    Skip,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cancel,
        Self::Challenge,
        Self::ChallengeAnswer,
        Self::ChallengePoll,
        Self::ChallengeResend,
        Self::CredentialEnroll,
        Self::Identify,
        Self::Introspect,
        Self::Recover,
        Self::Skip,
    ];

    /// The path below the org's origin.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Cancel => "/idp/idx/cancel",
            Self::Challenge => "/idp/idx/challenge",
            Self::ChallengeAnswer => "/idp/idx/challenge/answer",
            Self::ChallengePoll => "/idp/idx/challenge/poll",
            Self::ChallengeResend => "/idp/idx/challenge/resend",
            Self::CredentialEnroll => "/idp/idx/credential/enroll",
            Self::Identify => "/idp/idx/identify",
            Self::Introspect => "/idp/idx/introspect",
            Self::Recover => "/idp/idx/recover",
            Self::Skip => "/idp/idx/skip",
        }
    }
}

impl Input {
    /// The endpoint that takes this input.
    #[must_use]
    pub const fn endpoint(&self) -> Endpoint {
        match self {
            Self::Answer { .. } => Endpoint::ChallengeAnswer,
            Self::Cancel => Endpoint::Cancel,
            Self::Challenge { .. } => Endpoint::Challenge,
            Self::Enroll { .. } => Endpoint::CredentialEnroll,
            Self::Identify { .. } => Endpoint::Identify,
            Self::Introspect => Endpoint::Introspect,
            Self::Poll => Endpoint::ChallengePoll,
            Self::Recover => Endpoint::Recover,
            Self::Resend => Endpoint::ChallengeResend,
            Self::Skip => Endpoint::Skip,
        }
    }

    /// A keyed digest of the request, by which its repetition is known. Whether it may be kept is
    /// decided where the input was accepted: a digest of a password never is.
    pub(crate) fn digest(&self, flow: &Flow, keys: &KeyRing) -> [u8; 32] {
        let path = self.endpoint().path().as_bytes();
        let flow = flow.id.as_str().as_bytes();
        match self {
            Self::Answer { passcode, .. } => {
                let passcode = passcode
                    .as_ref()
                    .map_or("", |secret| secret.expose().as_str());
                keys.replay.mac(&[flow, path, passcode.as_bytes()])
            }
            Self::Challenge {
                authenticator_id,
                method_type,
            } => {
                let method = method_type.as_deref().unwrap_or_default();
                keys.replay
                    .mac(&[flow, path, authenticator_id.as_bytes(), method.as_bytes()])
            }
            Self::Enroll { authenticator_id } => {
                keys.replay.mac(&[flow, path, authenticator_id.as_bytes()])
            }
            Self::Identify {
                identifier, work, ..
            } => {
                // The name alone and the name with its payment are two requests.
                let work = work.as_deref().unwrap_or_default();
                keys.replay.mac(&[
                    flow,
                    path,
                    identifier.canonical().as_bytes(),
                    work.as_bytes(),
                ])
            }
            Self::Cancel
            | Self::Introspect
            | Self::Poll
            | Self::Recover
            | Self::Resend
            | Self::Skip => keys.replay.mac(&[flow, path]),
        }
    }
}
