//! One key per use, all derived from the master key (K-01).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::{Entropy, Secret, random_array};

/// The secret from which every symmetric key derives. It lives in a file that only the operator
/// can read, never in the database (K-03).
#[derive(Debug, Clone)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Draws a new one.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::new(random_array(entropy)))
    }

    /// Reads the 43 characters that [`MasterKey::encode`] wrote.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        Some(Self(Secret::new(bytes.try_into().ok()?)))
    }

    /// The key as base64url text, for its file.
    #[must_use]
    pub fn encode(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// 32 bytes for one use. `label` names the use and its version and is never used twice.
    #[must_use]
    pub fn derive(&self, label: &str) -> Secret<[u8; 32]> {
        expand(self.0.expose(), label)
    }

    fn mac(&self, label: &str) -> MacKey {
        MacKey(self.derive(label))
    }
}

/// 32 bytes for one use of a secret.
pub(crate) fn expand(secret: &[u8; 32], label: &str) -> Secret<[u8; 32]> {
    let mut out = [0; 32];
    let expanded =
        Hkdf::<Sha256>::new(Some(b"regain/v1"), secret).expand(label.as_bytes(), &mut out);
    // 32 bytes are far below HKDF's limit of 255 blocks.
    debug_assert!(expanded.is_ok(), "HKDF gives 32 bytes");
    Secret::new(out)
}

/// A key for HMAC-SHA-256 with one use.
#[derive(Debug, Clone)]
pub struct MacKey(Secret<[u8; 32]>);

impl MacKey {
    /// The MAC over `parts`. Each part goes in with its length, so that no two lists of parts
    /// give the same bytes.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // A key as long as SHA-256's block needs no length check that could fail.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (slot, byte) in block.iter_mut().zip(self.0.expose()) {
            *slot = *byte;
        }
        let mut mac = Hmac::<Sha256>::new(&block);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` is the MAC over `parts`, in constant time (Y-08).
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        self.mac(parts).ct_eq(tag).into()
    }
}

/// Every symmetric key of an org, one field per use. What goes into password hashes is no part of
/// it: [`crate::Pepper`] has a file of its own.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// Shows that a backup is whole, unchanged and of this deployment.
    pub backup: MacKey,
    /// Codes are derived from their challenge with this key; nothing of a code is stored (C-07).
    pub code: MacKey,
    /// Interaction codes are derived from their flow, so that a repeated answer is the same.
    pub interaction_code: MacKey,
    /// Links in mails name their challenge, and cannot be made without it (L-02).
    pub link: MacKey,
    /// Tags of refresh tokens.
    pub refresh_token: MacKey,
    /// Digests of requests, to know a repeated one (I-06).
    pub replay: MacKey,
    /// State handles are derived from the interaction handle.
    pub state_handle: MacKey,
    /// Ids of enrolments that are shown before a proof (E-02).
    pub synthetic_id: MacKey,
    /// Keys of limits and of audit rows about unknown people (E-08, U-03).
    pub throttle: MacKey,
    /// Secrets of authenticator apps are derived from their enrolment; nothing of one is stored (C-07).
    pub totp: MacKey,
    /// Signs challenges of proof of work (M-03).
    pub work: MacKey,
}

impl KeyRing {
    /// Derives all of them. The labels carry the key's version.
    #[must_use]
    pub fn derive(master: &MasterKey) -> Self {
        Self {
            backup: master.mac("backup/1"),
            code: master.mac("code/1"),
            interaction_code: master.mac("interaction-code/1"),
            link: master.mac("link/1"),
            refresh_token: master.mac("refresh-token/1"),
            replay: master.mac("replay/1"),
            state_handle: master.mac("state-handle/1"),
            synthetic_id: master.mac("synthetic-id/1"),
            throttle: master.mac("throttle/1"),
            totp: master.mac("totp/1"),
            work: master.mac("proof-of-work/1"),
        }
    }
}

/// The SHA-256 of a token of at least 128 random bits: what the store knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// Hashes a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Takes a stored hash.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    #[test]
    fn every_key_has_its_own_use() {
        // T-K3: no two keys of the ring give the same MAC.
        let ring = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
        let keys = [
            &ring.backup,
            &ring.code,
            &ring.interaction_code,
            &ring.refresh_token,
            &ring.replay,
            &ring.state_handle,
            &ring.synthetic_id,
            &ring.throttle,
            &ring.totp,
            &ring.work,
        ];
        let mut tags: Vec<_> = keys.iter().map(|k| k.mac(&[b"x"])).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), keys.len());
    }

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        let key = MasterKey::random(&mut SystemEntropy).mac("test");
        assert_ne!(key.mac(&[b"ab", b"c"]), key.mac(&[b"a", b"bc"]));
        assert!(key.verify(&[b"ab"], &key.mac(&[b"ab"])));
        assert!(!key.verify(&[b"ab"], b"short"));
    }

    #[test]
    fn the_master_key_survives_its_file() {
        let key = MasterKey::random(&mut SystemEntropy);
        let back = MasterKey::decode(key.encode().expose()).unwrap();
        assert_eq!(back.derive("x").expose(), key.derive("x").expose());
        assert!(MasterKey::decode("short").is_none());
    }
}
