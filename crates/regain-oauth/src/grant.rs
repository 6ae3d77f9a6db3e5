//! Grants: what a finished flow gave to a client; the family of its tokens.

use regain_types::{AuthServer, ClientId, GrantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::claims::ACCESS_TOKEN_TTL_SECONDS;
use crate::refresh::{REFRESH_TOKEN_IDLE_SECONDS, REFRESH_TOKEN_TTL_SECONDS};
use crate::scope::has_scope;

/// One sign-in at one client. Its tokens live and die with it (S-01, S-06).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id; access and refresh tokens carry it.
    pub id: GrantId,
    /// Who signed in.
    pub user: UserId,
    /// At which app.
    pub client_id: ClientId,
    /// Which server signs.
    pub server: AuthServer,
    /// What was granted.
    pub scopes: Vec<String>,
    /// For the ID token, when the client sent one.
    pub nonce: Option<String>,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When the tokens were first issued.
    pub created_at: Timestamp,
    /// The refresh token's end, however often it is used.
    pub expires_at: Timestamp,
    /// The refresh token's end unless it is used.
    pub idle_expires_at: Timestamp,
    /// Which refresh token of the family is the live one.
    pub refresh_sequence: u32,
    /// When it became that; the one before may be used again for a moment (S-06).
    pub rotated_at: Timestamp,
    /// From when on everything of the family is worthless.
    pub revoked_at: Option<Timestamp>,
}

/// What a finished flow approved, from which a grant begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who signed in.
    pub user: UserId,
    /// At which app.
    pub client_id: ClientId,
    /// Which server signs.
    pub server: AuthServer,
    /// What was asked for.
    pub scopes: Vec<String>,
    /// For the ID token, when the client sent one.
    pub nonce: Option<String>,
    /// When the person proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
}

impl Grant {
    /// Begins a family of tokens. Without `offline_access` it lives as long as its access token.
    #[must_use]
    pub fn begin(id: GrantId, approval: Approval, now: Timestamp) -> Self {
        let (ttl_seconds, idle_seconds) = if has_scope(&approval.scopes, "offline_access") {
            (REFRESH_TOKEN_TTL_SECONDS, REFRESH_TOKEN_IDLE_SECONDS)
        } else {
            (ACCESS_TOKEN_TTL_SECONDS, ACCESS_TOKEN_TTL_SECONDS)
        };
        Self {
            id,
            user: approval.user,
            client_id: approval.client_id,
            server: approval.server,
            scopes: approval.scopes,
            nonce: approval.nonce,
            auth_time: approval.auth_time,
            amr: approval.amr,
            created_at: now,
            expires_at: now.plus_seconds(ttl_seconds),
            idle_expires_at: now.plus_seconds(idle_seconds),
            refresh_sequence: 0,
            rotated_at: now,
            revoked_at: None,
        }
    }

    /// Whether the client gets refresh tokens.
    #[must_use]
    pub fn has_refresh_token(&self) -> bool {
        has_scope(&self.scopes, "offline_access")
    }
}
