//! Grants: the families of tokens, and the access tokens that were revoked one by one.

use regain_engine::Outcome;
use regain_oauth::Grant;
use regain_store::{GrantRecord, RequestMeta};
use regain_types::{GrantId, OrgId, Timestamp, UserId};

use crate::attempts::mark;
use crate::audit::audit_id;
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, exactly_one};
use crate::users;
use crate::users::user_columns;

pub(crate) async fn find(
    core: &Core,
    org: &OrgId,
    id: &GrantId,
    access_token: Option<&str>,
) -> Result<Option<GrantRecord>, Fault> {
    let sql = concat!(
        moment!(),
        " SELECT m.wall, m.now, m.db, g.granted, g.idle_expires_at, g.refresh_sequence,
                 g.rotated_at, g.revoked_at,
                 EXISTS (SELECT 1 FROM revoked_access_tokens t
                         WHERE t.org_id = $1 AND t.jti = $5), ",
        user_columns!(),
        " FROM moment m
          JOIN grants g ON g.org_id = $1 AND g.id = $4
          LEFT JOIN users u ON u.org_id = $1 AND u.id = g.user_id"
    );
    let call = core.timed(sql, org.as_str(), values![id.as_str(), access_token]);
    let rows = core.database.query(call).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let now = core.time_of(row)?;
    let mut cells = Cells::new(row, "grants", id.as_str(), 3);
    let mut grant: Grant = cells.json("granted")?;
    if grant.id != *id {
        return Err(cells.corrupt("granted"));
    }
    grant.idle_expires_at = cells.time("idle_expires_at")?;
    grant.refresh_sequence = cells.count("refresh_sequence")?;
    grant.rotated_at = cells.time("rotated_at")?;
    grant.revoked_at = cells.time_if_any("revoked_at")?;
    Ok(Some(GrantRecord {
        now,
        grant,
        access_token_revoked: cells.plain("revoked_access_tokens")?,
        user: users::read(row, 9)?,
    }))
}

/// Makes the next refresh token the live one, if the family lives and nobody was faster.
pub(crate) async fn rotate(
    core: &Core,
    org: &OrgId,
    id: &GrantId,
    (sequence, now, idle_expires_at): (u32, Timestamp, Timestamp),
) -> Result<(), Fault> {
    let sql = "UPDATE grants
               SET refresh_sequence = refresh_sequence + 1, rotated_at = $4, idle_expires_at = $5,
                   rotated_by = $6
               WHERE org_id = $1 AND id = $2 AND refresh_sequence = $3 AND revoked_at IS NULL
                     AND expires_at > $4 AND idle_expires_at > $4
               RETURNING 1";
    let mark = mark();
    let params = values![
        org.as_str(),
        id.as_str(),
        sequence,
        now,
        idle_expires_at,
        mark
    ];
    let rows = core.database.query(Call::new(sql, params)).await?;
    if rows.is_empty() {
        // Our own mark: an attempt whose answer was lost did it.
        let sql = "SELECT 1 FROM grants WHERE org_id = $1 AND id = $2 AND rotated_by = $3";
        let params = values![org.as_str(), id.as_str(), mark];
        let rows = core.database.query(Call::new(sql, params)).await?;
        return exactly_one(&rows);
    }
    Ok(())
}

/// Revokes a family. The second time nothing changes, and nothing is logged.
pub(crate) async fn revoke(
    core: &Core,
    org: &OrgId,
    id: &GrantId,
    reason: &'static str,
    request: &RequestMeta,
) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        ", revoked AS (
             UPDATE grants SET revoked_at = now, revoke_reason = $5 FROM moment
             WHERE org_id = $1 AND id = $4 AND revoked_at IS NULL
             RETURNING user_id)
         INSERT INTO audit (org_id, at, id, name, subject, outcome, reason, request_id, address,
                            user_agent)
         SELECT $1, now, ",
        audit_id!("1"),
        ", 'app.oauth2.token.revoke', user_id, $6, $5, $7, $8, $9 FROM revoked, moment"
    );
    let rest = values![
        id.as_str(),
        reason,
        Outcome::Success.as_str(),
        request.request_id.as_str(),
        request.address.as_deref(),
        request.user_agent.as_deref(),
    ];
    core.database
        .query(core.timed(sql, org.as_str(), rest))
        .await
        .map(drop)
}

/// Revokes every family of a user (S-01).
pub(crate) fn revoke_all(
    org: &OrgId,
    user: &UserId,
    (now, reason): (Timestamp, &'static str),
) -> Call {
    Call::new(
        "UPDATE grants SET revoked_at = $3, revoke_reason = $4
         WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        values![org.as_str(), user.as_str(), now, reason],
    )
}

pub(crate) async fn revoke_access_token(
    core: &Core,
    org: &OrgId,
    jti: &str,
    expires_at: Timestamp,
) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        " INSERT INTO revoked_access_tokens (org_id, jti, created_at, expires_at)
          SELECT $1, $4, now, $5 FROM moment ON CONFLICT (org_id, jti) DO NOTHING"
    );
    let call = core.timed(sql, org.as_str(), values![jti, expires_at]);
    core.database.query(call).await.map(drop)
}
