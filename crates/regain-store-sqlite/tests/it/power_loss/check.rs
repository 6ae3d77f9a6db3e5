//! Opens an image and asks whether everything that was acknowledged is there, and nothing is half.

use std::collections::BTreeMap;
use std::path::Path;

use regain_store::{FlowKey, Store as _};
use regain_types::FlowId;
use rusqlite::Connection;

use super::DATABASE;
use super::work::{HISTORY, PHC, STEPS, open, org};

/// What was acknowledged: how far each person and each flow came at least.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    people: BTreeMap<String, usize>,
    flows: BTreeMap<String, i64>,
    /// The flow that was told of last.
    last: Option<String>,
}

impl Facts {
    pub(super) fn learn(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["user", id, step] => {
                self.people.insert((*id).to_owned(), step.parse().unwrap());
            }
            ["flow", id, version] => {
                self.last = Some((*id).to_owned());
                self.flows
                    .insert((*id).to_owned(), version.parse().unwrap());
            }
            _ => panic!("a fact that says nothing: {line}"),
        }
    }
}

/// Fails the check unless both sides are equal.
macro_rules! same {
    ($what:expr, $is:expr, $should:expr) => {
        let (is, should) = ($is, $should);
        if is != should {
            return Err(format!("{}: {is:?}, not {should:?}", $what));
        }
    };
}

pub(super) fn check(directory: &Path, facts: &Facts) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    // The store mends what there is to mend, as after any power loss.
    let store = open(directory).map_err(|error| error.to_string())?;
    if let Some(last) = &facts.last {
        let key = FlowKey::Id(FlowId::parse(last.as_str()).unwrap());
        let loaded = runtime.block_on(store.load_flow(&org(), &key, None));
        let loaded = loaded.map_err(|error| format!("flow {last}: {error}"))?;
        let version = loaded.map(|loaded| loaded.flow.version);
        let version = version.map(|version| i64::try_from(version).unwrap());
        if version < facts.flows.get(last).copied() {
            return Err(format!("the store finds flow {last} at {version:?}"));
        }
    }
    let raw = Connection::open(directory.join(DATABASE)).unwrap();
    let told = whole(&raw, facts).map_err(|error| format!("a look at the rows: {error}"));
    drop(store);
    told?
}

type Look = Result<Result<(), String>, rusqlite::Error>;

fn whole(raw: &Connection, facts: &Facts) -> Look {
    let sound: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    if sound != "ok" {
        return Ok(Err(sound));
    }
    let mut select = raw.prepare("SELECT id, password_phc, password_history FROM users")?;
    let mut rows = select.query([])?;
    let mut generations = 0;
    let mut seen = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (id, phc): (String, String) = (row.get(0)?, row.get(1)?);
        let history: String = row.get(2)?;
        let generation: usize = phc.strip_prefix(PHC).unwrap_or(&phc).parse().unwrap();
        let history: Vec<serde_json::Value> = serde_json::from_str(&history).unwrap();
        if history.len() != generation.min(HISTORY as usize) {
            return Ok(Err(format!("{id}: {} earlier passwords", history.len())));
        }
        match person(raw, &id, generation)? {
            Ok(step) => seen.insert(id, generation * STEPS + step),
            Err(fault) => return Ok(Err(format!("{id}: {fault}"))),
        };
        generations += generation;
    }
    for (id, acknowledged) in &facts.people {
        let stored = seen.get(id);
        if stored < Some(acknowledged) {
            let told = format!("{id} is at {stored:?}, acknowledged {acknowledged}");
            return Ok(Err(told));
        }
    }
    let mut select = raw.prepare("SELECT id, version FROM flows")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    let stored: BTreeMap<String, i64> = rows.collect::<Result<_, _>>()?;
    for (id, acknowledged) in &facts.flows {
        let version = stored.get(id);
        if version < Some(acknowledged) {
            let told = format!("flow {id} is at {version:?}, acknowledged {acknowledged}");
            return Ok(Err(told));
        }
    }
    flows(raw, i64::try_from(generations).unwrap())
}

/// Holds the rows of a person against those that belong to the generation of the password; answers
/// how far that generation came.
fn person(
    raw: &Connection,
    id: &str,
    generation: usize,
) -> Result<Result<usize, String>, rusqlite::Error> {
    let count = |sql: &str| -> Result<usize, rusqlite::Error> {
        let many: i64 = raw.query_row(sql, [id], |row| row.get(0))?;
        Ok(usize::try_from(many).unwrap())
    };
    let codes = count("SELECT count(*) FROM interaction_codes WHERE user_id = ?1")?;
    let used = count(
        "SELECT count(*) FROM interaction_codes WHERE user_id = ?1 AND consumed_at IS NOT NULL",
    )?;
    let grants = count(
        "SELECT count(*) FROM grants g JOIN interaction_codes c ON c.grant_id = g.id
         WHERE g.user_id = ?1 AND c.consumed_at IS NOT NULL
               AND json_extract(c.issued, '$.nonce') = json_extract(g.granted, '$.nonce')",
    )?;
    let all_grants = count("SELECT count(*) FROM grants WHERE user_id = ?1")?;
    let told = count(
        "SELECT count(*) FROM audit
         WHERE subject = ?1 AND name = 'app.oauth2.token.grant.access_token'",
    )?;
    let resets = count("SELECT count(*) FROM audit WHERE subject = ?1 AND name = 'reset'")?;
    let mails = count("SELECT count(*) FROM outbox WHERE instr(outgoing, ?1) > 0")?;
    let live = count("SELECT count(*) FROM grants WHERE user_id = ?1 AND revoked_at IS NULL")?;
    let rotated =
        count("SELECT coalesce(sum(refresh_sequence), 0) FROM grants WHERE user_id = ?1")?;
    let signed_out = count(
        "SELECT count(*) FROM audit WHERE subject = ?1 AND name = 'app.oauth2.token.revoke'",
    )?;
    let look = || {
        same!("codes", codes, generation);
        same!("resets in the audit log", resets, generation);
        same!("mails", mails, generation);
        same!("grants of used codes", grants, used);
        same!("grants", all_grants, used);
        same!("grants in the audit log", told, used);
        if generation == 0 {
            same!("used codes", used, 0);
            return Ok(0);
        }
        // Everything before the last generation is over.
        let before = generation - 1;
        let now = used.checked_sub(before).ok_or("a code is unused again")?;
        let refreshed = rotated.checked_sub(before).ok_or("a refresh is undone")?;
        let out = signed_out
            .checked_sub(before / 2)
            .ok_or("a sign-out is undone")?;
        same!("live grants", live, now - out.min(now));
        match (now, refreshed, out) {
            (0, 0, 0) => Ok(0),
            (1, 0, 0) => Ok(1),
            (1, 1, 0) => Ok(2),
            (1, 1, 1) if generation.is_multiple_of(2) => Ok(3),
            other => Err(format!("{other:?} in generation {generation}")),
        }
    };
    Ok(look())
}

fn flows(raw: &Connection, generations: i64) -> Look {
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0));
    let all = count("SELECT count(*) FROM flows")?;
    let begun =
        count("SELECT count(*) FROM audit WHERE name = 'app.oauth2.interact.interaction_handle'")?;
    let answered = count("SELECT count(*) FROM flows WHERE version >= 1")?;
    let wrong = count("SELECT count(*) FROM audit WHERE name = 'wrong'")?;
    let done = count("SELECT count(*) FROM flows WHERE version = 2")?;
    let look = || {
        same!("flows in the audit log", begun, all);
        same!("wrong answers in the audit log", wrong, answered);
        same!("finished flows", done, generations);
        Ok(())
    };
    Ok(look())
}
