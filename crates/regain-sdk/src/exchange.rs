//! Tokens: from the code, from the refresh token, and their end.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use crate::tokens::{InteractionCode, TokenKind, Tokens, VerifiedIdToken};
use crate::verify::Expected;
use crate::wire::oauth::TokenResponse;
use crate::{Error, IdxClient, Secret, TokenError, Transaction};

/// Tries of an exchange whose request never left this machine.
const EXCHANGE_TRIES_MAX: u8 = 3;

impl IdxClient {
    /// Exchanges the code of a finished flow for verified tokens.
    ///
    /// The request is repeated by itself only if it was never sent: the server takes a code once.
    ///
    /// # Errors
    /// [`Error::Token`] when a token fails a check (all are thrown away), [`Error::OAuth`] when
    /// the server refuses, else as every call.
    pub async fn exchange(
        &self,
        transaction: &Transaction,
        code: &InteractionCode,
    ) -> Result<Tokens, Error> {
        let url = format!("{}/v1/token", self.config().oauth_base);
        let params = [
            ("redirect_uri", self.config().redirect_uri.as_str()),
            ("grant_type", "interaction_code"),
            ("code_verifier", transaction.0.code_verifier.expose()),
            ("interaction_code", code.expose()),
        ];
        let mut tries = 1;
        let response = loop {
            match self.post_oauth(&url, &params).await {
                Err(Error::Transport(e)) if !e.is_sent() && tries < EXCHANGE_TRIES_MAX => {
                    tries += 1;
                }
                other => break other?,
            }
        };
        let answer: TokenResponse = crate::call::read_json(&response)?;
        let expected = Expected {
            nonce: Some(&transaction.0.nonce),
            acr_values: transaction.0.acr_values.as_deref(),
            max_age: transaction.0.max_age_seconds.map(Duration::from_secs),
            subject: None,
        };
        self.checked(answer, &expected).await
    }

    /// Gets new tokens for a refresh token. Keep the new refresh token: the old one ends soon.
    ///
    /// `subject` is the user of the session, so that tokens of somebody else are refused.
    ///
    /// # Errors
    /// [`Error::OAuth`] with `invalid_grant` when the token is spent or revoked, else as
    /// [`IdxClient::exchange`].
    pub async fn refresh_tokens(
        &self,
        refresh_token: &Secret,
        subject: Option<&str>,
    ) -> Result<Tokens, Error> {
        let url = format!("{}/v1/token", self.config().oauth_base);
        let scope = self.config().scopes.join(" ");
        let params = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token.expose()),
            ("scope", &scope),
        ];
        let response = self.post_oauth(&url, &params).await?;
        let answer: TokenResponse = crate::call::read_json(&response)?;
        let expected = Expected {
            subject,
            ..Expected::default()
        };
        let mut tokens = self.checked(answer, &expected).await?;
        tokens.refresh = tokens.refresh.or_else(|| Some(refresh_token.clone()));
        Ok(tokens)
    }

    /// Ends a token. A server answers the same for one that it does not know.
    ///
    /// # Errors
    /// As every call.
    pub async fn revoke(&self, token: &Secret, kind: TokenKind) -> Result<(), Error> {
        let url = format!("{}/v1/revoke", self.config().oauth_base);
        let params = [("token", token.expose()), ("token_type_hint", kind.hint())];
        self.post_oauth(&url, &params).await.map(drop)
    }

    /// Asks for the user's claims. `subject` is that of the ID token: an answer about somebody
    /// else is refused (OpenID Connect Core 1.0 §5.3.2).
    ///
    /// # Errors
    /// [`Error::Token`] with [`TokenError::Subject`], else as every call.
    pub async fn userinfo(
        &self,
        access_token: &Secret,
        subject: &str,
    ) -> Result<Map<String, Value>, Error> {
        let url = self.discovery().await?.userinfo_endpoint.clone();
        let claims: Map<String, Value> = self.get_json(&url, Some(access_token)).await?;
        if claims.get("sub").and_then(Value::as_str) == Some(subject) {
            Ok(claims)
        } else {
            Err(TokenError::Subject.into())
        }
    }

    /// Where to send the browser to end its session at the server.
    ///
    /// # Errors
    /// When the issuer's discovery document cannot be had.
    pub async fn logout_url(
        &self,
        id_token: &VerifiedIdToken,
        post_logout_redirect_uri: Option<&str>,
        state: Option<&str>,
    ) -> Result<Url, Error> {
        let discovery = self.discovery().await?;
        let listed = discovery
            .extra
            .get("end_session_endpoint")
            .and_then(Value::as_str);
        let built = format!("{}/v1/logout", self.config().oauth_base);
        let mut url = Url::parse(listed.unwrap_or(&built))
            .map_err(|_| Error::protocol(200, "end_session_endpoint is no URL"))?;
        let optional = [
            ("post_logout_redirect_uri", post_logout_redirect_uri),
            ("state", state),
        ];
        url.query_pairs_mut()
            .append_pair("id_token_hint", id_token.raw().expose())
            .extend_pairs(
                optional
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        Ok(url)
    }

    /// Checks what the token endpoint gave.
    async fn checked(
        &self,
        answer: TokenResponse,
        expected: &Expected<'_>,
    ) -> Result<Tokens, Error> {
        let wants_id =
            expected.nonce.is_some() && self.config().scopes.iter().any(|scope| scope == "openid");
        let id = match answer.id_token {
            Some(raw) => Some(
                self.verify(raw.into(), &answer.access_token, expected)
                    .await?,
            ),
            None if wants_id => return Err(TokenError::Missing.into()),
            None => None,
        };
        Ok(Tokens {
            access: answer.access_token.into(),
            id,
            refresh: answer.refresh_token.map(Secret::from),
            expires_at: self.now() + Duration::from_secs(answer.expires_in.min(MAX_SECONDS)),
            scopes: answer
                .scope
                .split_ascii_whitespace()
                .map(str::to_owned)
                .collect(),
        })
    }
}

/// A longer life is not believed: ten years.
const MAX_SECONDS: u64 = 10 * 365 * 24 * 60 * 60;
