//! `kill -9` in the middle of commits loses nothing that was acknowledged and leaves
//! nothing half done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use futures_util::future::join_all;
use regain_engine::{Effect, Flow, FlowApp, Outgoing};
use regain_store::{Commit, FlowKey, NewFlow, RequestMeta, Store as _};
use regain_store_sqlite::SqliteStore;
use regain_types::{FlowId, OrgId, SystemClock, SystemEntropy, TokenHash, UserId, random_token};
use rusqlite::Connection;

/// What the child prints before the id of each flow whose commit was acknowledged.
const ACKNOWLEDGED: &str = "acknowledged ";
const KILLS: usize = 8;

fn org() -> OrgId {
    OrgId::parse("00oTest").unwrap()
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, Arc::new(SystemClock::new())).unwrap()
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("regain.db");
    let mut acknowledged = Vec::new();
    for kill in 0..KILLS {
        // At another place each time.
        let seen = run_and_kill(&path, 1 + kill * 23);
        assert!(seen.len() > kill * 23, "{} acknowledged", seen.len());
        acknowledged.extend(seen);
        let store = open(&path);
        for id in &acknowledged {
            let key = FlowKey::Id(FlowId::parse(id.as_str()).unwrap());
            let loaded = store.load_flow(&org(), &key, None).await.unwrap();
            assert_eq!(loaded.unwrap().flow.version, 1, "{id}");
        }
        drop(store);
        assert_whole(&path);
    }
}

/// Every commit made one message and one audit row: there are as many of each.
fn assert_whole(path: &Path) {
    let raw = Connection::open(path).unwrap();
    let (committed, messages, told): (i64, i64, i64) = raw
        .query_row(
            "SELECT (SELECT count(*) FROM flows WHERE version = 1),
                    (SELECT count(*) FROM outbox),
                    (SELECT count(*) FROM audit WHERE name = 'committed')",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!((committed, committed), (messages, told));
    let sound: String = raw
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
}

/// Runs the child until it has acknowledged `count` commits, kills it, and answers all that it
/// acknowledged.
fn run_and_kill(path: &Path, count: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = child.stdin.take().unwrap();
    writeln!(told, "{}", path.display()).unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let Ok(line) = line else { break };
        // The name of the test stands before the first one.
        if let Some((_, id)) = line.split_once(ACKNOWLEDGED)
            && id.len() == 20
        {
            seen.push(id.to_owned());
        }
        if seen.len() == count {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    seen
}

/// Commits eight flows at a time until it is killed.
#[tokio::test]
#[ignore = "runs in a process of its own, which is killed"]
async fn child() {
    let mut path = String::new();
    std::io::stdin().read_line(&mut path).unwrap();
    if path.trim().is_empty() {
        return;
    }
    let store = open(Path::new(path.trim()));
    loop {
        join_all((0..8).map(|_| commit_one(&store))).await;
    }
}

async fn commit_one(store: &SqliteStore) {
    let now = store.now().await.unwrap();
    let flow = Flow::begin(FlowApp::sample(), now, &mut SystemEntropy);
    let new = NewFlow {
        flow: flow.clone(),
        interaction_handle: TokenHash::of(&random_token(&mut SystemEntropy)),
        state_handle: TokenHash::of(&random_token(&mut SystemEntropy)),
    };
    let request = RequestMeta::default();
    store
        .insert_flow(&org(), new, request.clone())
        .await
        .unwrap();
    let id = flow.id.clone();
    let user = UserId::random(&mut SystemEntropy);
    let commit = Commit {
        flow,
        new_state_handle: None,
        effects: vec![
            Effect::Audit(regain_engine::AuditEvent {
                name: "committed",
                subject: regain_engine::AuditSubject::User(user.clone()),
                outcome: regain_engine::Outcome::Success,
                reason: None,
            }),
            Effect::Enqueue(Outgoing::PasswordChanged {
                user,
                at: now,
                app_label: "Demo app".to_owned(),
            }),
        ],
        request,
        now,
    };
    store.commit(&org(), commit).await.unwrap();
    println!("{ACKNOWLEDGED}{id}");
}
