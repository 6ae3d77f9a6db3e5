//! The audit log: rows are added in the transaction of what they tell, and never changed (U-01).

use regain_engine::{AuditEvent, Outcome};
use regain_store::{AuditRow, Commit, RequestMeta, subject_of_event};
use regain_types::{FlowId, OrgId, Timestamp};
use tokio_postgres::Row;

use crate::attempts::{Patience, Repeat, Work};
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, values};
use crate::row::{Cells, limit};

/// The id of a new row: the database's time, the place among the rows of this statement, and
/// something random.
macro_rules! audit_id {
    ($place:literal) => {
        concat!(
            "lpad(to_hex((extract(epoch FROM statement_timestamp()) * 1000000)::bigint), 14, '0')
             || lpad(to_hex(",
            $place,
            "), 4, '0') || substr(replace(gen_random_uuid()::text, '-', ''), 1, 14)"
        )
    };
}
pub(crate) use audit_id;

/// Adds a row for each thing that the engine says, in its order.
pub(crate) fn append_events(org: &OrgId, events: &[&AuditEvent], commit: &Commit) -> Call {
    let request = &commit.request;
    let names: Vec<String> = events.iter().map(|event| event.name.to_owned()).collect();
    let subjects: Vec<String> = events
        .iter()
        .map(|event| subject_of_event(org, &event.subject))
        .collect();
    let outcomes: Vec<String> = events
        .iter()
        .map(|event| event.outcome.as_str().to_owned())
        .collect();
    let reasons: Vec<Option<String>> = events
        .iter()
        .map(|event| event.reason.map(str::to_owned))
        .collect();
    Call::new(
        concat!(
            "INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, reason,
                                request_id, address, user_agent)
             SELECT $1, $2, ",
            audit_id!("place"),
            ", name, subject, $3, outcome, reason, $4, $5, $6
             FROM unnest($7, $8, $9, $10) WITH ORDINALITY
                 AS event(name, subject, outcome, reason, place)"
        ),
        values![
            org.as_str(),
            commit.now,
            commit.flow.id.as_str(),
            request.request_id.as_str(),
            request.address.as_deref(),
            request.user_agent.as_deref(),
            names,
            subjects,
            outcomes,
            reasons,
        ],
    )
}

/// The newest rows, newest first.
pub(crate) async fn list(core: &Core, org: &OrgId, rows: usize) -> Result<Vec<AuditRow>, Fault> {
    let sql = "SELECT id, at, name, subject, flow_id, outcome, reason, request_id, address,
                      user_agent
               FROM audit WHERE org_id = $1 ORDER BY at DESC, id DESC LIMIT $2";
    let call = Call::new(sql, values![org.as_str(), limit(rows)]);
    read_long(core, call).await
}

/// Rows after the one with this time and id, oldest first.
pub(crate) async fn page(
    core: &Core,
    org: &OrgId,
    after: Option<(Timestamp, &str)>,
    rows: usize,
) -> Result<Vec<AuditRow>, Fault> {
    let sql = "SELECT id, at, name, subject, flow_id, outcome, reason, request_id, address,
                      user_agent
               FROM audit WHERE org_id = $1 AND (at, id) > ($2, $3) ORDER BY at, id LIMIT $4";
    let (at, id) = after.map_or((i64::MIN, ""), |(at, id)| (at.as_millis(), id));
    let call = Call::new(sql, values![org.as_str(), at, id, limit(rows)]);
    read_long(core, call).await
}

/// Takes over rows as they are, but for those that are there.
pub(crate) async fn add(core: &Core, org: &OrgId, rows: &[AuditRow]) -> Result<(), Fault> {
    let text = |of: fn(&AuditRow) -> &str| -> Vec<String> {
        rows.iter().map(|row| of(row).to_owned()).collect()
    };
    let maybe = |of: fn(&AuditRow) -> Option<&str>| -> Vec<Option<String>> {
        rows.iter().map(|row| of(row).map(str::to_owned)).collect()
    };
    let at: Vec<i64> = rows.iter().map(|row| row.at.as_millis()).collect();
    let call = Call::new(
        "INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, reason, request_id,
                            address, user_agent)
         SELECT $1, * FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (org_id, at, id) DO NOTHING",
        values![
            org.as_str(),
            at,
            text(|row| &row.id),
            text(|row| &row.name),
            text(|row| &row.subject),
            maybe(|row| row.flow.as_ref().map(FlowId::as_str)),
            text(|row| &row.outcome),
            maybe(|row| row.reason.as_deref()),
            text(|row| &row.request.request_id),
            maybe(|row| row.request.address.as_deref()),
            maybe(|row| row.request.user_agent.as_deref()),
        ],
    );
    let work = Work::Alone(call);
    core.database
        .run_for(&work, Repeat::Safe, Patience::Long)
        .await
        .map(drop)
}

async fn read_long(core: &Core, call: Call) -> Result<Vec<AuditRow>, Fault> {
    let work = Work::Alone(call);
    let rows = core
        .database
        .run_for(&work, Repeat::Safe, Patience::Long)
        .await?;
    rows.iter().flatten().map(read).collect()
}

fn read(row: &Row) -> Result<AuditRow, Fault> {
    let id: String = Cells::new(row, "audit", "", 0).plain("id")?;
    let mut cells = Cells::new(row, "audit", id.as_str(), 1);
    let read = AuditRow {
        id,
        at: cells.time("at")?,
        name: cells.plain("name")?,
        subject: cells.plain("subject")?,
        flow: cells.id_if_any("flow_id", FlowId::parse)?,
        outcome: cells.plain("outcome")?,
        reason: cells.plain("reason")?,
        request: RequestMeta {
            request_id: cells.plain("request_id")?,
            address: cells.plain("address")?,
            user_agent: cells.plain("user_agent")?,
        },
    };
    let known = [Outcome::Failure, Outcome::Success];
    if !known.iter().any(|word| word.as_str() == read.outcome) {
        return Err(cells.corrupt("outcome"));
    }
    Ok(read)
}
