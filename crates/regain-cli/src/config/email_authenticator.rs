//! `[email_authenticator]`: the code that is mailed.

use regain_engine::EmailPolicy;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct EmailAuthenticator {
    /// Digits of a code, 6 to 12.
    pub(crate) code_length: i64,
    /// How long a code lives, 1 to 60 minutes.
    pub(crate) code_lifetime_minutes: i64,
}

impl Default for EmailAuthenticator {
    fn default() -> Self {
        let policy = EmailPolicy::default();
        Self {
            code_length: policy.code_length.into(),
            code_lifetime_minutes: policy.code_ttl_seconds / 60,
        }
    }
}

impl EmailAuthenticator {
    /// Checks the values against the bounds of security.md §3 (`otp.length`, `otp.lifetime`).
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> EmailPolicy {
        let preset = EmailPolicy::default();
        EmailPolicy {
            code_length: problems
                .within("email_authenticator.code_length", self.code_length, 6..=12)
                .unwrap_or(preset.code_length),
            code_ttl_seconds: problems
                .within::<i64>(
                    "email_authenticator.code_lifetime_minutes",
                    self.code_lifetime_minutes,
                    1..=60,
                )
                .map_or(preset.code_ttl_seconds, |minutes| minutes * 60),
        }
    }
}
