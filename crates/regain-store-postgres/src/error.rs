//! Why a database cannot be used, and what goes wrong inside an operation.

use regain_store::StoreError;

use crate::options::OptionsError;

/// Why a database cannot be opened. Each is one line that an operator can act on; none names a
/// password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A migration that has run is not the one that this program knows.
    #[error(
        "{database}: migration {number} in the database differs from the one of this program: the database or the program was changed"
    )]
    Edited {
        /// Which database.
        database: String,
        /// Which migration.
        number: u32,
    },
    /// A database of something else.
    #[error(
        "{database} holds tables of another program (it has {table:?} and no schema_migrations): give Regain a database of its own"
    )]
    Foreign {
        /// Which database.
        database: String,
        /// A table that is in the way.
        table: String,
    },
    /// A newer release has been here.
    #[error(
        "{database} was migrated by a newer release (it has migration {found}, this program knows {known}): use that release"
    )]
    Newer {
        /// Which database.
        database: String,
        /// The highest migration in the database.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// An older release made it, and it is not to be migrated now.
    #[error(
        "{database} needs migration (it has migration {found}, this program knows {known}): run `regain migrate`"
    )]
    Older {
        /// Which database.
        database: String,
        /// The highest migration in the database.
        found: u32,
        /// The highest that this program knows.
        known: u32,
    },
    /// The URL or what it points to is not usable.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// Anything else that the database says.
    #[error("{database} cannot be used: {reason}")]
    Other {
        /// Which database.
        database: String,
        /// What it says.
        reason: String,
    },
    /// A server without what the schema needs.
    #[error("{database}: PostgreSQL {found} is too old, 13 is the oldest that works")]
    TooOld {
        /// Which database.
        database: String,
        /// What it says it is.
        found: String,
    },
    /// Nobody answers.
    #[error("{database} does not answer: {reason}")]
    Unreachable {
        /// Which database.
        database: String,
        /// What the connection said.
        reason: String,
    },
}

/// Why something was refused: nothing of it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A condition does not hold.
    Conflict,
    /// A row is there already.
    Exists(&'static str),
}

impl From<Refusal> for StoreError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict => Self::Conflict,
            Refusal::Exists(what) => Self::Exists(what),
        }
    }
}

/// What goes wrong inside an operation, before it is told to the caller.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Refused. `unsure`: an earlier attempt at the same may have happened, its answer was lost.
    Refused { refusal: Refusal, unsure: bool },
    /// Anything else.
    Store(StoreError),
}

impl Fault {
    pub(crate) const CONFLICT: Self = Self::Store(StoreError::Conflict);

    /// A value that cannot be written as JSON: a type that does not fit, never data of a person.
    pub(crate) fn unwritable(error: &serde_json::Error) -> Self {
        Self::Store(StoreError::Unavailable(format!("not storable: {error}")))
    }

    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Store(StoreError::Unavailable(reason.into()))
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused { refusal, .. } => refusal.into(),
            Fault::Store(error) => error,
        }
    }
}

/// What a failure says in one line, with its cause: the client library keeps causes apart.
pub(crate) fn told(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => format!("{} ({})", said.message(), said.code().code()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}
