//! `/health/live` and `/health/ready`. Live: the process answers. Ready: it is not stopping, it has
//! the pepper of every password hash, and the store answers and can write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use regain_store::StoreError;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::state::AppState;

/// How long an answer of the store counts: whoever asks more often costs no more.
const FRESH: Duration = Duration::from_secs(1);
/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is known about this process.
#[derive(Debug, Default)]
pub(crate) struct Health {
    is_stopping: AtomicBool,
    store: Mutex<Option<Asked>>,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Instant,
    problem: Option<Problem>,
}

/// Why it is not ready. Words of ours only: what a database says may name hosts and users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    PepperIsMissing,
    Stopping,
    StoreDoesNotAnswer,
    StoreIsFull,
    StoreRefuses,
}

impl Problem {
    const fn reason(self) -> &'static str {
        match self {
            Self::PepperIsMissing => {
                "a version of the pepper of password hashes is missing here: see the log"
            }
            Self::Stopping => "the process is stopping",
            Self::StoreDoesNotAnswer => "the store does not answer within a second",
            Self::StoreIsFull => "the disk of the store is full: make room there",
            Self::StoreRefuses => "the store does not answer or cannot write: see the log",
        }
    }
}

impl Health {
    /// From now on it is not ready, whatever the store says.
    pub(crate) fn say_stopping(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the process was asked to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    async fn problem(&self, state: &AppState) -> Option<Problem> {
        if self.is_stopping() {
            return Some(Problem::Stopping);
        }
        if state.hasher().lacking_pepper().is_some() {
            return Some(Problem::PepperIsMissing);
        }
        // Who asks meanwhile waits for the same answer.
        let mut last = self.store.lock().await;
        if let Some(asked) = last.filter(|asked| asked.at.elapsed() < FRESH) {
            return asked.problem;
        }
        let problem = match tokio::time::timeout(PATIENCE, state.store().check()).await {
            Ok(Ok(())) => None,
            // The store has told it already, once.
            Ok(Err(StoreError::Full)) => Some(Problem::StoreIsFull),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready");
                Some(Problem::StoreRefuses)
            }
            Err(_) => {
                tracing::warn!("not ready: the store does not answer");
                Some(Problem::StoreDoesNotAnswer)
            }
        };
        *last = Some(Asked {
            at: Instant::now(),
            problem,
        });
        problem
    }
}

/// For everybody: says how it is, and nothing more.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

/// For operators: says why as well.
pub(super) fn router_with_reasons() -> Router<AppState> {
    Router::new()
        .route("/health/live", get(live))
        .route("/health/ready", get(ready_with_reason))
}

#[derive(Debug, Serialize)]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

async fn live() -> Response {
    respond(None, None)
}

async fn ready(State(state): State<AppState>) -> Response {
    respond(state.health().problem(&state).await, None)
}

async fn ready_with_reason(State(state): State<AppState>) -> Response {
    let problem = state.health().problem(&state).await;
    respond(problem, problem.map(Problem::reason))
}

fn respond(problem: Option<Problem>, reason: Option<&'static str>) -> Response {
    let (code, status) = match problem {
        None => (StatusCode::OK, "ok"),
        Some(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    (code, Json(Answer { status, reason })).into_response()
}
