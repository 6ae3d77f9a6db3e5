//! A store that is gone when it is dropped: for tests, and for a demo without a directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regain_types::Clock;
use tempfile::TempDir;

use crate::error::OpenError;
use crate::store::SqliteStore;

/// A store in a directory of its own, deleted with this value.
#[derive(Debug)]
pub struct TemporaryStore {
    /// The store.
    pub store: Arc<SqliteStore>,
    directory: TempDir,
}

impl TemporaryStore {
    pub(crate) fn open(clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let directory = tempfile::Builder::new()
            .prefix("regain-")
            .tempdir()
            .map_err(|error| OpenError::from_io(&std::env::temp_dir(), &error))?;
        let store = Arc::new(SqliteStore::in_directory(directory.path(), clock)?);
        Ok(Self { store, directory })
    }

    /// The directory, for what else belongs to the deployment.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.store.path().to_owned()
    }
}
