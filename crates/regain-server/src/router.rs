//! Every route of the engine, and the layers around them.

use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::api_error::ApiError;
use crate::limits::edge;
use crate::state::AppState;
use crate::{cors, dev, headers, idx, oauth, operations, requests};

/// How long a handler may take.
const HANDLER_TIMEOUT: Duration = Duration::from_secs(10);

/// The engine's routes. Serve them with [`crate::serve`]: handlers ask for the peer's address.
pub fn router(state: AppState) -> Router {
    let product = Router::new()
        .merge(idx::router())
        .merge(oauth::router())
        .merge(operations::health_router())
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            HANDLER_TIMEOUT,
        ));
    let routes = if state.dev_surface().is_some() {
        product.merge(dev::router(&state))
    } else {
        product
    };
    routes
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(map_response(bare_errors_get_a_body))
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            ApiError::Internal.into_response()
        }))
        .layer(from_fn_with_state(state.clone(), edge))
        .layer(from_fn_with_state(state.clone(), cors::cors))
        .layer(from_fn_with_state(state.clone(), requests::observe))
        .layer(from_fn_with_state(state.clone(), headers::headers))
        .with_state(state)
}

/// Clients break on empty bodies: the time-out's 503 gets the envelope too.
async fn bare_errors_get_a_body(response: Response) -> Response {
    if response.status() == StatusCode::SERVICE_UNAVAILABLE
        && !response.headers().contains_key(header::CONTENT_TYPE)
    {
        return ApiError::Busy.into_response();
    }
    response
}
