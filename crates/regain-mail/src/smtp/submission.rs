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
use lettre::transport::smtp::response::Severity;

use crate::{Accepted, Message, SendError};

/// Begins a message. When it fails, the relay has heard of the sender and of nothing else.
pub(super) async fn begin(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<(), SendError> {
    let parameters = mail_parameters(connection, message)?;
    let sender = Mail::new(message.envelope().from().cloned(), parameters);
    let taken = connection.command(sender).await;
    taken.map(drop).map_err(|error| sender_refused(&error))
}

/// Hands over a message that has begun. After an error the connection is in the middle of something:
/// drop it.
pub(super) async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<Accepted, SendError> {
    for to in message.envelope().to() {
        let recipient = Rcpt::new(to.clone(), Vec::new());
        connection
            .command(recipient)
            .await
            .map_err(|error| recipient_refused(&error))?;
    }
    let go_on = connection
        .command(Data)
        .await
        .map_err(|error| refused(&error))?;
    let taken = connection
        .command(Content(message))
        .await
        .map_err(|error| refused(&error))?;
    // A relay that says one thing too many would have the next answer taken for this one.
    let is_in_step = go_on.code().severity == Severity::PositiveIntermediate
        && taken.code().severity == Severity::PositiveCompletion;
    if !is_in_step {
        return Err(broken());
    }
    Ok(Accepted {
        detail: taken.code().to_string(),
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
/// nothing about this message.
fn sender_refused(error: &Error) -> SendError {
    match error.status() {
        Some(code) => SendError::Unreachable(format!(
            "the mail relay does not take mails from us ({code})"
        )),
        None => broken(),
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
