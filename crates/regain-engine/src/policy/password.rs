//! The rules of a new password (P-04 to P-08). Each broken rule is named.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regain_types::Timestamp;
use unicode_normalization::UnicodeNormalization as _;

use crate::need::UserFacts;

/// Longest password, in bytes: hashing more is work for an attacker (P-04).
const PASSWORD_BYTES_MAX: usize = 1_024;
/// Shortest part of a name that counts.
const NAME_PART_CHARS_MIN: usize = 4;
/// ASCII punctuation, as the widget counts symbols (`idx-wire` §4.6).
const SYMBOLS: &str = r##"!"#$%&'()*+,-./\:;<=>?@[]^_`{|}~"##;

static COMMON: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// What a password must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// Fewest characters.
    pub min_length: u32,
    /// Fewest lower-case letters.
    pub min_lower_case: u32,
    /// Fewest upper-case letters.
    pub min_upper_case: u32,
    /// Fewest digits.
    pub min_number: u32,
    /// Fewest symbols.
    pub min_symbol: u32,
    /// No part of the username.
    pub exclude_username: bool,
    /// Profile attributes that must not occur: `firstName`, `lastName`.
    pub exclude_attributes: Vec<String>,
    /// Words of the org that must not occur, in lower case.
    pub exclude_words: Vec<String>,
    /// How many of the last passwords cannot be used again, the present one among them.
    pub history: u32,
    /// Minutes before a password may be changed again.
    pub min_age_minutes: u32,
    /// Days after which a password must be replaced; 0: never.
    pub max_age_days: u32,
    /// Days before that in which a new one is proposed.
    pub warn_days: u32,
}

/// How old a password is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PasswordAge {
    /// Too old.
    Expired,
    /// It soon is.
    ExpiresSoon {
        /// In so many days, counted up.
        days_left: u32,
    },
    /// Nothing needs to be said.
    Fine,
}

impl PasswordRules {
    /// How old a password is that was set then.
    pub(crate) fn age_of(&self, set_at: Timestamp, now: Timestamp) -> PasswordAge {
        const DAY: i64 = 24 * 60 * 60;
        if self.max_age_days == 0 {
            return PasswordAge::Fine;
        }
        let end = set_at.plus_seconds(i64::from(self.max_age_days) * DAY);
        if now >= end {
            return PasswordAge::Expired;
        }
        let left = end.as_seconds().saturating_sub(now.as_seconds());
        let days_left = u32::try_from((left + DAY - 1) / DAY).unwrap_or(u32::MAX);
        if days_left <= self.warn_days {
            PasswordAge::ExpiresSoon { days_left }
        } else {
            PasswordAge::Fine
        }
    }
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self {
            min_length: 8,
            min_lower_case: 0,
            min_upper_case: 0,
            min_number: 0,
            min_symbol: 0,
            exclude_username: true,
            exclude_attributes: vec!["firstName".to_owned(), "lastName".to_owned()],
            exclude_words: Vec::new(),
            history: 4,
            min_age_minutes: 0,
            max_age_days: 0,
            warn_days: 0,
        }
    }
}

/// A rule that a password breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokenRule {
    /// It is on the list of common ones.
    Common,
    /// It holds a first or last name.
    HoldsName,
    /// It holds a part of the username.
    HoldsUsername,
    /// It holds a word of the org.
    HoldsWord,
    /// It holds too few digits; at least so many.
    MinNumber(u32),
    /// It holds too few lower-case letters; at least so many.
    MinLowerCase(u32),
    /// It holds too few symbols; at least so many.
    MinSymbol(u32),
    /// It holds too few upper-case letters; at least so many.
    MinUpperCase(u32),
    /// It equals one of the last so many.
    Reused(u32),
    /// It is too long.
    TooLong,
    /// It is too short; at least so many characters.
    TooShort(u32),
    /// The present one is too young; so many minutes are the least.
    TooYoung(u32),
}

impl PasswordRules {
    /// The rules that `candidate` breaks, history aside: that one needs hashing.
    #[must_use]
    pub fn broken_by(&self, candidate: &str, user: &UserFacts) -> Vec<BrokenRule> {
        if candidate.len() > PASSWORD_BYTES_MAX {
            return vec![BrokenRule::TooLong];
        }
        let candidate = normalised(candidate);
        let lower = candidate.to_lowercase();
        let count = |test: fn(char) -> bool| -> u32 {
            u32::try_from(candidate.chars().filter(|c| test(*c)).count()).unwrap_or(u32::MAX)
        };
        let rules = [
            (
                count(|_| true) < self.min_length,
                BrokenRule::TooShort(self.min_length),
            ),
            (
                count(char::is_lowercase) < self.min_lower_case,
                BrokenRule::MinLowerCase(self.min_lower_case),
            ),
            (
                count(char::is_uppercase) < self.min_upper_case,
                BrokenRule::MinUpperCase(self.min_upper_case),
            ),
            (
                count(char::is_numeric) < self.min_number,
                BrokenRule::MinNumber(self.min_number),
            ),
            (
                count(|c| SYMBOLS.contains(c)) < self.min_symbol,
                BrokenRule::MinSymbol(self.min_symbol),
            ),
            (
                self.exclude_username && holds_part_of(&lower, &user.login),
                BrokenRule::HoldsUsername,
            ),
            (self.holds_name(&lower, user), BrokenRule::HoldsName),
            (
                self.exclude_words
                    .iter()
                    .any(|word| holds_part_of(&lower, word)),
                BrokenRule::HoldsWord,
            ),
            (is_common(&lower), BrokenRule::Common),
        ];
        rules
            .into_iter()
            .filter_map(|(broken, rule)| broken.then_some(rule))
            .collect()
    }

    fn holds_name(&self, lower: &str, user: &UserFacts) -> bool {
        self.exclude_attributes
            .iter()
            .any(|attribute| match attribute.as_str() {
                "firstName" => holds_part_of(lower, &user.first_name),
                "lastName" => holds_part_of(lower, &user.last_name),
                _ => false,
            })
    }
}

/// A password in the form that is hashed: NFC, so that the same keys pressed on another system
/// give the same bytes (P-04).
#[must_use]
pub fn normalised(candidate: &str) -> String {
    candidate.nfc().collect()
}

/// Whether it is on the list, in any form that looks like it: full-width letters and ligatures too
/// (P-06).
fn is_common(lower: &str) -> bool {
    let plain = lower.nfkc().collect::<String>().to_lowercase();
    COMMON.contains(lower) || COMMON.contains(plain.as_str())
}

/// Whether a part of `name` of four characters or more stands in `lower`. Parts end where the
/// widget ends them (`idx-wire` §4.6), so that its checklist and the server agree.
fn holds_part_of(lower: &str, name: &str) -> bool {
    name.to_lowercase()
        .split([',', '.', '-', '_', '#', '@', ' '])
        .filter(|part| part.chars().count() >= NAME_PART_CHARS_MIN)
        .any(|part| lower.contains(part))
}

impl BrokenRule {
    /// What the rule asks for, as a part of a sentence.
    fn demand(&self) -> Option<String> {
        let letters = |n: u32, one: &str, many: &str| {
            if n == 1 {
                one.to_owned()
            } else {
                format!("{n} {many}")
            }
        };
        match self {
            Self::Common => Some("not one of the most common passwords".to_owned()),
            Self::HoldsName => Some("no parts of your name".to_owned()),
            Self::HoldsUsername => Some("no parts of your username".to_owned()),
            Self::HoldsWord => Some("not the name of this organization".to_owned()),
            Self::MinNumber(n) => Some(letters(*n, "a number", "numbers")),
            Self::MinLowerCase(n) => Some(letters(*n, "a lowercase letter", "lowercase letters")),
            Self::MinSymbol(n) => Some(letters(*n, "a symbol", "symbols")),
            Self::MinUpperCase(n) => Some(letters(*n, "an uppercase letter", "uppercase letters")),
            Self::TooLong => Some(format!("at most {PASSWORD_BYTES_MAX} bytes")),
            Self::TooShort(n) => Some(format!("at least {n} characters")),
            Self::Reused(_) | Self::TooYoung(_) => None,
        }
    }

    /// The sentence that names all `broken` rules.
    #[must_use]
    pub fn sentence(broken: &[Self]) -> String {
        let demands: Vec<String> = broken.iter().filter_map(Self::demand).collect();
        let mut sentences = Vec::new();
        if !demands.is_empty() {
            sentences.push(format!("Password requirements: {}.", demands.join(", ")));
        }
        for rule in broken {
            if let Self::Reused(count) = rule {
                sentences.push(format!(
                    "Your password cannot be any of your last {count} passwords."
                ));
            }
            if let Self::TooYoung(minutes) = rule {
                sentences.push(format!(
                    "At least {minutes} minutes must pass between two changes of the password."
                ));
            }
        }
        sentences.join(" ")
    }
}

#[cfg(test)]
mod tests;
