//! `[limits]`: how often something may be tried, in one flow and over all of them.

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
    /// Wrong answers to short codes of one name in 30 days, 3 to 10; then its codes are long.
    pub(crate) identifier_short_wrong_30d: i64,
    /// Wrong answers of one name in an hour, 5 to 20, beyond which the log tells of it.
    pub(crate) identifier_wrong_hour: i64,
    /// The same for a day, 10 to 60.
    pub(crate) identifier_wrong_day: i64,
    /// Wrong answers to short codes of everybody in a day, 20 to 100,000; then all codes are long.
    pub(crate) tenant_short_wrong_24h: i64,
    /// For how many days they are, 1 to 30.
    pub(crate) tenant_long_mode_days: i64,
    /// Digits of a long code, 10 to 16.
    pub(crate) long_code_length: i64,
    /// Wrong passwords in a row, 10 to 100; then only known devices may try one.
    pub(crate) consecutive_max: i64,
    /// Mails about one name in 15 minutes, 1 to 30.
    pub(crate) identifier_mails_15m: i64,
    /// In an hour, 1 to 30.
    pub(crate) identifier_mails_1h: i64,
    /// In a day, 1 to 30.
    pub(crate) identifier_mails_24h: i64,
    /// Mails of a known device in an hour, on top, 0 to 10.
    pub(crate) device_mails_1h: i64,
    /// Recoveries of one name that begin in a day, 5 to 100.
    pub(crate) starts_identifier_24h: i64,
    /// Recoveries of one name under way at once, 3 to 50.
    pub(crate) live_transactions_identifier: i64,
    /// Mails that the org sends in an hour before only the most important ones leave, 100 to
    /// 10,000,000. It grows with what the org sends by itself.
    pub(crate) mails_per_hour: i64,
    /// `off`: mails, requests and recoveries are not counted, whoever asks and how often. For
    /// benches and test runs; warned about at every start.
    pub(crate) danger_volume_limits: Switch,
}

const DAY_SECONDS: i64 = 24 * 60 * 60;

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
            identifier_short_wrong_30d: limits.identifier_short_wrong_30d.into(),
            identifier_wrong_hour: limits.identifier_wrong_hour.into(),
            identifier_wrong_day: limits.identifier_wrong_day.into(),
            tenant_short_wrong_24h: limits.org_short_wrong_24h.into(),
            tenant_long_mode_days: limits.org_long_mode_seconds / DAY_SECONDS,
            long_code_length: limits.long_code_digits.into(),
            consecutive_max: limits.consecutive_failures.into(),
            identifier_mails_15m: limits.mails_15m.into(),
            identifier_mails_1h: limits.mails_1h.into(),
            identifier_mails_24h: limits.mails_24h.into(),
            device_mails_1h: limits.device_mails_1h.into(),
            starts_identifier_24h: limits.starts_24h.into(),
            live_transactions_identifier: limits.live_recoveries.into(),
            mails_per_hour: 1_000,
            danger_volume_limits: Switch::On,
        }
    }
}

impl Limits {
    /// Checks the values against the bounds of security.md §3 (`otp.*`, `mail.*`, `oauth.*`).
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> EngineLimits {
        let over_all_flows = self.check_over_all_flows(problems);
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
            ..over_all_flows
        }
    }
    /// What counts over all flows of a name, a device and the whole org (`otp.*`, `mail.*`,
    /// `recovery.*`, `throttle.*`).
    #[expect(clippy::similar_names, reason = "the settings are named so")]
    fn check_over_all_flows(&self, problems: &mut Problems<'_>) -> EngineLimits {
        let preset = EngineLimits::default();
        let long_code_digits = problems
            .within("limits.long_code_length", self.long_code_length, 10..=16)
            .unwrap_or(preset.long_code_digits);
        let mut within = |key: &str, value: i64, low: u32, high: u32| -> u32 {
            let bounds = i64::from(low)..=i64::from(high);
            let key = format!("limits.{key}");
            problems.within(&key, value, bounds).unwrap_or(low)
        };
        let mails_15m = within("identifier_mails_15m", self.identifier_mails_15m, 1, 30);
        let mails_1h = within("identifier_mails_1h", self.identifier_mails_1h, 1, 30);
        let mails_24h = within("identifier_mails_24h", self.identifier_mails_24h, 1, 30);
        let device_mails_1h = within("device_mails_1h", self.device_mails_1h, 0, 10);
        let starts_24h = within("starts_identifier_24h", self.starts_identifier_24h, 5, 100);
        let live = self.live_transactions_identifier;
        let live_recoveries = within("live_transactions_identifier", live, 3, 50);
        let short = self.identifier_short_wrong_30d;
        let long_days = within("tenant_long_mode_days", self.tenant_long_mode_days, 1, 30);
        let org = self.tenant_short_wrong_24h;
        EngineLimits {
            identifier_short_wrong_30d: within("identifier_short_wrong_30d", short, 3, 10),
            identifier_wrong_hour: within(
                "identifier_wrong_hour",
                self.identifier_wrong_hour,
                5,
                20,
            ),
            identifier_wrong_day: within("identifier_wrong_day", self.identifier_wrong_day, 10, 60),
            org_short_wrong_24h: within("tenant_short_wrong_24h", org, 20, 100_000),
            org_long_mode_seconds: i64::from(long_days) * DAY_SECONDS,
            long_code_digits,
            consecutive_failures: within("consecutive_max", self.consecutive_max, 10, 100),
            mails_15m,
            mails_1h,
            mails_24h,
            device_mails_1h,
            starts_24h,
            live_recoveries,
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
    /// Checks how many mails the org sends in an hour (`mail.tenant_hour`).
    pub(crate) fn check_mails(&self, problems: &mut Problems<'_>) -> u32 {
        let bounds = 100..=10_000_000;
        let mails = problems.within("limits.mails_per_hour", self.mails_per_hour, bounds);
        mails.unwrap_or(1_000)
    }
}
