//! `GET …/v1/keys`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::refusal::Refusal;
use super::server::Server;
use crate::state::AppState;

/// A new key is published a day before it signs (K-02): an hour is on the safe side.
const MAX_AGE: HeaderValue = HeaderValue::from_static("max-age=3600, must-revalidate");

pub(super) async fn keys(
    State(state): State<AppState>,
    Server(_): Server,
) -> Result<Response, Refusal> {
    let keys = state.signer().keys(&state).await?.jwk_set();
    Ok(([(header::CACHE_CONTROL, MAX_AGE)], Json(keys)).into_response())
}
