//! What can go wrong with a database.

/// Why an operation did not happen. Nothing of it did.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster, or the thing is used up: load again.
    #[error("the row has changed or is used up")]
    Conflict,
    /// The thing exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// There is no space left where the database is: 503 until somebody makes room.
    #[error("the disk of the database is full")]
    Full,
    /// The database does not answer or cannot write: 503, try later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// What is stored makes no sense: never guessed around.
    #[error("corrupt row in {table}, column {column}, id {id}")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// Where in the row.
        column: &'static str,
        /// Which row.
        id: String,
    },
}
