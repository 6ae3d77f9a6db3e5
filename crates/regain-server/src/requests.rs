//! One line of the log and one count per request. Both speak of the route's template, never of the
//! address that was asked for: paths and queries carry codes and tokens (C-09, U-04).

use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::meta::RequestId;
use crate::metrics::{self, Limit, Method, Route};
use crate::shedding::SentAway;
use crate::state::AppState;

/// Operators name it to turn these lines off: `--log info,regain::requests=warn`.
const TARGET: &str = "regain::requests";

/// Counts, logs, and marks every line in between with the request's id.
pub(crate) async fn observe<F: Future<Output = Response>>(
    state: &AppState,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let id = id.map(|id| id.0).unwrap_or_default();
    let route = Route::of(request.extensions().get::<MatchedPath>());
    let method = Method::from(request.method());
    let started = Instant::now();
    let span = tracing::info_span!(target: TARGET, "request", id);
    let response = next(request).instrument(span.clone()).await;
    let took = started.elapsed();
    let status = response.status();
    let is_sent_away = response.extensions().get::<SentAway>().is_some();
    if !is_sent_away {
        span.in_scope(|| {
            tracing::info!(
                target: TARGET,
                method = method.as_str(),
                route = route.as_str(),
                status = status.as_u16(),
                ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "answered"
            );
        });
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        let by_the_engine = response.extensions().get::<ByTheEngine>().is_some();
        let limit = if by_the_engine {
            Limit::Flow
        } else {
            Limit::Address
        };
        state.metrics().refused(limit);
    }
    let request = metrics::Request {
        method,
        route,
        status: status.as_u16(),
    };
    state.metrics().answered(&request, took);
    response
}

/// Marks an answer that the engine gave: its limits are those of flows, names and the org.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByTheEngine;
