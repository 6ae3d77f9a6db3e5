//! `[sign_in]`: what signing in takes.

use regain_engine::{AuthenticatorKey, SignInPolicy};
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// What can be a second factor in this release.
const SECOND_FACTORS: [&str; 1] = ["google_otp"];

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignIn {
    /// What is asked for after the password, best first, from whoever has enrolled it: `google_otp`.
    /// Empty: nothing.
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
        let known = |key: &&String| {
            let known = SECOND_FACTORS.contains(&key.as_str());
            if !known {
                let message = format!("may hold {}, not {key:?}", SECOND_FACTORS.join(", "));
                problems.add("sign_in.second_factors", message);
            }
            known
        };
        let known: Vec<&String> = self.second_factors.iter().filter(known).collect();
        SignInPolicy {
            second_factors: known
                .into_iter()
                .filter_map(|key| AuthenticatorKey::parse(key))
                .collect(),
        }
    }
}
