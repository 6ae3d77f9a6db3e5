//! Signs tokens off the async threads, with keys that persist.

use std::sync::Arc;

use regain_oauth::{Issue, KeyError, KeySet, SigningKey};
use regain_store::{SealedKey, Store, StoreError};
use regain_types::{Clock as _, MasterKey, OrgId, SystemClock, SystemEntropy, Timestamp};
use regain_wire::oauth::TokenResponse;
use tokio::sync::{OnceCell, Semaphore};

use crate::state::AppState;

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// A key cannot be made, opened or used.
    #[error("{0}")]
    Key(#[from] KeyError),
    /// The database does not answer.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The thread that should sign is gone: the process is ending.
    #[error("the signing thread ended")]
    Thread,
}

/// Holds the org's keys and the clock of token stamps.
#[derive(Debug)]
pub(crate) struct Signer {
    keys: OnceCell<Arc<KeySet>>,
    /// As many signatures at once as there are cores: more would only wait for each other.
    permits: Semaphore,
    /// The machine's: clients compare stamps with their own clocks, so the clock that developers
    /// may move does not count here (`design` §2.4).
    clock: SystemClock,
}

impl Default for Signer {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            keys: OnceCell::new(),
            permits: Semaphore::new(cores),
            clock: SystemClock::new(),
        }
    }
}

impl Signer {
    /// The time of token stamps.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The keys: opened, or made when the org has none yet.
    ///
    /// # Errors
    /// [`SignerError`]; a key that does not open says that the master key is another one (K-03).
    pub(crate) async fn keys(&self, state: &AppState) -> Result<&Arc<KeySet>, SignerError> {
        self.keys
            .get_or_try_init(|| async {
                load_or_create(state.store(), state.org(), state.master_key())
                    .await
                    .map(Arc::new)
            })
            .await
    }

    /// Signs tokens.
    ///
    /// # Errors
    /// [`SignerError`].
    pub(crate) async fn issue(
        &self,
        state: &AppState,
        issue: Issue,
    ) -> Result<TokenResponse, SignerError> {
        let keys = Arc::clone(self.keys(state).await?);
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| SignerError::Thread)?;
        tokio::task::spawn_blocking(move || issue.sign(&keys, &mut SystemEntropy))
            .await
            .map_err(|_| SignerError::Thread)?
            .map_err(SignerError::Key)
    }
}

async fn load_or_create(
    store: &dyn Store,
    org: &OrgId,
    master: &MasterKey,
) -> Result<KeySet, SignerError> {
    let mut stored = store.list_signing_keys(org).await?;
    if stored.is_empty() {
        let new = new_key(store, master).await?;
        match store.add_signing_key(org, new, 0).await {
            // Another node was faster: its key is the org's.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        stored = store.list_signing_keys(org).await?;
    }
    let mut keys = Vec::with_capacity(stored.len());
    for key in &stored {
        keys.push(SigningKey::open(master, &key.kid, &key.sealed)?);
    }
    let mut keys = keys.into_iter();
    let current = keys.next().ok_or(StoreError::Conflict)?;
    Ok(KeySet::new(current, keys.collect()))
}

async fn new_key(store: &dyn Store, master: &MasterKey) -> Result<SealedKey, SignerError> {
    let key = tokio::task::spawn_blocking(SigningKey::generate)
        .await
        .map_err(|_| SignerError::Thread)??;
    Ok(SealedKey {
        kid: key.kid().to_owned(),
        sealed: key.seal(master, &mut SystemEntropy)?,
        created_at: store.now().await?,
    })
}
