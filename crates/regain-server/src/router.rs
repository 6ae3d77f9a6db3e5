//! Every route of the engine, and what stands around them.
//!
//! What stands around all of them are functions that call the next one, put together here: a layer
//! of the router each would cost a boxed service and a boxed future per request.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use crate::api_error::ApiError;
use crate::bounds::bounded_head;
use crate::cors::{cors, known_pages_only};
use crate::headers::headers;
use crate::limits::edge;
use crate::pace::in_time;
use crate::requests::observe;
use crate::shedding::shed;
use crate::state::AppState;
use crate::{dev, email_link, idx, oauth, operations};

/// About how many headers an answer gets from what stands around its handler.
const HEADERS_TO_COME: usize = 20;

/// The engine's routes. Serve them with [`crate::serve`]: handlers ask for the peer's address.
pub fn router(state: AppState) -> Router {
    let from_known_pages = Router::new()
        .merge(idx::router())
        .merge(oauth::router())
        .layer(from_fn_with_state(state.clone(), around_steps));
    // Apps and mails send people here.
    let from_any_page = oauth::logout_router()
        .merge(email_link::router())
        .layer(from_fn_with_state(state.clone(), around_pages));
    // Whoever watches over the process must hear from it when it is busiest.
    let always = operations::health_router().layer(from_fn(around_health));
    let product = from_known_pages.merge(from_any_page).merge(always);
    let routes = if state.dev_surface().is_some() {
        product.merge(dev::router(&state))
    } else {
        product
    };
    routes
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(from_fn_with_state(state.clone(), around))
        .with_state(state)
}

/// Around every route, from the outermost to the innermost.
async fn around(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let state = &state;
    headers(state, request, |request| {
        observe(state, request, |request| {
            cors(state, request, |request| {
                edge(state, request, |request| {
                    bounded_head(request, |request| answer_always(request, next))
                })
            })
        })
    })
    .await
}

async fn around_steps(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let state = &state;
    in_time(request, |request| {
        shed(state, request, |request| {
            known_pages_only(state, request, |request| next.run(request))
        })
    })
    .await
}

async fn around_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let state = &state;
    in_time(request, |request| {
        shed(state, request, |request| next.run(request))
    })
    .await
}

async fn around_health(request: Request, next: Next) -> Response {
    in_time(request, |request| next.run(request)).await
}

/// Answers also when a handler panicked. And clients break on empty bodies: the time-out's 503 gets
/// the envelope of its endpoint.
async fn answer_always(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (is_idx, is_oauth) = (path.starts_with("/idp/idx/"), path.starts_with("/oauth2/"));
    let Ok(mut response) = AssertUnwindSafe(next.run(request)).catch_unwind().await else {
        tracing::error!("a handler panicked");
        return ApiError::Internal.into_response();
    };
    // Once, and not each time that one more is put into a full table.
    response.headers_mut().reserve(HEADERS_TO_COME);
    let is_bare = response.status() == StatusCode::SERVICE_UNAVAILABLE
        && !response.headers().contains_key(header::CONTENT_TYPE);
    match (is_bare, is_idx, is_oauth) {
        (false, _, _) => response,
        (true, true, _) => idx::busy(),
        (true, false, true) => oauth::busy(),
        (true, false, false) => ApiError::Busy.into_response(),
    }
}
