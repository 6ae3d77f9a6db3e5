//! Deleting what is past its use.

use regain_store::{AUDIT_KEPT_SECONDS, ENDED_KEPT_SECONDS};
use regain_types::OrgId;

use crate::attempts::{Patience, Repeat, Work};
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, limit};
use crate::settings;

/// Deletes the rows of a table whose key is found by an index over their end; what others hold
/// just now is left for the next time.
macro_rules! sweep {
    ($table:literal, $key:literal, $end:literal) => {
        concat!(
            "WITH gone AS (
                 DELETE FROM ",
            $table,
            " WHERE org_id = $1 AND ",
            $key,
            " = ANY (ARRAY(SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE org_id = $1 AND ",
            $end,
            " <= $2 ORDER BY ",
            $end,
            " LIMIT $3 FOR UPDATE SKIP LOCKED))
                 RETURNING 1)
             SELECT count(*) FROM gone"
        )
    };
}

/// Deletes up to `most` rows of each kind; answers how many went.
pub(crate) async fn run(core: &Core, org: &OrgId, most: usize) -> Result<usize, Fault> {
    let (wall, now) = settings::moment_of(core).await?;
    let ended = now.plus_seconds(-ENDED_KEPT_SECONDS);
    // Tokens carry the wall clock's time, so the list of revoked ones is judged by it too:
    // the development clock must not bring one back.
    let ended_by_the_wall = wall.plus_seconds(-ENDED_KEPT_SECONDS);
    let told = now.plus_seconds(-AUDIT_KEPT_SECONDS);
    let calls = [
        (sweep!("flows", "id", "expires_at"), ended),
        (sweep!("interaction_codes", "hash", "expires_at"), ended),
        (
            sweep!(
                "grants",
                "id",
                "least(expires_at, idle_expires_at, revoked_at)"
            ),
            ended,
        ),
        (
            sweep!("revoked_access_tokens", "jti", "expires_at"),
            ended_by_the_wall,
        ),
        (sweep!("audit", "ctid", "at"), told),
        (sweep!("ledgers", "key", "expires_at"), now),
        (sweep!("allowances", "ctid", "ends_at"), now),
    ]
    .into_iter()
    .map(|(sql, until)| Call::new(sql, values![org.as_str(), until, limit(most)]))
    .collect();
    let work = Work::Together(calls);
    let answers = core
        .database
        .run_for(&work, Repeat::Safe, Patience::Long)
        .await?;
    answers.iter().flatten().try_fold(0_usize, |sum, row| {
        let gone: usize = Cells::new(row, "swept", "", 0).count("count")?;
        Ok(sum.saturating_add(gone))
    })
}
