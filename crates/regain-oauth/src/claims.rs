//! What tokens and `userinfo` say, and how long it holds (`idx-wire` §2.5, §2.7).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{AuthServer, ClientId, GrantId, OrgId, Timestamp, UserId};
use regain_wire::oauth::UserInfo;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::scope::has_scope;

/// How long an access token holds.
pub const ACCESS_TOKEN_TTL_SECONDS: i64 = 60 * 60;
/// How long an ID token holds.
pub const ID_TOKEN_TTL_SECONDS: i64 = 60 * 60;
/// `ver` of every token.
const TOKEN_VERSION: u32 = 1;

/// What tokens say about a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The user.
    pub id: UserId,
    /// Canonical login.
    pub login: String,
    /// Verified address.
    pub email: Option<String>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// `en_US`.
    pub locale: String,
    /// IANA time zone.
    pub time_zone: String,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Profile {
    /// What people call the user; without names, the login.
    fn name(&self) -> String {
        let name = format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned();
        if name.is_empty() {
            self.login.clone()
        } else {
            name
        }
    }

    /// The answer of `userinfo` for the granted scopes (OpenID Connect Core 1.0 §5.4).
    #[must_use]
    pub fn user_info(&self, scopes: &[String]) -> UserInfo {
        let text = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        let mut info = UserInfo {
            sub: self.id.as_str().to_owned(),
            ..UserInfo::default()
        };
        if has_scope(scopes, "profile") {
            info.name = Some(self.name());
            info.preferred_username = Some(self.login.clone());
            info.given_name = text(&self.first_name);
            info.family_name = text(&self.last_name);
            // BCP 47 joins with a hyphen what the profile joins with an underscore.
            info.locale = text(&self.locale.replace('_', "-"));
            info.zoneinfo = text(&self.time_zone);
            info.updated_at = Some(self.updated_at.as_seconds());
        }
        if has_scope(scopes, "email")
            && let Some(email) = &self.email
        {
            info.email = Some(email.clone());
            info.email_verified = Some(true);
        }
        info
    }
}

/// Claims of an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// The user.
    pub sub: UserId,
    /// With scope `profile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// With scope `email`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// 1.
    pub ver: u32,
    /// Issuer.
    pub iss: String,
    /// The client.
    pub aud: ClientId,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Expires at, seconds since 1970.
    pub exp: i64,
    /// `ID.{random}.{grant}`.
    pub jti: String,
    /// How the user signed in (RFC 8176).
    pub amr: Vec<String>,
    /// Who knows the user: the org itself.
    pub idp: OrgId,
    /// What the client sent, only if it did: the Go client refuses any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// With scope `profile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// When the user signed in, seconds since 1970.
    pub auth_time: i64,
    /// Binds the access token that was issued along.
    pub at_hash: String,
}

/// Claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// 1.
    pub ver: u32,
    /// `AT.{random}.{grant}`.
    pub jti: String,
    /// Issuer.
    pub iss: String,
    /// For whom: see [`audience`].
    pub aud: String,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Expires at, seconds since 1970.
    pub exp: i64,
    /// The client.
    pub cid: ClientId,
    /// The user.
    pub uid: UserId,
    /// Granted scopes.
    pub scp: Vec<String>,
    /// When the user signed in, seconds since 1970.
    pub auth_time: i64,
    /// The user's login.
    pub sub: String,
}

impl AccessTokenClaims {
    /// Whether its time is not over.
    #[must_use]
    pub const fn is_fresh(&self, now: Timestamp) -> bool {
        now.as_seconds() < self.exp
    }
}

impl IdTokenClaims {
    /// Whether its time is not over.
    #[must_use]
    pub const fn is_fresh(&self, now: Timestamp) -> bool {
        now.as_seconds() < self.exp
    }
}

/// Whom the access tokens of a server are for: `api://{id}`, and for the org server its origin.
#[must_use]
pub fn audience(server: &AuthServer, base: &str) -> String {
    match server {
        AuthServer::Custom(id) => format!("api://{id}"),
        AuthServer::Org => base.to_owned(),
    }
}

/// A token's id. It ends with the grant's, so that the grant can be found without another table.
pub(crate) fn token_id(prefix: &str, random: &str, grant: &GrantId) -> String {
    format!("{prefix}.{random}.{grant}")
}

/// The grant in a token's id.
#[must_use]
pub fn grant_of(jti: &str) -> Option<GrantId> {
    let mut parts = jti.splitn(3, '.').skip(2);
    GrantId::parse(parts.next()?).ok()
}

/// The left half of SHA-256 of the access token (OpenID Connect Core 1.0 §3.1.3.6).
pub(crate) fn at_hash(access_token: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(access_token).into();
    let (left, _) = digest.split_at(16);
    URL_SAFE_NO_PAD.encode(left)
}

pub(crate) const fn token_version() -> u32 {
    TOKEN_VERSION
}

#[cfg(test)]
mod tests {
    use regain_types::SystemEntropy;

    use super::*;

    #[test]
    fn at_hash_is_that_of_the_standards_example() {
        // OpenID Connect Core 1.0, appendix A.3 (`id_token token`).
        assert_eq!(
            at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn the_grant_is_found_in_the_id() {
        let grant = GrantId::random(&mut SystemEntropy);
        assert_eq!(grant_of(&token_id("AT", "x-_y", &grant)), Some(grant));
        let odd = GrantId::parse("a.b").unwrap();
        assert_eq!(grant_of(&token_id("ID", "x", &odd)), Some(odd));
        for jti in ["", "AT", "AT.x", "AT.x."] {
            assert_eq!(grant_of(jti), None, "{jti}");
        }
    }

    #[test]
    fn user_info_holds_what_the_scopes_say() {
        let profile = Profile {
            id: UserId::parse("00u1").unwrap(),
            login: "mary@example.com".to_owned(),
            email: Some("mary@example.com".to_owned()),
            first_name: "Mary".to_owned(),
            last_name: String::new(),
            locale: "en_US".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            updated_at: Timestamp::from_millis(1_619_624_928_999),
        };
        let json = |scopes: &[&str]| {
            let scopes: Vec<String> = scopes.iter().map(|it| (*it).to_owned()).collect();
            serde_json::to_value(profile.user_info(&scopes)).unwrap()
        };
        assert_eq!(json(&["openid"]), serde_json::json!({ "sub": "00u1" }));
        assert_eq!(
            json(&["openid", "profile", "email"]),
            serde_json::json!({
                "sub": "00u1", "name": "Mary", "locale": "en-US", "email": "mary@example.com",
                "preferred_username": "mary@example.com", "given_name": "Mary",
                "zoneinfo": "Europe/Berlin", "updated_at": 1_619_624_928, "email_verified": true,
            })
        );
    }
}
