//! Deletes rows that are past their use, a bounded number at a time. Of several nodes one does it.

use std::time::Duration;

use regain_store::StoreError;
use regain_types::{SystemEntropy, random_token};

use crate::state::AppState;
use crate::tasks::Stop;

const EVERY: Duration = Duration::from_mins(1);
const ROWS_PER_ROUND: usize = 1_000;
/// What the node leads that sweeps.
const ROLE: &str = "sweeper";
/// How long it leads without saying so again: three rounds, so that one that died is replaced soon
/// and a slow one is not.
const LEADS_SECONDS: i64 = 180;

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    let node = random_token(&mut SystemEntropy);
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match sweep(&state, &node).await {
            Ok(0) => {}
            Ok(rows) => tracing::debug!(rows, "swept"),
            Err(error) => tracing::warn!(%error, "the sweeper could not delete; trying again"),
        }
    }
}

/// One round, if this node is the one that sweeps; answers how many rows went.
async fn sweep(state: &AppState, node: &str) -> Result<usize, StoreError> {
    let (store, org) = (state.store(), state.org());
    if !store.try_lead(org, ROLE, node, LEADS_SECONDS).await? {
        return Ok(0);
    }
    store.sweep(org, ROWS_PER_ROUND).await
}
