//! Messages that wait to be sent. `due_at` is the lease as well: whoever takes a row moves it to
//! the end of the lease, so a worker that dies gives it back by itself.

use regain_engine::Outgoing;
use regain_store::{Backlog, MailVerdict, OutboxRow, RequestMeta};
use regain_types::{OrgId, OutboxId, Timestamp};
use rusqlite::{Connection, params};

use crate::audit;
use crate::error::Fault;
use crate::row::{Cells, to_json};
use crate::writer::Scope;

pub(crate) fn insert(
    scope: &mut Scope<'_>,
    org: &OrgId,
    (outgoing, request): (&Outgoing, &RequestMeta),
    now: Timestamp,
) -> Result<(), Fault> {
    let id = OutboxId::random(scope.entropy);
    scope
        .connection
        .prepare_cached(
            "INSERT INTO outbox (org_id, id, created_at, due_at, attempts, outgoing, request,
                                 goes_first)
             VALUES (?1, ?2, ?3, ?3, 0, ?4, ?5, ?6)",
        )?
        .execute(params![
            org.as_str(),
            id.as_str(),
            now.as_millis(),
            to_json(outgoing)?,
            to_json(request)?,
            outgoing.goes_first(),
        ])?;
    Ok(())
}

/// Takes what is due, in the order in which it became due. A row that makes no sense is put off
/// like one that was taken, and logged: it must not hold up the others.
pub(crate) fn lease(
    scope: &Scope<'_>,
    org: &OrgId,
    limit: usize,
    (seconds, first_only): (i64, bool),
) -> Result<Vec<OutboxRow>, Fault> {
    let mut due = scope.connection.prepare_cached(
        "SELECT id, created_at, attempts, outgoing, request FROM outbox
         WHERE org_id = ?1 AND due_at <= ?2 AND goes_first >= ?4 ORDER BY due_at, rowid LIMIT ?3",
    )?;
    let mut take = scope.connection.prepare_cached(
        "UPDATE outbox SET due_at = ?3, attempts = attempts + 1 WHERE org_id = ?1 AND id = ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let now = scope.moment.now;
    let mut rows = due.query(params![org.as_str(), now.as_millis(), limit, first_only])?;
    let mut ids: Vec<String> = Vec::new();
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        ids.push(row.get(0)?);
        match read(row) {
            Ok(read) => out.push(read),
            Err(Fault::Store(error)) => tracing::error!(%error, "a message cannot be read"),
            Err(fault) => return Err(fault),
        }
    }
    let lease_until = now.plus_seconds(seconds);
    for id in ids {
        take.execute(params![org.as_str(), id, lease_until.as_millis()])?;
    }
    Ok(out)
}

fn read(row: &rusqlite::Row<'_>) -> Result<OutboxRow, Fault> {
    let id: String = row.get(0)?;
    let mut cells = Cells::new(row, "outbox", id, 0);
    Ok(OutboxRow {
        id: cells.id("id", OutboxId::parse)?,
        created_at: cells.time("created_at")?,
        attempts: cells.plain("attempts")?,
        outgoing: cells.json("outgoing")?,
        request: cells.json("request")?,
    })
}

/// Deletes what is done with and logs it, or sets when to try again, if nobody has leased it
/// since. A row that is gone already was finished by somebody else.
pub(crate) fn finish(
    scope: &Scope<'_>,
    org: &OrgId,
    row: &OutboxRow,
    verdict: &MailVerdict,
) -> Result<(), Fault> {
    let id = &row.id;
    let dropped = match verdict {
        MailVerdict::Delivered => None,
        MailVerdict::Dropped(reason) => Some(*reason),
        MailVerdict::Retry(at) => {
            scope
                .connection
                .prepare_cached(
                    "UPDATE outbox SET due_at = ?3
                     WHERE org_id = ?1 AND id = ?2 AND attempts = ?4 + 1",
                )?
                .execute(params![
                    org.as_str(),
                    id.as_str(),
                    at.as_millis(),
                    row.attempts
                ])?;
            return Ok(());
        }
    };
    let mut delete = scope.connection.prepare_cached(
        "DELETE FROM outbox WHERE org_id = ?1 AND id = ?2 RETURNING outgoing, request",
    )?;
    let mut rows = delete.query([org.as_str(), id.as_str()])?;
    let Some(row) = rows.next()? else {
        return Ok(());
    };
    let mut cells = Cells::new(row, "outbox", id.as_str(), 0);
    let outgoing: Outgoing = cells.json("outgoing")?;
    let request: RequestMeta = cells.json("request")?;
    let happened = (&outgoing, scope.moment.now, dropped);
    audit::append_delivery(scope.connection, org, happened, &request)
}

pub(crate) fn next_due(connection: &Connection, org: &OrgId) -> Result<Option<Timestamp>, Fault> {
    let millis: Option<i64> = connection
        .prepare_cached("SELECT min(due_at) FROM outbox WHERE org_id = ?1")?
        .query_row([org.as_str()], |row| row.get(0))?;
    Ok(millis.map(Timestamp::from_millis))
}

pub(crate) fn measure(
    connection: &Connection,
    org: &OrgId,
    now: Timestamp,
) -> Result<Backlog, Fault> {
    let (messages, oldest): (i64, Option<i64>) = connection
        .prepare_cached("SELECT count(*), min(created_at) FROM outbox WHERE org_id = ?1")?
        .query_row([org.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Backlog {
        messages: u64::try_from(messages).unwrap_or_default(),
        oldest_seconds: oldest.map_or(0, |oldest| {
            now.seconds_since(Timestamp::from_millis(oldest))
        }),
    })
}
