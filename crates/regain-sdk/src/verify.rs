//! ID tokens: every check of OpenID Connect Core 1.0 §3.1.3.7 that applies.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk as Key;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use crate::system::unix_seconds;
use crate::tokens::VerifiedIdToken;
use crate::wire::oauth::{Jwk, JwkSet};
use crate::{Error, IdxClient, Secret, TokenError};

/// Algorithms with a public key. `none` and those with a shared secret are never accepted.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::EdDSA,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

/// What a token must say, beyond what the configuration tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expected<'a> {
    pub(crate) nonce: Option<&'a Secret>,
    pub(crate) acr_values: Option<&'a str>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) subject: Option<&'a str>,
}

impl IdxClient {
    /// Checks an ID token.
    pub(crate) async fn verify(
        &self,
        raw: Secret,
        access_token: &str,
        expected: &Expected<'_>,
    ) -> Result<VerifiedIdToken, Error> {
        let header = decode_header(raw.expose()).map_err(|_| TokenError::Malformed)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(TokenError::Algorithm.into());
        }
        let claims = self.signed_claims(&raw, &header).await?;
        let issuer = self.discovery().await?.issuer.clone();
        self.check_claims(&claims, &issuer, expected)?;
        check_at_hash(&claims, header.alg, access_token)?;
        Ok(VerifiedIdToken { raw, claims })
    }

    /// Checks the signature. When it does not fit the known keys, they are fetched again: a
    /// server may have new ones, even under an old name.
    async fn signed_claims(
        &self,
        raw: &Secret,
        header: &Header,
    ) -> Result<Map<String, Value>, Error> {
        let keys = self.keys().await?;
        if let Some(claims) = claims_by(&keys, raw, header) {
            return Ok(claims);
        }
        let newer = self.newer_keys().await?;
        newer
            .and_then(|keys| claims_by(&keys, raw, header))
            .ok_or_else(|| TokenError::Signature.into())
    }

    fn check_claims(
        &self,
        claims: &Map<String, Value>,
        issuer: &str,
        expected: &Expected<'_>,
    ) -> Result<(), TokenError> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let seconds = |name: &str| claims.get(name).and_then(Value::as_u64);
        if text("iss") != Some(issuer) {
            return Err(TokenError::Issuer);
        }
        self.check_audience(claims)?;
        let now = unix_seconds(self.now());
        let skew = self.config().clock_skew.as_secs();
        let expires = seconds("exp").ok_or(TokenError::Malformed)?;
        let made = seconds("iat").ok_or(TokenError::Malformed)?;
        if expires.saturating_add(skew) < now || expires < made {
            return Err(TokenError::Expired);
        }
        if made > now.saturating_add(skew) {
            return Err(TokenError::IssuedInFuture);
        }
        if let Some(nonce) = expected.nonce {
            let is_ours = text("nonce")
                .is_some_and(|it| it.as_bytes().ct_eq(nonce.expose().as_bytes()).into());
            if !is_ours {
                return Err(TokenError::Nonce);
            }
        }
        if let Some(wanted) = expected.acr_values {
            let acr = text("acr").ok_or(TokenError::Acr)?;
            if !wanted.split_ascii_whitespace().any(|value| value == acr) {
                return Err(TokenError::Acr);
            }
        }
        if let Some(age) = expected.max_age {
            let proven = seconds("auth_time").ok_or(TokenError::AuthTime)?;
            if proven.saturating_add(age.as_secs()).saturating_add(skew) < now {
                return Err(TokenError::AuthTime);
            }
        }
        let subject = text("sub").ok_or(TokenError::Malformed)?;
        match expected.subject {
            Some(known) if known != subject => Err(TokenError::Subject),
            _ => Ok(()),
        }
    }

    /// `aud` names this client; if it names others too, `azp` says that it is for this one.
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let ours = self.config().client_id.as_str();
        let authorized = claims.get("azp").and_then(Value::as_str);
        let is_for_us = match claims.get("aud") {
            Some(Value::String(one)) => one == ours && authorized.is_none_or(|azp| azp == ours),
            Some(Value::Array(list)) => {
                list.iter().any(|one| one == ours)
                    && if list.len() == 1 {
                        authorized.is_none_or(|azp| azp == ours)
                    } else {
                        authorized == Some(ours)
                    }
            }
            _ => false,
        };
        if is_for_us {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }
}

/// The claims, if one of the keys made the signature.
fn claims_by(keys: &JwkSet, raw: &Secret, header: &Header) -> Option<Map<String, Value>> {
    // Time, issuer and audience are checked apart, against the client's clock.
    let mut validation = Validation::new(header.alg);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    keys.keys
        .iter()
        .filter(|key| may_sign(key, header))
        .filter_map(decoding_key)
        .find_map(|key| decode::<Map<String, Value>>(raw.expose(), &key, &validation).ok())
        .map(|data| data.claims)
}

/// Whether the key fits the token's header.
fn may_sign(key: &Jwk, header: &Header) -> bool {
    let algorithm = format!("{:?}", header.alg);
    let names_fit = header.kid.is_none() || key.kid == header.kid;
    let is_for_signatures = key.usage.as_deref().is_none_or(|usage| usage == "sig");
    let algorithms_fit = key.alg.as_deref().is_none_or(|alg| alg == algorithm);
    names_fit && is_for_signatures && algorithms_fit && key.kty != "oct"
}

fn decoding_key(key: &Jwk) -> Option<DecodingKey> {
    let key: Key = serde_json::from_value(serde_json::to_value(key).ok()?).ok()?;
    DecodingKey::from_jwk(&key).ok()
}

/// `at_hash`: the left half of the access token's hash (OpenID Connect Core 1.0 §3.1.3.6).
fn check_at_hash(
    claims: &Map<String, Value>,
    algorithm: Algorithm,
    access_token: &str,
) -> Result<(), TokenError> {
    let Some(at_hash) = claims.get("at_hash") else {
        return Ok(());
    };
    let hash = match algorithm {
        Algorithm::ES384 | Algorithm::PS384 | Algorithm::RS384 => {
            Sha384::digest(access_token).to_vec()
        }
        Algorithm::EdDSA | Algorithm::PS512 | Algorithm::RS512 => {
            Sha512::digest(access_token).to_vec()
        }
        _ => Sha256::digest(access_token).to_vec(),
    };
    let (left, _) = hash.split_at(hash.len() / 2);
    if at_hash.as_str() == Some(URL_SAFE_NO_PAD.encode(left).as_str()) {
        Ok(())
    } else {
        Err(TokenError::AtHash)
    }
}
