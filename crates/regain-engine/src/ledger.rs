//! What was spent on one name, one device, or the whole org: kept over all flows, so that a limit
//! holds whatever flow, node or address the next try comes from (security §2.4).
//!
//! A ledger is a row that is read with the flow and written with it, guarded by its own version:
//! of two steps that spend at once, one loads again and sees what the other has spent.

use regain_types::{KeyRing, OrgId, Timestamp, TokenHash, UserId};
use serde::{Deserialize, Serialize};

/// Names a ledger: a keyed hash, so that the store learns nothing from it (E-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LedgerKey([u8; 32]);

impl LedgerKey {
    /// The ledger of the org as a whole.
    pub const ORG: Self = Self([0; 32]);

    /// Takes the bytes that a keyed hash gave.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for the store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The ledgers that a step about one name spends from, besides the org's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerKeys {
    /// The name's.
    pub identifier: LedgerKey,
    /// The device's for this name, when the request named a device. Its row is there only after
    /// this name was signed in on that device: then the device is known (G-07).
    pub device: Option<LedgerKey>,
}

impl LedgerKeys {
    /// Derives them from a canonical name, before anything is looked up: they are the same for a
    /// name that nobody has (E-08). What follows a `+` in the local part falls away here, and only
    /// here: aliases of one inbox share one budget (N-04).
    #[must_use]
    pub fn derive(
        keys: &KeyRing,
        org: &OrgId,
        canonical: &str,
        device: Option<&TokenHash>,
    ) -> Self {
        let name = without_tag(canonical);
        let of = |kind: &[u8], device: &[u8]| {
            LedgerKey(
                keys.throttle
                    .mac(&[kind, org.as_str().as_bytes(), name.as_bytes(), device]),
            )
        };
        Self {
            identifier: of(b"identifier", &[]),
            device: device.map(|hash| of(b"device", hash.as_bytes())),
        }
    }
}

/// `alice+shop@example.com` → `alice@example.com`.
fn without_tag(canonical: &str) -> String {
    match canonical.rsplit_once('@') {
        Some((local, domain)) => {
            let name = match local.split_once('+') {
                Some((name, _)) if !name.is_empty() => name,
                Some(_) | None => local,
            };
            format!("{name}@{domain}")
        }
        None => canonical.to_owned(),
    }
}

/// A ledger as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRow {
    /// Counts writes; 0 for a ledger that is not there yet.
    pub version: u64,
    /// What was spent, as JSON.
    pub state: String,
}

/// The ledgers that were loaded with a flow; `None` where there is no row, or an expired one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledgers {
    /// The name's.
    pub identifier: Option<LedgerRow>,
    /// The device's for this name: there when the device is known (G-07).
    pub device: Option<LedgerRow>,
    /// The org's.
    pub org: Option<LedgerRow>,
}

/// A ledger to be written with a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerWrite {
    /// Which.
    pub key: LedgerKey,
    /// The version that was loaded, 0 when there was none: the write is refused, as a conflict,
    /// when it is another one by now.
    pub version: u64,
    /// What was spent, as JSON.
    pub state: String,
    /// From when on nothing in it counts any more.
    pub expires_at: Timestamp,
    /// Whose device it is, for a device's ledger: it goes when the user revokes devices.
    pub owner: Option<UserId>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use regain_types::{MasterKey, SystemEntropy};

    fn identifier(ring: &KeyRing, org: &OrgId, name: &str) -> LedgerKey {
        LedgerKeys::derive(ring, org, name, None).identifier
    }

    #[test]
    fn aliases_of_an_inbox_share_a_ledger() {
        // T-G5, T-G11 (N-04).
        let ring = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
        let org = OrgId::random(&mut SystemEntropy);
        let plain = identifier(&ring, &org, "alice@example.com");
        assert_eq!(plain, identifier(&ring, &org, "alice+shop@example.com"));
        assert_eq!(plain, identifier(&ring, &org, "alice+a+b@example.com"));
        assert_ne!(plain, identifier(&ring, &org, "alice@example.org"));
        assert_ne!(
            identifier(&ring, &org, "+x@example.com"),
            identifier(&ring, &org, "+y@example.com")
        );
    }

    #[test]
    fn a_device_has_a_ledger_for_each_name() {
        let ring = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
        let org = OrgId::random(&mut SystemEntropy);
        let device = TokenHash::of("a device token");
        let of = |name| {
            LedgerKeys::derive(&ring, &org, name, Some(&device))
                .device
                .unwrap()
        };
        assert_ne!(of("alice@example.com"), of("bob@example.com"));
        assert_ne!(
            of("alice@example.com"),
            identifier(&ring, &org, "alice@example.com")
        );
    }
}
