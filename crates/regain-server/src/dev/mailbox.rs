//! `/dev/mailbox`: the page, and the JSON behind it.

use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use regain_mail::{MAILBOX_CSP, MailboxMessage, Note, mailbox_css, mailbox_js, mailbox_page};
use serde::Deserialize;

use super::Dev;
use crate::api_error::ApiError;
use crate::state::AppState;

/// Longest wait for a message.
const WAIT_MS_MAX: u64 = 30_000;

#[derive(Debug, Deserialize)]
pub(super) struct Search {
    to: Option<String>,
    after: Option<String>,
    #[serde(default)]
    wait_ms: u64,
}

impl Search {
    fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms.min(WAIT_MS_MAX))
    }
}

pub(super) async fn page() -> Response {
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), csp()],
        mailbox_page(),
    )
        .into_response()
}

pub(super) async fn script() -> Response {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        mailbox_js(),
    )
        .into_response()
}

pub(super) async fn style() -> Response {
    (
        [(header::CONTENT_TYPE, "text/css; charset=utf-8")],
        mailbox_css(),
    )
        .into_response()
}

fn csp() -> (header::HeaderName, &'static str) {
    (header::CONTENT_SECURITY_POLICY, MAILBOX_CSP)
}

pub(super) async fn messages(
    State(state): State<AppState>,
    Query(search): Query<Search>,
) -> Result<Json<Vec<MailboxMessage>>, ApiError> {
    let mailbox = &dev(&state)?.mailbox;
    let (to, after) = (search.to.as_deref(), search.after.as_deref());
    Ok(Json(mailbox.wait(to, after, search.wait()).await))
}

pub(super) async fn notes(
    State(state): State<AppState>,
    Query(search): Query<Search>,
) -> Result<Json<Vec<Note>>, ApiError> {
    let mailbox = &dev(&state)?.mailbox;
    let (to, after) = (search.to.as_deref(), search.after.as_deref());
    Ok(Json(mailbox.wait_for_notes(to, after, search.wait()).await))
}

pub(super) async fn clear(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    dev(&state)?.mailbox.clear().await.map_err(|error| {
        tracing::warn!(%error, "the dev mailbox was not cleared");
        ApiError::Busy
    })?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn dev(state: &AppState) -> Result<&Dev, ApiError> {
    state.dev_surface().ok_or(ApiError::NotFound)
}
