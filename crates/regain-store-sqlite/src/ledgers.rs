//! What was spent, guarded by a version; and what the nodes share out among themselves.

use regain_engine::{LedgerKey, LedgerRow, LedgerWrite};
use regain_store::Allowance;
use regain_types::{OrgId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::Fault;
use crate::row::{Cells, exactly_one};
use crate::writer::Scope;

/// Reads the next two columns, `version` and `state`, of a ledger that an outer join may not have
/// found.
pub(crate) fn read(cells: &mut Cells<'_, '_>) -> Result<Option<LedgerRow>, Fault> {
    let version: Option<i64> = cells.plain("version")?;
    let state: Option<String> = cells.plain("state")?;
    let (Some(version), Some(state)) = (version, state) else {
        return Ok(None);
    };
    let version = u64::try_from(version).map_err(|_| cells.corrupt("version"))?;
    Ok(Some(LedgerRow { version, state }))
}

/// Writes a ledger, if nobody has written it since it was loaded. An expired one counts as none.
pub(crate) fn save(
    connection: &Connection,
    org: &OrgId,
    write: &LedgerWrite,
    now: Timestamp,
) -> Result<(), Fault> {
    let version = i64::try_from(write.version).map_err(|_| Fault::CONFLICT)?;
    let changed = connection
        .prepare_cached(
            "INSERT INTO ledgers (org_id, key, version, created_at, expires_at, owner, state)
             SELECT ?1, ?2, 1, ?4, ?5, ?6, ?7 WHERE ?3 = 0 OR EXISTS
                 (SELECT 1 FROM ledgers WHERE org_id = ?1 AND key = ?2)
             ON CONFLICT (org_id, key) DO UPDATE SET
                 version = version + 1,
                 expires_at = excluded.expires_at, owner = excluded.owner, state = excluded.state
             WHERE (version = ?3 AND expires_at > ?4) OR (?3 = 0 AND expires_at <= ?4)",
        )?
        .execute(params![
            org.as_str(),
            write.key.as_bytes(),
            version,
            now.as_millis(),
            write.expires_at.as_millis(),
            write.owner.as_ref().map(UserId::as_str),
            write.state,
        ])?;
    exactly_one(changed)
}

/// Refuses, as a conflict, if somebody has written the ledger since it was loaded. An expired one
/// counts as none.
pub(crate) fn require(
    connection: &Connection,
    org: &OrgId,
    (key, version): (&LedgerKey, u64),
    now: Timestamp,
) -> Result<(), Fault> {
    let found: Option<i64> = connection
        .prepare_cached(
            "SELECT version FROM ledgers WHERE org_id = ?1 AND key = ?2 AND expires_at > ?3",
        )?
        .query_row(
            params![org.as_str(), key.as_bytes(), now.as_millis()],
            |row| row.get(0),
        )
        .optional()?;
    if u64::try_from(found.unwrap_or(0)) == Ok(version) {
        Ok(())
    } else {
        Err(Fault::CONFLICT)
    }
}

/// Takes from what is left until `ends_at`.
pub(crate) fn take_allowance(
    scope: &Scope<'_>,
    org: &OrgId,
    key: &LedgerKey,
    ends_at: Timestamp,
    (want, at_most): (u32, u32),
) -> Result<Allowance, Fault> {
    let used: u32 = scope
        .connection
        .prepare_cached(
            "SELECT used FROM allowances WHERE org_id = ?1 AND key = ?2 AND ends_at = ?3",
        )?
        .query_row(
            params![org.as_str(), key.as_bytes(), ends_at.as_millis()],
            |row| row.get(0),
        )
        .optional()?
        .unwrap_or(0);
    let granted = want.min(at_most.saturating_sub(used));
    let used = used.saturating_add(granted);
    if granted > 0 {
        scope
            .connection
            .prepare_cached(
                "INSERT INTO allowances (org_id, key, ends_at, created_at, used)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (org_id, key, ends_at) DO UPDATE SET used = excluded.used",
            )?
            .execute(params![
                org.as_str(),
                key.as_bytes(),
                ends_at.as_millis(),
                scope.moment.now.as_millis(),
                used,
            ])?;
    }
    Ok(Allowance { granted, used })
}

/// Takes or keeps a role.
pub(crate) fn try_lead(
    scope: &Scope<'_>,
    org: &OrgId,
    (role, node): (&str, &str),
    seconds: i64,
) -> Result<bool, Fault> {
    let now = scope.moment.now;
    let changed = scope
        .connection
        .prepare_cached(
            "INSERT INTO leads (org_id, role, created_at, node, until) VALUES (?1, ?2, ?4, ?3, ?5)
             ON CONFLICT (org_id, role) DO UPDATE SET node = excluded.node, until = excluded.until
             WHERE node = ?3 OR until <= ?4",
        )?
        .execute(params![
            org.as_str(),
            role,
            node,
            now.as_millis(),
            now.plus_seconds(seconds).as_millis(),
        ])?;
    Ok(changed == 1)
}

/// Forgets the devices of a user.
pub(crate) fn forget_devices(
    connection: &Connection,
    org: &OrgId,
    user: &UserId,
) -> Result<(), Fault> {
    connection
        .prepare_cached("DELETE FROM ledgers WHERE org_id = ?1 AND owner = ?2")?
        .execute([org.as_str(), user.as_str()])?;
    Ok(())
}
