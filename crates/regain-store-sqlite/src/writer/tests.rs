use std::future::poll_fn;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::Poll;

use futures_util::future::{BoxFuture, FutureExt as _};
use regain_store::{Store as _, StoreError};
use regain_types::{OrgId, SystemClock};

use super::{GROUP_MAX, QUEUE_MAX, Scope};
use crate::error::Fault;
use crate::{SqliteStore, TemporaryStore};

type Written<'a> = BoxFuture<'a, Result<(), StoreError>>;

fn store() -> TemporaryStore {
    SqliteStore::temporary(Arc::new(SystemClock::new())).unwrap()
}

fn org() -> OrgId {
    OrgId::parse("00oTest").unwrap()
}

fn write(
    store: &SqliteStore,
    work: impl FnOnce(&mut Scope<'_>) -> Result<(), Fault> + Send + 'static,
) -> Written<'_> {
    Box::pin(store.writer.write(work))
}

fn save<'a>(store: &'a SqliteStore, name: &str) -> Written<'a> {
    let name = name.to_owned();
    Box::pin(async move { store.save_setting(&org(), &name, "x").await })
}

/// Holds the writer until the gate opens, so that what follows waits together.
fn hold(store: &SqliteStore) -> (Sender<()>, Written<'_>) {
    let (open, gate) = channel();
    let held = write(store, move |_scope| {
        gate.recv().unwrap();
        Ok(())
    });
    (open, held)
}

fn let_go<'a>(open: Sender<()>) -> Written<'a> {
    Box::pin(async move {
        open.send(()).unwrap();
        Ok(())
    })
}

/// Asks for all of them, one after the other, and only then waits.
async fn in_order<const N: usize>(writes: [Written<'_>; N]) -> Vec<Result<(), StoreError>> {
    all_in_order(writes.into_iter().collect()).await
}

async fn all_in_order(writes: Vec<Written<'_>>) -> Vec<Result<(), StoreError>> {
    let mut asked = Vec::new();
    for mut write in writes {
        let at_once = poll_fn(|context| match write.poll_unpin(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => Poll::Ready(None),
        });
        let at_once = at_once.await;
        asked.push((at_once, write));
    }
    let mut results = Vec::new();
    for (at_once, write) in asked {
        results.push(match at_once {
            Some(result) => result,
            None => write.await,
        });
    }
    results
}

fn unavailable(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Unavailable(_)))
}

fn set_page_limit(scope: &Scope<'_>, extra: i64) -> Result<(), Fault> {
    let pages: i64 = scope
        .connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))?;
    scope
        .connection
        .pragma_update(None, "max_page_count", pages + extra)?;
    Ok(())
}

/// No kill of a process shows that a commit waits for the disk; the setting does.
#[tokio::test]
async fn the_writer_waits_for_the_disk() {
    let temporary = store();
    let settings = temporary.store.writer.write(|scope| {
        let ask = |name: &str| {
            let question = format!("SELECT * FROM pragma_{name}");
            scope
                .connection
                .query_row(&question, [], |row| row.get::<_, rusqlite::types::Value>(0))
        };
        Ok((ask("synchronous")?, ask("journal_mode")?))
    });
    let full = rusqlite::types::Value::Integer(2);
    let log = rusqlite::types::Value::Text("wal".to_owned());
    assert_eq!(settings.await.unwrap(), (full, log));
}

#[tokio::test]
async fn a_full_disk_refuses_writes_until_there_is_space() {
    let temporary = store();
    let store = &temporary.store;
    write(store, |scope| set_page_limit(scope, 3))
        .await
        .unwrap();
    let big = "x".repeat(8_000);
    let mut kept = 0;
    let refused = loop {
        assert!(kept < 10, "the limit holds");
        match store
            .save_setting(&org(), &format!("big{kept}"), &big)
            .await
        {
            Ok(()) => kept += 1,
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, StoreError::Full), "{refused}");
    let before = store.fingerprint().unwrap();
    let refused = store.save_setting(&org(), "more", &big).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert_eq!(store.fingerprint().unwrap(), before);
    assert!(store.find_setting(&org(), "more").await.unwrap().is_none());

    write(store, |scope| set_page_limit(scope, 1_000))
        .await
        .unwrap();
    store.save_setting(&org(), "more", &big).await.unwrap();
    for index in 0..kept {
        let found = store.find_setting(&org(), &format!("big{index}")).await;
        assert_eq!(found.unwrap().as_ref(), Some(&big));
    }
}

#[tokio::test]
async fn a_write_that_breaks_off_is_undone_alone() {
    let temporary = store();
    let store = &temporary.store;
    let (open, held) = hold(store);
    let broken = write(store, |scope| {
        crate::settings::save(scope, &org(), ("half", "x"))?;
        panic!("on purpose");
    });
    let results = in_order([
        held,
        save(store, "a"),
        broken,
        save(store, "b"),
        let_go(open),
    ])
    .await;
    let failed: Vec<bool> = results.iter().map(unavailable).collect();
    assert_eq!(failed, [false, false, true, false, false]);
    for (name, there) in [("a", true), ("half", false), ("b", true)] {
        let found = store.find_setting(&org(), name).await.unwrap();
        assert_eq!(found.is_some(), there, "{name}");
    }
}

#[tokio::test]
async fn a_write_alone_that_is_refused_leaves_nothing() {
    let temporary = store();
    let store = &temporary.store;
    let refused = write(store, |scope| {
        crate::settings::save(scope, &org(), ("half", "x"))?;
        Err(Fault::CONFLICT)
    });
    assert!(matches!(refused.await, Err(StoreError::Conflict)));
    assert!(store.find_setting(&org(), "half").await.unwrap().is_none());
    save(store, "half").await.unwrap();
}

#[tokio::test]
async fn a_group_that_loses_its_transaction_acknowledges_nothing() {
    let temporary = store();
    let store = &temporary.store;
    let (open, held) = hold(store);
    // What SQLite does by itself when a disk fails in the middle.
    let lost = write(store, |scope| {
        scope.connection.execute_batch("ROLLBACK")?;
        Err(Fault::CONFLICT)
    });
    let results = in_order([held, save(store, "a"), lost, save(store, "b"), let_go(open)]).await;
    let failed: Vec<bool> = results.iter().map(unavailable).collect();
    // The first was a group of its own or part of this one; the rest waited together.
    assert_eq!(failed.get(1..), Some([true, true, true, false].as_slice()));
    for name in ["a", "b"] {
        assert!(store.find_setting(&org(), name).await.unwrap().is_none());
    }
    store.save_setting(&org(), "a", "later").await.unwrap();
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let temporary = store();
    let store = &temporary.store;
    let (open, held) = hold(store);
    let mut all = vec![held];
    // The writer may have taken a group out of the queue before it was held.
    let asked = QUEUE_MAX + GROUP_MAX + 10;
    for index in 0..asked {
        all.push(save(store, &format!("s{index}")));
    }
    all.push(let_go(open));
    let results = all_in_order(all).await;
    let refused = results.iter().filter(|result| unavailable(result)).count();
    assert!(refused >= 10, "{refused} were refused");
    assert!(refused <= asked - QUEUE_MAX + 1, "{refused} were refused");
    for (index, result) in results.iter().skip(1).take(asked).enumerate() {
        let found = store.find_setting(&org(), &format!("s{index}")).await;
        assert_eq!(found.unwrap().is_some(), result.is_ok(), "s{index}");
    }
}

#[tokio::test]
async fn what_waits_together_is_committed_together() {
    let temporary = store();
    let store = &temporary.store;
    let log = temporary.directory().join("regain.db-wal");
    let before = std::fs::metadata(&log).unwrap().len();
    let (open, held) = hold(store);
    // A transaction adds each page that it changed to the log, and all of these change the same.
    let mut all: Vec<_> = (0..100).map(|_| save(store, "n")).collect();
    all.insert(0, held);
    all.push(let_go(open));
    assert!(all_in_order(all).await.iter().all(Result::is_ok));
    let grown = std::fs::metadata(&log).unwrap().len() - before;
    // One by one it would be two hundred pages of 4 KiB: the setting and the clock.
    assert!(grown < 20 * 4_096, "{grown} bytes for 100 writes");
}

#[tokio::test]
async fn a_write_whose_caller_is_gone_is_done_before_the_store_closes() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let store = SqliteStore::in_directory(directory.path(), clock.clone()).unwrap();
    let (open, held) = hold(&store);
    // Asked for once, and given up.
    assert!(held.now_or_never().is_none());
    assert!(save(&store, "a").now_or_never().is_none());
    open.send(()).unwrap();
    drop(store);
    let log = directory.path().join("regain.db-wal");
    assert!(!log.exists(), "the log is folded into the file");
    let store = SqliteStore::in_directory(directory.path(), clock).unwrap();
    assert!(store.find_setting(&org(), "a").await.unwrap().is_some());
}
