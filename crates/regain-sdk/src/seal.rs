//! Sealed values: XChaCha20-Poly1305 with a key of the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::Error;
use crate::system::random_bytes;

const NONCE_BYTES: usize = 24;

/// 32 bytes that seal what a browser session keeps. The caller makes them once and guards them.
pub struct SealKey([u8; 32]);

impl SealKey {
    /// Takes the caller's key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Gives base64url text: a nonce and the sealed bytes, bound to the kind and the scope.
    pub(crate) fn seal(
        &self,
        kind: &str,
        scope: &SessionScope,
        plain: &[u8],
    ) -> Result<String, Error> {
        let nonce = random_bytes::<NONCE_BYTES>()?;
        let sealed = self
            .cipher()
            .encrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: plain,
                    aad: &scope.bound_to(kind),
                },
            )
            .map_err(|_| Error::Sealed)?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn unseal(
        &self,
        kind: &str,
        scope: &SessionScope,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| Error::Sealed)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(Error::Sealed)?;
        self.cipher()
            .decrypt(
                &XNonce::from(*nonce),
                Payload {
                    msg: sealed,
                    aad: &scope.bound_to(kind),
                },
            )
            .map(Zeroizing::new)
            .map_err(|_| Error::Sealed)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl Drop for SealKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The browser session that something belongs to. A transaction's id that leaks in a URL is
/// useless in another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionScope(String);

impl SessionScope {
    /// Takes whatever names the session: its id, or better the id's hash.
    pub fn new(browser_session_id: impl Into<String>) -> Self {
        Self(browser_session_id.into())
    }

    /// The name of the session.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn bound_to(&self, kind: &str) -> Vec<u8> {
        format!("regain-sdk/1\0{kind}\0{}", self.0).into_bytes()
    }
}

impl std::fmt::Debug for SessionScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionScope(…)")
    }
}

/// A transaction as opaque text, safe to keep anywhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedTransaction(pub(crate) String);

impl SealedTransaction {
    /// Takes back what [`SealedTransaction::as_str`] gave.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text to keep.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SealedTransaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedTransaction({} characters)", self.0.len())
    }
}
