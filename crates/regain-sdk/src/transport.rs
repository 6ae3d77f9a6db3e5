//! How requests reach the server: one method, so that tests can answer themselves.

use std::error::Error as StdError;
use std::fmt::Debug;

use async_trait::async_trait;

/// Sends one request and gives its answer, whatever the status is. It follows no redirects and
/// repeats nothing: a form that is posted twice counts twice.
#[async_trait]
pub trait Transport: Send + Sync + Debug {
    /// Sends the request.
    ///
    /// # Errors
    /// When there is no complete answer. [`TransportError::is_sent`] must be false only if not a
    /// single byte of the request can have reached the server.
    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, TransportError>;
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{}", if *.is_sent { "the answer of the server is missing" } else { "the server could not be reached" })]
pub struct TransportError {
    is_sent: bool,
    #[source]
    cause: Box<dyn StdError + Send + Sync>,
}

impl TransportError {
    /// The connection was never made: the request may be sent again without danger.
    pub fn not_sent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            is_sent: false,
            cause: cause.into(),
        }
    }

    /// The request may have arrived.
    pub fn maybe_sent(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            is_sent: true,
            cause: cause.into(),
        }
    }

    /// Whether the request may have arrived.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.is_sent
    }
}
