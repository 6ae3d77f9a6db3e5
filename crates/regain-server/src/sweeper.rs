//! Deletes rows that are past their use, a bounded number at a time.

use std::time::Duration;

use crate::state::AppState;
use crate::tasks::Stop;

const EVERY: Duration = Duration::from_mins(1);
const ROWS_PER_ROUND: usize = 1_000;

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match state.store().sweep(state.org(), ROWS_PER_ROUND).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "the sweeper could not delete; trying again"),
        }
    }
}
