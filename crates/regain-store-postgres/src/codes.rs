//! Interaction codes: used once, within their time, by whoever is first (I-09, O-04).

use regain_engine::{IssuedCode, Outcome};
use regain_oauth::Grant;
use regain_store::{CodeRecord, RequestMeta};
use regain_types::{FlowId, GrantId, OrgId, Timestamp, TokenHash, UserId};

use crate::audit::audit_id;
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, exactly_one, to_json};
use crate::users;
use crate::users::user_columns;

pub(crate) fn insert(
    org: &OrgId,
    (issued, flow): (&IssuedCode, &FlowId),
    now: Timestamp,
) -> Result<Call, Fault> {
    Ok(Call::new(
        "INSERT INTO interaction_codes (org_id, hash, flow_id, user_id, created_at, expires_at,
                                        issued)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values![
            org.as_str(),
            &issued.hash,
            flow.as_str(),
            issued.user.as_str(),
            now,
            issued.expires_at,
            to_json(issued)?,
        ],
    ))
}

pub(crate) async fn find(
    core: &Core,
    org: &OrgId,
    hash: &TokenHash,
) -> Result<Option<CodeRecord>, Fault> {
    let sql = concat!(
        moment!(),
        " SELECT m.wall, m.now, m.db, c.flow_id, c.issued, c.grant_id, ",
        user_columns!(),
        " FROM moment m
          JOIN interaction_codes c ON c.org_id = $1 AND c.hash = $4
          LEFT JOIN users u ON u.org_id = $1 AND u.id = c.user_id"
    );
    let call = core.timed(sql, org.as_str(), values![hash]);
    let rows = core.database.query(call).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let now = core.time_of(row)?;
    // The hash is no secret, but it says nothing to a person: the flow names the row.
    let flow: String = Cells::new(row, "interaction_codes", "", 3).plain("flow_id")?;
    let mut cells = Cells::new(row, "interaction_codes", flow, 4);
    let issued: IssuedCode = cells.json("issued")?;
    if issued.hash != *hash {
        return Err(cells.corrupt("issued"));
    }
    Ok(Some(CodeRecord {
        now,
        issued,
        redeemed: cells.id_if_any("grant_id", GrantId::parse)?,
        user: users::read(row, 6)?,
    }))
}

/// Uses the code up and stores the grant, in one statement: whether it is unused and alive is
/// asked by the part that uses it up, and the others happen only when that one did.
pub(crate) async fn redeem(
    core: &Core,
    org: &OrgId,
    hash: &TokenHash,
    (grant, now): (&Grant, Timestamp),
    request: &RequestMeta,
) -> Result<(), Fault> {
    let sql = concat!(
        "WITH used AS (
             UPDATE interaction_codes SET consumed_at = $3, grant_id = $4
             WHERE org_id = $1 AND hash = $2 AND consumed_at IS NULL AND expires_at > $3
             RETURNING flow_id),
         granted AS (
             INSERT INTO grants (org_id, id, user_id, created_at, expires_at, idle_expires_at,
                                 refresh_sequence, rotated_at, revoked_at, granted)
             SELECT $1, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM used),
         told AS (
             INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, reason,
                                request_id, address, user_agent)
             SELECT $1, $3, ",
        audit_id!("1"),
        ", 'app.oauth2.token.grant.access_token', $5, flow_id, $13, $14, $15, $16, $17
             FROM used)
         SELECT 1 FROM used"
    );
    // A grant that begins revoked gives no tokens: the code came from its own client, but not
    // from whoever began the flow, and is used up for nothing.
    let (outcome, reason) = match grant.revoked_at {
        None => (Outcome::Success, None),
        Some(_) => (Outcome::Failure, Some("interaction_code_spent")),
    };
    let params = values![
        org.as_str(),
        hash,
        now,
        grant.id.as_str(),
        grant.user.as_str(),
        grant.created_at,
        grant.expires_at,
        grant.idle_expires_at,
        grant.refresh_sequence,
        grant.rotated_at,
        grant.revoked_at,
        to_json(grant)?,
        outcome.as_str(),
        reason,
        request.request_id.as_str(),
        request.address.as_deref(),
        request.user_agent.as_deref(),
    ];
    let rows = core.database.query(Call::new(sql, params)).await?;
    if rows.is_empty() {
        // The grant's id is random: a code that gave this very grant was used by an attempt of
        // ours whose answer was lost. To look costs a second trip only where the code is refused.
        let sql = "SELECT 1 FROM interaction_codes
                   WHERE org_id = $1 AND hash = $2 AND grant_id = $3";
        let params = values![org.as_str(), hash, grant.id.as_str()];
        let rows = core.database.query(Call::new(sql, params)).await?;
        return exactly_one(&rows);
    }
    Ok(())
}

/// Deletes the user's codes that are not used yet, except those in `but`. A code that is gone is
/// as worthless as one that never was, whatever time its redeemer believes it is.
pub(crate) fn discard_unused(org: &OrgId, user: &UserId, but: &[TokenHash]) -> Call {
    let but: Vec<Vec<u8>> = but.iter().map(|hash| hash.as_bytes().to_vec()).collect();
    Call::new(
        "DELETE FROM interaction_codes
         WHERE org_id = $1 AND user_id = $2 AND consumed_at IS NULL AND hash <> ALL ($3)",
        values![org.as_str(), user.as_str(), but],
    )
}
