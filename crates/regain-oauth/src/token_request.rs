//! What a client wants at the token endpoint (`idx-wire` §2.4).

use regain_types::Secret;

use crate::scope::has_scope;
use crate::{Form, Grant, OAuthError, parse_scopes};

/// A request for tokens.
#[derive(Clone, Debug)]
pub enum TokenRequest {
    /// The end of a flow.
    InteractionCode {
        /// The code.
        code: Secret<String>,
        /// PKCE verifier.
        verifier: Secret<String>,
        /// Only auth-js sends it.
        redirect_uri: Option<String>,
    },
    /// Anew, without the user.
    RefreshToken {
        /// The token.
        token: Secret<String>,
        /// Fewer scopes than were granted; `None` for all of them.
        scopes: Option<Vec<String>>,
    },
}

impl TokenRequest {
    /// Reads a form.
    ///
    /// # Errors
    /// [`OAuthError::GrantTypeUnsupported`], and whatever is missing or wrong.
    pub fn read(form: &Form) -> Result<Self, OAuthError> {
        let secret = |name| {
            form.required(name)
                .map(|value| Secret::new(value.to_owned()))
        };
        match form.required("grant_type")? {
            "interaction_code" => Ok(Self::InteractionCode {
                code: secret("interaction_code")?,
                verifier: secret("code_verifier")?,
                redirect_uri: form.optional("redirect_uri").map(str::to_owned),
            }),
            "refresh_token" => Ok(Self::RefreshToken {
                token: secret("refresh_token")?,
                scopes: match form.optional("scope") {
                    None => None,
                    list => Some(parse_scopes(list)?),
                },
            }),
            _ => Err(OAuthError::GrantTypeUnsupported),
        }
    }
}

impl Grant {
    /// The scopes of a refreshed access token: the granted ones, or those of them that are asked
    /// for (RFC 6749 §6).
    ///
    /// # Errors
    /// [`OAuthError::ScopeTooWide`].
    pub fn narrowed(&self, asked: Option<Vec<String>>) -> Result<Vec<String>, OAuthError> {
        let Some(asked) = asked else {
            return Ok(self.scopes.clone());
        };
        if asked.iter().all(|scope| has_scope(&self.scopes, scope)) {
            Ok(asked)
        } else {
            Err(OAuthError::ScopeTooWide)
        }
    }
}

#[cfg(test)]
mod tests {
    use regain_types::{AuthServer, ClientId, GrantId, Timestamp, UserId};

    use super::*;
    use crate::Approval;

    fn read(body: &str) -> Result<TokenRequest, OAuthError> {
        TokenRequest::read(&Form::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn both_grant_types_are_read() {
        let request = read("grant_type=interaction_code&interaction_code=c&code_verifier=v");
        let Ok(TokenRequest::InteractionCode {
            code,
            verifier,
            redirect_uri,
        }) = request
        else {
            panic!("{request:?}");
        };
        assert_eq!(
            (code.expose().as_str(), verifier.expose().as_str()),
            ("c", "v")
        );
        assert_eq!(redirect_uri, None);
        let request = read("grant_type=refresh_token&refresh_token=r&scope=openid");
        let Ok(TokenRequest::RefreshToken { token, scopes }) = request else {
            panic!("{request:?}");
        };
        assert_eq!(token.expose(), "r");
        assert_eq!(scopes, Some(vec!["openid".to_owned()]));
    }

    #[test]
    fn what_is_missing_is_named_and_other_grant_types_are_refused() {
        for (body, error) in [
            ("", OAuthError::ParameterMissing("grant_type")),
            ("grant_type=", OAuthError::ParameterMissing("grant_type")),
            ("grant_type=password", OAuthError::GrantTypeUnsupported),
            (
                "grant_type=client_credentials",
                OAuthError::GrantTypeUnsupported,
            ),
            (
                "grant_type=Interaction_code",
                OAuthError::GrantTypeUnsupported,
            ),
            (
                "grant_type[]=interaction_code",
                OAuthError::ParameterMissing("grant_type"),
            ),
            (
                "grant_type=interaction_code&code_verifier=v",
                OAuthError::ParameterMissing("interaction_code"),
            ),
            (
                "grant_type=interaction_code&interaction_code=c",
                OAuthError::ParameterMissing("code_verifier"),
            ),
            (
                "grant_type=refresh_token",
                OAuthError::ParameterMissing("refresh_token"),
            ),
            (
                "grant_type=refresh_token&refresh_token=r&scope=x",
                OAuthError::ScopeUnknown,
            ),
        ] {
            assert_eq!(read(body).err(), Some(error), "{body}");
        }
    }

    #[test]
    fn a_refresh_asks_for_all_scopes_or_fewer_and_never_for_others() {
        let scopes = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let approval = Approval {
            user: UserId::parse("00u1").unwrap(),
            client_id: ClientId::parse("0oa1").unwrap(),
            server: AuthServer::Org,
            scopes: scopes(&["openid", "email"]),
            nonce: None,
            auth_time: Timestamp::from_millis(0),
            amr: Vec::new(),
        };
        let id = GrantId::parse("gra1").unwrap();
        let grant = Grant::begin(id, approval, Timestamp::from_millis(0));
        assert_eq!(grant.narrowed(None), Ok(scopes(&["openid", "email"])));
        assert_eq!(
            grant.narrowed(Some(scopes(&["email"]))),
            Ok(scopes(&["email"]))
        );
        for wider in [
            &["phone"][..],
            &["openid", "phone"],
            &["openid", "email", "phone"],
        ] {
            assert_eq!(
                grant.narrowed(Some(scopes(wider))),
                Err(OAuthError::ScopeTooWide)
            );
        }
    }
}
