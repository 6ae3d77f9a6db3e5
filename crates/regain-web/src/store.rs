//! What survives a restart: signed-in sessions and open transactions, sealed, in one `SQLite` file.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

/// The name of the database inside the data directory.
const DATABASE_FILE: &str = "web.db";
/// A browser with more open transactions than this loses its oldest (one per tab is usual).
const OPEN_TRANSACTIONS_PER_BROWSER_MAX: i64 = 20;
/// Expired rows that one sweep removes at most, so that no request waits for a long one.
const SWEEP_ROWS_MAX: i64 = 500;
/// How long a statement waits for another process that holds the file, in milliseconds.
const BUSY_MILLISECONDS: u64 = 5_000;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sessions (
    id_hash BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sessions_seen ON sessions (seen_at);
CREATE TABLE IF NOT EXISTS transactions (
    id TEXT PRIMARY KEY,
    browser_hash BLOB NOT NULL,
    entry TEXT,
    version INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS transactions_browser ON transactions (browser_hash, created_at);
CREATE INDEX IF NOT EXISTS transactions_expiry ON transactions (expires_at);
";

/// The database answered with an error, or the thread that asked it is gone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// `SQLite` refused.
    #[error("the session database refused: {0}")]
    Database(#[from] rusqlite::Error),
    /// The runtime is shutting down.
    #[error("the session database is closing")]
    Closing,
}

/// The hash of a browser's cookie: the only thing the database knows of it.
pub(crate) type BrowserHash = [u8; 32];

/// A session's row.
#[derive(Debug)]
pub(crate) struct SessionRow {
    pub sealed: Vec<u8>,
    pub created_at: i64,
    pub seen_at: i64,
}

/// A transaction that begins.
#[derive(Debug)]
pub(crate) struct NewTransaction {
    pub id: String,
    /// The name of the entry page where it begins.
    pub entry: Option<String>,
    pub sealed: Vec<u8>,
    pub expires_at: i64,
}

/// A transaction's row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TransactionRow {
    pub version: i64,
    pub sealed: Vec<u8>,
}

/// One connection, used from the blocking threads: each statement commits durably and is short.
#[derive(Debug, Clone)]
pub(crate) struct Store(Arc<Mutex<Connection>>);

impl Store {
    /// Opens the database of `data_dir`, or makes it.
    ///
    /// # Errors
    /// When the file cannot be opened or is no database.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, rusqlite::Error> {
        let path = data_dir.join(DATABASE_FILE);
        // Should this fail, opening says why.
        let _ = create_private(&path);
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_millis(BUSY_MILLISECONDS))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "secure_delete", "ON")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })
        .await
        .map_err(|_| StoreError::Closing)?
    }

    /// The session of a browser, whatever its age.
    pub(crate) async fn find_session(
        &self,
        browser: BrowserHash,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.run(move |db| {
            db.query_row(
                "SELECT sealed, created_at, seen_at FROM sessions WHERE id_hash = ?1",
                params![browser],
                |row| {
                    Ok(SessionRow {
                        sealed: row.get(0)?,
                        created_at: row.get(1)?,
                        seen_at: row.get(2)?,
                    })
                },
            )
            .optional()
        })
        .await
    }

    /// Starts a session under a new id, in one commit: the id from before the sign-in ends, and the
    /// other tabs' transactions move along.
    pub(crate) async fn start_session(
        &self,
        before: BrowserHash,
        after: BrowserHash,
        sealed: Vec<u8>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute("DELETE FROM sessions WHERE id_hash = ?1", params![before])?;
            db.execute(
                "INSERT INTO sessions (id_hash, sealed, created_at, seen_at) VALUES (?1, ?2, ?3, ?3)",
                params![after, sealed, now],
            )?;
            db.execute(
                "UPDATE transactions SET browser_hash = ?2 WHERE browser_hash = ?1",
                params![before, after],
            )?;
            Ok(())
        })
        .await
    }

    /// Replaces a session's content and notes that it was seen. A session that ended stays ended.
    pub(crate) async fn save_session(
        &self,
        browser: BrowserHash,
        sealed: Vec<u8>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute(
                "UPDATE sessions SET sealed = ?2, seen_at = ?3 WHERE id_hash = ?1",
                params![browser, sealed, now],
            )?;
            Ok(())
        })
        .await
    }

    /// Ends a session and everything the browser had open.
    pub(crate) async fn end_session(&self, browser: BrowserHash) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute("DELETE FROM sessions WHERE id_hash = ?1", params![browser])?;
            db.execute(
                "DELETE FROM transactions WHERE browser_hash = ?1",
                params![browser],
            )?;
            Ok(())
        })
        .await
    }

    /// A transaction of this browser that has not expired. Another browser's is not found.
    pub(crate) async fn find_transaction(
        &self,
        browser: BrowserHash,
        id: String,
        now: i64,
    ) -> Result<Option<TransactionRow>, StoreError> {
        self.run(move |db| {
            db.query_row(
                "SELECT version, sealed FROM transactions
                 WHERE id = ?1 AND browser_hash = ?2 AND expires_at > ?3",
                params![id, browser, now],
                |row| {
                    Ok(TransactionRow {
                        version: row.get(0)?,
                        sealed: row.get(1)?,
                    })
                },
            )
            .optional()
        })
        .await
    }

    /// The newest transaction of this browser that began at an entry page of this name.
    pub(crate) async fn find_begun_at(
        &self,
        browser: BrowserHash,
        entry: String,
        now: i64,
    ) -> Result<Option<String>, StoreError> {
        self.run(move |db| {
            db.query_row(
                "SELECT id FROM transactions
                 WHERE browser_hash = ?1 AND entry = ?2 AND expires_at > ?3
                 ORDER BY created_at DESC LIMIT 1",
                params![browser, entry, now],
                |row| row.get(0),
            )
            .optional()
        })
        .await
    }

    /// Keeps a new transaction, as version 1.
    pub(crate) async fn insert_transaction(
        &self,
        browser: BrowserHash,
        new: NewTransaction,
        now: i64,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute(
                "INSERT INTO transactions
                     (id, browser_hash, entry, version, sealed, created_at, expires_at)
                 VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6)",
                params![new.id, browser, new.entry, new.sealed, now, new.expires_at],
            )?;
            db.execute(
                "DELETE FROM transactions WHERE browser_hash = ?1 AND id NOT IN (
                     SELECT id FROM transactions WHERE browser_hash = ?1
                     ORDER BY created_at DESC, id LIMIT ?2)",
                params![browser, OPEN_TRANSACTIONS_PER_BROWSER_MAX],
            )?;
            sweep(db, now)
        })
        .await
    }

    /// Replaces a transaction that is still at `version`; false when somebody else was faster.
    pub(crate) async fn replace_transaction(
        &self,
        id: String,
        version: i64,
        sealed: Vec<u8>,
        expires_at: i64,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let changed = db.execute(
                "UPDATE transactions SET version = version + 1, sealed = ?3, expires_at = ?4
                 WHERE id = ?1 AND version = ?2",
                params![id, version, sealed, expires_at],
            )?;
            Ok(changed == 1)
        })
        .await
    }

    /// Forgets a transaction that was found before.
    pub(crate) async fn delete_transaction(&self, id: String) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute("DELETE FROM transactions WHERE id = ?1", params![id])?;
            Ok(())
        })
        .await
    }

    /// Removes expired sessions, oldest first.
    pub(crate) async fn sweep_sessions(&self, seen_before: i64) -> Result<(), StoreError> {
        self.run(move |db| {
            db.execute(
                "DELETE FROM sessions WHERE id_hash IN (
                     SELECT id_hash FROM sessions WHERE seen_at < ?1 ORDER BY seen_at LIMIT ?2)",
                params![seen_before, SWEEP_ROWS_MAX],
            )?;
            Ok(())
        })
        .await
    }
}

fn sweep(db: &Transaction<'_>, now: i64) -> Result<(), rusqlite::Error> {
    db.execute(
        "DELETE FROM transactions WHERE id IN (
             SELECT id FROM transactions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        params![now, SWEEP_ROWS_MAX],
    )?;
    Ok(())
}

/// Makes the file for its owner alone, whatever the mode of its directory: it holds sessions.
/// SQLite gives the files beside it the same mode.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path).map(drop)
}

#[cfg(test)]
mod tests;
