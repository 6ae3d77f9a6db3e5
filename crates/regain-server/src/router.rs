//! Every route of the engine, and the layers around them.

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;

use crate::api_error::ApiError;
use crate::limits::edge;
use crate::shedding::shed;
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
        .route_layer(from_fn_with_state(state.clone(), shed))
        // Whoever watches over the process must hear from it when it is busiest.
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
        .layer(from_fn(bare_errors_get_a_body))
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

/// Clients break on empty bodies: the time-out's 503 gets the envelope of its endpoint too.
async fn bare_errors_get_a_body(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (is_idx, is_oauth) = (path.starts_with("/idp/idx/"), path.starts_with("/oauth2/"));
    let response = next.run(request).await;
    let is_bare = response.status() == StatusCode::SERVICE_UNAVAILABLE
        && !response.headers().contains_key(header::CONTENT_TYPE);
    match (is_bare, is_idx, is_oauth) {
        (false, _, _) => response,
        (true, true, _) => idx::busy(),
        (true, false, true) => oauth::busy(),
        (true, false, false) => ApiError::Busy.into_response(),
    }
}
