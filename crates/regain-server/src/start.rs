//! What happens before the first request.

use crate::state::AppState;
use crate::{outbox, sweeper};

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database does not answer.
    #[error("{0}")]
    Store(#[from] regain_store::StoreError),
}

/// Starts the mail worker and the sweeper.
///
/// # Errors
/// [`StartError`] when the database does not answer.
pub async fn start(state: &AppState) -> Result<(), StartError> {
    state.store().check().await?;
    let tasks = state.tasks();
    tasks.spawn(outbox::run(state.clone(), tasks.stop_signal()));
    tasks.spawn(sweeper::run(state.clone(), tasks.stop_signal()));
    Ok(())
}
