//! Flows: one row each, guarded by its version.

use regain_engine::{Flow, LedgerKey, Ledgers, Outcome, Stage};
use regain_store::{Commit, FlowKey, Loaded, NewFlow, RequestMeta, Typed, indexed_subject};
use regain_types::{OrgId, UserId};
use serde_json::{Map, Value};

use crate::attempts::{Repeat, Work, mark};
use crate::audit::audit_id;
use crate::clock::moment;
use crate::core::Core;
use crate::error::Fault;
use crate::param::{Call, Param, values};
use crate::row::{Cells, to_json};
use crate::users::{USER_COLUMNS, user_columns};
use crate::{effects, ledgers, users};

/// A flow with the user and the ledgers that $5 to $7, else its own columns, name: one statement,
/// so all are of the same moment.
macro_rules! load_by {
    ($column:literal) => {
        concat!(
            moment!(),
            " SELECT m.wall, m.now, m.db, f.id, f.version, f.ended, f.state, ",
            user_columns!(),
            ", n.version, n.state, d.version, d.state, o.version, o.state
              FROM moment m
              JOIN flows f ON f.org_id = $1 AND f.",
            $column,
            " = $4
              LEFT JOIN users u ON u.org_id = $1 AND u.login = coalesce($5, f.canonical)
              LEFT JOIN ledgers n ON n.org_id = $1
                  AND n.key = CASE WHEN $5 IS NULL THEN f.ledger ELSE $6 END
                  AND n.expires_at > m.now
              LEFT JOIN ledgers d ON d.org_id = $1
                  AND d.key = CASE WHEN $5 IS NULL THEN f.device_ledger ELSE $7 END
                  AND d.expires_at > m.now
              LEFT JOIN ledgers o ON o.org_id = $1 AND o.key = $8 AND o.expires_at > m.now"
        )
    };
}

/// Where the user's columns begin.
const USER_FIRST: usize = 7;

pub(crate) async fn load(
    core: &Core,
    org: &OrgId,
    key: &FlowKey,
    typed: Option<Typed<'_>>,
) -> Result<Option<Loaded>, Fault> {
    let (sql, value): (_, Param) = match key {
        FlowKey::Id(id) => (load_by!("id"), id.as_str().into()),
        FlowKey::InteractionHandle(hash) => (load_by!("interaction_handle"), hash.into()),
        FlowKey::StateHandle(hash) => (load_by!("state_handle"), hash.into()),
    };
    let ledger = typed.map(|typed| typed.ledgers.identifier);
    let device = typed.and_then(|typed| typed.ledgers.device);
    let rest = vec![
        value,
        typed.map(|typed| typed.canonical).into(),
        ledger.as_ref().into(),
        device.as_ref().into(),
        (&LedgerKey::ORG).into(),
    ];
    let rows = core
        .database
        .query(core.timed(sql, org.as_str(), rest))
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let now = core.time_of(row)?;
    let mut cells = Cells::new(row, "flows", "", 3);
    let id: String = cells.plain("id")?;
    let mut cells = Cells::new(row, "flows", id.as_str(), 4);
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

/// Reads `version`, `ended` and `state`, which must tell of the same flow.
fn read(cells: &mut Cells<'_>, id: &str) -> Result<Flow, Fault> {
    let version: i64 = cells.plain("version")?;
    let ended: bool = cells.plain("ended")?;
    let flow: Flow = if ended {
        // Whoever ended it has not read it: it may stand at a stage that only a newer release
        // knows.
        let mut state: Map<String, Value> = cells.json("state")?;
        let dead = serde_json::to_value(Stage::Dead).map_err(|error| Fault::unwritable(&error))?;
        state.insert("stage".to_owned(), dead);
        state.insert("version".to_owned(), version.into());
        serde_json::from_value(Value::Object(state)).map_err(|_| cells.corrupt("state"))?
    } else {
        cells.json("state")?
    };
    if flow.id.as_str() != id || i64::try_from(flow.version) != Ok(version) {
        return Err(cells.corrupt("state"));
    }
    Ok(flow)
}

pub(crate) async fn insert(
    core: &Core,
    org: &OrgId,
    new: &NewFlow,
    request: &RequestMeta,
) -> Result<(), Fault> {
    let flow = &new.flow;
    let sql = concat!(
        moment!(),
        ", added AS (
             INSERT INTO flows (org_id, id, version, live, subject, canonical, interaction_handle,
                                state_handle, created_at, expires_at, state)
             VALUES ($1, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             RETURNING id)
         INSERT INTO audit (org_id, at, id, name, subject, flow_id, outcome, request_id, address,
                            user_agent)
         SELECT $1, m.now, ",
        audit_id!("1"),
        ", 'app.oauth2.interact.interaction_handle', $14, added.id, $15, $16, $17, $18
         FROM moment m CROSS JOIN added"
    );
    let rest = values![
        flow.id.as_str(),
        number(flow.version)?,
        flow.is_live(),
        indexed_subject(flow),
        flow.canonical(),
        &new.interaction_handle,
        &new.state_handle,
        flow.created_at,
        flow.expires_at,
        to_json(flow)?,
        flow.app.client_id.as_str(),
        Outcome::Success.as_str(),
        request.request_id.as_str(),
        request.address.as_deref(),
        request.user_agent.as_deref(),
    ];
    let added = core
        .database
        .query(core.timed(sql, org.as_str(), rest))
        .await;
    match added {
        Err(fault) if fault.may_be_our_own() => {
            // Handles are random: whoever has stored these was the attempt whose answer was lost.
            let sql = "SELECT 1 FROM flows WHERE org_id = $1 AND id = $2 AND state_handle = $3
                           AND interaction_handle = $4";
            let params = values![
                org.as_str(),
                flow.id.as_str(),
                &new.state_handle,
                &new.interaction_handle
            ];
            let found = core.database.query(Call::new(sql, params)).await?;
            if found.is_empty() { Err(fault) } else { Ok(()) }
        }
        other => other.map(drop),
    }
}

/// Writes the flow, if nobody has written it since it was loaded, and everything that happens
/// with it.
pub(crate) async fn commit(core: &Core, org: &OrgId, commit: &Commit) -> Result<(), Fault> {
    let mark = mark();
    let calls = effects::calls(org, commit, update(org, commit, mark)?)?;
    match core
        .database
        .run(&Work::Together(calls), Repeat::Safe)
        .await
    {
        Err(fault) if fault.may_be_our_own() => {
            let sql = "SELECT 1 FROM flows
                       WHERE org_id = $1 AND id = $2 AND commits @> ARRAY[$3]";
            let params = values![org.as_str(), commit.flow.id.as_str(), mark];
            let found = core.database.query(Call::new(sql, params)).await?;
            if found.is_empty() { Err(fault) } else { Ok(()) }
        }
        other => other.map(drop),
    }
}

fn update(org: &OrgId, commit: &Commit, mark: i64) -> Result<Call, Fault> {
    let flow = next_version(commit.flow.clone())?;
    let ledgers = flow.ledgers();
    Ok(Call::new(
        "WITH changed AS (
             UPDATE flows SET version = $4, live = $5, ended = false, subject = $6, canonical = $7,
                              expires_at = $8, state = $9,
                              state_handle = coalesce($10, state_handle),
                              ledger = $11, device_ledger = $12,
                              commits = ($13 || commits)[1:4]
             WHERE org_id = $1 AND id = $2 AND version = $3
             RETURNING 1)
         SELECT (count(*) = 1)::must_hold FROM changed",
        values![
            org.as_str(),
            flow.id.as_str(),
            number(commit.flow.version)?,
            number(flow.version)?,
            flow.is_live(),
            indexed_subject(&flow),
            flow.canonical(),
            flow.expires_at,
            to_json(&flow)?,
            commit.new_state_handle.as_ref(),
            ledgers.map(|keys| &keys.identifier),
            ledgers.and_then(|keys| keys.device.as_ref()),
            mark,
        ],
    ))
}

/// Ends every live flow of a user but one: a column says so, and the version moves on, so that
/// whoever has loaded it cannot write it any more (I-07).
pub(crate) fn end_others(org: &OrgId, user: &UserId, but: &Flow) -> Call {
    Call::new(
        "UPDATE flows SET version = version + 1, live = false, ended = true, subject = NULL,
                          canonical = NULL, ledger = NULL, device_ledger = NULL
         WHERE org_id = $1 AND subject = $2 AND live AND id <> $3",
        values![org.as_str(), user.as_str(), but.id.as_str()],
    )
}

fn next_version(mut flow: Flow) -> Result<Flow, Fault> {
    flow.version = flow.version.checked_add(1).ok_or(Fault::CONFLICT)?;
    Ok(flow)
}

/// A version as its column holds it. One that does not fit is none that was ever loaded.
pub(crate) fn number(version: u64) -> Result<i64, Fault> {
    i64::try_from(version).map_err(|_| Fault::CONFLICT)
}
