//! What operators and their machines ask: is it alive, is it ready, how is it doing (H-09).
//!
//! Health is on both listeners: container orchestrators probe the port that serves. Numbers and
//! reasons are on the operators' own listener only.

mod health;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

pub(crate) use health::{Health, router as health_router};

use crate::state::AppState;

/// The text format that Prometheus reads.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The routes of the operators' own listener: `/metrics` and, with reasons, `/health/…`.
pub fn operations_router(state: AppState) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .merge(health::router_with_reasons())
        .fallback(|| async { (StatusCode::NOT_FOUND, "try /metrics or /health/ready\n") })
        .with_state(state)
}

async fn metrics(State(state): State<AppState>) -> Response {
    let backlog = state.store().measure_outbox(state.org()).await.ok();
    state.metrics().outbox_is(backlog);
    let Ok(text) = state.metrics().text() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let content_type = HeaderValue::from_static(CONTENT_TYPE);
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}
