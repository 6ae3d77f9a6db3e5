//! Flows: one row each, guarded by its version.

use regain_engine::{Flow, LedgerKey, Ledgers, Outcome, Stage};
use regain_store::{Commit, FlowKey, Loaded, NewFlow, RequestMeta, Typed, indexed_subject};
use regain_types::{FlowId, OrgId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension as _, ToSql, params};
use serde_json::{Map, Value};

use crate::audit::{self, Entry};
use crate::error::Fault;
use crate::row::{Cells, bytes, exactly_one, to_json, to_value};
use crate::users::{USER_COLUMNS, user_columns};
use crate::writer::Scope;
use crate::{effects, ledgers, users};

/// A flow with the user and the ledgers that ?3 to ?5, else its own columns, name: one statement,
/// so all are of the same moment.
macro_rules! load_by {
    ($column:literal) => {
        concat!(
            "SELECT f.id, f.version, f.state, ",
            user_columns!(),
            ", n.version, n.state, d.version, d.state, o.version, o.state
              FROM flows f
              LEFT JOIN users u ON u.org_id = f.org_id AND u.login = coalesce(?3, f.canonical)
              LEFT JOIN ledgers n ON n.org_id = f.org_id
                  AND n.key = CASE WHEN ?3 IS NULL THEN f.ledger ELSE ?4 END AND n.expires_at > ?6
              LEFT JOIN ledgers d ON d.org_id = f.org_id
                  AND d.key = CASE WHEN ?3 IS NULL THEN f.device_ledger ELSE ?5 END
                  AND d.expires_at > ?6
              LEFT JOIN ledgers o ON o.org_id = f.org_id AND o.key = zeroblob(32)
                  AND o.expires_at > ?6
              WHERE f.org_id = ?1 AND f.",
            $column,
            " = ?2"
        )
    };
}

pub(crate) fn load(
    connection: &Connection,
    org: &OrgId,
    key: &FlowKey,
    (typed, now): (Option<Typed<'_>>, Timestamp),
) -> Result<Option<Loaded>, Fault> {
    let sql = match key {
        FlowKey::Id(_) => load_by!("id"),
        FlowKey::InteractionHandle(_) => load_by!("interaction_handle"),
        FlowKey::StateHandle(_) => load_by!("state_handle"),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let canonical = typed.map(|typed| typed.canonical);
    let ledger = typed.map(|typed| typed.ledgers.identifier);
    let device = typed.and_then(|typed| typed.ledgers.device);
    let (ledger, device) = (
        ledger.as_ref().map(LedgerKey::as_bytes),
        device.as_ref().map(LedgerKey::as_bytes),
    );
    let millis = now.as_millis();
    let mut rows = match key {
        FlowKey::Id(id) => {
            let id = id.as_str();
            statement.query(params![org.as_str(), id, canonical, ledger, device, millis])?
        }
        FlowKey::InteractionHandle(hash) | FlowKey::StateHandle(hash) => {
            let hash = bytes(hash);
            statement.query(params![
                org.as_str(),
                hash,
                canonical,
                ledger,
                device,
                millis
            ])?
        }
    };
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let id: String = row.get(0)?;
    let mut cells = Cells::new(row, "flows", id.as_str(), 1);
    let flow = read(&mut cells, &id)?;
    let user = users::read(row, USER_FIRST)?.map(|user| user.facts);
    let mut cells = Cells::new(row, "ledgers", id.as_str(), USER_FIRST + USER_COLUMNS);
    let ledgers = Ledgers {
        identifier: ledgers::read(&mut cells)?,
        device: ledgers::read(&mut cells)?,
        org: ledgers::read(&mut cells)?,
    };
    Ok(Some(Loaded {
        now,
        flow,
        user,
        ledgers,
    }))
}

/// Where the user's columns begin.
const USER_FIRST: usize = 3;

/// Reads `version` and `state`, which must tell of the same flow.
fn read(cells: &mut Cells<'_, '_>, id: &str) -> Result<Flow, Fault> {
    let version: i64 = cells.plain("version")?;
    let flow: Flow = cells.json("state")?;
    if flow.id.as_str() != id || i64::try_from(flow.version) != Ok(version) {
        return Err(cells.corrupt("state"));
    }
    Ok(flow)
}

pub(crate) fn insert(
    scope: &Scope<'_>,
    org: &OrgId,
    new: &NewFlow,
    request: &RequestMeta,
) -> Result<(), Fault> {
    let flow = &new.flow;
    let taken: Option<i64> = scope
        .connection
        .prepare_cached(
            "SELECT 1 FROM flows WHERE org_id = ?1 AND id = ?2
             UNION ALL SELECT 1 FROM flows WHERE org_id = ?1 AND state_handle = ?3
             UNION ALL SELECT 1 FROM flows WHERE org_id = ?1 AND interaction_handle = ?4",
        )?
        .query_row(
            params![
                org.as_str(),
                flow.id.as_str(),
                bytes(&new.state_handle),
                bytes(&new.interaction_handle)
            ],
            |row| row.get(0),
        )
        .optional()?;
    if taken.is_some() {
        return Err(Fault::CONFLICT);
    }
    scope
        .connection
        .prepare_cached(
            "INSERT INTO flows (org_id, id, version, live, subject, canonical, interaction_handle,
                                state_handle, created_at, expires_at, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            org.as_str(),
            flow.id.as_str(),
            number(flow.version)?,
            flow.is_live(),
            indexed_subject(flow),
            flow.canonical(),
            bytes(&new.interaction_handle),
            bytes(&new.state_handle),
            flow.created_at.as_millis(),
            flow.expires_at.as_millis(),
            to_json(flow)?,
        ])?;
    let entry = Entry {
        at: scope.moment.now,
        name: "app.oauth2.interact.interaction_handle",
        subject: flow.app.client_id.as_str(),
        flow: Some(&flow.id),
        outcome: Outcome::Success,
        reason: None,
    };
    audit::append(scope.connection, org, &entry, request)
}

/// Writes the flow, if nobody has written it since it was loaded, and everything that happens
/// with it.
pub(crate) fn commit(scope: &mut Scope<'_>, org: &OrgId, commit: &Commit) -> Result<(), Fault> {
    update(scope.connection, org, commit)?;
    effects::apply(scope, org, commit)
}

/// Sets the columns of `$set` besides those that no index holds, if what `$where` says is so, too.
/// `?1` to `?10` stand for the same in all of these statements.
macro_rules! update_of {
    ($set:literal, $where:literal) => {
        concat!(
            "UPDATE flows SET version = version + 1, canonical = ?7, state = ?8, ledger = ?9,
                              device_ledger = ?10",
            $set,
            " WHERE org_id = ?1 AND id = ?2 AND version = ?3",
            $where
        )
    };
}

/// SQLite writes the entry of an index anew whenever a statement sets one of its columns, to
/// whatever value, and each such page goes to the log and to the file. Few steps change when the
/// flow ends or whose it is, and only starting over changes its handle: so a statement sets the
/// columns of indexes only when they change.
fn update(connection: &Connection, org: &OrgId, commit: &Commit) -> Result<(), Fault> {
    let loaded = number(commit.flow.version)?;
    let flow = next_version(commit.flow.clone())?;
    let keys = flow.ledgers();
    let device = keys.and_then(|keys| keys.device.as_ref());
    let values: &[&dyn ToSql] = params![
        org.as_str(),
        flow.id.as_str(),
        loaded,
        flow.is_live(),
        indexed_subject(&flow),
        flow.expires_at.as_millis(),
        flow.canonical(),
        to_json(&flow)?,
        keys.map(|keys| keys.identifier.as_bytes()),
        device.map(LedgerKey::as_bytes),
    ];
    let run = |sql: &str, values: &[&dyn ToSql]| connection.prepare_cached(sql)?.execute(values);
    if let Some(handle) = &commit.new_state_handle {
        let sql = update_of!(
            ", live = ?4, subject = ?5, expires_at = ?6, state_handle = ?11",
            ""
        );
        let handle = bytes(handle);
        return exactly_one(run(sql, &[values, &[&handle]].concat())?);
    }
    let sql = update_of!("", " AND live = ?4 AND subject IS ?5 AND expires_at = ?6");
    if run(sql, values)? == 1 {
        return Ok(());
    }
    let sql = update_of!(", live = ?4, subject = ?5, expires_at = ?6", "");
    exactly_one(run(sql, values)?)
}

/// Ends every live flow of a user but one: the state says so, and the version moves on, so that
/// whoever has loaded it cannot write it any more (I-07).
///
/// The states are changed as JSON and not read as flows: what a newer release has stored must not
/// keep anybody from recovering.
pub(crate) fn end_others(
    connection: &Connection,
    org: &OrgId,
    (user, but): (&UserId, &FlowId),
) -> Result<(), Fault> {
    let mut select = connection.prepare_cached(
        "SELECT id, version, state FROM flows
         WHERE org_id = ?1 AND subject = ?2 AND live = 1 AND id <> ?3",
    )?;
    let mut rows = select.query([org.as_str(), user.as_str(), but.as_str()])?;
    let mut others = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let mut cells = Cells::new(row, "flows", id.as_str(), 1);
        let version = cells.plain::<i64>("version")?.saturating_add(1);
        let mut state: Map<String, Value> = cells.json("state")?;
        state.insert("stage".to_owned(), to_value(&Stage::Dead)?);
        state.insert("version".to_owned(), version.into());
        others.push((id, version, to_json(&state)?));
    }
    let mut update = connection.prepare_cached(
        "UPDATE flows SET version = ?3, live = 0, subject = NULL, canonical = NULL, ledger = NULL,
                          device_ledger = NULL, state = ?4
         WHERE org_id = ?1 AND id = ?2",
    )?;
    for (id, version, state) in others {
        exactly_one(update.execute(params![org.as_str(), id, version, state])?)?;
    }
    Ok(())
}

fn next_version(mut flow: Flow) -> Result<Flow, Fault> {
    flow.version = flow.version.checked_add(1).ok_or(Fault::CONFLICT)?;
    Ok(flow)
}

/// A version as its column holds it. One that does not fit is none that was ever loaded.
pub(crate) fn number(version: u64) -> Result<i64, Fault> {
    i64::try_from(version).map_err(|_| Fault::CONFLICT)
}

#[cfg(test)]
mod tests {
    use regain_engine::LedgerKeys;
    use regain_types::{KeyRing, MasterKey, SystemEntropy, TokenHash};
    use rusqlite::StatementStatus;

    use super::*;
    use crate::{connection, migrations};

    #[test]
    fn the_query_of_every_step_is_planned_once_whatever_is_bound_to_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("regain.db");
        migrations::migrate(&path).unwrap();
        let writer = connection::open_writer(&path).unwrap();
        let org = OrgId::parse("00oTest").unwrap();
        let keys = KeyRing::derive(&MasterKey::random(&mut SystemEntropy));
        for connection in [writer, connection::open_reader(&path).unwrap()] {
            for number in 0..10 {
                let key = FlowKey::StateHandle(TokenHash::of(&number.to_string()));
                let name = format!("{number}@example.com");
                let typed = (number % 2 == 0).then(|| Typed {
                    canonical: &name,
                    ledgers: LedgerKeys::derive(&keys, &org, &name, None),
                });
                let now = Timestamp::from_millis(number);
                assert!(
                    load(&connection, &org, &key, (typed, now))
                        .unwrap()
                        .is_none()
                );
            }
            let sql = load_by!("state_handle");
            let statement = connection.prepare_cached(sql).unwrap();
            assert_eq!(statement.get_status(StatementStatus::Run), 10);
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
