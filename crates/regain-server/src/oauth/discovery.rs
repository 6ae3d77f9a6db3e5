//! `GET …/.well-known/openid-configuration` and `…/oauth-authorization-server`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::server::Server;
use crate::state::AppState;

const MAX_AGE: HeaderValue = HeaderValue::from_static("max-age=86400, must-revalidate");

pub(super) async fn discovery(State(state): State<AppState>, Server(server): Server) -> Response {
    let document = regain_oauth::discovery(&server, &state.settings().public_url);
    ([(header::CACHE_CONTROL, MAX_AGE)], Json(document)).into_response()
}
