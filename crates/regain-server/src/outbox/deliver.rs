//! One row, from the outbox to the relay.

use std::sync::Arc;
use std::time::Duration;

use regain_engine::Outgoing;
use regain_mail::{DevMailbox, EventKind, Message, SendError, compose, render};
use regain_store::{MailVerdict, OutboxRow};
use regain_types::{Entropy as _, SystemEntropy, Timestamp};

use super::ceiling::MailCeiling;
use super::letter::{self, Letter, Unsendable};
use super::{address, bounces};
use crate::state::AppState;

/// How long a send may take; less than the lease, so that no two workers send one row.
const SEND_TIMEOUT: Duration = Duration::from_secs(25);
const RETRY_SECONDS_MAX: i64 = 60;
/// How long notices are tried.
pub(super) const NOTICE_TTL_SECONDS: i64 = 72 * 60 * 60;

/// What a send tells about the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relay {
    /// It was not asked.
    NotAsked,
    /// It answered about the message, whatever it said.
    Works,
    /// It could not be reached, or did not answer.
    Fails,
}

/// Sends one row, if it is still worth it.
pub(super) async fn deliver(
    state: &AppState,
    row: &OutboxRow,
    ceiling: &MailCeiling,
) -> (MailVerdict, Relay) {
    let Ok(now) = state.store().now().await else {
        let later = row.created_at.plus_seconds(RETRY_SECONDS_MAX);
        return (MailVerdict::Retry(later), Relay::NotAsked);
    };
    state.limits().observe(now);
    let letter = match letter::write(state, row, now).await {
        Ok(Ok(letter)) => letter,
        Ok(Err(unsendable)) => return (drop_it(state, row, unsendable).await, Relay::NotAsked),
        Err(error) => {
            tracing::warn!(%error, mail = %row.id, "a mail cannot be written yet");
            return (MailVerdict::Retry(now.plus_seconds(1)), Relay::NotAsked);
        }
    };
    let message = envelope(state, row, &letter);
    if let Some(unsendable) = letter.withheld {
        return (drop_it(state, row, unsendable).await, Relay::NotAsked);
    }
    let message = match message {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, mail = %row.id, "a mail cannot be composed");
            return (MailVerdict::Dropped("NOT_COMPOSED"), Relay::NotAsked);
        }
    };
    // Only what leaves is counted: mails to nobody cost the org's good name nothing.
    if let Some(until) = ceiling.refuses(state, row).await {
        let soon = now.plus_seconds(RETRY_SECONDS_MAX).min(until);
        return (until_dead(row, soon), Relay::NotAsked);
    }
    if let Some(mailbox) = copies(state)
        && let Err(error) = mailbox.keep(&message).await
    {
        tracing::warn!(%error, "the dev mailbox did not keep a copy");
    }
    send(state, row, &message, now).await
}

fn envelope(
    state: &AppState,
    row: &OutboxRow,
    letter: &Letter,
) -> Result<Message, regain_mail::MailError> {
    let settings = state.settings();
    let rendered = render(&letter.mail, &settings.brand, letter.language);
    let envelope = regain_mail::Envelope {
        id: row.id.clone(),
        from: settings.mail_from.clone(),
        to: letter.to.clone(),
        date: row.created_at,
        message_id_host: address::host_of(&settings.public_url).to_owned(),
    };
    compose(&envelope, &rendered)
}

async fn send(
    state: &AppState,
    row: &OutboxRow,
    message: &Message,
    now: Timestamp,
) -> (MailVerdict, Relay) {
    let sent = tokio::time::timeout(SEND_TIMEOUT, state.transport().send(message)).await;
    let too_late = || SendError::Unreachable("the mail server took too long".to_owned());
    let sent = sent.unwrap_or_else(|_| Err(too_late()));
    let relay = match &sent {
        Err(SendError::Unreachable(_)) => Relay::Fails,
        Ok(_) | Err(_) => Relay::Works,
    };
    if matches!(sent, Err(SendError::Recipient(_))) {
        bounces::pause(state, row).await;
    }
    let (verdict, event, detail) = match sent {
        Ok(accepted) => (MailVerdict::Delivered, EventKind::Sent, accepted.detail),
        Err(SendError::Permanent(why) | SendError::Recipient(why)) => {
            (MailVerdict::Dropped("REFUSED"), EventKind::NotSent, why)
        }
        Err(SendError::SmtpUtf8(why)) => {
            (MailVerdict::Dropped("NO_SMTPUTF8"), EventKind::NotSent, why)
        }
        Err(SendError::Temporary(why) | SendError::Unreachable(why)) => {
            (later(row, now), EventKind::Retry, why)
        }
    };
    if verdict != MailVerdict::Delivered {
        let attempt = row.attempts + 1;
        tracing::warn!(mail = %row.id, attempt, why = %detail, "a mail was not sent");
    }
    if let Some(mailbox) = copies(state)
        && let Err(error) = mailbox.event(&row.id, event, Some(detail)).await
    {
        tracing::warn!(%error, "the dev mailbox did not keep an event");
    }
    (verdict, relay)
}

/// The mailbox that keeps copies of what goes elsewhere, in development.
fn copies(state: &AppState) -> Option<&Arc<DevMailbox>> {
    state.dev().filter(|_| !state.transport().keeps_timeline())
}

/// When to try again: 1 s, twice as long each time, at most 60 s, give or take a fifth; never
/// after the code is dead.
pub(super) fn later(row: &OutboxRow, now: Timestamp) -> MailVerdict {
    let seconds = 1_i64
        .checked_shl(row.attempts.min(6))
        .map_or(60, |s| s.min(RETRY_SECONDS_MAX));
    let mut jitter = [0; 1];
    SystemEntropy.fill(&mut jitter);
    let permille = 800 + i64::from(jitter.first().copied().unwrap_or(128)) * 400 / 255;
    until_dead(
        row,
        Timestamp::from_millis(now.as_millis() + seconds * permille),
    )
}

fn until_dead(row: &OutboxRow, at: Timestamp) -> MailVerdict {
    let dead_at = row
        .outgoing
        .dead_at()
        .unwrap_or_else(|| row.created_at.plus_seconds(NOTICE_TTL_SECONDS));
    if at < dead_at {
        MailVerdict::Retry(at)
    } else {
        MailVerdict::Dropped("EXPIRED")
    }
}

/// Gives a row up, and tells a developer why there is no mail (design §2.4).
async fn drop_it(state: &AppState, row: &OutboxRow, why: Unsendable) -> MailVerdict {
    let to = match &row.outgoing {
        Outgoing::Code { canonical, .. } => canonical.as_str(),
        Outgoing::AuthenticatorAdded { user, .. } | Outgoing::PasswordChanged { user, .. } => {
            user.as_str()
        }
    };
    if let Some(mailbox) = state.dev()
        && let Err(error) = mailbox.note(to, why.sentence()).await
    {
        tracing::warn!(%error, "the dev mailbox did not keep a note");
    }
    MailVerdict::Dropped(why.reason())
}
