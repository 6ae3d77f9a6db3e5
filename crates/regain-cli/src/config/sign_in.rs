//! `[sign_in]`: what signing in takes.

use regain_engine::{AuthenticatorKey, Policy, SignInMode, SignInPolicy, email_key};
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// What can be a second factor in this release.
const SECOND_FACTORS: [&str; 2] = ["google_otp", "okta_email"];

/// What a sign-in can begin with in this release.
const FIRST_FACTORS: [&str; 2] = ["okta_password", "okta_email"];

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// What a sign-in begins with after the name, best first: `okta_password`, `okta_email`. Other
    /// than the password alone it needs `org.sign_in_mode = "identifier_first"`.
    pub(crate) first_factors: Vec<String>,
    /// What is asked for after the password, best first, from whoever has enrolled it:
    /// `google_otp`, `okta_email`. Empty: nothing.
    pub(crate) second_factors: Vec<String>,
}

impl Default for SignIn {
    fn default() -> Self {
        let policy = SignInPolicy::default();
        let words = |keys: &[AuthenticatorKey]| {
            let words = keys.iter().map(|key| key.as_str().to_owned());
            words.collect()
        };
        Self {
            first_factors: words(&policy.first_factors),
            second_factors: words(&policy.second_factors),
        }
    }
}

impl SignIn {
    /// Checks the values.
    pub(crate) fn check(&self, mode: SignInMode, problems: &mut Problems<'_>) -> SignInPolicy {
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
        SignInPolicy {
            first_factors: self.check_first(mode, problems),
            second_factors,
        }
    }

    fn check_first(&self, mode: SignInMode, problems: &mut Problems<'_>) -> Vec<AuthenticatorKey> {
        let setting = "sign_in.first_factors";
        let mut keys = Vec::new();
        for key in &self.first_factors {
            let known = Some(key).filter(|key| FIRST_FACTORS.contains(&key.as_str()));
            match known.and_then(|key| AuthenticatorKey::parse(key)) {
                Some(key) if keys.contains(&key) => {
                    problems.add(setting, format!("holds {:?} twice", key.as_str()));
                }
                Some(key) => keys.push(key),
                None => {
                    let may = FIRST_FACTORS.join(" or ");
                    problems.add(setting, format!("each must be {may}, not {key:?}"));
                }
            }
        }
        if keys.is_empty() {
            problems.add(setting, "is empty: nobody could sign in");
        }
        let has_password = self.first_factors.iter().any(|key| key == "okta_password");
        if !keys.is_empty() && !has_password {
            problems.add(
                setting,
                "must name okta_password too: anybody can have the mails of a name spent, and its owner must get in all the same",
            );
        }
        let is_password_alone = self.first_factors == ["okta_password"];
        if mode == SignInMode::OnePage && !is_password_alone {
            problems.add(
                setting,
                "needs org.sign_in_mode = \"identifier_first\": on one page people type their password with the name",
            );
        }
        keys
    }
}

/// What is allowed and yet needs to be said: mails without a proof come out of the name's budget.
pub(super) fn mails_warning(policy: &Policy) -> Option<String> {
    let mails = policy.sign_in.first_factors.contains(&email_key());
    mails.then(|| {
        "sign_in.first_factors names okta_email: strangers can spend the mails of a name without proof of work, and its owner needs the password then"
            .to_owned()
    })
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
