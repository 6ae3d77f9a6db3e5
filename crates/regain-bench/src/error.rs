//! What keeps a measurement from being made.

use std::io;

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A file, a socket or a process.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The engine, or something that is timed beside it, did not do its part.
    #[error("{0}")]
    Failed(String),
    /// The store did not take the people.
    #[error("the users were not added: {0}")]
    Store(#[from] regain_store::StoreError),
}

/// Adds to an error of the system what was tried.
pub(crate) trait Doing<T> {
    /// Says what was tried when it did not work.
    fn doing(self, what: &str) -> Result<T, BenchError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: &str) -> Result<T, BenchError> {
        self.map_err(|source| BenchError::Io {
            what: what.to_owned(),
            source,
        })
    }
}
