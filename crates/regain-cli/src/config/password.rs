//! `[password]`: what a new password must be.

use regain_engine::PasswordRules;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

const MINUTES_OF_A_YEAR: i64 = 366 * 24 * 60;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Password {
    /// Fewest characters, 8 to 128.
    pub(crate) min_length: i64,
    /// Fewest lower-case letters, 0 to 32.
    pub(crate) min_lower_case: i64,
    /// Fewest upper-case letters, 0 to 32.
    pub(crate) min_upper_case: i64,
    /// Fewest digits, 0 to 32.
    pub(crate) min_number: i64,
    /// Fewest symbols, 0 to 32.
    pub(crate) min_symbol: i64,
    /// Whether parts of the user name are refused.
    pub(crate) exclude_username: bool,
    /// Attributes whose parts are refused: `firstName`, `lastName`.
    pub(crate) exclude_attributes: Vec<String>,
    /// Words of the organization that are refused.
    pub(crate) exclude_words: Vec<String>,
    /// How many of the last passwords cannot be used again, 0 to 30.
    pub(crate) history: i64,
    /// Minutes before a password may be changed again.
    pub(crate) min_age_minutes: i64,
    /// Days after which a password must be replaced, 0 to 3650; 0: never.
    pub(crate) max_age_days: i64,
    /// Days before that in which a new one is proposed, 0 to 365.
    pub(crate) warn_days: i64,
}

impl Default for Password {
    fn default() -> Self {
        let rules = PasswordRules::default();
        Self {
            min_length: rules.min_length.into(),
            min_lower_case: rules.min_lower_case.into(),
            min_upper_case: rules.min_upper_case.into(),
            min_number: rules.min_number.into(),
            min_symbol: rules.min_symbol.into(),
            exclude_username: rules.exclude_username,
            exclude_attributes: rules.exclude_attributes,
            exclude_words: rules.exclude_words,
            history: rules.history.into(),
            min_age_minutes: rules.min_age_minutes.into(),
            max_age_days: rules.max_age_days.into(),
            warn_days: rules.warn_days.into(),
        }
    }
}

impl Password {
    /// Checks the values against the bounds of security.md §3 (`password.*`).
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> PasswordRules {
        for attribute in &self.exclude_attributes {
            if !matches!(attribute.as_str(), "firstName" | "lastName") {
                problems.add(
                    "password.exclude_attributes",
                    format!("may hold firstName and lastName, not {attribute:?}"),
                );
            }
        }
        let too_soon = self.max_age_days > 0
            && self.min_age_minutes >= self.max_age_days.saturating_mul(24 * 60);
        if too_soon {
            problems.add(
                "password.min_age_minutes",
                "must be less than max_age_days: a password that is too old could not be replaced",
            );
        }
        if self.max_age_days > 0 && self.warn_days >= self.max_age_days {
            problems.add(
                "password.warn_days",
                "must be less than max_age_days: people would be warned from the first day on",
            );
        }
        if self.max_age_days == 0 && self.warn_days > 0 {
            problems.add(
                "password.warn_days",
                "needs max_age_days: passwords do not expire without it",
            );
        }
        let mut within = |key: &str, value: i64, low: i64, high: i64| -> u32 {
            problems
                .within(&format!("password.{key}"), value, low..=high)
                .unwrap_or_default()
        };
        PasswordRules {
            min_length: within("min_length", self.min_length, 8, 128),
            min_lower_case: within("min_lower_case", self.min_lower_case, 0, 32),
            min_upper_case: within("min_upper_case", self.min_upper_case, 0, 32),
            min_number: within("min_number", self.min_number, 0, 32),
            min_symbol: within("min_symbol", self.min_symbol, 0, 32),
            exclude_username: self.exclude_username,
            exclude_attributes: self.exclude_attributes.clone(),
            exclude_words: self
                .exclude_words
                .iter()
                .map(|word| word.to_lowercase())
                .collect(),
            history: within("history", self.history, 0, 30),
            min_age_minutes: within(
                "min_age_minutes",
                self.min_age_minutes,
                0,
                MINUTES_OF_A_YEAR,
            ),
            max_age_days: within("max_age_days", self.max_age_days, 0, 3_650),
            warn_days: within("warn_days", self.warn_days, 0, 365),
        }
    }
}
