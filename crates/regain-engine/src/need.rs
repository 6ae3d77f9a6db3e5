//! What the engine asks the shell to compute, and the facts it gets.

use regain_types::{Secret, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::authenticators::AuthenticatorKey;
use crate::ledger::Ledgers;

/// Slow work that the shell does on its hashing threads before it calls `step` again.
#[derive(Clone, Debug)]
pub enum Need {
    /// Compare a new password with earlier ones and hash it.
    HashPassword {
        /// The new password.
        candidate: Secret<String>,
        /// Earlier passwords, newest first; each costs one hash.
        previous: Vec<StoredPassword>,
    },
    /// Compare a password. With `None` the same work is done against a dummy, and the answer is
    /// no (E-05).
    VerifyPassword {
        /// What is stored for the user.
        stored: Option<StoredPassword>,
        /// What was typed.
        candidate: Secret<String>,
    },
}

/// What the engine knows besides the flow.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The user that the flow's identifier, or the one just typed, names.
    pub user: Option<UserFacts>,
    /// What was spent so far on the name, the device and the whole org.
    pub ledgers: Ledgers,
    /// Right answers to codes in the whole org in the last day, about: its budget of wrong ones
    /// grows with them (G-03).
    pub answered_24h: u32,
    /// Whether a browser asks, which keeps a cookie: then a sign-in makes its device known (G-07).
    pub browser: bool,
    /// Whether the client can do proof of work: others are refused as if there were none (M-03).
    pub solves_work: bool,
    /// The answer to [`Need::VerifyPassword`].
    pub password_matches: Option<bool>,
    /// The answer to [`Need::HashPassword`].
    pub new_password: Option<NewPassword>,
}

/// A user as the engine sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFacts {
    /// The user's id.
    pub id: UserId,
    /// The canonical login.
    pub login: String,
    /// The verified address, if there is one.
    pub email: Option<String>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// `en_US`.
    pub locale: String,
    /// IANA time zone.
    pub time_zone: String,
    /// What the user may do.
    pub status: UserStatus,
    /// The current password.
    pub password: Option<StoredPassword>,
    /// Earlier passwords, newest first, without the current one.
    pub history: Vec<StoredPassword>,
    /// What else the user can prove with.
    pub enrollments: Enrollments,
}

/// What a user can prove with besides a password and a verified address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrollments {
    /// Counts changes; every change is guarded by it.
    pub version: u64,
    /// In the order in which they came.
    pub list: Vec<Enrollment>,
}

impl Enrollments {
    /// The one of an authenticator.
    #[must_use]
    pub fn of(&self, authenticator: &AuthenticatorKey) -> Option<&Enrollment> {
        self.list
            .iter()
            .find(|enrollment| enrollment.authenticator == *authenticator)
    }

    /// All of them after one has changed or come; an authenticator has one.
    #[must_use]
    pub fn with(&self, changed: Enrollment) -> Vec<Enrollment> {
        let mut list = self.list.clone();
        match list
            .iter_mut()
            .find(|known| known.authenticator == changed.authenticator)
        {
            Some(known) => *known = changed,
            None => list.push(changed),
        }
        list
    }
}

/// An authenticator of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Which.
    pub authenticator: AuthenticatorKey,
    /// Since when.
    pub enrolled_at: Timestamp,
    /// What the authenticator keeps for itself: never a secret that is not sealed.
    pub data: Value,
}

/// A user's status (names of the management API).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserStatus {
    /// May sign in.
    Active,
    /// Switched off for good.
    Deprovisioned,
    /// Too many wrong passwords; recovery unlocks.
    LockedOut,
    /// Not yet activated.
    Staged,
    /// Switched off for a while.
    Suspended,
}

impl UserStatus {
    /// The word in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Deprovisioned => "DEPROVISIONED",
            Self::LockedOut => "LOCKED_OUT",
            Self::Staged => "STAGED",
            Self::Suspended => "SUSPENDED",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "ACTIVE" => Some(Self::Active),
            "DEPROVISIONED" => Some(Self::Deprovisioned),
            "LOCKED_OUT" => Some(Self::LockedOut),
            "STAGED" => Some(Self::Staged),
            "SUSPENDED" => Some(Self::Suspended),
            _ => None,
        }
    }

    /// Whether a right password lets such a user in.
    #[must_use]
    pub const fn may_sign_in(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether such a user may recover the password (`idx-wire` §6.7: a locked one may).
    #[must_use]
    pub const fn may_recover(self) -> bool {
        matches!(self, Self::Active | Self::LockedOut)
    }
}

/// A password at rest.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPassword {
    /// PHC string with algorithm, parameters, salt and hash.
    pub phc: String,
    /// Whether the password was put into NFC before it was hashed (P-04).
    pub nfc: bool,
    /// When it was set.
    pub set_at: Timestamp,
}

impl std::fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPassword")
            .field("set_at", &self.set_at)
            .finish_non_exhaustive()
    }
}

/// What became of a new password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewPassword {
    /// Its hash, as PHC string.
    Hashed(String),
    /// It equals an earlier one.
    Reused,
}
