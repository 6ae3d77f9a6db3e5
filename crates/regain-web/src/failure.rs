//! Why a handler has no page to show; `pages::error` makes one of it.

use crate::store::StoreError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A call of the SDK gave no outcome.
    #[error(transparent)]
    Sdk(#[from] regain_sdk::Error),
    /// The session database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A page could not be written.
    #[error("a page cannot be rendered: {0}")]
    Page(#[from] askama::Error),
    /// Something that the code rules out happened all the same.
    #[error("broken rule: {0}")]
    Bug(&'static str),
}
