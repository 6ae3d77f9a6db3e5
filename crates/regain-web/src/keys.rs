//! The app's key file and what derives from it: one key per use.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::system::random;

/// The name of the key file inside the data directory.
const KEY_FILE: &str = "web.key";
const NONCE_BYTES: usize = 24;

/// Every key of the app. `Debug` shows none of them.
pub(crate) struct Keys {
    csrf: [u8; 32],
    seal: [u8; 32],
    transaction: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    /// Reads the key file of `data_dir`, or makes one that only the owner can read.
    ///
    /// # Errors
    /// When the file can be neither read nor written, or does not hold a key.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(KEY_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Self::decode(&text).ok_or_else(|| {
                let reason = format!("{} does not hold a key of 32 bytes", path.display());
                io::Error::new(io::ErrorKind::InvalidData, reason)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(&path),
            Err(error) => Err(error),
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let master = random::<32>();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            options.mode(0o600);
        }
        let mut file = options.open(path)?;
        writeln!(file, "{}", URL_SAFE_NO_PAD.encode(master))?;
        file.sync_all()?;
        Ok(Self::derive(&master))
    }

    fn decode(text: &str) -> Option<Self> {
        let master: [u8; 32] = URL_SAFE_NO_PAD.decode(text.trim()).ok()?.try_into().ok()?;
        Some(Self::derive(&master))
    }

    fn derive(master: &[u8; 32]) -> Self {
        Self {
            csrf: mac(master, b"regain-web/csrf/1"),
            seal: mac(master, b"regain-web/session/1"),
            transaction: mac(master, b"regain-web/transaction/1"),
        }
    }

    /// The key under which the SDK seals its transactions.
    pub(crate) fn transaction(&self) -> &[u8; 32] {
        &self.transaction
    }

    /// The token that forms carry for the browser with this cookie value.
    pub(crate) fn csrf_token(&self, cookie: &str) -> String {
        URL_SAFE_NO_PAD.encode(mac(&self.csrf, cookie.as_bytes()))
    }

    /// Whether a form's token belongs to the browser with this cookie value, in constant time.
    pub(crate) fn is_csrf_token(&self, cookie: &str, token: &str) -> bool {
        self.csrf_token(cookie)
            .as_bytes()
            .ct_eq(token.as_bytes())
            .into()
    }

    /// Encrypts what the database keeps. `label` says what it is and whose: the same label opens it.
    pub(crate) fn seal(&self, label: &str, plain: &[u8]) -> Option<Vec<u8>> {
        let nonce = random::<NONCE_BYTES>();
        let payload = Payload {
            msg: plain,
            aad: label.as_bytes(),
        };
        let sealed = XChaCha20Poly1305::new(&self.seal.into())
            .encrypt(&XNonce::from(nonce), payload)
            .ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Decrypts what [`Keys::seal`] made; `None` when it was changed or belongs elsewhere.
    pub(crate) fn unseal(&self, label: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload {
            msg: text,
            aad: label.as_bytes(),
        };
        XChaCha20Poly1305::new(&self.seal.into())
            .decrypt(&XNonce::from(*nonce), payload)
            .ok()
    }
}

/// What the database knows of a cookie value.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_survives_in_a_file_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::open(dir.path()).unwrap();
        let again = Keys::open(dir.path()).unwrap();
        assert_eq!(first.csrf_token("x"), again.csrf_token("x"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join(KEY_FILE))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_broken_key_file_is_an_error_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(KEY_FILE), "short").unwrap();
        assert_eq!(
            Keys::open(dir.path()).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
        assert_eq!(
            fs::read_to_string(dir.path().join(KEY_FILE)).unwrap(),
            "short"
        );
    }

    #[test]
    fn sealed_bytes_open_only_unchanged_and_under_their_own_label() {
        let keys = Keys::derive(&[7; 32]);
        let mut sealed = keys.seal("session:a", b"tokens").unwrap();
        assert_eq!(keys.unseal("session:a", &sealed).unwrap(), b"tokens");
        assert_eq!(keys.unseal("session:b", &sealed), None);
        sealed[30] ^= 1;
        assert_eq!(keys.unseal("session:a", &sealed), None);
        assert_eq!(keys.unseal("session:a", b"short"), None);
    }

    #[test]
    fn a_token_belongs_to_one_browser() {
        let keys = Keys::derive(&[7; 32]);
        assert!(keys.is_csrf_token("one", &keys.csrf_token("one")));
        assert!(!keys.is_csrf_token("two", &keys.csrf_token("one")));
        assert!(!keys.is_csrf_token("one", ""));
    }
}
