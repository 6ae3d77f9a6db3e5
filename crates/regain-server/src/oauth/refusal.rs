//! Refusals on the wire: the OAuth envelope (`idx-wire` §1.8 b).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_oauth::OAuthError;
use regain_store::StoreError;
use regain_wire::oauth::OAuthErrorBody;

use super::signer::SignerError;
use crate::api_error::busy_seconds;

/// An [`OAuthError`], and how to prove oneself the next time.
#[derive(Debug)]
pub(super) struct Refusal {
    error: OAuthError,
    scheme: Option<Scheme>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Basic,
    Bearer,
}

impl Refusal {
    /// A refusal of client credentials that came in the header: it must name the scheme
    /// (RFC 6749 §5.2).
    pub(super) const fn of_basic(error: OAuthError) -> Self {
        Self {
            error,
            scheme: Some(Scheme::Basic),
        }
    }

    /// A refusal of an access token (RFC 6750 §3).
    pub(super) const fn of_bearer(error: OAuthError) -> Self {
        Self {
            error,
            scheme: Some(Scheme::Bearer),
        }
    }

    /// The challenge. auth-js reads what stands in quotes, and only letters, digits and a few
    /// signs there; all our descriptions hold to that.
    fn challenge(&self) -> Option<String> {
        match self.scheme? {
            Scheme::Basic => Some(r#"Basic realm="regain""#.to_owned()),
            // Who shows no token at all is told nothing but the scheme (RFC 6750 §3.1).
            Scheme::Bearer if self.error == OAuthError::TokenMissing => {
                Some(r#"Bearer realm="regain""#.to_owned())
            }
            Scheme::Bearer => Some(format!(
                r#"Bearer realm="regain", error="{}", error_description="{}""#,
                self.error.code(),
                self.error.public_message()
            )),
        }
    }
}

/// There is no room for the request.
pub(crate) fn busy() -> Response {
    Refusal::from(OAuthError::Unavailable).into_response()
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = OAuthErrorBody {
            error: self.error.code().to_owned(),
            error_description: self.error.public_message(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if let Some(challenge) = self
            .challenge()
            .and_then(|it| HeaderValue::from_str(&it).ok())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(busy_seconds()));
        }
        response
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self {
            error,
            scheme: None,
        }
    }
}

impl From<StoreError> for Refusal {
    /// Logs the cause, once, here.
    fn from(error: StoreError) -> Self {
        match error {
            // The store has told the operator, once.
            StoreError::Full => OAuthError::Unavailable.into(),
            StoreError::Conflict | StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the store could not do it");
                OAuthError::Unavailable.into()
            }
            StoreError::Corrupt { .. } | StoreError::Exists(_) => {
                tracing::error!(%error, "the store contradicts itself");
                OAuthError::Broken.into()
            }
        }
    }
}

impl From<SignerError> for Refusal {
    fn from(error: SignerError) -> Self {
        match error {
            SignerError::Store(error) => error.into(),
            SignerError::Key(_) | SignerError::Thread => {
                tracing::error!(%error, "tokens cannot be signed");
                OAuthError::Broken.into()
            }
        }
    }
}
