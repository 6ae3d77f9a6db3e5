//! Named settings of the deployment, the development clock, and the way back to the start.

use regain_types::OrgId;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::Fault;
use crate::writer::Scope;

pub(crate) fn find(
    connection: &Connection,
    org: &OrgId,
    name: &str,
) -> Result<Option<String>, Fault> {
    Ok(connection
        .prepare_cached("SELECT value FROM settings WHERE org_id = ?1 AND name = ?2")?
        .query_row([org.as_str(), name], |row| row.get(0))
        .optional()?)
}

pub(crate) fn list(connection: &Connection, org: &OrgId) -> Result<Vec<(String, String)>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT name, value FROM settings WHERE org_id = ?1 ORDER BY name")?;
    let rows = statement.query_map([org.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn save(
    scope: &Scope<'_>,
    org: &OrgId,
    (name, value): (&str, &str),
) -> Result<(), Fault> {
    scope
        .connection
        .prepare_cached(
            "INSERT INTO settings (org_id, name, created_at, value) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![
            org.as_str(),
            name,
            scope.moment.now.as_millis(),
            value
        ])?;
    Ok(())
}

/// Moves the clock on. A negative number moves nothing: time never goes back.
pub(crate) fn advance_clock(scope: &Scope<'_>, seconds: i64) -> Result<(), Fault> {
    let millis = seconds.max(0).saturating_mul(1_000);
    scope
        .connection
        .prepare_cached("UPDATE clock SET offset_ms = min(offset_ms + ?1, ?2) WHERE id = 1")?
        // A thousand years are enough, and far from where the sums would overflow.
        .execute([millis.min(OFFSET_MS_MAX), OFFSET_MS_MAX])?;
    Ok(())
}

/// Proves that the database can be written: the row of the clock is.
pub(crate) fn touch(scope: &Scope<'_>) -> Result<(), Fault> {
    scope
        .connection
        .prepare_cached("UPDATE clock SET id = 1 WHERE id = 1")?
        .execute([])?;
    Ok(())
}

/// Deletes what people did, of one org; keys, clients and settings stay.
pub(crate) fn reset(scope: &Scope<'_>, org: &OrgId) -> Result<(), Fault> {
    for statement in [
        "DELETE FROM users WHERE org_id = ?1",
        "DELETE FROM flows WHERE org_id = ?1",
        "DELETE FROM interaction_codes WHERE org_id = ?1",
        "DELETE FROM grants WHERE org_id = ?1",
        "DELETE FROM revoked_access_tokens WHERE org_id = ?1",
        "DELETE FROM outbox WHERE org_id = ?1",
        "DELETE FROM ledgers WHERE org_id = ?1",
        "DELETE FROM allowances WHERE org_id = ?1",
        "DELETE FROM audit WHERE org_id = ?1",
    ] {
        scope.connection.execute(statement, [org.as_str()])?;
    }
    scope
        .connection
        .execute("UPDATE clock SET offset_ms = 0 WHERE id = 1", [])?;
    Ok(())
}

const OFFSET_MS_MAX: i64 = 1_000 * 366 * 86_400 * 1_000;
