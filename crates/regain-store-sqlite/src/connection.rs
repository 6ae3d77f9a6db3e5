//! Opening connections: every setting that durability and safety rest on is here.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::OpenError;

/// How long a statement waits for another process that writes: an administrator's command beside
/// the server. Within the second that a request may take when the database is away.
const BUSY_TIMEOUT: Duration = Duration::from_millis(900);
/// How long opening waits: another process may be migrating.
const OPEN_TIMEOUT: Duration = Duration::from_secs(2);
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_KEPT: usize = 128;
/// `Rgan`: marks the file as ours (SQLite's `application_id`).
const APPLICATION_ID: i32 = 0x5267_616E;

/// Opens the connection that writes, and makes the file if it is missing.
pub(crate) fn open_writer(path: &Path) -> Result<Connection, OpenError> {
    let turn = wait_for_turn(path).map_err(|error| OpenError::from_io(path, &error))?;
    create_private(path).map_err(|error| OpenError::from_io(path, &error))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            connection.busy_timeout(OPEN_TIMEOUT)?;
            prepare_writer(&connection)?;
            Ok(connection)
        })
        .map_err(|error| OpenError::from_sqlite(path, &error))?;
    claim(path, &connection)?;
    drop(turn);
    Ok(connection)
}

/// Opens a connection that can only read.
pub(crate) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags)
        .and_then(|connection| {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            keep_statements(&connection)?;
            connection.pragma_update(None, "trusted_schema", false)?;
            Ok(connection)
        })
        .map_err(|error| OpenError::from_sqlite(path, &error))
}

/// From now on a statement waits only as long as a request may.
pub(crate) fn settle(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(|error| OpenError::from_sqlite(path, &error))
}

/// Statements are planned once. Without the guarantee of a stable plan SQLite compiles a statement
/// anew whenever a value is bound that is compared with an indexed column or with what a partial index
/// asks for, in case that another plan suits the new value better: a fifth of all CPU of a light step.
fn keep_statements(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

fn prepare_writer(connection: &Connection) -> Result<(), rusqlite::Error> {
    keep_statements(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is on the disk before it is acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // After a burst the log is cut back to this size.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)
}

/// Refuses a database of another program, and marks an empty one as ours.
fn claim(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let wrap = |error: rusqlite::Error| OpenError::from_sqlite(path, &error);
    let ask = |question: &str| -> Result<i32, rusqlite::Error> {
        connection.query_row(question, [], |row| row.get(0))
    };
    // In this order: a program that starts at the same moment makes the mark before the tables.
    let tables = ask("SELECT count(*) FROM sqlite_schema").map_err(wrap)?;
    match ask("PRAGMA application_id").map_err(wrap)? {
        APPLICATION_ID => Ok(()),
        0 if tables == 0 => connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(wrap),
        _ => Err(OpenError::Foreign {
            path: path.to_owned(),
        }),
    }
}

/// Waits until no other program is opening the same database; the turn lasts as long as the file
/// is open. SQLite lets readers and writers take turns by itself, but two that switch a new file
/// to WAL at once: one of them is refused without waiting.
fn wait_for_turn(path: &Path) -> std::io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push("-open");
    let file = private().create(true).truncate(false).open(name)?;
    file.lock()?;
    Ok(file)
}

/// Makes the file if it is missing, readable for its owner alone: it holds password hashes. SQLite
/// gives the files beside it the same mode.
///
/// A file that is there is not touched: to close it would drop the locks that SQLite holds on it
/// in this process (<https://www.sqlite.org/howtocorrupt.html> §2.2).
fn create_private(path: &Path) -> std::io::Result<()> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `.cargo/config.toml` says reaches the compiler. That of syncing cannot be asked for, and
    /// stands in the same line.
    #[test]
    fn sqlite_is_compiled_as_the_workspace_says() {
        let connection = Connection::open_in_memory().unwrap();
        let question = "SELECT sqlite_compileoption_used('DEFAULT_MEMSTATUS=0')";
        let is_used: bool = connection
            .query_row(question, [], |row| row.get(0))
            .unwrap();
        assert!(is_used);
    }
}
