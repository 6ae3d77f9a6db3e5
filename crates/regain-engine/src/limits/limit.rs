//! The limits by name, so that whoever runs into one is told the right thing, and the log says
//! which it was.

use regain_types::Timestamp;

use crate::notice::Notice;

/// A limit that can refuse something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Wrong answers to one challenge (C-04).
    ChallengeAnswers,
    /// Wrong answers in one flow (C-05).
    FlowAnswers,
    /// Recoveries of a name that are under way.
    IdentifierLive,
    /// Mails about a name (M-02).
    IdentifierMails,
    /// Wrong answers to short codes of a name (G-01): those that are out are not compared.
    IdentifierShortCodes,
    /// Recoveries of a name that were begun (E-11).
    IdentifierStarts,
    /// Wrong answers to short codes of the whole org (G-03).
    OrgShortCodes,
    /// The wait after wrong passwords (G-08).
    PasswordBackoff,
    /// Too many wrong passwords in a row (G-04).
    PasswordSuspended,
    /// The wait after wrong answers to a second factor.
    SecondFactorBackoff,
    /// Too many of them in a row.
    SecondFactorSuspended,
}

impl Limit {
    /// The key of the setting, for logs and events.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::ChallengeAnswers => "otp.max_attempts",
            Self::FlowAnswers => "otp.max_attempts_transaction",
            Self::IdentifierLive => "recovery.live_transactions_identifier",
            Self::IdentifierMails => "mail.identifier",
            Self::IdentifierShortCodes => "otp.identifier_short_wrong_30d",
            Self::IdentifierStarts => "recovery.starts_identifier_24h",
            Self::OrgShortCodes => "otp.tenant_short_wrong_24h",
            Self::PasswordBackoff => "password.backoff",
            Self::PasswordSuspended => "throttle.consecutive_max",
            Self::SecondFactorBackoff => "second_factor.backoff",
            Self::SecondFactorSuspended => "second_factor.consecutive_max",
        }
    }

    /// What helps the person at the page.
    #[must_use]
    pub const fn notice(self) -> Notice {
        match self {
            Self::ChallengeAnswers | Self::IdentifierShortCodes | Self::OrgShortCodes => {
                Notice::CodeSpent
            }
            Self::FlowAnswers
            | Self::IdentifierLive
            | Self::IdentifierMails
            | Self::IdentifierStarts
            | Self::PasswordBackoff
            | Self::PasswordSuspended
            | Self::SecondFactorBackoff
            | Self::SecondFactorSuspended => Notice::TooManyRequests,
        }
    }
}

/// A limit was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// Which.
    pub limit: Limit,
    /// From when on it may be tried again, where waiting helps.
    pub until: Option<Timestamp>,
}

impl Limited {
    /// One that no waiting helps against.
    pub(crate) const fn by(limit: Limit) -> Self {
        Self { limit, until: None }
    }

    /// One that ends.
    pub(crate) const fn until(limit: Limit, until: Timestamp) -> Self {
        Self {
            limit,
            until: Some(until),
        }
    }
}
