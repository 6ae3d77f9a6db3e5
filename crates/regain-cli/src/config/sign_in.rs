//! `[sign_in]`: what signing in takes.

use regain_engine::{AuthenticatorKey, Policy, SignInPolicy};
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// What can be a second factor in this release.
const SECOND_FACTORS: [&str; 2] = ["google_otp", "okta_email"];

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// What is asked for after the password, best first, from whoever has enrolled it:
    /// `google_otp`, `okta_email`. Empty: nothing.
    pub(crate) second_factors: Vec<String>,
}

impl Default for SignIn {
    fn default() -> Self {
        let keys = SignInPolicy::default().second_factors;
        Self {
            second_factors: keys.iter().map(|key| key.as_str().to_owned()).collect(),
        }
    }
}

impl SignIn {
    /// Checks the values.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> SignInPolicy {
        let mut second_factors = Vec::new();
        for key in &self.second_factors {
            match second_factor(key) {
                Ok(key) if second_factors.contains(&key) => {
                    problems.add(
                        "sign_in.second_factors",
                        format!("holds {:?} twice", key.as_str()),
                    );
                }
                Ok(key) => second_factors.push(key),
                Err(what) => problems.add(
                    "sign_in.second_factors",
                    format!("each {what}, not {key:?}"),
                ),
            }
        }
        SignInPolicy { second_factors }
    }
}

/// What is allowed and yet needs to be said: what a recovery takes is a weak second factor.
pub(super) fn warning(policy: &Policy) -> Option<String> {
    let is_both = |key: &&AuthenticatorKey| policy.may_recover_with(key);
    let both = policy.sign_in.second_factors.iter().find(is_both)?;
    Some(format!(
        "sign_in.second_factors names {}, which a recovery takes too: whoever reads a mailbox has both factors",
        both.as_str()
    ))
}

/// Reads the key of something that can be a second factor.
///
/// # Errors
/// What it must be.
pub(crate) fn second_factor(key: &str) -> Result<AuthenticatorKey, String> {
    SECOND_FACTORS
        .contains(&key)
        .then(|| AuthenticatorKey::parse(key))
        .flatten()
        .ok_or_else(|| format!("must be {}", SECOND_FACTORS.join(" or ")))
}
