//! Makes the answer of the token endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{Entropy, OrgId, Timestamp, random_array};
use regain_wire::oauth::TokenResponse;
use serde::Serialize;

use crate::claims::{
    ACCESS_TOKEN_TTL_SECONDS, AccessTokenClaims, ID_TOKEN_TTL_SECONDS, IdTokenClaims, Profile,
    at_hash, audience, token_id, token_version,
};
use crate::scope::has_scope;
use crate::{Grant, JwtKind, KeyError, KeySet};

/// What tokens are made from.
#[derive(Clone, Debug)]
pub struct Issue {
    /// The org.
    pub org: OrgId,
    /// The org's origin.
    pub base: String,
    /// What they belong to.
    pub grant: Grant,
    /// Whom they are about.
    pub profile: Profile,
    /// What the access token is good for: the granted scopes, or fewer.
    pub scopes: Vec<String>,
    /// Copied into the ID token. A refresh gives none (OpenID Connect Core 1.0 §12.2).
    pub nonce: Option<String>,
    /// The refresh token to hand out.
    pub refresh_token: Option<String>,
    /// By the clock that clients compare with: never a moved one.
    pub now: Timestamp,
}

impl Issue {
    /// Signs the tokens: one or two signatures, too long for the async threads.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn sign(self, keys: &KeySet, entropy: &mut dyn Entropy) -> Result<TokenResponse, KeyError> {
        let sign = |kind, claims: &[u8]| keys.current().sign(kind, claims);
        let access_token = sign(
            JwtKind::AccessToken,
            &to_json(&self.access_claims(entropy))?,
        )?;
        let id_token = if has_scope(&self.scopes, "openid") {
            let claims = to_json(&self.id_claims(&access_token, entropy))?;
            Some(sign(JwtKind::IdToken, &claims)?)
        } else {
            None
        };
        Ok(TokenResponse {
            token_type: "Bearer".to_owned(),
            expires_in: ACCESS_TOKEN_TTL_SECONDS.unsigned_abs(),
            access_token,
            scope: self.scopes.join(" "),
            refresh_token: self.refresh_token,
            id_token,
        })
    }

    fn access_claims(&self, entropy: &mut dyn Entropy) -> AccessTokenClaims {
        AccessTokenClaims {
            ver: token_version(),
            jti: token_id("AT", &random_part(entropy), &self.grant.id),
            iss: self.grant.server.issuer(&self.base),
            aud: audience(&self.grant.server, &self.base),
            iat: self.now.as_seconds(),
            exp: self.now.as_seconds() + ACCESS_TOKEN_TTL_SECONDS,
            cid: self.grant.client_id.clone(),
            uid: self.grant.user.clone(),
            scp: self.scopes.clone(),
            auth_time: self.grant.auth_time.as_seconds(),
            sub: self.profile.login.clone(),
        }
    }

    fn id_claims(&self, access_token: &str, entropy: &mut dyn Entropy) -> IdTokenClaims {
        let info = self.profile.user_info(&self.scopes);
        IdTokenClaims {
            sub: self.grant.user.clone(),
            name: info.name,
            email: info.email,
            ver: token_version(),
            iss: self.grant.server.issuer(&self.base),
            aud: self.grant.client_id.clone(),
            iat: self.now.as_seconds(),
            exp: self.now.as_seconds() + ID_TOKEN_TTL_SECONDS,
            jti: token_id("ID", &random_part(entropy), &self.grant.id),
            amr: self.grant.amr.clone(),
            idp: self.org.clone(),
            nonce: self.nonce.clone(),
            preferred_username: info.preferred_username,
            auth_time: self.grant.auth_time.as_seconds(),
            at_hash: at_hash(access_token),
        }
    }
}

fn to_json(claims: &impl Serialize) -> Result<Vec<u8>, KeyError> {
    serde_json::to_vec(claims).map_err(|_| KeyError::Sign)
}

fn random_part(entropy: &mut dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(random_array::<16>(entropy))
}

#[cfg(test)]
mod tests {
    use regain_types::{AuthServer, ClientId, GrantId, SystemEntropy, UserId};
    use serde_json::{Value, json};

    use super::*;
    use crate::signing_key::tests::key_set;

    fn issue(server: AuthServer, scopes: &[&str], nonce: Option<&str>) -> Issue {
        let scopes: Vec<String> = scopes.iter().map(|it| (*it).to_owned()).collect();
        let at = Timestamp::from_millis(1_700_000_000_500);
        Issue {
            org: OrgId::parse("00o1").unwrap(),
            base: "https://id.example.com".to_owned(),
            grant: Grant {
                id: GrantId::parse("gra1").unwrap(),
                user: UserId::parse("00u1").unwrap(),
                client_id: ClientId::parse("0oa1").unwrap(),
                server,
                scopes: scopes.clone(),
                nonce: nonce.map(str::to_owned),
                auth_time: at.plus_seconds(-30),
                amr: vec!["mfa".to_owned(), "pwd".to_owned()],
                created_at: at,
                expires_at: at,
                idle_expires_at: at,
                refresh_sequence: 0,
                rotated_at: at,
                revoked_at: None,
            },
            profile: Profile {
                id: UserId::parse("00u1").unwrap(),
                login: "mary@example.com".to_owned(),
                email: Some("mary@example.com".to_owned()),
                first_name: "Mary".to_owned(),
                last_name: "Jo".to_owned(),
                locale: "en_US".to_owned(),
                time_zone: "UTC".to_owned(),
                updated_at: at,
            },
            scopes,
            nonce: nonce.map(str::to_owned),
            refresh_token: None,
            now: at,
        }
    }

    fn claims(keys: &KeySet, kind: JwtKind, token: &str) -> Value {
        serde_json::from_slice(&keys.verify(kind, token).unwrap()).unwrap()
    }

    /// The random part of an id, replaced.
    fn without_random(mut claims: Value) -> Value {
        let jti = claims["jti"].as_str().unwrap().to_owned();
        let parts: Vec<&str> = jti.split('.').collect();
        assert_eq!(parts[1].len(), 22);
        claims["jti"] = json!(format!("{}.{}", parts[0], parts[2]));
        claims
    }

    #[test]
    fn tokens_say_exactly_what_the_contract_lists() {
        let keys = key_set();
        let custom = AuthServer::Custom("default".to_owned());
        let response = issue(custom, &["openid", "profile", "email"], Some("n-1"))
            .sign(&keys, &mut SystemEntropy)
            .unwrap();
        assert_eq!(
            without_random(claims(&keys, JwtKind::AccessToken, &response.access_token)),
            json!({
                "ver": 1, "jti": "AT.gra1", "iss": "https://id.example.com/oauth2/default",
                "aud": "api://default", "iat": 1_700_000_000, "exp": 1_700_003_600, "cid": "0oa1",
                "uid": "00u1", "scp": ["openid", "profile", "email"], "auth_time": 1_699_999_970,
                "sub": "mary@example.com",
            })
        );
        assert_eq!(
            without_random(claims(
                &keys,
                JwtKind::IdToken,
                response.id_token.as_ref().unwrap()
            )),
            json!({
                "sub": "00u1", "name": "Mary Jo", "email": "mary@example.com", "ver": 1,
                "iss": "https://id.example.com/oauth2/default", "aud": "0oa1",
                "iat": 1_700_000_000, "exp": 1_700_003_600, "jti": "ID.gra1",
                "amr": ["mfa", "pwd"], "idp": "00o1", "nonce": "n-1",
                "preferred_username": "mary@example.com", "auth_time": 1_699_999_970,
                "at_hash": at_hash(&response.access_token),
            })
        );
        let body = serde_json::to_value(&response).unwrap();
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(body["scope"], "openid profile email");
        assert_eq!(body.get("refresh_token"), None);
    }

    #[test]
    fn the_org_server_is_its_own_audience_and_less_scope_gives_less() {
        let keys = key_set();
        let org = issue(AuthServer::Org, &["openid"], None);
        let response = org.sign(&keys, &mut SystemEntropy).unwrap();
        let access = claims(&keys, JwtKind::AccessToken, &response.access_token);
        assert_eq!(access["iss"], "https://id.example.com");
        assert_eq!(access["aud"], "https://id.example.com");
        let id = claims(&keys, JwtKind::IdToken, &response.id_token.unwrap());
        for absent in ["nonce", "name", "email", "preferred_username"] {
            assert_eq!(id.get(absent), None, "{absent}");
        }
        let without = issue(AuthServer::Org, &["profile"], None);
        assert!(
            without
                .sign(&keys, &mut SystemEntropy)
                .unwrap()
                .id_token
                .is_none()
        );
    }

    #[test]
    fn no_two_tokens_have_the_same_id() {
        let keys = key_set();
        let token = || {
            let issue = issue(AuthServer::Org, &["email"], None);
            issue.sign(&keys, &mut SystemEntropy).unwrap().access_token
        };
        assert_ne!(token(), token());
    }
}
