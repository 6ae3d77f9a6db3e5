//! Grants: what a finished flow gave to a client; the family of its tokens.

use regain_types::{AuthServer, ClientId, GrantId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

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
