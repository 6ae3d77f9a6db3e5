//! A hash over everything that is stored, to tell whether something changed nothing.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest as _, Sha256};

use crate::error::Fault;

/// Hashes all rows of all tables but the clock's: that one moves with every commit.
pub(crate) fn of(connection: &Connection) -> Result<[u8; 32], Fault> {
    let snapshot = connection.unchecked_transaction()?;
    let mut names = snapshot.prepare(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name <> 'clock' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?;
    let names: Vec<String> = names
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut whole = Sha256::new();
    for name in names {
        let mut rows = hash_rows(&snapshot, &name)?;
        // The order in which rows come is no part of what is stored.
        rows.sort_unstable();
        feed(&mut whole, 0, name.as_bytes());
        for row in rows {
            feed(&mut whole, 1, &row);
        }
    }
    Ok(whole.finalize().into())
}

fn hash_rows(connection: &Connection, table: &str) -> Result<Vec<[u8; 32]>, Fault> {
    let mut select = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
    let columns = select.column_count();
    let mut rows = select.query([])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let mut hash = Sha256::new();
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => feed(&mut hash, 0, &[]),
                ValueRef::Integer(number) => feed(&mut hash, 1, &number.to_be_bytes()),
                ValueRef::Real(number) => feed(&mut hash, 2, &number.to_be_bytes()),
                ValueRef::Text(text) => feed(&mut hash, 3, text),
                ValueRef::Blob(blob) => feed(&mut hash, 4, blob),
            }
        }
        out.push(hash.finalize().into());
    }
    Ok(out)
}

/// Kind and length go in before the bytes, so that no two contents give the same stream.
fn feed(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_be_bytes());
    hash.update(bytes);
}
