//! `[limits]`: how often something may be tried in one flow.

use regain_engine::Limits as EngineLimits;
use regain_server::AddressLimits;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are the names in the file"
)]
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
    /// IDX requests of a client and an address in a minute, 10 to 1,000,000.
    pub(crate) idx_per_client_minute: i64,
    /// How many of them may run at once, 2 to 10,000.
    pub(crate) idx_concurrent_per_client: i64,
    /// IDX requests in a minute of an app that does not name its users' addresses, 60 to
    /// 10,000,000.
    pub(crate) idx_per_app_minute: i64,
    /// Recoveries that an address may start in an hour, 3 to 1,000.
    pub(crate) recovery_starts_per_address_hour: i64,
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
        let addresses = AddressLimits::default();
        Self {
            code_attempts: limits.wrong_answers_per_challenge.into(),
            code_attempts_per_flow: limits.wrong_answers_per_flow.into(),
            mails_per_flow: limits.sends_per_flow.into(),
            resend_cooldown_seconds: limits.resend_cooldown_seconds,
            interaction_code_lifetime_seconds: limits.interaction_code_ttl_seconds,
            idx_per_client_minute: addresses.requests_per_minute.into(),
            idx_concurrent_per_client: addresses.concurrent.into(),
            idx_per_app_minute: addresses.app_requests_per_minute.into(),
            recovery_starts_per_address_hour: addresses.starts_per_hour.into(),
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
    /// Checks what an address or an app may ask for (`http.*`, `recovery.starts_address_hour`).
    pub(crate) fn check_addresses(&self, problems: &mut Problems<'_>) -> AddressLimits {
        let mut within = |key: &str, value: i64, low: u32, high: u32| -> u32 {
            let bounds = i64::from(low)..=i64::from(high);
            let key = format!("limits.{key}");
            problems.within(&key, value, bounds).unwrap_or(low)
        };
        let per_client = self.idx_per_client_minute;
        let concurrent = self.idx_concurrent_per_client;
        let per_app = self.idx_per_app_minute;
        let starts = self.recovery_starts_per_address_hour;
        AddressLimits {
            requests_per_minute: within("idx_per_client_minute", per_client, 10, 1_000_000),
            concurrent: within("idx_concurrent_per_client", concurrent, 2, 10_000),
            app_requests_per_minute: within("idx_per_app_minute", per_app, 60, 10_000_000),
            starts_per_hour: within("recovery_starts_per_address_hour", starts, 3, 1_000),
        }
    }
}
