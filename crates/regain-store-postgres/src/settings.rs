//! Named settings of the deployment, the development clock, and the way back to the start.

use regain_store::StoreError;
use regain_types::{OrgId, Timestamp};

use crate::attempts::{Patience, Repeat, Work};
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::Cells;

const OFFSET_MS_MAX: i64 = 1_000 * 366 * 86_400 * 1_000;

pub(crate) async fn find(core: &Core, org: &OrgId, name: &str) -> Result<Option<String>, Fault> {
    let sql = "SELECT value FROM settings WHERE org_id = $1 AND name = $2";
    let call = Call::new(sql, values![org.as_str(), name]);
    let rows = core.database.query(call).await?;
    rows.first()
        .map(|row| Cells::new(row, "settings", name, 0).plain("value"))
        .transpose()
}

pub(crate) async fn list(core: &Core, org: &OrgId) -> Result<Vec<(String, String)>, Fault> {
    let sql = "SELECT name, value FROM settings WHERE org_id = $1 ORDER BY name";
    let rows = core
        .database
        .query(Call::new(sql, values![org.as_str()]))
        .await?;
    rows.iter()
        .map(|row| {
            let mut cells = Cells::new(row, "settings", "", 0);
            Ok((cells.plain("name")?, cells.plain("value")?))
        })
        .collect()
}

pub(crate) async fn save(
    core: &Core,
    org: &OrgId,
    (name, value): (&str, &str),
) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        " INSERT INTO settings (org_id, name, created_at, value)
          SELECT $1, $4, now, $5 FROM moment
          ON CONFLICT (org_id, name) DO UPDATE SET value = excluded.value"
    );
    let call = core.timed(sql, org.as_str(), values![name, value]);
    core.database.query(call).await.map(drop)
}

/// The store's time.
pub(crate) async fn now(core: &Core) -> Result<Timestamp, Fault> {
    let sql = concat!(moment!(), " SELECT wall, now, db FROM moment");
    time(core, sql).await
}

/// Proves that the database can be written, and writes down how far the clock came.
pub(crate) async fn check(core: &Core) -> Result<(), Fault> {
    let sql = concat!(
        moment!(),
        " UPDATE clock c SET high_water_ms = greatest(c.high_water_ms, m.wall) FROM moment m
          WHERE c.id = 1 RETURNING m.wall, m.now, m.db"
    );
    time(core, sql).await?;
    if core.database.fullness.is_recent() {
        return Err(StoreError::Full.into());
    }
    Ok(())
}

/// Runs a statement that belongs to no org and answers the time.
async fn time(core: &Core, sql: &'static str) -> Result<Timestamp, Fault> {
    let rows = core.database.query(core.timed(sql, "", Vec::new())).await?;
    let row = rows
        .first()
        .ok_or_else(|| Fault::unavailable("the row of the clock is gone"))?;
    core.time_of(row)
}

/// The time without the development clock's offset.
pub(crate) async fn moment_of(core: &Core) -> Result<(Timestamp, Timestamp), Fault> {
    let now = now(core).await?;
    let (wall, _) = core.clock.bounds();
    Ok((wall, now))
}

/// Moves the clock on. A negative number moves nothing: time never goes back.
pub(crate) async fn advance_clock(core: &Core, seconds: i64) -> Result<(), Fault> {
    let millis = seconds.max(0).saturating_mul(1_000).min(OFFSET_MS_MAX);
    // A thousand years are enough, and far from where the sums would overflow.
    let call = Call::new(
        "UPDATE clock SET offset_ms = least(offset_ms + $1, $2) WHERE id = 1",
        values![millis, OFFSET_MS_MAX],
    );
    let work = Work::Alone(call);
    core.database.run(&work, Repeat::Never).await.map(drop)
}

/// Deletes what people did, of one org; keys, clients and settings stay.
pub(crate) async fn reset(core: &Core, org: &OrgId) -> Result<(), Fault> {
    let mut calls: Vec<Call> = [
        "DELETE FROM users WHERE org_id = $1",
        "DELETE FROM flows WHERE org_id = $1",
        "DELETE FROM interaction_codes WHERE org_id = $1",
        "DELETE FROM grants WHERE org_id = $1",
        "DELETE FROM revoked_access_tokens WHERE org_id = $1",
        "DELETE FROM outbox WHERE org_id = $1",
        "DELETE FROM ledgers WHERE org_id = $1",
        "DELETE FROM allowances WHERE org_id = $1",
        "DELETE FROM audit WHERE org_id = $1",
    ]
    .into_iter()
    .map(|sql| Call::new(sql, values![org.as_str()]))
    .collect();
    calls.push(Call::new(
        "UPDATE clock SET offset_ms = 0 WHERE id = 1",
        Vec::new(),
    ));
    let work = Work::Together(calls);
    core.database
        .run_for(&work, Repeat::Safe, Patience::Long)
        .await
        .map(drop)
}
