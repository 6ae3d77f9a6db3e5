//! What was spent, guarded by a version; and what the nodes share out among themselves.

use regain_engine::{LedgerKey, LedgerRow, LedgerWrite};
use regain_store::Allowance;
use regain_types::{OrgId, Timestamp, UserId};

use crate::attempts::{Repeat, Work};
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::Cells;

/// Reads the next two columns, `version` and `state`, of a ledger that an outer join may not have
/// found.
pub(crate) fn read(cells: &mut Cells<'_>) -> Result<Option<LedgerRow>, Fault> {
    let version: Option<i64> = cells.plain("version")?;
    let state: Option<String> = cells.plain("state")?;
    let (Some(version), Some(state)) = (version, state) else {
        return Ok(None);
    };
    let version = u64::try_from(version).map_err(|_| cells.corrupt("version"))?;
    Ok(Some(LedgerRow { version, state }))
}

/// Writes a ledger, if nobody has written it since it was loaded. An expired one counts as none,
/// and goes on counting versions.
pub(crate) fn save(org: &OrgId, write: &LedgerWrite, now: Timestamp) -> Result<Vec<Call>, Fault> {
    let version = i64::try_from(write.version).map_err(|_| Fault::CONFLICT)?;
    let sql = if version == 0 {
        "WITH saved AS (
             INSERT INTO ledgers AS l (org_id, key, version, created_at, expires_at, owner, state)
             VALUES ($1, $2, $3 + 1, $4, $5, $6, $7)
             ON CONFLICT (org_id, key) DO UPDATE SET
                 version = l.version + 1, expires_at = excluded.expires_at,
                 owner = excluded.owner, state = excluded.state
             WHERE l.expires_at <= $4
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM saved"
    } else {
        "WITH saved AS (
             UPDATE ledgers SET version = $3 + 1, expires_at = $5, owner = $6, state = $7
             WHERE org_id = $1 AND key = $2 AND version = $3 AND expires_at > $4
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM saved"
    };
    let call = Call::new(
        sql,
        values![
            org.as_str(),
            &write.key,
            version,
            now,
            write.expires_at,
            write.owner.as_ref().map(UserId::as_str),
            write.state.as_str(),
        ],
    );
    Ok(match version {
        0 => vec![turn(org, &write.key), call],
        _ => vec![call],
    })
}

/// Refuses, as a conflict, if somebody has written the ledger since it was loaded, and keeps
/// others from writing it until the commit. An expired one counts as none.
pub(crate) fn require(
    org: &OrgId,
    (key, version): (&LedgerKey, u64),
    now: Timestamp,
) -> Result<Vec<Call>, Fault> {
    let version = i64::try_from(version).map_err(|_| Fault::CONFLICT)?;
    if version == 0 {
        let sql = "SELECT (NOT EXISTS (SELECT 1 FROM ledgers
                       WHERE org_id = $1 AND key = $2 AND expires_at > $3))::must_hold";
        let absent = Call::new(sql, values![org.as_str(), key, now]);
        return Ok(vec![turn(org, key), absent]);
    }
    let sql = "WITH held AS (
                   SELECT 1 FROM ledgers
                   WHERE org_id = $1 AND key = $2 AND version = $4 AND expires_at > $3
                   FOR SHARE)
               SELECT (count(*) = 1)::must_hold FROM held";
    let held = Call::new(sql, values![org.as_str(), key, now, version]);
    Ok(vec![held])
}

/// A row that is not there cannot be held: whoever would be the first to write it, or rests on
/// its absence, takes turns.
fn turn(org: &OrgId, key: &LedgerKey) -> Call {
    Call::new(
        "SELECT 1 FROM pg_advisory_xact_lock(
             hashtextextended($1 || ' ledger ' || encode($2, 'hex'), 0))",
        values![org.as_str(), key],
    )
}

/// Takes from what is left until `ends_at`. The row remembers what its last taker got, because
/// what it held before cannot be told from the same statement otherwise.
pub(crate) async fn take_allowance(
    core: &Core,
    org: &OrgId,
    key: &LedgerKey,
    ends_at: Timestamp,
    (want, at_most): (u32, u32),
) -> Result<Allowance, Fault> {
    let sql = concat!(
        moment!(),
        ", taken AS (
             INSERT INTO allowances AS a (org_id, key, ends_at, created_at, used, last_granted)
             SELECT $1, $4, $5, now, least($6, $7), least($6, $7) FROM moment
             WHERE $6 > 0 AND $7 > 0
             ON CONFLICT (org_id, key, ends_at) DO UPDATE SET
                 used = a.used + least($6, $7 - a.used),
                 last_granted = least($6, $7 - a.used)
             WHERE a.used < $7
             RETURNING last_granted, used)
         SELECT last_granted, used FROM taken
         UNION ALL
         SELECT 0, CASE WHEN $6 > 0 THEN greatest(a.used, $7) ELSE coalesce(a.used, 0) END
         FROM moment LEFT JOIN allowances a ON a.org_id = $1 AND a.key = $4 AND a.ends_at = $5
         WHERE NOT EXISTS (SELECT 1 FROM taken)"
    );
    let rest = values![key, ends_at, want, at_most];
    let work = Work::Alone(core.timed(sql, org.as_str(), rest));
    // What was taken by an attempt whose answer was lost is lost: less is used than may be.
    let answer = core.database.run(&work, Repeat::Never).await?;
    let row = answer
        .first()
        .and_then(|rows| rows.first())
        .ok_or_else(|| Fault::unavailable("no answer about an allowance"))?;
    let mut cells = Cells::new(row, "allowances", "", 0);
    Ok(Allowance {
        granted: cells.count("last_granted")?,
        used: cells.count("used")?,
    })
}

/// Takes or keeps a role.
pub(crate) async fn try_lead(
    core: &Core,
    org: &OrgId,
    (role, node): (&str, &str),
    seconds: i64,
) -> Result<bool, Fault> {
    let sql = concat!(
        moment!(),
        " INSERT INTO leads AS l (org_id, role, created_at, node, until)
          SELECT $1, $4, now, $5, now + $6 FROM moment
          ON CONFLICT (org_id, role) DO UPDATE SET node = excluded.node, until = excluded.until
          WHERE l.node = excluded.node OR l.until <= excluded.created_at
          RETURNING 1"
    );
    let rest = values![role, node, seconds.saturating_mul(1_000)];
    let rows = core
        .database
        .query(core.timed(sql, org.as_str(), rest))
        .await?;
    Ok(rows.len() == 1)
}

/// Forgets the devices of a user.
pub(crate) async fn forget_devices(core: &Core, org: &OrgId, user: &UserId) -> Result<(), Fault> {
    let sql = "DELETE FROM ledgers WHERE org_id = $1 AND owner = $2";
    let call = Call::new(sql, values![org.as_str(), user.as_str()]);
    core.database.query(call).await.map(drop)
}
