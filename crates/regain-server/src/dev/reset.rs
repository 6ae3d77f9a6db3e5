//! `POST /dev/reset`: users, flows, mails and the clock back to the start; keys and clients stay.

use axum::extract::State;
use axum::http::StatusCode;

use super::mailbox::dev;
use crate::api_error::ApiError;
use crate::state::AppState;

pub(super) async fn reset(State(state): State<AppState>) -> Result<StatusCode, ApiError> {
    let dev = dev(&state)?;
    state.store().reset(state.org()).await?;
    state.clock_moved();
    if let Err(error) = dev.mailbox.clear().await {
        tracing::warn!(%error, "the dev mailbox was not cleared");
        return Err(ApiError::Busy);
    }
    if let Some(seed) = &dev.seed {
        seed.seed(state.store()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
