//! `[recovery]`: how a password is recovered.

use regain_engine::{
    AuthenticatorKey, ProofOfWork, RecoveryPolicy, RevokeSessions, SingleAuthenticator,
};
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// What can start a recovery in this release.
const STARTERS: [&str; 1] = ["okta_email"];

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Recovery {
    /// What may start a recovery, best first: `okta_email`. Empty: no "Forgot password?" at all.
    pub(crate) authenticators: Vec<String>,
    /// With one authenticator: `select` shows the choice with one entry, `verify` asks at once.
    pub(crate) single_authenticator: SingleAuthenticator,
    /// Whether the new password signs in at once.
    pub(crate) auto_sign_in: bool,
    /// Whether other sessions end: `always`, or `ask` the person.
    pub(crate) revoke_sessions: RevokeSessions,
    /// When a start costs proof of work: `when_needed`, `always` or `never`.
    pub(crate) proof_of_work: ProofOfWork,
}

impl Default for Recovery {
    fn default() -> Self {
        let policy = RecoveryPolicy::default();
        Self {
            authenticators: policy
                .authenticators
                .iter()
                .map(|key| key.as_str().to_owned())
                .collect(),
            single_authenticator: policy.single_authenticator,
            auto_sign_in: policy.auto_sign_in,
            revoke_sessions: policy.revoke_sessions,
            proof_of_work: policy.proof_of_work,
        }
    }
}

impl Recovery {
    /// Checks the values.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> RecoveryPolicy {
        let authenticators = self
            .authenticators
            .iter()
            .filter_map(|key| {
                let known = STARTERS.contains(&key.as_str());
                if !known {
                    let message = format!("may hold {}, not {key:?}", STARTERS.join(", "));
                    problems.add("recovery.authenticators", message);
                }
                AuthenticatorKey::parse(key).filter(|_| known)
            })
            .collect();
        RecoveryPolicy {
            authenticators,
            single_authenticator: self.single_authenticator,
            auto_sign_in: self.auto_sign_in,
            revoke_sessions: self.revoke_sessions,
            proof_of_work: self.proof_of_work,
        }
    }
}
