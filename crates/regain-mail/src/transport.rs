//! How a message leaves.

use async_trait::async_trait;

use crate::Message;

/// Something that takes messages over: a relay, or the mailbox of a developer.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Hands one message over. When it answers, the other side is responsible for the message.
    ///
    /// # Errors
    /// [`SendError`] when it was not taken over. A message may still arrive after a
    /// [`SendError::Temporary`], when only the answer was lost; its `Message-ID` stays the same.
    async fn send(&self, message: &Message) -> Result<Accepted, SendError>;

    /// Whether a message could be handed over now, without sending one.
    ///
    /// # Errors
    /// [`SendError`] says what is in the way.
    async fn check(&self) -> Result<(), SendError>;

    /// Whether it writes down by itself what happens to a message: then nobody else does.
    fn keeps_timeline(&self) -> bool {
        false
    }
}

/// The other side took the message over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// What it said, for a timeline (`250`): never an address, never content.
    pub detail: String,
}

/// Why a message was not taken over. The text names no address and no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The relay will never take this message: trying again is useless.
    #[error("{0}")]
    Permanent(String),
    /// The relay knows that nothing can be delivered to this recipient: a hard bounce (M-09).
    #[error("{0}")]
    Recipient(String),
    /// The address has letters beyond ASCII before the `@`, and the relay takes none (RFC 6531):
    /// trying again is useless until there is another relay.
    #[error("{0}")]
    SmtpUtf8(String),
    /// It may work later.
    #[error("{0}")]
    Temporary(String),
    /// The relay cannot be reached or does not work with us, whatever the message: it may work
    /// later, or after the operator changed the configuration.
    #[error("{0}")]
    Unreachable(String),
}
