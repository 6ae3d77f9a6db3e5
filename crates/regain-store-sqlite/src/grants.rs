//! Grants: the families of tokens, and the access tokens that were revoked one by one.

use regain_engine::Outcome;
use regain_oauth::Grant;
use regain_store::{GrantRecord, RequestMeta, StoreError};
use regain_types::{GrantId, OrgId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::{self, Entry};
use crate::error::Fault;
use crate::row::{Cells, exactly_one, to_json};
use crate::users;
use crate::users::user_columns;
use crate::writer::Scope;

pub(crate) fn insert(connection: &Connection, org: &OrgId, grant: &Grant) -> Result<(), Fault> {
    let taken: Option<i64> = connection
        .prepare_cached("SELECT 1 FROM grants WHERE org_id = ?1 AND id = ?2")?
        .query_row([org.as_str(), grant.id.as_str()], |row| row.get(0))
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::Exists("the grant").into());
    }
    connection
        .prepare_cached(
            "INSERT INTO grants (org_id, id, user_id, created_at, expires_at, idle_expires_at,
                                 refresh_sequence, rotated_at, revoked_at, granted)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            org.as_str(),
            grant.id.as_str(),
            grant.user.as_str(),
            grant.created_at.as_millis(),
            grant.expires_at.as_millis(),
            grant.idle_expires_at.as_millis(),
            grant.refresh_sequence,
            grant.rotated_at.as_millis(),
            grant.revoked_at.map(Timestamp::as_millis),
            to_json(grant)?,
        ])?;
    Ok(())
}

pub(crate) fn find(
    connection: &Connection,
    org: &OrgId,
    id: &GrantId,
    (access_token, now): (Option<&str>, Timestamp),
) -> Result<Option<GrantRecord>, Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT g.granted, g.idle_expires_at, g.refresh_sequence, g.rotated_at, g.revoked_at,
                EXISTS (SELECT 1 FROM revoked_access_tokens t
                        WHERE t.org_id = g.org_id AND t.jti = ?3), ",
        user_columns!(),
        " FROM grants g
          LEFT JOIN users u ON u.org_id = g.org_id AND u.id = g.user_id
          WHERE g.org_id = ?1 AND g.id = ?2"
    ))?;
    let mut rows = statement.query(params![org.as_str(), id.as_str(), access_token])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut cells = Cells::new(row, "grants", id.as_str(), 0);
    let mut grant: Grant = cells.json("granted")?;
    if grant.id != *id {
        return Err(cells.corrupt("granted"));
    }
    grant.idle_expires_at = cells.time("idle_expires_at")?;
    grant.refresh_sequence = cells.plain("refresh_sequence")?;
    grant.rotated_at = cells.time("rotated_at")?;
    grant.revoked_at = cells.time_if_any("revoked_at")?;
    Ok(Some(GrantRecord {
        now,
        grant,
        access_token_revoked: cells.plain("revoked_access_tokens")?,
        user: users::read(row, 6)?,
    }))
}

/// Makes the next refresh token the live one, if the family lives and nobody was faster.
pub(crate) fn rotate(
    scope: &Scope<'_>,
    org: &OrgId,
    id: &GrantId,
    (sequence, now, idle_expires_at): (u32, Timestamp, Timestamp),
) -> Result<(), Fault> {
    let changed = scope
        .connection
        .prepare_cached(
            "UPDATE grants
             SET refresh_sequence = refresh_sequence + 1, rotated_at = ?4, idle_expires_at = ?5
             WHERE org_id = ?1 AND id = ?2 AND refresh_sequence = ?3 AND revoked_at IS NULL
                   AND expires_at > ?4 AND idle_expires_at > ?4",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            sequence,
            now.as_millis(),
            idle_expires_at.as_millis(),
        ])?;
    exactly_one(changed)
}

/// Revokes a family. The second time nothing changes, and nothing is logged.
pub(crate) fn revoke(
    scope: &Scope<'_>,
    org: &OrgId,
    id: &GrantId,
    reason: &'static str,
    request: &RequestMeta,
) -> Result<(), Fault> {
    let now = scope.moment.now;
    let user: Option<String> = scope
        .connection
        .prepare_cached(
            "UPDATE grants SET revoked_at = ?3, revoke_reason = ?4
             WHERE org_id = ?1 AND id = ?2 AND revoked_at IS NULL
             RETURNING user_id",
        )?
        .query_row(
            params![org.as_str(), id.as_str(), now.as_millis(), reason],
            |row| row.get(0),
        )
        .optional()?;
    let Some(user) = user else { return Ok(()) };
    let entry = Entry {
        at: now,
        name: "app.oauth2.token.revoke",
        subject: &user,
        flow: None,
        outcome: Outcome::Success,
        reason: Some(reason),
    };
    audit::append(scope.connection, org, &entry, request)
}

/// Revokes every family of a user (S-01).
pub(crate) fn revoke_all(
    connection: &Connection,
    org: &OrgId,
    user: &UserId,
    (now, reason): (Timestamp, &'static str),
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE grants SET revoked_at = ?3, revoke_reason = ?4
             WHERE org_id = ?1 AND user_id = ?2 AND revoked_at IS NULL",
        )?
        .execute(params![
            org.as_str(),
            user.as_str(),
            now.as_millis(),
            reason
        ])?;
    Ok(())
}

pub(crate) fn revoke_access_token(
    scope: &Scope<'_>,
    org: &OrgId,
    jti: &str,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    scope
        .connection
        .prepare_cached(
            "INSERT INTO revoked_access_tokens (org_id, jti, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (org_id, jti) DO NOTHING",
        )?
        .execute(params![
            org.as_str(),
            jti,
            scope.moment.now.as_millis(),
            expires_at.as_millis(),
        ])?;
    Ok(())
}
