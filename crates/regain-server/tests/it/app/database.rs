//! The rows behind a server, read beside it, so that a difference can be shown and not only told.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::TestApp;

/// All rows of all tables but the clock's, which every commit moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeMap<String, BTreeSet<String>>);

impl Snapshot {
    /// Tables whose rows differ.
    pub(crate) fn changed(&self, after: &Self) -> Vec<String> {
        let tables = self.0.keys().filter(|name| self.0[*name] != after.0[*name]);
        tables.cloned().collect()
    }

    /// The rows of one table.
    pub(crate) fn rows(&self, table: &str) -> &BTreeSet<String> {
        &self.0[table]
    }
}

impl TestApp {
    /// A connection of its own; the file is shared with the server.
    pub(crate) fn database(&self) -> Connection {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(self.store.path(), flags).unwrap();
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .unwrap();
        connection
    }

    /// Everything that is stored.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let connection = self.database();
        let mut tables = connection
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'clock'
                 AND name NOT LIKE 'sqlite_%'",
            )
            .unwrap();
        let names: Vec<String> = tables
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let read = |name: String| {
            let rows = rows_of(&connection, &name);
            (name, rows)
        };
        Snapshot(names.into_iter().map(read).collect())
    }

    /// How many rows a query counts.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let connection = self.database();
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Asserts that `work` leaves every row as it is.
    pub(crate) async fn unchanged<T>(&self, what: &str, work: impl Future<Output = T>) -> T {
        let before = self.store.fingerprint().unwrap();
        let out = work.await;
        let after = self.store.fingerprint().unwrap();
        assert_eq!(before, after, "{what}: something was stored");
        out
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}

fn rows_of(connection: &Connection, table: &str) -> BTreeSet<String> {
    let mut select = connection
        .prepare(&format!("SELECT rowid, * FROM \"{table}\""))
        .or_else(|_| connection.prepare(&format!("SELECT * FROM \"{table}\"")))
        .unwrap();
    let columns = select.column_count();
    let mut rows = select.query([]).unwrap();
    let mut out = BTreeSet::new();
    while let Some(row) = rows.next().unwrap() {
        let cells: Vec<String> = (0..columns)
            .map(|column| match row.get_ref(column).unwrap() {
                ValueRef::Null => "null".to_owned(),
                ValueRef::Integer(number) => number.to_string(),
                ValueRef::Real(number) => number.to_string(),
                ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                ValueRef::Blob(blob) => hex(blob),
            })
            .collect();
        out.insert(cells.join(" | "));
    }
    out
}
