//! An open transaction as the database keeps it: the SDK's sealed value and what our pages add.

use regain_sdk::{Message, Outcome, SealedTransaction, State, Transaction};
use serde::{Deserialize, Serialize};

use crate::advance::Note;
use crate::app::App;
use crate::failure::Failure;
use crate::store::NewTransaction;
use crate::system::unix_seconds;
use crate::visit::Visit;

/// How long a tab that comes late still learns that its transaction was finished, in seconds.
const ENDED_TTL_SECONDS: i64 = 60 * 60;

/// What the row of a transaction holds, sealed.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The SDK's transaction.
    sealed: SealedTransaction,
    /// The name of the last form that was sent ([`Turn`](crate::turn::Turn)).
    pub answered: Option<String>,
    /// What our own check of the last form found, before anything was sent.
    pub mistake: Option<Mistake>,
    /// Until when the server asked to wait, in seconds since 1970.
    pub retry_at: Option<i64>,
    /// When a new code was asked for, in seconds since 1970.
    pub resent_at: Option<i64>,
    /// A code that came in a link, for the field.
    pub prefilled_code: Option<String>,
    /// Whether the last password form asked to sign other devices out; `None` where it could not.
    pub revoked_others: Option<bool>,
    /// What was typed, before the SDK has a transaction that knows it.
    pub identifier: String,
    /// Set when there is nothing left to do.
    pub ended: Option<Ended>,
}

/// How a transaction ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// With a session.
    SignedIn,
    /// With messages that someone should read.
    Terminal {
        messages: Vec<(String, bool)>,
        succeeded: bool,
        code: Option<String>,
    },
}

/// What a form lacked. Found by us; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mistake {
    ChoiceMissing,
    CodeMissing,
    NewPasswordMissing,
    NotAccepted,
    PasswordMissing,
    PasswordsDiffer,
    UsernameMissing,
    WorkMissing,
}

/// A transaction that was found.
#[derive(Debug)]
pub(crate) struct Open {
    pub id: String,
    pub version: i64,
    pub record: Record,
    pub transaction: Transaction,
}

impl Record {
    /// What to keep of a transaction that has just advanced.
    fn of(outcome: &Outcome, app: &App, identifier: &str) -> Result<Self, Failure> {
        let transaction = &outcome.transaction;
        let scope = App::scope(transaction.id().as_str());
        Ok(Self {
            sealed: transaction.seal(&app.seal_key, &scope)?,
            answered: None,
            mistake: None,
            retry_at: outcome.retry_after.map(|wait| {
                let seconds = i64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
                app.now().saturating_add(seconds)
            }),
            resent_at: None,
            prefilled_code: None,
            revoked_others: None,
            identifier: identifier.to_owned(),
            ended: Ended::of(outcome),
        })
    }
}

impl Ended {
    fn of(outcome: &Outcome) -> Option<Self> {
        match &outcome.state {
            State::Success(_) => Some(Self::SignedIn),
            State::Terminal(terminal) => Some(Self::Terminal {
                messages: outcome.messages.iter().map(plain).collect(),
                succeeded: terminal.succeeded,
                code: terminal.code.as_ref().map(|code| code.expose().to_owned()),
            }),
            _ => None,
        }
    }
}

/// A message as a sentence, and whether it tells of a refusal.
pub(crate) fn plain(message: &Message) -> (String, bool) {
    let text = if message.text.is_empty() {
        message
            .key
            .as_deref()
            .and_then(crate::sentences::by_key)
            .unwrap_or_default()
    } else {
        &message.text
    };
    (text.to_owned(), message.is_error())
}

impl Open {
    /// The account that the transaction is about, as it was typed.
    pub(crate) fn identifier(&self) -> &str {
        self.transaction
            .identifier()
            .unwrap_or(&self.record.identifier)
    }
}

fn label(id: &str) -> String {
    format!("transaction:{id}")
}

impl Visit {
    /// Finds the transaction that the URL names, if it is this browser's.
    pub(crate) async fn find_open(&self) -> Result<Option<Open>, Failure> {
        match self.state() {
            Some(id) => self.find_transaction(id).await,
            None => Ok(None),
        }
    }

    /// Finds the transaction that an entry page is about: the one that the URL names, or the one
    /// that began there before somebody went back.
    pub(crate) async fn find_left(&self) -> Result<Option<Open>, Failure> {
        let named = match (self.state(), self.entry()) {
            (Some(id), _) => Some(id.to_owned()),
            (None, Some(entry)) => {
                let (hash, now) = (self.browser.hash(), self.app.now());
                self.app
                    .store
                    .find_begun_at(hash, entry.to_owned(), now)
                    .await?
            }
            (None, None) => None,
        };
        let Some(id) = named else { return Ok(None) };
        let found = self.find_transaction(&id).await?;
        Ok(found.filter(|open| open.record.ended.is_none()))
    }

    /// Finds a transaction of this browser. One that cannot be opened any more counts as expired.
    pub(crate) async fn find_transaction(&self, id: &str) -> Result<Option<Open>, Failure> {
        let app = &self.app;
        let found = app
            .store
            .find_transaction(self.browser.hash(), id.to_owned(), app.now())
            .await?;
        let Some(row) = found else { return Ok(None) };
        let record: Option<Record> = app
            .keys
            .unseal(&label(id), &row.sealed)
            .and_then(|plain| serde_json::from_slice(&plain).ok());
        let Some(record) = record else {
            return Ok(None);
        };
        let opened = Transaction::unseal(&record.sealed, &app.seal_key, &App::scope(id));
        Ok(opened.ok().map(|transaction| Open {
            id: id.to_owned(),
            version: row.version,
            record,
            transaction,
        }))
    }

    /// Keeps a transaction that has just begun.
    pub(crate) async fn keep_new(
        &self,
        outcome: &Outcome,
        identifier: &str,
    ) -> Result<(), Failure> {
        let record = Record::of(outcome, &self.app, identifier)?;
        let id = outcome.transaction.id().as_str();
        let new = NewTransaction {
            id: id.to_owned(),
            entry: self.entry().map(str::to_owned),
            sealed: seal(&self.app, id, &record)?,
            expires_at: expiry(&self.app, outcome, &record),
        };
        self.app
            .store
            .insert_transaction(self.browser.hash(), new, self.app.now())
            .await?;
        Ok(())
    }

    /// Keeps what an outcome made of an open transaction, and what our pages know besides.
    pub(crate) async fn keep_next(
        &self,
        open: &Open,
        outcome: &Outcome,
        note: Note,
    ) -> Result<(), Failure> {
        let mut record = Record::of(outcome, &self.app, open.identifier())?;
        record.answered.clone_from(&open.record.answered);
        record.resent_at = note.resent_at;
        record.revoked_others = note.revoked_others;
        let expires_at = expiry(&self.app, outcome, &record);
        self.replace(open, &record, expires_at).await
    }

    /// Keeps a change that only concerns our pages.
    pub(crate) async fn keep_same(&self, open: &Open) -> Result<(), Failure> {
        let expires_at = unix_seconds(open.transaction.expires_at());
        self.replace(open, &open.record, expires_at).await
    }

    async fn replace(&self, open: &Open, record: &Record, expires_at: i64) -> Result<(), Failure> {
        let sealed = seal(&self.app, &open.id, record)?;
        let is_ours = self
            .app
            .store
            .replace_transaction(open.id.clone(), open.version, sealed, expires_at)
            .await?;
        // Two requests of one process take turns, so only a second process can be faster. The
        // server has the newer state then; the next look at the page shows what was kept.
        if !is_ours {
            tracing::warn!("another process advanced the same transaction");
        }
        Ok(())
    }

    /// Forgets a transaction that was found before.
    pub(crate) async fn forget(&self, id: &str) -> Result<(), Failure> {
        Ok(self.app.store.delete_transaction(id.to_owned()).await?)
    }
}

fn seal(app: &App, id: &str, record: &Record) -> Result<Vec<u8>, Failure> {
    let plain = serde_json::to_vec(record).map_err(|_| Failure::Bug("a record is no JSON"))?;
    app.keys
        .seal(&label(id), &plain)
        .ok_or(Failure::Bug("a record cannot be sealed"))
}

fn expiry(app: &App, outcome: &Outcome, record: &Record) -> i64 {
    match record.ended {
        Some(_) => app.now().saturating_add(ENDED_TTL_SECONDS),
        None => unix_seconds(outcome.transaction.expires_at()),
    }
}
