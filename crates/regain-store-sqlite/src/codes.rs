//! Interaction codes: used once, within their time, by whoever is first (I-09, O-04).

use regain_engine::{IssuedCode, Outcome};
use regain_oauth::Grant;
use regain_store::{CodeRecord, RequestMeta, StoreError};
use regain_types::{FlowId, GrantId, OrgId, Timestamp, TokenHash, UserId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::{self, Entry};
use crate::error::Fault;
use crate::row::{Cells, bytes, exactly_one, to_json};
use crate::users::user_columns;
use crate::writer::Scope;
use crate::{grants, users};

pub(crate) fn insert(
    scope: &Scope<'_>,
    org: &OrgId,
    (issued, flow): (&IssuedCode, &FlowId),
    now: Timestamp,
) -> Result<(), Fault> {
    let taken: Option<i64> = scope
        .connection
        .prepare_cached("SELECT 1 FROM interaction_codes WHERE org_id = ?1 AND hash = ?2")?
        .query_row(params![org.as_str(), bytes(&issued.hash)], |row| row.get(0))
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::Exists("the interaction code").into());
    }
    scope
        .connection
        .prepare_cached(
            "INSERT INTO interaction_codes (org_id, hash, flow_id, user_id, created_at, expires_at,
                                            issued)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            org.as_str(),
            bytes(&issued.hash),
            flow.as_str(),
            issued.user.as_str(),
            now.as_millis(),
            issued.expires_at.as_millis(),
            to_json(issued)?,
        ])?;
    Ok(())
}

pub(crate) fn find(
    connection: &Connection,
    org: &OrgId,
    hash: &TokenHash,
    now: Timestamp,
) -> Result<Option<CodeRecord>, Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT c.flow_id, c.issued, c.grant_id, ",
        user_columns!(),
        " FROM interaction_codes c
          LEFT JOIN users u ON u.org_id = c.org_id AND u.id = c.user_id
          WHERE c.org_id = ?1 AND c.hash = ?2"
    ))?;
    let mut rows = statement.query(params![org.as_str(), bytes(hash)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    // The hash is no secret, but it says nothing to a person: the flow names the row.
    let flow: String = row.get(0)?;
    let mut cells = Cells::new(row, "interaction_codes", flow, 1);
    let issued: IssuedCode = cells.json("issued")?;
    if issued.hash != *hash {
        return Err(cells.corrupt("issued"));
    }
    Ok(Some(CodeRecord {
        now,
        issued,
        redeemed: cells.id_if_any("grant_id", GrantId::parse)?,
        user: users::read(row, 3)?,
    }))
}

/// Uses the code up and stores the grant. Whether it is unused and alive is asked by the same
/// statement that uses it up.
pub(crate) fn redeem(
    scope: &Scope<'_>,
    org: &OrgId,
    hash: &TokenHash,
    (grant, now): (&Grant, Timestamp),
    request: &RequestMeta,
) -> Result<(), Fault> {
    let flow: Option<String> = scope
        .connection
        .prepare_cached(
            "UPDATE interaction_codes SET consumed_at = ?3, grant_id = ?4
             WHERE org_id = ?1 AND hash = ?2 AND consumed_at IS NULL AND expires_at > ?3
             RETURNING flow_id",
        )?
        .query_row(
            params![
                org.as_str(),
                bytes(hash),
                now.as_millis(),
                grant.id.as_str()
            ],
            |row| row.get(0),
        )
        .optional()?;
    let flow = flow.ok_or(Fault::CONFLICT)?;
    let flow = FlowId::parse(flow.as_str()).map_err(|_| StoreError::Corrupt {
        table: "interaction_codes",
        column: "flow_id",
        id: flow,
    })?;
    grants::insert(scope.connection, org, grant)?;
    // A grant that begins revoked gives no tokens: the code came from its own client, but not
    // from whoever began the flow, and is used up for nothing.
    let (outcome, reason) = match grant.revoked_at {
        None => (Outcome::Success, None),
        Some(_) => (Outcome::Failure, Some("interaction_code_spent")),
    };
    let entry = Entry {
        at: now,
        name: "app.oauth2.token.grant.access_token",
        subject: grant.user.as_str(),
        flow: Some(&flow),
        outcome,
        reason,
    };
    audit::append(scope.connection, org, &entry, request)
}

/// Deletes the user's codes that are not used yet, except those in `but`. A code that is gone is
/// as worthless as one that never was, whatever time its redeemer believes it is.
pub(crate) fn discard_unused(
    connection: &Connection,
    org: &OrgId,
    user: &UserId,
    but: &[TokenHash],
) -> Result<(), Fault> {
    let unused: Vec<[u8; 32]> = connection
        .prepare_cached(
            "SELECT hash FROM interaction_codes
             WHERE org_id = ?1 AND user_id = ?2 AND consumed_at IS NULL",
        )?
        .query_map([org.as_str(), user.as_str()], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut delete = connection
        .prepare_cached("DELETE FROM interaction_codes WHERE org_id = ?1 AND hash = ?2")?;
    for hash in unused {
        if !but.contains(&TokenHash::from_bytes(hash)) {
            exactly_one(delete.execute(params![org.as_str(), hash])?)?;
        }
    }
    Ok(())
}
