//! `[enrollment]`: what people set up to prove with when they sign in.

use regain_engine::{AuthenticatorKey, EnrollmentPolicy, Policy};
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// The section.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Enrollment {
    /// What everybody must have: `google_otp`.
    pub(crate) required: Vec<String>,
    /// What is offered at each sign-in until it is set up, and may be left for another time.
    pub(crate) optional: Vec<String>,
}

impl Enrollment {
    /// Checks the values.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> EnrollmentPolicy {
        let mut seen = Vec::new();
        let required = check("enrollment.required", &self.required, &mut seen, problems);
        let optional = check("enrollment.optional", &self.optional, &mut seen, problems);
        EnrollmentPolicy { required, optional }
    }
}

fn check(
    setting: &'static str,
    keys: &[String],
    seen: &mut Vec<AuthenticatorKey>,
    problems: &mut Problems<'_>,
) -> Vec<AuthenticatorKey> {
    let mut list = Vec::new();
    for key in keys {
        match AuthenticatorKey::parse(key).filter(AuthenticatorKey::can_be_set_up) {
            Some(key) if seen.contains(&key) => {
                problems.add(setting, format!(
                    "names {:?} once more: it can be required or optional, and once",
                    key.as_str()
                ));
            }
            Some(key) => {
                seen.push(key.clone());
                list.push(key);
            }
            None => problems.add(setting, format!("each must be google_otp, the only one that people can set up so far, not {key:?}")),
        }
    }
    list
}

/// What is allowed and yet needs to be said: what is set up is there to be asked for.
pub(super) fn warning(policy: &Policy) -> Option<String> {
    let EnrollmentPolicy { required, optional } = &policy.enrollment;
    let idle = required
        .iter()
        .chain(optional)
        .find(|key| !policy.sign_in.second_factors.contains(key))?;
    Some(format!(
        "enrollment has people set up {0}, which nobody is asked for: add it to sign_in.second_factors",
        idle.as_str()
    ))
}
