//! One mail over a connection: MAIL, RCPT, DATA, content.
//!
//! The commands are given one by one, because the stage decides what a refusal means, and because
//! the content must go out in one write with the dot that ends it: the library writes them apart,
//! and then every mail waits 40 ms for the relay's delayed acknowledgement (Nagle's algorithm).

use std::fmt;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};

use crate::{Accepted, Message, SendError};

/// Why a message was not handed over.
pub(super) enum NotSubmitted {
    /// The relay has ended the connection, and heard nothing of the message: another connection may
    /// do.
    Gone,
    /// Anything else.
    Failed(SendError),
}

impl From<SendError> for NotSubmitted {
    fn from(error: SendError) -> Self {
        Self::Failed(error)
    }
}

impl From<NotSubmitted> for SendError {
    fn from(error: NotSubmitted) -> Self {
        match error {
            NotSubmitted::Gone => broken(),
            NotSubmitted::Failed(error) => error,
        }
    }
}

/// Hands the message over. After an error the connection is in the middle of something: drop it.
pub(super) async fn submit(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<Accepted, NotSubmitted> {
    let envelope = message.envelope();
    let parameters = mail_parameters(connection, message)?;
    let sender = Mail::new(envelope.from().cloned(), parameters);
    connection
        .command(sender)
        .await
        .map_err(|error| sender_refused(&error))?;
    for to in envelope.to() {
        let recipient = Rcpt::new(to.clone(), Vec::new());
        connection
            .command(recipient)
            .await
            .map_err(|error| recipient_refused(&error))?;
    }
    connection
        .command(Data)
        .await
        .map_err(|error| refused(&error))?;
    let answer = connection
        .command(Content(message))
        .await
        .map_err(|error| refused(&error))?;
    Ok(Accepted {
        detail: answer.code().to_string(),
    })
}

/// What a message with letters beyond ASCII in an address needs (RFC 6531).
fn mail_parameters(
    connection: &AsyncSmtpConnection,
    message: &Message,
) -> Result<Vec<MailParameter>, SendError> {
    if message.to().is_ascii() && message.raw().is_ascii() {
        return Ok(Vec::new());
    }
    let relay = connection.server_info();
    let takes = |extension| relay.supports_feature(extension);
    if takes(Extension::SmtpUtfEight) && takes(Extension::EightBitMime) {
        return Ok(vec![
            MailParameter::SmtpUtfEight,
            MailParameter::Body(MailBodyParameter::EightBitMime),
        ]);
    }
    let why = "the mail relay takes no addresses with letters beyond ASCII";
    Err(SendError::SmtpUtf8(why.to_owned()))
}

/// The content as it goes over the wire: lines that begin with a dot get another one, and a dot
/// alone ends it.
///
/// Source: RFC 5321 §4.5.2.
struct Content<'a>(&'a Message);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `compose` writes text only.
        let content = String::from_utf8_lossy(self.0.raw());
        for line in content.split_inclusive("\r\n") {
            if line.starts_with('.') {
                f.write_str(".")?;
            }
            f.write_str(line)?;
        }
        f.write_str(if content.ends_with("\r\n") {
            ".\r\n"
        } else {
            "\r\n.\r\n"
        })
    }
}

/// The relay does not want mails from our sender: a matter between it and the operator, which says
/// nothing about this message. Or it has ended the connection, with a last word or without.
///
/// Source: RFC 5321 §3.8 and §4.2.3 (421).
fn sender_refused(error: &Error) -> NotSubmitted {
    match error.status().map(u16::from) {
        None | Some(421) => NotSubmitted::Gone,
        Some(code) => NotSubmitted::Failed(SendError::Unreachable(format!(
            "the mail relay does not take mails from us ({code})"
        ))),
    }
}

/// The relay does not want to deliver to this address: for good, or now.
fn recipient_refused(error: &Error) -> SendError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            SendError::Recipient(format!("the mail relay refused the recipient ({code})"))
        }
        Some(_) | None => refused(error),
    }
}

/// The relay did not take the message. Its words are not repeated: they often quote the address.
fn refused(error: &Error) -> SendError {
    match error.status() {
        Some(code) if error.is_permanent() => {
            SendError::Permanent(format!("the mail relay refused the message ({code})"))
        }
        Some(code) => SendError::Temporary(format!("the mail relay put the message off ({code})")),
        None => broken(),
    }
}

fn broken() -> SendError {
    SendError::Unreachable("the connection to the mail relay broke".to_owned())
}
