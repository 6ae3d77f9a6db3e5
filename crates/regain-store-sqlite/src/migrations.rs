//! The schema's history: numbered SQL files, each run once, in order, never changed afterwards.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use crate::connection;
use crate::error::OpenError;

/// Every migration: its number and its statements. Add at the end; never edit (style guide §10).
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sql: include_str!("../migrations/0001_first.sql"),
    },
    Migration {
        number: 2,
        sql: include_str!("../migrations/0002_production.sql"),
    },
    Migration {
        number: 3,
        sql: include_str!("../migrations/0003_enrollments.sql"),
    },
];

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) number: u32,
    pub(crate) sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> [u8; 32] {
        Sha256::digest(self.sql.as_bytes()).into()
    }
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The highest migration before; 0 for a new database.
    pub from: u32,
    /// The highest migration now.
    pub to: u32,
}

/// Brings the database at `path` to the schema of this program, and makes it if it is missing.
/// Running it again does nothing.
///
/// # Errors
/// [`OpenError`] says in one line why not: a file that cannot be written, a newer release, a
/// migration that was edited.
pub fn migrate(path: &Path) -> Result<Migrated, OpenError> {
    let mut connection = connection::open_writer(path)?;
    run(path, &mut connection, MIGRATIONS)
}

/// Runs what is missing, in one transaction.
pub(crate) fn run(
    path: &Path,
    connection: &mut Connection,
    known: &[Migration],
) -> Result<Migrated, OpenError> {
    let wrap = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    // The write lock comes first: of two processes that start at once, one migrates.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(wrap)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                 number INTEGER NOT NULL PRIMARY KEY,
                 checksum BLOB NOT NULL,
                 applied_at TEXT NOT NULL DEFAULT (datetime('now'))
             ) STRICT",
        )
        .map_err(wrap)?;
    let from = compare(path, &transaction, known)?;
    for migration in known.iter().filter(|migration| migration.number > from) {
        transaction.execute_batch(migration.sql).map_err(wrap)?;
        transaction
            .execute(
                "INSERT INTO schema_migrations (number, checksum) VALUES (?1, ?2)",
                params![migration.number, migration.checksum()],
            )
            .map_err(wrap)?;
    }
    transaction.commit().map_err(wrap)?;
    Ok(Migrated {
        from,
        to: highest(known),
    })
}

/// Refuses a database that does not have exactly the schema of this program.
pub(crate) fn require_current(
    path: &Path,
    connection: &Connection,
    known: &[Migration],
) -> Result<(), OpenError> {
    let table: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    let found = match table {
        Some(_) => compare(path, connection, known)?,
        None => 0,
    };
    let known = highest(known);
    if found < known {
        return Err(OpenError::Older {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(())
}

/// Compares what has run with what is known, and says how far the database is.
fn compare(path: &Path, connection: &Connection, known: &[Migration]) -> Result<u32, OpenError> {
    let wrap = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let mut statement = connection
        .prepare("SELECT number, checksum FROM schema_migrations ORDER BY number")
        .map_err(wrap)?;
    let mut rows = statement.query([]).map_err(wrap)?;
    let mut found = 0;
    let mut edited = None;
    while let Some(row) = rows.next().map_err(wrap)? {
        found = row.get(0).map_err(wrap)?;
        let checksum: [u8; 32] = row.get(1).map_err(wrap)?;
        let same = known
            .iter()
            .find(|migration| migration.number == found)
            .is_none_or(|migration| migration.checksum() == checksum);
        if !same {
            edited.get_or_insert(found);
        }
    }
    let path = path.to_owned();
    let known = highest(known);
    match edited {
        Some(number) => Err(OpenError::Edited { path, number }),
        None if found > known => Err(OpenError::Newer { path, found, known }),
        None => Ok(found),
    }
}

fn highest(known: &[Migration]) -> u32 {
    known.last().map_or(0, |migration| migration.number)
}

#[cfg(test)]
mod tests;
