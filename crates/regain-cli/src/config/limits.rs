//! `[limits]`: how often something may be tried in one flow.

use regain_engine::Limits as EngineLimits;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Wrong answers to one code, 1 to 5.
    pub(crate) code_attempts: i64,
    /// Wrong answers to all codes of a flow, 5 to 10.
    pub(crate) code_attempts_per_flow: i64,
    /// Mails of one flow, 1 to 10.
    pub(crate) mails_per_flow: i64,
    /// Seconds between two mails of a flow, 10 to 300.
    pub(crate) resend_cooldown_seconds: i64,
    /// Seconds that an interaction code lives, 10 to 600.
    pub(crate) interaction_code_lifetime_seconds: i64,
    /// `off`: mails, requests and recoveries are not counted, whoever asks and how often. For
    /// benches and test runs; warned about at every start.
    pub(crate) danger_volume_limits: Switch,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Switch {
    Off,
    On,
}

impl Default for Limits {
    fn default() -> Self {
        let limits = EngineLimits::default();
        Self {
            code_attempts: limits.wrong_answers_per_challenge.into(),
            code_attempts_per_flow: limits.wrong_answers_per_flow.into(),
            mails_per_flow: limits.sends_per_flow.into(),
            resend_cooldown_seconds: limits.resend_cooldown_seconds,
            interaction_code_lifetime_seconds: limits.interaction_code_ttl_seconds,
            danger_volume_limits: Switch::On,
        }
    }
}

impl Limits {
    /// Checks the values against the bounds of security.md §3 (`otp.*`, `mail.*`, `oauth.*`).
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> EngineLimits {
        let preset = EngineLimits::default();
        let mut within = |key: &str, value: i64, low: i64, high: i64| -> i64 {
            problems
                .within(&format!("limits.{key}"), value, low..=high)
                .unwrap_or(low)
        };
        let count = |value: i64| u32::try_from(value).unwrap_or_default();
        EngineLimits {
            wrong_answers_per_challenge: count(within("code_attempts", self.code_attempts, 1, 5)),
            wrong_answers_per_flow: count(within(
                "code_attempts_per_flow",
                self.code_attempts_per_flow,
                5,
                10,
            )),
            sends_per_flow: count(within("mails_per_flow", self.mails_per_flow, 1, 10)),
            resend_cooldown_seconds: within(
                "resend_cooldown_seconds",
                self.resend_cooldown_seconds,
                10,
                300,
            ),
            interaction_code_ttl_seconds: within(
                "interaction_code_lifetime_seconds",
                self.interaction_code_lifetime_seconds,
                10,
                600,
            ),
            volume: self.danger_volume_limits == Switch::On,
            ..preset
        }
    }
}
