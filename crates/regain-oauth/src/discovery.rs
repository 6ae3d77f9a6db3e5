//! The discovery document (OpenID Connect Discovery 1.0, RFC 8414).

use regain_types::AuthServer;
use regain_wire::oauth::Discovery;
use serde_json::json;

use crate::scope::SCOPES_ADVERTISED;

/// Describes a server. Only what works is in it.
///
/// - There is no `authorization_endpoint`: flows begin at `interact`, which no standard names and
///   clients find by themselves. So `response_types_supported`, which the standards demand, is
///   empty.
/// - `grant_types_supported` lists `interaction_code` although no standard has it: left out, the
///   member would mean `authorization_code` and `implicit` (RFC 8414 §2), and no client of the
///   vendor reads it.
/// - `code_challenge_methods_supported` holds `S256`, or auth-js begins no flow at all.
#[must_use]
pub fn discovery(server: &AuthServer, base: &str) -> Discovery {
    let endpoint = |name: &str| server.endpoint(base, name);
    let authentication = ["client_secret_basic", "client_secret_post", "none"];
    let extra = json!({
        "introspection_endpoint": endpoint("introspect"),
        "revocation_endpoint": endpoint("revoke"),
        "end_session_endpoint": endpoint("logout"),
        "response_types_supported": [],
        "grant_types_supported": ["interaction_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": SCOPES_ADVERTISED,
        "token_endpoint_auth_methods_supported": authentication,
        "introspection_endpoint_auth_methods_supported": authentication,
        "revocation_endpoint_auth_methods_supported": authentication,
        "claims_supported": [
            "iss", "ver", "sub", "aud", "iat", "exp", "jti", "auth_time", "amr", "idp", "nonce",
            "name", "preferred_username", "given_name", "family_name", "email", "email_verified",
            "zoneinfo", "locale", "updated_at", "at_hash",
        ],
        "code_challenge_methods_supported": ["S256"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    Discovery {
        issuer: server.issuer(base),
        token_endpoint: endpoint("token"),
        userinfo_endpoint: endpoint("userinfo"),
        jwks_uri: endpoint("keys"),
        extra: extra.as_object().cloned().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_servers_name_their_own_endpoints() {
        let base = "https://id.example.com";
        for (server, issuer, prefix) in [
            (
                AuthServer::Custom("default".to_owned()),
                "https://id.example.com/oauth2/default",
                "https://id.example.com/oauth2/default/v1",
            ),
            (AuthServer::Org, base, "https://id.example.com/oauth2/v1"),
        ] {
            let document = serde_json::to_value(discovery(&server, base)).unwrap();
            assert_eq!(document["issuer"], issuer);
            for (member, endpoint) in [
                ("token_endpoint", "token"),
                ("userinfo_endpoint", "userinfo"),
                ("jwks_uri", "keys"),
                ("introspection_endpoint", "introspect"),
                ("revocation_endpoint", "revoke"),
                ("end_session_endpoint", "logout"),
            ] {
                assert_eq!(document[member], format!("{prefix}/{endpoint}"), "{member}");
            }
        }
    }

    #[test]
    fn what_does_not_work_is_not_advertised() {
        let document = serde_json::to_value(discovery(&AuthServer::Org, "https://a")).unwrap();
        assert_eq!(
            document["code_challenge_methods_supported"],
            json!(["S256"])
        );
        assert_eq!(
            document["grant_types_supported"],
            json!(["interaction_code", "refresh_token"])
        );
        for absent in [
            "authorization_endpoint",
            "registration_endpoint",
            "response_modes_supported",
        ] {
            assert_eq!(document.get(absent), None, "{absent}");
        }
        // auth-js takes a top-level `error` of any answer for a failure.
        assert_eq!(document.get("error"), None);
    }
}
