//! Private keys at rest: XChaCha20-Poly1305 under the master key (K-01, K-03).

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use regain_types::{Entropy, MasterKey, Secret, random_array};

use crate::KeyError;

/// The one use of this key, and its version; the first sealed byte names the version (K-02).
const LABEL: &str = "signing-key-seal/1";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Seals a private key: version, nonce, ciphertext. The key's name is bound to it.
pub(crate) fn seal(
    master: &MasterKey,
    kid: &str,
    private: &Secret<Vec<u8>>,
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, KeyError> {
    let nonce: [u8; NONCE_BYTES] = random_array(entropy);
    let payload = Payload {
        msg: private.expose(),
        aad: kid.as_bytes(),
    };
    let ciphertext = cipher(master)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| KeyError::Seal)?;
    Ok([&[VERSION], nonce.as_slice(), &ciphertext].concat())
}

/// Opens what [`seal`] gave.
pub(crate) fn open(
    master: &MasterKey,
    kid: &str,
    sealed: &[u8],
) -> Result<Secret<Vec<u8>>, KeyError> {
    let (version, rest) = sealed.split_first().ok_or(KeyError::Seal)?;
    let (nonce, ciphertext) = rest
        .split_first_chunk::<NONCE_BYTES>()
        .ok_or(KeyError::Seal)?;
    if *version != VERSION {
        return Err(KeyError::Seal);
    }
    let payload = Payload {
        msg: ciphertext,
        aad: kid.as_bytes(),
    };
    cipher(master)
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Secret::new)
        .map_err(|_| KeyError::Seal)
}

fn cipher(master: &MasterKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*master.derive(LABEL).expose()).into())
}
