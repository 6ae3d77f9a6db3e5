//! Every route of the engine, and the layers around them.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;

use crate::api_error::ApiError;
use crate::limits::edge;
use crate::state::AppState;
use crate::{bounds, cors, dev, headers, idx, oauth, operations, pace, requests};

/// The engine's routes. Serve them with [`crate::serve`]: handlers ask for the peer's address.
pub fn router(state: AppState) -> Router {
    let known_pages_only = from_fn_with_state(state.clone(), cors::known_pages_only);
    let product = Router::new()
        .merge(idx::router())
        .merge(oauth::router())
        .layer(known_pages_only)
        .merge(oauth::logout_router())
        .merge(operations::health_router())
        .layer(from_fn(pace::in_time));
    let routes = if state.dev_surface().is_some() {
        product.merge(dev::router(&state))
    } else {
        product
    };
    routes
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(CatchPanicLayer::custom(|_| {
            tracing::error!("a handler panicked");
            ApiError::Internal.into_response()
        }))
        .layer(from_fn(bounds::bounded_head))
        .layer(from_fn_with_state(state.clone(), edge))
        .layer(from_fn_with_state(state.clone(), cors::cors))
        .layer(from_fn_with_state(state.clone(), requests::observe))
        .layer(from_fn_with_state(state.clone(), headers::headers))
        .with_state(state)
}
