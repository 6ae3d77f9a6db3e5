//! Durable commits alone: one row each.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::repeat;
use crate::error::BenchError;

/// About what a flow takes.
pub(super) const ROW: [u8; 400] = [5; 400];
const SCHEMA: &str = "PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, value BLOB NOT NULL);";

/// Commits of one row per second, into a SQLite file of that directory, each on the disk before
/// the next begins.
///
/// # Errors
/// What SQLite says.
pub(crate) fn sqlite_per_second(directory: &Path, sample: Duration) -> Result<f64, BenchError> {
    let failed = |error: rusqlite::Error| BenchError::Failed(format!("SQLite: {error}"));
    let connection = Connection::open(directory.join("bare.db")).map_err(failed)?;
    connection.execute_batch(SCHEMA).map_err(failed)?;
    let mut insert = connection
        .prepare("INSERT INTO rows (value) VALUES (?1)")
        .map_err(failed)?;
    repeat(sample, || {
        insert.execute(params![ROW]).map(drop).map_err(failed)
    })
}
