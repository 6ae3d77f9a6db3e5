//! Deleting what is past its use.

use regain_store::{AUDIT_KEPT_SECONDS, ENDED_KEPT_SECONDS};
use regain_types::{OrgId, Timestamp};
use rusqlite::params;

use crate::error::Fault;
use crate::writer::Scope;

/// Deletes up to `limit` rows of each kind; answers how many went.
pub(crate) fn run(scope: &Scope<'_>, org: &OrgId, limit: usize) -> Result<usize, Fault> {
    let ended = scope.moment.now.plus_seconds(-ENDED_KEPT_SECONDS);
    // Tokens carry the wall clock's time, so the list of revoked ones is judged by it too:
    // the development clock must not bring one back.
    let ended_by_the_wall = scope.moment.wall.plus_seconds(-ENDED_KEPT_SECONDS);
    let told = scope.moment.now.plus_seconds(-AUDIT_KEPT_SECONDS);
    let now = scope.moment.now;
    let kinds: [(&'static str, Timestamp); 7] = [
        (
            "DELETE FROM flows WHERE rowid IN
             (SELECT rowid FROM flows WHERE org_id = ?1 AND expires_at <= ?2
              ORDER BY expires_at LIMIT ?3)",
            ended,
        ),
        (
            "DELETE FROM interaction_codes WHERE rowid IN
             (SELECT rowid FROM interaction_codes WHERE org_id = ?1 AND expires_at <= ?2
              ORDER BY expires_at LIMIT ?3)",
            ended,
        ),
        (
            "DELETE FROM grants WHERE rowid IN
             (SELECT rowid FROM grants WHERE org_id = ?1 AND ends_at <= ?2
              ORDER BY ends_at LIMIT ?3)",
            ended,
        ),
        (
            "DELETE FROM revoked_access_tokens WHERE org_id = ?1 AND jti IN
             (SELECT jti FROM revoked_access_tokens WHERE org_id = ?1 AND expires_at <= ?2
              ORDER BY expires_at LIMIT ?3)",
            ended_by_the_wall,
        ),
        (
            "DELETE FROM audit WHERE rowid IN
             (SELECT rowid FROM audit WHERE org_id = ?1 AND at <= ?2 ORDER BY at LIMIT ?3)",
            told,
        ),
        (
            "DELETE FROM ledgers WHERE org_id = ?1 AND key IN
             (SELECT key FROM ledgers WHERE org_id = ?1 AND expires_at <= ?2
              ORDER BY expires_at LIMIT ?3)",
            now,
        ),
        (
            "DELETE FROM allowances WHERE org_id = ?1 AND (key, ends_at) IN
             (SELECT key, ends_at FROM allowances WHERE org_id = ?1 AND ends_at <= ?2
              ORDER BY ends_at LIMIT ?3)",
            now,
        ),
    ];
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut gone = 0;
    for (statement, until) in kinds {
        gone += scope
            .connection
            .prepare_cached(statement)?
            .execute(params![org.as_str(), until.as_millis(), limit])?;
    }
    Ok(gone)
}
