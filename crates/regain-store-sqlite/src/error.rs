//! Why a database cannot be opened, and what goes wrong inside an operation.

use std::path::{Path, PathBuf};

use regain_store::StoreError;
use rusqlite::{ErrorCode, ffi};

/// Why a database cannot be opened. Each is one line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A migration that has run is not the one that this program knows.
    #[error(
        "{path}: migration {number} in the database differs from the one of this program: the file or the program was changed"
    )]
    Edited {
        /// Which file.
        path: PathBuf,
        /// Which migration.
        number: u32,
    },
    /// An SQLite database of something else.
    #[error("{path} is a database of another program")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// Somebody holds it.
    #[error("{path} is locked by another process")]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// There is no such file, and none is to be made.
    #[error("{path}: there is no such database")]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// A newer release has been here.
    #[error(
        "{path} was migrated by a newer release (it has migration {found}, this program knows {known}): use that release"
    )]
    Newer {
        /// Which file.
        path: PathBuf,
        /// The highest migration in the database.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// Not an SQLite database, or a damaged one.
    #[error("{path} is not a database, or it is damaged")]
    NotADatabase {
        /// Which file.
        path: PathBuf,
    },
    /// An older release made it, and it is not to be migrated now.
    #[error(
        "{path} needs migration (it has migration {found}, this program knows {known}): run `regain migrate`"
    )]
    Older {
        /// Which file.
        path: PathBuf,
        /// The highest migration in the database.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// Anything else that the database says.
    #[error("{path} cannot be opened: {reason}")]
    Other {
        /// Which file.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// The file or its directory cannot be written.
    #[error("{path} cannot be written: {reason}")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn from_sqlite(path: &Path, error: &rusqlite::Error) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::NotADatabase { path }
            }
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::DiskFull
                | ErrorCode::PermissionDenied
                | ErrorCode::ReadOnly
                | ErrorCode::SystemIoFailure,
            ) => Self::Unwritable { path, reason },
            _ => Self::Other { path, reason },
        }
    }

    pub(crate) fn from_io(path: &Path, error: &std::io::Error) -> Self {
        Self::Unwritable {
            path: path.to_owned(),
            reason: error.to_string(),
        }
    }
}

/// What goes wrong inside an operation, before it is told to the caller.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Sqlite(error) => from_sqlite(&error),
        }
    }
}

/// What a failed statement is told as.
pub(crate) fn from_sqlite(error: &rusqlite::Error) -> StoreError {
    if is_full(error) {
        StoreError::Full
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// Whether there was no space: for the database, its log, or the index of the log.
fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|failure| {
        failure.code == ErrorCode::DiskFull || failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE
    })
}

impl Fault {
    pub(crate) const CONFLICT: Self = Self::Store(StoreError::Conflict);

    /// A value that cannot be written as JSON: a type that does not fit, never data of a person.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        Self::Store(StoreError::Unavailable(format!("not storable: {error}")))
    }
}
