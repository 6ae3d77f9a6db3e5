//! What a finished flow gives.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::seal::{SealKey, SessionScope};
use crate::{Error, Secret};

/// Tokens that passed every check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// For the resource servers.
    pub access: Secret,
    /// Who signed in, with scope `openid`.
    pub id: Option<VerifiedIdToken>,
    /// For [`IdxClient::refresh_tokens`](crate::IdxClient::refresh_tokens), with scope
    /// `offline_access`.
    pub refresh: Option<Secret>,
    /// When the access token ends.
    pub expires_at: SystemTime,
    /// What the access token is good for.
    pub scopes: Vec<String>,
}

/// An ID token whose signature and claims were verified
/// (OpenID Connect Core 1.0 §3.1.3.7).
#[derive(Clone)]
pub struct VerifiedIdToken {
    pub(crate) raw: Secret,
    pub(crate) claims: Map<String, Value>,
}

impl VerifiedIdToken {
    /// The token itself, for `id_token_hint`.
    #[must_use]
    pub fn raw(&self) -> &Secret {
        &self.raw
    }

    /// Every claim.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The user's id at the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// A claim that is text.
    #[must_use]
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }
}

impl fmt::Debug for VerifiedIdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedIdToken")
            .field("sub", &self.subject())
            .finish_non_exhaustive()
    }
}

/// The code that is exchanged for tokens. It works once, for about a minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractionCode(Secret);

impl InteractionCode {
    /// Takes a code that came in a callback's URL.
    pub fn new(code: impl Into<Secret>) -> Self {
        Self(code.into())
    }

    /// The code itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Which token is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenKind {
    /// The access token.
    Access,
    /// The refresh token; revoking it ends its access tokens too.
    Refresh,
}

impl TokenKind {
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Access => "access_token",
            Self::Refresh => "refresh_token",
        }
    }
}

/// The form of [`Tokens`] that is sealed: the only one that can be written.
#[derive(Serialize, Deserialize)]
struct Saved {
    #[serde(serialize_with = "Secret::serialize_exposed")]
    access: Secret,
    id: Option<(String, Map<String, Value>)>,
    refresh: Option<String>,
    expires_at: SystemTime,
    scopes: Vec<String>,
}

impl Tokens {
    /// Makes an opaque text of them that only the holder of the key can open, and only for the
    /// same scope: a web app keeps them with the session.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn seal(&self, key: &SealKey, scope: &SessionScope) -> Result<String, Error> {
        let saved = Saved {
            access: self.access.clone(),
            id: self
                .id
                .as_ref()
                .map(|id| (id.raw.expose().to_owned(), id.claims.clone())),
            refresh: self.refresh.as_ref().map(|token| token.expose().to_owned()),
            expires_at: self.expires_at,
            scopes: self.scopes.clone(),
        };
        let plain = Zeroizing::new(serde_json::to_vec(&saved).map_err(|_| Error::Sealed)?);
        key.seal("tokens", scope, &plain)
    }

    /// Opens what [`Tokens::seal`] made.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it is damaged, or was sealed with another key or for another scope.
    pub fn unseal(sealed: &str, key: &SealKey, scope: &SessionScope) -> Result<Self, Error> {
        let plain = key.unseal("tokens", scope, sealed)?;
        let saved: Saved = serde_json::from_slice(&plain).map_err(|_| Error::Sealed)?;
        Ok(Self {
            access: saved.access,
            id: saved.id.map(|(raw, claims)| VerifiedIdToken {
                raw: raw.into(),
                claims,
            }),
            refresh: saved.refresh.map(Secret::from),
            expires_at: saved.expires_at,
            scopes: saved.scopes,
        })
    }
}
