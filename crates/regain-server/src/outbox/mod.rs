//! Sends what commits put into the outbox, after the commit (R-05, R-06, M-01).
//!
//! A row holds no code and no address. The worker derives the code from its challenge and reads
//! the address of the user when it sends; for nobody the mail is written too, and dropped here, so
//! that requests, and the work behind them, cost the same for everybody (E-04).

mod address;
mod letter;

use std::sync::Arc;
use std::time::Duration;

use regain_engine::Outgoing;
use regain_mail::{DevMailbox, EventKind, Message, SendError, compose, render};
use regain_store::{MailVerdict, OutboxRow, StoreError};
use regain_types::{Entropy as _, SystemEntropy, Timestamp};
use tokio::task::JoinSet;

use crate::state::AppState;
use crate::tasks::Stop;
use letter::{Letter, Unsendable};

/// Messages that one round leases, and that are on their way at once.
const BATCH: usize = 10;
const LEASE_SECONDS: i64 = 30;
/// How long a send may take; less than the lease, so that no two workers send one row.
const SEND_TIMEOUT: Duration = Duration::from_secs(25);
/// Other nodes put rows into the outbox too: look at least so often.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const RETRY_SECONDS_MAX: i64 = 60;
/// How long notices are tried.
const NOTICE_TTL_SECONDS: i64 = 72 * 60 * 60;

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    loop {
        match round(&state).await {
            Ok(sent) if sent == BATCH => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the outbox cannot be read; trying again"),
        }
        tokio::select! {
            () = stop.wait() => return,
            () = state.mail_is_due().notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Leases what is due and sends it; says how many there were.
async fn round(state: &AppState) -> Result<usize, StoreError> {
    let rows = state
        .store()
        .lease_outbox(state.org(), BATCH, LEASE_SECONDS, false)
        .await?;
    let count = rows.len();
    let mut sends = JoinSet::new();
    for row in rows {
        let state = state.clone();
        sends.spawn(async move {
            let verdict = deliver(&state, &row).await;
            if let Err(error) = state
                .store()
                .finish_outbox(state.org(), &row, verdict)
                .await
            {
                // The lease runs out and the row is sent once more, with the same Message-ID.
                tracing::warn!(%error, mail = %row.id, "what became of a mail was not stored");
            }
        });
    }
    while sends.join_next().await.is_some() {}
    Ok(count)
}

/// Sends one row, if it is still worth it.
async fn deliver(state: &AppState, row: &OutboxRow) -> MailVerdict {
    let Ok(now) = state.store().now().await else {
        return MailVerdict::Retry(row.created_at.plus_seconds(RETRY_SECONDS_MAX));
    };
    let letter = match letter::write(state, row, now).await {
        Ok(Ok(letter)) => letter,
        Ok(Err(unsendable)) => return drop_it(state, row, unsendable).await,
        Err(error) => {
            tracing::warn!(%error, mail = %row.id, "a mail cannot be written yet");
            return MailVerdict::Retry(now.plus_seconds(1));
        }
    };
    let message = envelope(state, row, &letter);
    if let Some(unsendable) = letter.withheld {
        return drop_it(state, row, unsendable).await;
    }
    let message = match message {
        Ok(message) => message,
        Err(error) => {
            tracing::error!(%error, mail = %row.id, "a mail cannot be composed");
            return MailVerdict::Dropped("NOT_COMPOSED");
        }
    };
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

async fn send(state: &AppState, row: &OutboxRow, message: &Message, now: Timestamp) -> MailVerdict {
    let sent = tokio::time::timeout(SEND_TIMEOUT, state.transport().send(message)).await;
    let (verdict, event, detail) = match sent {
        Ok(Ok(accepted)) => (MailVerdict::Delivered, EventKind::Sent, accepted.detail),
        Ok(Err(SendError::Permanent(why))) => {
            (MailVerdict::Dropped("REFUSED"), EventKind::NotSent, why)
        }
        Ok(Err(SendError::Temporary(why))) => (later(row, now), EventKind::Retry, why),
        Err(_) => (
            later(row, now),
            EventKind::Retry,
            "the mail server took too long".to_owned(),
        ),
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
    verdict
}

/// The mailbox that keeps copies of what goes elsewhere, in development.
fn copies(state: &AppState) -> Option<&Arc<DevMailbox>> {
    state.dev().filter(|_| !state.transport().keeps_timeline())
}

/// When to try again: 1 s, twice as long each time, at most 60 s, give or take a fifth; never
/// after the code is dead.
fn later(row: &OutboxRow, now: Timestamp) -> MailVerdict {
    let dead_at = row
        .outgoing
        .dead_at()
        .unwrap_or_else(|| row.created_at.plus_seconds(NOTICE_TTL_SECONDS));
    let seconds = 1_i64
        .checked_shl(row.attempts.min(6))
        .map_or(60, |s| s.min(RETRY_SECONDS_MAX));
    let mut jitter = [0; 1];
    SystemEntropy.fill(&mut jitter);
    let permille = 800 + i64::from(jitter.first().copied().unwrap_or(128)) * 400 / 255;
    let at = Timestamp::from_millis(now.as_millis() + seconds * permille);
    if at < dead_at {
        MailVerdict::Retry(at)
    } else {
        MailVerdict::Dropped("EXPIRED")
    }
}

/// Gives a row up, and tells a developer why there is no mail (design §2.4).
async fn drop_it(state: &AppState, row: &OutboxRow, why: Unsendable) -> MailVerdict {
    let to = match &row.outgoing {
        Outgoing::RecoveryCode { canonical, .. } => canonical.as_str(),
        Outgoing::PasswordChanged { user, .. } => user.as_str(),
    };
    if let Some(mailbox) = state.dev()
        && let Err(error) = mailbox.note(to, why.sentence()).await
    {
        tracing::warn!(%error, "the dev mailbox did not keep a note");
    }
    MailVerdict::Dropped(why.reason())
}

#[cfg(test)]
mod tests;
