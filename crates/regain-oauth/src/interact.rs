//! The request that begins a flow: `POST …/v1/interact` (`idx-wire` §2.2).

use crate::pkce::is_s256_challenge;
use crate::{Client, Form, OAuthError, parse_scopes};

/// The longest value of a client's own that is stored with a flow, in bytes.
const STORED_BYTES_MAX: usize = 2_048;

/// What a client asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InteractRequest {
    /// Scopes.
    pub scopes: Vec<String>,
    /// One of the client's.
    pub redirect_uri: String,
    /// PKCE challenge, S256.
    pub code_challenge: String,
    /// The client's own.
    pub state: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// Prefills the identifier.
    pub login_hint: Option<String>,
}

impl InteractRequest {
    /// Checks a form for a client.
    ///
    /// `max_age` needs no check: there is no session that could skip a sign-in, so every one is
    /// newer than any age.
    ///
    /// # Errors
    /// Which parameter is wrong.
    pub fn read(form: &Form, client: &Client) -> Result<Self, OAuthError> {
        // This server gives out no such tokens yet, so none can be right.
        if form.optional("recovery_token").is_some() {
            return Err(OAuthError::RecoveryTokenInvalid);
        }
        if form.optional("activation_token").is_some() {
            return Err(OAuthError::ActivationTokenInvalid);
        }
        // Clients compare `acr` only after the whole flow: better refuse than fail them there.
        if form.optional("acr_values").is_some() {
            return Err(OAuthError::AcrValuesUnsupported);
        }
        let redirect_uri = form.required("redirect_uri")?;
        if !client
            .redirect_uris
            .iter()
            .any(|registered| registered == redirect_uri)
        {
            return Err(OAuthError::RedirectUnregistered);
        }
        Ok(Self {
            code_challenge: code_challenge(form, client)?,
            scopes: parse_scopes(form.optional("scope"))?,
            redirect_uri: redirect_uri.to_owned(),
            state: stored(form, "state")?,
            nonce: stored(form, "nonce")?,
            login_hint: stored(form, "login_hint")?,
        })
    }
}

fn code_challenge(form: &Form, client: &Client) -> Result<String, OAuthError> {
    let Some(challenge) = form.optional("code_challenge") else {
        return Err(if client.is_confidential() {
            OAuthError::ChallengeRequired
        } else {
            OAuthError::ChallengeRequiredForPublic
        });
    };
    if form.optional("code_challenge_method") != Some("S256") {
        return Err(OAuthError::ChallengeMethodUnsupported);
    }
    if !is_s256_challenge(challenge) {
        return Err(OAuthError::ChallengeInvalid);
    }
    Ok(challenge.to_owned())
}

fn stored(form: &Form, name: &'static str) -> Result<Option<String>, OAuthError> {
    match form.optional(name) {
        Some(value) if value.len() > STORED_BYTES_MAX => Err(OAuthError::ParameterTooLong(name)),
        value => Ok(value.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use regain_types::{ClientId, TokenHash};

    use super::*;

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    const REDIRECT: &str = "http://localhost:8401/login/callback";

    fn client(secret: Option<&str>) -> Client {
        Client {
            id: ClientId::parse("0oa1").unwrap(),
            label: "App".to_owned(),
            secret_hash: secret.map(TokenHash::of),
            redirect_uris: vec![REDIRECT.to_owned()],
            email_verification_uri: None,
            post_logout_redirect_uris: Vec::new(),
        }
    }

    /// A right request in which one parameter has another value; an empty one is left out.
    fn read_with(name: &str, value: &str) -> Result<InteractRequest, OAuthError> {
        read_for(&client(None), name, value)
    }

    fn read_for(client: &Client, name: &str, value: &str) -> Result<InteractRequest, OAuthError> {
        let body = [
            ("scope", "openid email"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
            ("state", "s-1"),
        ]
        .into_iter()
        .filter(|(known, _)| *known != name)
        .chain([(name, value)])
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join("&");
        InteractRequest::read(&Form::parse(body.as_bytes()).unwrap(), client)
    }

    #[test]
    fn a_right_request_is_read_whole() {
        assert_eq!(
            read_with("login_hint", "alice@example.com"),
            Ok(InteractRequest {
                scopes: vec!["openid".to_owned(), "email".to_owned()],
                redirect_uri: REDIRECT.to_owned(),
                code_challenge: CHALLENGE.to_owned(),
                state: Some("s-1".to_owned()),
                nonce: None,
                login_hint: Some("alice@example.com".to_owned()),
            })
        );
        assert_eq!(
            read_with("nonce", "n-1").unwrap().nonce.as_deref(),
            Some("n-1")
        );
        assert!(read_with("max_age", "60").is_ok());
        assert!(read_with("unknown_parameter", "x").is_ok());
    }

    #[test]
    fn every_wrong_parameter_is_named() {
        for (name, value, error) in [
            (
                "redirect_uri",
                "",
                OAuthError::ParameterMissing("redirect_uri"),
            ),
            ("code_challenge", "", OAuthError::ChallengeRequiredForPublic),
            ("code_challenge", "short", OAuthError::ChallengeInvalid),
            (
                "code_challenge",
                &format!("{CHALLENGE}="),
                OAuthError::ChallengeInvalid,
            ),
            (
                "code_challenge_method",
                "",
                OAuthError::ChallengeMethodUnsupported,
            ),
            (
                "code_challenge_method",
                "plain",
                OAuthError::ChallengeMethodUnsupported,
            ),
            (
                "code_challenge_method",
                "s256",
                OAuthError::ChallengeMethodUnsupported,
            ),
            ("scope", "", OAuthError::ScopeMissing),
            ("scope", "openid nonsense", OAuthError::ScopeUnknown),
            ("acr_values", "urn:x", OAuthError::AcrValuesUnsupported),
            ("recovery_token", "x", OAuthError::RecoveryTokenInvalid),
            ("activation_token", "x", OAuthError::ActivationTokenInvalid),
            (
                "state",
                &"x".repeat(2_049),
                OAuthError::ParameterTooLong("state"),
            ),
            (
                "nonce",
                &"x".repeat(2_049),
                OAuthError::ParameterTooLong("nonce"),
            ),
        ] {
            assert_eq!(read_with(name, value), Err(error), "{name}={value}");
        }
    }

    #[test]
    fn only_the_very_redirect_uri_is_registered() {
        for other in [
            "http://evil.example/cb",
            "http://localhost:8402/login/callback",
            &format!("{REDIRECT}/"),
            &format!("{REDIRECT}?a=b"),
            &REDIRECT.to_uppercase(),
        ] {
            let answer = read_with("redirect_uri", other);
            assert_eq!(answer, Err(OAuthError::RedirectUnregistered), "{other}");
        }
    }

    #[test]
    fn a_client_with_a_secret_needs_a_challenge_too() {
        assert_eq!(
            read_for(&client(Some("x")), "code_challenge", ""),
            Err(OAuthError::ChallengeRequired)
        );
    }
}
