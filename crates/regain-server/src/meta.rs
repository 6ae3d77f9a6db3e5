//! Who asks: the end user's address and agent, from places that are believed (B2).

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use regain_store::RequestMeta;
use regain_types::{SystemEntropy, random_base62};

use crate::limits::ClientAddress;
use crate::state::AppState;

const USER_AGENT_BYTES_MAX: usize = 512;

/// The id of a request, set by the outermost layer.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

impl RequestId {
    /// Draws one.
    #[must_use]
    pub(crate) fn random() -> Self {
        Self(format!("req{}", random_base62(&mut SystemEntropy, 17)))
    }
}

/// Extracts [`RequestMeta`].
#[derive(Clone, Debug)]
pub(crate) struct Meta(pub(crate) RequestMeta);

impl FromRequestParts<AppState> for Meta {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &AppState,
    ) -> Result<Self, Self::Rejection> {
        let id = parts
            .extensions
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default();
        Ok(Self(RequestMeta {
            request_id: id,
            address: parts
                .extensions
                .get::<ClientAddress>()
                .map(|client| client.0.to_string()),
            user_agent: user_agent(&parts.headers),
        }))
    }
}

/// The agent, cut and without control characters (U-03, U-04).
#[must_use]
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(
        text.chars()
            .filter(|c| !c.is_control())
            .take(USER_AGENT_BYTES_MAX)
            .collect(),
    )
}
