//! `POST /dev/clock`: moves expiry, windows and the store's now; not the stamps of tokens.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use crate::api_error::ApiError;
use crate::json;
use crate::state::AppState;

/// Furthest step: a year.
const ADVANCE_SECONDS_MAX: i64 = 366 * 24 * 60 * 60;

#[derive(Debug, Deserialize)]
struct Advance {
    advance_seconds: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Now {
    now: String,
}

pub(super) async fn advance(
    State(state): State<AppState>,
    body: Bytes,
) -> Result<Json<Now>, ApiError> {
    let advance: Advance =
        json::decode(&body).map_err(|error| ApiError::Malformed(error.to_string()))?;
    if !(0..=ADVANCE_SECONDS_MAX).contains(&advance.advance_seconds) {
        let cause = "advance_seconds: from 0 to 31622400; POST /dev/reset sets the clock back";
        return Err(ApiError::Malformed(cause.to_owned()));
    }
    state.store().advance_clock(advance.advance_seconds).await?;
    state.clock_moved();
    // Mails that wait for a later time may be due now.
    state.mail_is_due().notify_one();
    Ok(Json(Now {
        now: state.store().now().await?.to_string(),
    }))
}
