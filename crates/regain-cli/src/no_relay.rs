//! What stands in for a mail relay where none is configured.

use async_trait::async_trait;
use regain_mail::{Accepted, Message, SendError, Transport};

/// Takes no mail: mails wait in the outbox until there is a relay, or until they are of no use.
#[derive(Debug)]
pub(crate) struct NoRelay;

impl NoRelay {
    fn refusal<T>() -> Result<T, SendError> {
        Err(SendError::Unreachable(
            "no mail relay is configured ([mail.smtp])".to_owned(),
        ))
    }
}

#[async_trait]
impl Transport for NoRelay {
    async fn send(&self, _message: &Message) -> Result<Accepted, SendError> {
        Self::refusal()
    }

    async fn check(&self) -> Result<(), SendError> {
        Self::refusal()
    }
}
