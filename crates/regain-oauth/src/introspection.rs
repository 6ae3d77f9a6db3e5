//! Reads the tokens that clients bring back, and tells what they are (RFC 7662).

use regain_types::{AuthServer, ClientId, GrantId, KeyRing, OrgId, Timestamp};
use regain_wire::oauth::IntrospectionResponse;

use crate::claims::grant_of;
use crate::{
    AccessTokenClaims, Grant, IdTokenClaims, JwtKind, KeySet, RefreshToken, RefreshVerdict,
    judge_refresh,
};

/// A token of ours: its signature or MAC is right. Whether it is still good, its grant knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedToken {
    /// An access token.
    Access(AccessTokenClaims),
    /// An ID token.
    Id(IdTokenClaims),
    /// A refresh token.
    Refresh(RefreshToken),
}

impl PresentedToken {
    /// Finds out what a text is, whatever the client's hint says; `None` when it is not ours, or
    /// from another authorization server.
    #[must_use]
    pub fn read(
        text: &str,
        keys: &KeySet,
        ring: &KeyRing,
        org: &OrgId,
        issuer: &str,
    ) -> Option<Self> {
        if !text.contains('.') {
            return RefreshToken::decode(text, ring, org).map(Self::Refresh);
        }
        read_access_token(text, keys, issuer)
            .map(Self::Access)
            .or_else(|| read_id_token(text, keys, issuer).map(Self::Id))
    }

    /// The grant that it belongs to.
    #[must_use]
    pub fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Access(claims) => grant_of(&claims.jti),
            Self::Id(claims) => grant_of(&claims.jti),
            Self::Refresh(token) => Some(token.grant.clone()),
        }
    }

    /// The id by which an access token may be revoked by itself.
    #[must_use]
    pub fn access_token_id(&self) -> Option<&str> {
        match self {
            Self::Access(claims) => Some(&claims.jti),
            Self::Id(_) | Self::Refresh(_) => None,
        }
    }
}

/// An access token of this issuer. Its age is not judged.
#[must_use]
pub fn read_access_token(text: &str, keys: &KeySet, issuer: &str) -> Option<AccessTokenClaims> {
    let claims: AccessTokenClaims =
        serde_json::from_slice(&keys.verify(JwtKind::AccessToken, text)?).ok()?;
    (claims.iss == issuer).then_some(claims)
}

/// An ID token of this issuer. Its age is not judged: as a hint for a logout it may be old
/// (OpenID Connect RP-Initiated Logout 1.0 §2).
#[must_use]
pub fn read_id_token(text: &str, keys: &KeySet, issuer: &str) -> Option<IdTokenClaims> {
    let claims: IdTokenClaims =
        serde_json::from_slice(&keys.verify(JwtKind::IdToken, text)?).ok()?;
    (claims.iss == issuer).then_some(claims)
}

/// What the store says about a token's grant.
#[derive(Clone, Copy, Debug)]
pub struct GrantState<'a> {
    /// The grant.
    pub grant: &'a Grant,
    /// The user's login, if the user is there and may sign in.
    pub login: Option<&'a str>,
    /// Whether the access token is revoked by itself.
    pub is_token_revoked: bool,
    /// The store's time: grants end by it.
    pub store_now: Timestamp,
    /// The time of token stamps: tokens end by it.
    pub token_now: Timestamp,
}

impl GrantState<'_> {
    /// Whether a token is good.
    #[must_use]
    pub fn allows(&self, token: &PresentedToken, server: &AuthServer) -> bool {
        let is_alive =
            self.grant.revoked_at.is_none() && self.login.is_some() && self.grant.server == *server;
        is_alive
            && match token {
                PresentedToken::Access(claims) => {
                    claims.is_fresh(self.token_now) && !self.is_token_revoked
                }
                PresentedToken::Id(claims) => claims.is_fresh(self.token_now),
                PresentedToken::Refresh(token) => {
                    judge_refresh(self.grant, token.sequence, self.store_now)
                        == RefreshVerdict::Rotate
                }
            }
    }
}

/// The answer about a token that is no good, unknown or somebody else's: always the same bytes
/// (O-08).
#[must_use]
pub fn inactive() -> IntrospectionResponse {
    IntrospectionResponse::default()
}

/// The answer to `client` about one of its own tokens.
#[must_use]
pub fn introspection(
    token: &PresentedToken,
    state: &GrantState<'_>,
    server: &AuthServer,
    client: &ClientId,
) -> IntrospectionResponse {
    if !state.allows(token, server) || state.grant.client_id != *client {
        return inactive();
    }
    let common = IntrospectionResponse {
        active: true,
        client_id: Some(client.as_str().to_owned()),
        username: state.login.map(str::to_owned),
        uid: Some(state.grant.user.as_str().to_owned()),
        ..inactive()
    };
    match token {
        PresentedToken::Access(claims) => IntrospectionResponse {
            token_type: Some("Bearer".to_owned()),
            scope: Some(claims.scp.join(" ")),
            sub: Some(claims.sub.clone()),
            aud: Some(claims.aud.clone()),
            iss: Some(claims.iss.clone()),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            jti: Some(claims.jti.clone()),
            ..common
        },
        PresentedToken::Id(claims) => IntrospectionResponse {
            sub: Some(claims.sub.as_str().to_owned()),
            aud: Some(claims.aud.as_str().to_owned()),
            iss: Some(claims.iss.clone()),
            exp: Some(claims.exp),
            iat: Some(claims.iat),
            jti: Some(claims.jti.clone()),
            ..common
        },
        PresentedToken::Refresh(_) => IntrospectionResponse {
            scope: Some(state.grant.scopes.join(" ")),
            sub: Some(state.grant.user.as_str().to_owned()),
            exp: Some(
                state
                    .grant
                    .expires_at
                    .min(state.grant.idle_expires_at)
                    .as_seconds(),
            ),
            iat: Some(state.grant.rotated_at.as_seconds()),
            ..common
        },
    }
}

#[cfg(test)]
mod tests;
