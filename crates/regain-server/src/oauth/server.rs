//! Which authorization server a path names.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use regain_types::AuthServer;

use crate::api_error::ApiError;
use crate::state::AppState;

/// The custom server that every org has.
const CUSTOM_SERVER: &str = "default";

/// Extracts the server: `/oauth2/{server}/…`, and the org's own without that part.
#[derive(Clone, Debug)]
pub(super) struct Server(pub(super) AuthServer);

impl FromRequestParts<AppState> for Server {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::NotFound)?;
        match params.iter().find(|(name, _)| *name == "server") {
            None => Ok(Self(AuthServer::Org)),
            Some((_, CUSTOM_SERVER)) => Ok(Self(AuthServer::Custom(CUSTOM_SERVER.to_owned()))),
            Some(_) => Err(ApiError::NotFound),
        }
    }
}
