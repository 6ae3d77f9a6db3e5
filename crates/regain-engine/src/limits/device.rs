//! What is counted apart on a device on which a name has signed in before (G-07), so that nobody
//! else's wrong passwords and mails stand in its owner's way.

use regain_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DAY, HOUR, InARow, Marks};
use crate::policy::Limits;

/// How long a device is known after a sign-in on it.
const KNOWN_SECONDS: i64 = 90 * DAY;

/// The ledger of a device for one name. It is there only where the device is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceLedger {
    /// Until when the device is known.
    known_until: Timestamp,
    /// Wrong passwords typed on it.
    #[serde(default)]
    passwords: InARow,
    /// Mails of its reserve.
    #[serde(default)]
    mails: Marks,
}

impl DeviceLedger {
    /// Somebody signed in on it.
    #[must_use]
    pub fn signed_in(now: Timestamp) -> Self {
        Self {
            known_until: now.plus_seconds(KNOWN_SECONDS),
            passwords: InARow::default(),
            mails: Marks::default(),
        }
    }

    /// Somebody signed in on it again: a right password ends the row of wrong ones, the mails stay
    /// counted.
    pub fn renew(&mut self, now: Timestamp) {
        self.known_until = now.plus_seconds(KNOWN_SECONDS);
        self.passwords.clear();
    }

    /// Wrong passwords typed on it.
    #[must_use]
    pub fn passwords(&self) -> &InARow {
        &self.passwords
    }

    /// A wrong password was typed on it.
    pub fn add_wrong_password(&mut self, limits: &Limits, now: Timestamp) {
        self.passwords.add(limits.consecutive_failures, now);
    }

    /// From when on its reserve has a mail; `None`: now (M-02).
    #[must_use]
    pub fn mail_at(&self, limits: &Limits, now: Timestamp) -> Option<Timestamp> {
        self.mails.room_at(limits.device_mails_1h, HOUR, now)
    }

    /// Takes a mail from the reserve.
    pub fn add_mail(&mut self, limits: &Limits, now: Timestamp) {
        self.mails.add(now, HOUR, limits.device_mails_1h);
    }

    /// When somebody last signed in on it.
    #[must_use]
    pub fn last_sign_in(&self) -> Timestamp {
        self.known_until.plus_seconds(-KNOWN_SECONDS)
    }

    /// From when on the device is not known any more.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.known_until
    }
}
