//! Signing keys, sealed before they get here.

use regain_store::{SealedKey, StoreError};
use regain_types::OrgId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::Fault;
use crate::row::Cells;
use crate::writer::Scope;

pub(crate) fn list(connection: &Connection, org: &OrgId) -> Result<Vec<SealedKey>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT kid, sealed, created_at FROM signing_keys WHERE org_id = ?1
         ORDER BY created_at DESC, kid",
    )?;
    let mut rows = statement.query([org.as_str()])?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let kid: String = row.get(0)?;
        let mut cells = Cells::new(row, "signing_keys", kid.as_str(), 1);
        out.push(SealedKey {
            sealed: cells.plain("sealed")?,
            created_at: cells.time("created_at")?,
            kid,
        });
    }
    Ok(out)
}

pub(crate) fn add(
    scope: &Scope<'_>,
    org: &OrgId,
    key: &SealedKey,
    expected: usize,
) -> Result<(), Fault> {
    let count: i64 = scope
        .connection
        .prepare_cached("SELECT count(*) FROM signing_keys WHERE org_id = ?1")?
        .query_row([org.as_str()], |row| row.get(0))?;
    if usize::try_from(count) != Ok(expected) {
        return Err(Fault::CONFLICT);
    }
    let taken: Option<i64> = scope
        .connection
        .prepare_cached("SELECT 1 FROM signing_keys WHERE org_id = ?1 AND kid = ?2")?
        .query_row([org.as_str(), key.kid.as_str()], |row| row.get(0))
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::Exists("the key").into());
    }
    scope
        .connection
        .prepare_cached(
            "INSERT INTO signing_keys (org_id, kid, created_at, sealed) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            org.as_str(),
            key.kid,
            key.created_at.as_millis(),
            key.sealed,
        ])?;
    Ok(())
}
