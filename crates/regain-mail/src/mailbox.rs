//! Where developers read mails (design §2.4). It exists in dev mode only.

mod page;
mod reading;
mod shelf;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use regain_types::{Clock, OutboxId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Accepted, Message, SendError, Transport};
use shelf::{Entry, Shelf};

pub use page::{MAILBOX_CSP, mailbox_css, mailbox_js, mailbox_page};

/// Messages that are kept; the oldest goes first.
const MESSAGES_MAX: usize = 500;
/// Notes that are kept; the oldest goes first.
const NOTES_MAX: usize = 500;
/// Events per message that are kept; an outage of days must not fill the page.
const EVENTS_MAX: usize = 50;

/// The directory of the mailbox cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailboxError {
    /// Reading or writing failed.
    #[error("the directory of the dev mailbox cannot be used: {0}")]
    Io(#[from] std::io::Error),
    /// A record cannot be written as JSON.
    #[error("a record of the dev mailbox cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// One message as `GET /dev/mailbox/api/messages` shows it, read back from its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxMessage {
    /// The id of the outbox row.
    pub id: String,
    /// The recipient.
    pub to: String,
    /// The subject, decoded.
    pub subject: String,
    /// The text part, decoded, lines ending in LF.
    pub text: String,
    /// The HTML part, decoded, lines ending in LF.
    pub html: String,
    /// The digits that stand alone on a line of the text.
    pub code: Option<String>,
    /// Where the link of the e-mail authenticator leads, if there is one.
    pub link: Option<String>,
    /// Header names and decoded values.
    pub headers: BTreeMap<String, String>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

impl Entry for MailboxMessage {
    fn id(&self) -> &str {
        &self.id
    }

    fn to(&self) -> &str {
        &self.to
    }
}

/// Something that happened to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When, as `2026-01-02T03:04:05.678Z`.
    pub at: String,
    /// What.
    pub kind: EventKind,
    /// Why, or what the relay said.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
}

/// Kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// It will not be sent (again).
    NotSent,
    /// It was put into the outbox.
    Queued,
    /// An attempt failed; another follows.
    Retry,
    /// It was handed over.
    Sent,
}

/// A mail that was *not* written, for developers: "no such user".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Tells notes apart.
    pub id: String,
    /// When, as `2026-01-02T03:04:05.678Z`.
    pub at: String,
    /// Who would have got the mail, as typed.
    pub to: String,
    /// Why there is none.
    pub reason: String,
}

impl Entry for Note {
    fn id(&self) -> &str {
        &self.id
    }

    fn to(&self) -> &str {
        &self.to
    }
}

/// Keeps messages as files, one JSON document each, so that they are still there after a crash.
#[derive(Debug)]
pub struct DevMailbox {
    messages: Shelf<MailboxMessage>,
    notes: Shelf<Note>,
    clock: Arc<dyn Clock>,
}

impl DevMailbox {
    /// Opens the mailbox in `directory` and reads what an earlier process left.
    ///
    /// # Errors
    /// [`MailboxError`] when the directory cannot be made, read or written. A file that is no
    /// record is skipped.
    pub fn open(directory: &Path, clock: Arc<dyn Clock>) -> Result<Self, MailboxError> {
        Ok(Self {
            messages: Shelf::open(&directory.join("messages"), MESSAGES_MAX)?,
            notes: Shelf::open(&directory.join("notes"), NOTES_MAX)?,
            clock,
        })
    }

    /// Messages to `to` (any, when `None`; ASCII letter case does not matter) that came after the
    /// message `after`, newest first. All of them when `after` is not there (any more).
    #[must_use]
    pub fn list(&self, to: Option<&str>, after: Option<&str>) -> Vec<MailboxMessage> {
        self.messages.list(to, after)
    }

    /// Like [`DevMailbox::list`], but waits for up to `limit` until there is one.
    pub async fn wait(
        &self,
        to: Option<&str>,
        after: Option<&str>,
        limit: Duration,
    ) -> Vec<MailboxMessage> {
        self.messages.wait(to, after, limit).await
    }

    /// Notes about mails that were not written, as [`DevMailbox::list`] does for messages.
    #[must_use]
    pub fn notes(&self, to: Option<&str>, after: Option<&str>) -> Vec<Note> {
        self.notes.list(to, after)
    }

    /// Like [`DevMailbox::notes`], but waits for up to `limit` until there is one.
    pub async fn wait_for_notes(
        &self,
        to: Option<&str>,
        after: Option<&str>,
        limit: Duration,
    ) -> Vec<Note> {
        self.notes.wait(to, after, limit).await
    }

    /// Writes down that `to` gets no mail, and why.
    ///
    /// # Errors
    /// [`MailboxError`] when it cannot be kept.
    pub async fn note(&self, to: &str, reason: &str) -> Result<(), MailboxError> {
        let now = self.clock.now();
        let (to, reason) = (to.to_owned(), reason.to_owned());
        // With the time, because numbers start again in an empty directory.
        let id = |number| format!("note{}.{number}", now.as_millis());
        self.notes
            .put(|number| Note {
                id: id(number),
                at: now.to_string(),
                to,
                reason,
            })
            .await
    }

    /// Adds to the timeline of a message; nothing when the message is not here.
    ///
    /// For outboxes that send elsewhere and show the attempts here.
    ///
    /// # Errors
    /// [`MailboxError`] when it cannot be kept.
    pub async fn event(
        &self,
        id: &OutboxId,
        kind: EventKind,
        detail: Option<String>,
    ) -> Result<(), MailboxError> {
        let event = event(self.clock.now(), kind, detail);
        self.messages
            .change(id.as_str(), |message| add_event(message, event))
            .await?;
        Ok(())
    }

    /// Puts a message in without sending it: for outboxes that send elsewhere and want the mail
    /// shown here as well. A message that is here already is left alone.
    ///
    /// # Errors
    /// [`MailboxError`] when it cannot be kept.
    pub async fn keep(&self, message: &Message) -> Result<(), MailboxError> {
        let id = message.id().as_str();
        self.messages
            .change_or_put(id, |_| (), || queued(message))
            .await
    }

    /// Forgets all messages and notes.
    ///
    /// # Errors
    /// [`MailboxError`] when a file cannot be removed.
    pub async fn clear(&self) -> Result<(), MailboxError> {
        self.messages.clear().await?;
        self.notes.clear().await
    }
}

#[async_trait]
impl Transport for DevMailbox {
    /// Keeps the message. One that arrives twice is kept once, with both arrivals in its timeline.
    async fn send(&self, message: &Message) -> Result<Accepted, SendError> {
        let sent = event(self.clock.now(), EventKind::Sent, None);
        let again = |kept: &mut MailboxMessage| add_event(kept, sent.clone());
        // Both events at once: whoever waits for the message sees that it was sent.
        let first = || {
            let mut kept = queued(message);
            add_event(&mut kept, sent.clone());
            kept
        };
        let kept = self
            .messages
            .change_or_put(message.id().as_str(), again, first)
            .await;
        kept.map_err(|error| SendError::Temporary(error.to_string()))?;
        Ok(Accepted {
            detail: "kept in the dev mailbox".to_owned(),
        })
    }

    async fn check(&self) -> Result<(), SendError> {
        self.messages
            .check()
            .await
            .map_err(|error| SendError::Temporary(error.to_string()))
    }

    fn keeps_timeline(&self) -> bool {
        true
    }
}

fn queued(message: &Message) -> MailboxMessage {
    let mut kept = reading::read(message);
    add_event(&mut kept, event(message.date(), EventKind::Queued, None));
    kept
}

fn event(at: Timestamp, kind: EventKind, detail: Option<String>) -> Event {
    Event {
        at: at.to_string(),
        kind,
        detail,
    }
}

fn add_event(message: &mut MailboxMessage, event: Event) {
    if message.events.len() < EVENTS_MAX {
        message.events.push(event);
    }
}
