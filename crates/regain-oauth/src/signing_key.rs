//! The RSA keys that sign tokens, and the JSON Web Signatures they make (RS256 only).

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{Entropy, MasterKey, Secret};
use regain_wire::oauth::{Jwk, JwkSet};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::key_seal;

/// What can go wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The library made no key.
    #[error("cannot make an RSA key")]
    Generate,
    /// The bytes are no RSA key of at least 2048 bits.
    #[error("not an RSA private key in PKCS#8")]
    Malformed,
    /// The master key is another one than the key was sealed with, or the row was changed.
    #[error("the signing key does not open under this master key")]
    Seal,
    /// The library made no signature.
    #[error("cannot sign")]
    Sign,
}

/// Which kind of token a signature is for: the header says it, so that one kind never passes for
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtKind {
    /// `typ` is `at+jwt` (RFC 9068 §2.1).
    AccessToken,
    /// No `typ`, as the vendor's ID tokens have none.
    IdToken,
}

/// An RSA key pair with everything that does not change from token to token.
pub struct SigningKey {
    kid: String,
    pair: RsaKeyPair,
    public: ParsedPublicKey,
    jwk: Jwk,
    /// Headers as they stand in tokens: encoded, and compared as text. A token is never asked by
    /// which algorithm or key it wants to be verified.
    access_token_header: String,
    id_token_header: String,
}

impl SigningKey {
    /// Makes an RSA key of 2048 bits (K-05). Takes up to seconds. The randomness is the
    /// cryptographic library's own: it offers no other way.
    ///
    /// # Errors
    /// [`KeyError::Generate`].
    pub fn generate() -> Result<Self, KeyError> {
        RsaKeyPair::generate(KeySize::Rsa2048)
            .map_err(|_| KeyError::Generate)
            .and_then(Self::new)
    }

    /// Takes a key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        RsaKeyPair::from_pkcs8(der)
            .map_err(|_| KeyError::Malformed)
            .and_then(Self::new)
    }

    /// The private key in PKCS#8.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|_| KeyError::Malformed)?;
        Ok(Secret::new(der.as_ref().to_vec()))
    }

    /// The private key as it may lie in the database (K-03).
    ///
    /// # Errors
    /// [`KeyError::Malformed`], [`KeyError::Seal`].
    pub fn seal(&self, master: &MasterKey, entropy: &mut dyn Entropy) -> Result<Vec<u8>, KeyError> {
        key_seal::seal(master, &self.kid, &self.to_pkcs8()?, entropy)
    }

    /// Opens what [`SigningKey::seal`] gave.
    ///
    /// # Errors
    /// [`KeyError::Seal`] under another master key or name, [`KeyError::Malformed`] when the key
    /// inside has another thumbprint.
    pub fn open(master: &MasterKey, kid: &str, sealed: &[u8]) -> Result<Self, KeyError> {
        let key = Self::from_pkcs8(key_seal::open(master, kid, sealed)?.expose())?;
        if key.kid == kid {
            Ok(key)
        } else {
            Err(KeyError::Malformed)
        }
    }

    fn new(pair: RsaKeyPair) -> Result<Self, KeyError> {
        if pair.public_modulus_len() < 256 {
            return Err(KeyError::Malformed);
        }
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
            .map_err(|_| KeyError::Malformed)?;
        let e = URL_SAFE_NO_PAD.encode(
            pair.public_key()
                .exponent()
                .big_endian_without_leading_zero(),
        );
        let n = URL_SAFE_NO_PAD.encode(
            pair.public_key()
                .modulus()
                .big_endian_without_leading_zero(),
        );
        let kid = thumbprint(&e, &n);
        Ok(Self {
            access_token_header: header(&json!({ "alg": "RS256", "kid": kid, "typ": "at+jwt" })),
            id_token_header: header(&json!({ "alg": "RS256", "kid": kid })),
            jwk: jwk(&kid, e, n),
            kid,
            pair,
            public,
        })
    }

    /// The key's name: its thumbprint (RFC 7638).
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key.
    #[must_use]
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs claims: a JWS in compact form. Takes 0.7 ms or so, too long for the async threads.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(&self, kind: JwtKind, claims: &[u8]) -> Result<String, KeyError> {
        let mut token = format!("{}.{}", self.header(kind), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                token.as_bytes(),
                &mut signature,
            )
            .map_err(|_| KeyError::Sign)?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&signature, &mut token);
        Ok(token)
    }

    fn header(&self, kind: JwtKind) -> &str {
        match kind {
            JwtKind::AccessToken => &self.access_token_header,
            JwtKind::IdToken => &self.id_token_header,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

/// The org's keys: the one that signs, and those whose tokens are still around.
#[derive(Debug)]
pub struct KeySet {
    current: SigningKey,
    older: Vec<SigningKey>,
}

impl KeySet {
    /// Takes the key that signs and those that only verify.
    #[must_use]
    pub const fn new(current: SigningKey, older: Vec<SigningKey>) -> Self {
        Self { current, older }
    }

    /// The key that signs.
    #[must_use]
    pub const fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The public keys, for `keys`.
    #[must_use]
    pub fn jwk_set(&self) -> JwkSet {
        JwkSet {
            keys: self.all().map(|key| key.jwk.clone()).collect(),
        }
    }

    /// The claims of a token of ours, as JSON; `None` when it is not ours, of another kind, or
    /// changed. Nothing is said about its age.
    #[must_use]
    pub fn verify(&self, kind: JwtKind, token: &str) -> Option<Vec<u8>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let key = self.all().find(|key| key.header(kind) == header)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        key.public.verify_sig(signed.as_bytes(), &signature).ok()?;
        URL_SAFE_NO_PAD.decode(claims).ok()
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

fn header(fields: &Value) -> String {
    URL_SAFE_NO_PAD.encode(fields.to_string())
}

/// RFC 7638 §3: SHA-256 over the required members, in the order of their names.
fn thumbprint(e: &str, n: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(format!(
        r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#
    )))
}

fn jwk(kid: &str, e: String, n: String) -> Jwk {
    Jwk {
        kty: "RSA".to_owned(),
        alg: Some("RS256".to_owned()),
        kid: Some(kid.to_owned()),
        usage: Some("sig".to_owned()),
        extra: Map::from_iter([("e".to_owned(), e.into()), ("n".to_owned(), n.into())]),
    }
}

#[cfg(test)]
pub(crate) mod tests;
