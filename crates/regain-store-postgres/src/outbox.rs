//! Messages that wait to be sent. `due_at` is the lease as well: whoever takes a row moves it to
//! the end of the lease, so a worker that dies gives it back by itself.

use regain_engine::{Outcome, Outgoing};
use regain_store::{Backlog, Commit, MailVerdict, OutboxRow, delivery_subject};
use regain_types::{FlowId, OrgId, OutboxId, SystemEntropy, Timestamp};
use tokio_postgres::Row;

use crate::audit::audit_id;
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, limit, to_json};

/// Adds messages, in their order.
pub(crate) fn insert(org: &OrgId, messages: &[&Outgoing], commit: &Commit) -> Result<Call, Fault> {
    let ids: Vec<String> = messages
        .iter()
        .map(|_| OutboxId::random(&mut SystemEntropy).as_str().to_owned())
        .collect();
    let outgoing = messages
        .iter()
        .copied()
        .map(to_json)
        .collect::<Result<Vec<String>, _>>()?;
    let first: Vec<bool> = messages
        .iter()
        .map(|message| message.goes_first())
        .collect();
    Ok(Call::new(
        concat!(
            "INSERT INTO outbox (org_id, id, created_at, due_at, place, attempts, goes_first,
                                 outgoing, request)
             SELECT $1, id, $2, $2, ",
            audit_id!("place"),
            ", 0, first, outgoing, $3
             FROM unnest($4, $5, $6) WITH ORDINALITY AS message(id, first, outgoing, place)"
        ),
        values![
            org.as_str(),
            commit.now,
            to_json(&commit.request)?,
            ids,
            first,
            outgoing,
        ],
    ))
}

/// Takes what is due, in the order in which it became due; what others are just taking is passed
/// over. A row that makes no sense is put off like one that was taken, and logged: it must not
/// hold up the others.
pub(crate) async fn lease(
    core: &Core,
    org: &OrgId,
    rows: usize,
    (seconds, first_only): (i64, bool),
) -> Result<Vec<OutboxRow>, Fault> {
    macro_rules! lease {
        ($which:literal) => {
            concat!(
                moment!(),
                ", due AS MATERIALIZED (
                     SELECT id, due_at, place FROM outbox
                     WHERE org_id = $1 AND due_at <= (SELECT now FROM moment)",
                $which,
                " ORDER BY due_at, place LIMIT $4 FOR UPDATE SKIP LOCKED),
                 taken AS (
                     UPDATE outbox o
                     SET due_at = (SELECT now FROM moment) + $5, attempts = attempts + 1
                     FROM due WHERE o.org_id = $1 AND o.id = due.id
                     RETURNING o.id, o.created_at, o.attempts - 1 AS attempts, o.outgoing,
                               o.request, due.due_at, o.place)
                 SELECT id, created_at, attempts, outgoing, request FROM taken
                 ORDER BY due_at, place"
            )
        };
    }
    let sql = if first_only {
        lease!(" AND goes_first")
    } else {
        lease!("")
    };
    let rest = values![limit(rows), seconds.saturating_mul(1_000)];
    let rows = core
        .database
        .query(core.timed(sql, org.as_str(), rest))
        .await?;
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        match read(row) {
            Ok(read) => out.push(read),
            Err(Fault::Store(error)) => tracing::error!(%error, "a message cannot be read"),
            Err(fault @ Fault::Refused { .. }) => return Err(fault),
        }
    }
    Ok(out)
}

fn read(row: &Row) -> Result<OutboxRow, Fault> {
    let id: String = Cells::new(row, "outbox", "", 0).plain("id")?;
    let mut cells = Cells::new(row, "outbox", id, 0);
    Ok(OutboxRow {
        id: cells.id("id", OutboxId::parse)?,
        created_at: cells.time("created_at")?,
        attempts: cells.count("attempts")?,
        outgoing: cells.json("outgoing")?,
        request: cells.json("request")?,
    })
}

/// Deletes what is done with and logs it, or sets when to try again, if nobody has leased it
/// since. A row that is gone already was finished by somebody else.
pub(crate) async fn finish(
    core: &Core,
    org: &OrgId,
    row: &OutboxRow,
    verdict: &MailVerdict,
) -> Result<(), Fault> {
    let id = row.id.as_str();
    let (outcome, reason) = match verdict {
        MailVerdict::Delivered => (Outcome::Success, None),
        MailVerdict::Dropped(reason) => (Outcome::Failure, Some(*reason)),
        MailVerdict::Retry(at) => {
            let sql = "UPDATE outbox SET due_at = $3
                       WHERE org_id = $1 AND id = $2 AND attempts = $4 + 1";
            let call = Call::new(sql, values![org.as_str(), id, *at, row.attempts]);
            return core.database.query(call).await.map(drop);
        }
    };
    let sql = concat!(
        moment!(),
        ", gone AS (DELETE FROM outbox WHERE org_id = $1 AND id = $4 RETURNING 1)
         INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, reason, request_id,
                            address, user_agent)
         SELECT $1, now, ",
        audit_id!("1"),
        ", 'system.email.delivery', $5, $6, $7, $8, $9, $10, $11 FROM gone, moment"
    );
    let (subject, flow) = delivery_subject(&row.outgoing);
    let rest = values![
        id,
        subject,
        flow.map(FlowId::as_str),
        outcome.as_str(),
        reason,
        row.request.request_id.as_str(),
        row.request.address.as_deref(),
        row.request.user_agent.as_deref(),
    ];
    core.database
        .query(core.timed(sql, org.as_str(), rest))
        .await
        .map(drop)
}

pub(crate) async fn next_due(core: &Core, org: &OrgId) -> Result<Option<Timestamp>, Fault> {
    let sql = "SELECT due_at FROM outbox WHERE org_id = $1 ORDER BY due_at, place LIMIT 1";
    let rows = core
        .database
        .query(Call::new(sql, values![org.as_str()]))
        .await?;
    rows.first()
        .map(|row| Cells::new(row, "outbox", "", 0).time("due_at"))
        .transpose()
}

pub(crate) async fn measure(core: &Core, org: &OrgId) -> Result<Backlog, Fault> {
    let sql = concat!(
        moment!(),
        " SELECT wall, now, db,
                 (SELECT count(*) FROM outbox WHERE org_id = $1),
                 (SELECT min(created_at) FROM outbox WHERE org_id = $1)
          FROM moment"
    );
    let rows = core
        .database
        .query(core.timed(sql, org.as_str(), Vec::new()))
        .await?;
    let row = rows
        .first()
        .ok_or_else(|| Fault::unavailable("the row of the clock is gone"))?;
    let now = core.time_of(row)?;
    let mut cells = Cells::new(row, "outbox", "", 3);
    let messages = cells.count("count")?;
    let oldest = cells.time_if_any("created_at")?;
    Ok(Backlog {
        messages,
        oldest_seconds: oldest.map_or(0, |oldest| now.seconds_since(oldest)),
    })
}
