//! SQLite as a backend of the conformance suite.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use regain_store::Store;
use regain_store::conformance::{Backend, Failure};
use regain_store_sqlite::SqliteStore;
use regain_types::Clock;
use tempfile::TempDir;

/// A database file in a directory of its own.
#[derive(Debug)]
pub(crate) struct SqliteBackend {
    directory: TempDir,
    opened: Mutex<Weak<SqliteStore>>,
}

impl SqliteBackend {
    pub(crate) fn fresh() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            opened: Mutex::new(Weak::new()),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("regain.db")
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Failure> {
        let store = SqliteStore::open(self.path(), clock);
        let store = Arc::new(store.map_err(|error| Failure::new(error.to_string()))?);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&store);
        Ok(store)
    }

    async fn fingerprint(&self) -> Result<Vec<u8>, Failure> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let store = opened
            .upgrade()
            .ok_or_else(|| Failure::new("the store is closed"))?;
        Ok(store.fingerprint()?.to_vec())
    }
}
