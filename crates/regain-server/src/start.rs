//! What happens before the first request.

use crate::state::AppState;
use crate::{answered, hash_kinds, outbox, sweeper};

/// The setting of the store that says, while it is not empty, that a restore is not finished.
pub const RESTORE_SETTING: &str = "restore";

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The signing keys cannot be opened or made: is the master key another one?
    #[error("{0}")]
    Keys(#[from] crate::oauth::SignerError),
    /// A restore of a backup broke off: there is only a part of the data.
    #[error("a restore of a backup broke off in this database: run `regain restore` with it again")]
    HalfRestored,
    /// Passwords are hashed with a pepper that this process lacks (K-06).
    #[error("{0}")]
    Pepper(#[from] crate::pepper::PepperProblem),
    /// The system has no thread left for the mails.
    #[error("no thread for sending mails: {0}")]
    Thread(std::io::Error),
    /// The database does not answer.
    #[error("{0}")]
    Store(#[from] regain_store::StoreError),
}

/// Opens the signing keys, and starts what runs in the background.
///
/// # Errors
/// [`StartError`] when the database does not answer, the signing keys do not open or a pepper is
/// missing.
pub async fn start(state: &AppState) -> Result<(), StartError> {
    state.store().check().await?;
    let restore = state
        .store()
        .find_setting(state.org(), RESTORE_SETTING)
        .await?;
    if restore.is_some_and(|mark| !mark.is_empty()) {
        return Err(StartError::HalfRestored);
    }
    state.signer().keys(state).await?;
    if let Some(problem) = hash_kinds::synchronise(state).await? {
        return Err(problem.into());
    }
    let tasks = state.tasks();
    tasks.spawn(answered::run(state.clone(), tasks.stop_signal()));
    tasks.spawn(hash_kinds::run(state.clone(), tasks.stop_signal()));
    // Steps wait for one mail each: where mails fall behind, ever more people wait for theirs.
    let mails = outbox::run(state.clone(), tasks.stop_signal());
    tasks
        .spawn_apart("mail", mails)
        .map_err(StartError::Thread)?;
    tasks.spawn(sweeper::run(state.clone(), tasks.stop_signal()));
    Ok(())
}
