//! The audit log: rows are added in the transaction of what they tell, and never changed (U-01).

use regain_engine::{AuditEvent, Outcome, Outgoing};
use regain_store::{AuditRow, RequestMeta, delivery_subject, subject_of_event};
use regain_types::{FlowId, OrgId, Timestamp};
use rusqlite::{Connection, Rows, params};

use crate::error::Fault;
use crate::row::Cells;

/// What one row says.
pub(crate) struct Entry<'a> {
    pub(crate) at: Timestamp,
    pub(crate) name: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) flow: Option<&'a FlowId>,
    pub(crate) outcome: Outcome,
    pub(crate) reason: Option<&'a str>,
}

/// Adds a row.
pub(crate) fn append(
    connection: &Connection,
    org: &OrgId,
    entry: &Entry<'_>,
    request: &RequestMeta,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO audit (org_id, at, name, subject, flow_id, outcome, reason, request_id,
                                address, user_agent)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            org.as_str(),
            entry.at.as_millis(),
            entry.name,
            entry.subject,
            entry.flow.map(FlowId::as_str),
            entry.outcome.as_str(),
            entry.reason,
            request.request_id,
            request.address,
            request.user_agent,
        ])?;
    Ok(())
}

/// Adds a row for what the engine says.
pub(crate) fn append_event(
    connection: &Connection,
    org: &OrgId,
    (event, flow, at): (&AuditEvent, &FlowId, Timestamp),
    request: &RequestMeta,
) -> Result<(), Fault> {
    let subject = subject_of_event(org, &event.subject);
    let entry = Entry {
        at,
        name: event.name,
        subject: &subject,
        flow: Some(flow),
        outcome: event.outcome,
        reason: event.reason,
    };
    append(connection, org, &entry, request)
}

/// Adds a row for a mail that is done with.
pub(crate) fn append_delivery(
    connection: &Connection,
    org: &OrgId,
    (outgoing, at, dropped): (&Outgoing, Timestamp, Option<&'static str>),
    request: &RequestMeta,
) -> Result<(), Fault> {
    let (subject, flow) = delivery_subject(outgoing);
    let entry = Entry {
        at,
        name: "system.email.delivery",
        subject: &subject,
        flow,
        outcome: match dropped {
            None => Outcome::Success,
            Some(_) => Outcome::Failure,
        },
        reason: dropped,
    };
    append(connection, org, &entry, request)
}

/// The newest rows, newest first.
pub(crate) fn list(
    connection: &Connection,
    org: &OrgId,
    limit: usize,
) -> Result<Vec<AuditRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, at, name, subject, flow_id, outcome, reason, request_id, address, user_agent
         FROM audit WHERE org_id = ?1 ORDER BY at DESC, rowid DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    read_all(statement.query(params![org.as_str(), limit])?)
}

/// Rows after the one with this time and id, oldest first.
pub(crate) fn page(
    connection: &Connection,
    org: &OrgId,
    after: Option<(Timestamp, &str)>,
    limit: usize,
) -> Result<Vec<AuditRow>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, at, name, subject, flow_id, outcome, reason, request_id, address, user_agent
         FROM audit WHERE org_id = ?1 AND (at, id) > (?2, ?3) ORDER BY at, id LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (at, id) = after.map_or((i64::MIN, ""), |(at, id)| (at.as_millis(), id));
    read_all(statement.query(params![org.as_str(), at, id, limit])?)
}

/// Takes over rows as they are, but for those that are there.
pub(crate) fn add(connection: &Connection, org: &OrgId, rows: &[AuditRow]) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, reason, request_id,
                            address, user_agent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (org_id, at, id) DO NOTHING",
    )?;
    for row in rows {
        insert.execute(params![
            org.as_str(),
            row.at.as_millis(),
            row.id,
            row.name,
            row.subject,
            row.flow.as_ref().map(FlowId::as_str),
            row.outcome,
            row.reason,
            row.request.request_id,
            row.request.address,
            row.request.user_agent,
        ])?;
    }
    Ok(())
}

fn read_all(mut rows: Rows<'_>) -> Result<Vec<AuditRow>, Fault> {
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
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
        out.push(read);
    }
    Ok(out)
}
