//! A database opens, or says in one line why not.

use std::path::Path;
use std::sync::{Arc, Barrier};

use regain_store::{Store as _, StoreError};
use regain_store_sqlite::{Migrated, OpenError, SqliteStore, migrate};
use regain_types::{OrgId, SystemClock};
use rusqlite::Connection;
use tempfile::TempDir;

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, Arc::new(SystemClock::new()))
}

fn refused(path: &Path) -> OpenError {
    let refused = open(path).unwrap_err();
    let line = refused.to_string();
    assert!(!line.contains('\n'), "{line}");
    assert!(line.contains(path.to_str().unwrap()), "{line}");
    refused
}

fn org() -> OrgId {
    OrgId::parse("00oTest").unwrap()
}

#[test]
fn migrating_again_does_nothing() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    let first = migrate(&path).unwrap();
    assert_eq!(first.from, 0);
    assert!(first.to >= 1);
    let again = Migrated {
        from: first.to,
        to: first.to,
    };
    assert_eq!(migrate(&path).unwrap(), again);
}

#[test]
#[cfg(unix)]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = directory();
    let path = directory.path().join("regain.db");
    let _store = open(&path).unwrap();
    for name in ["regain.db", "regain.db-wal", "regain.db-shm"] {
        let metadata = std::fs::metadata(directory.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_directory_that_is_missing_is_made_and_one_that_cannot_be_is_named() {
    let directory = directory();
    let clock = Arc::new(SystemClock::new());
    let deep = directory.path().join("a/b");
    drop(SqliteStore::in_directory(&deep, clock.clone()).unwrap());
    let under_a_file = deep.join("regain.db/c");
    let error = SqliteStore::in_directory(&under_a_file, clock).unwrap_err();
    assert!(matches!(error, OpenError::Unwritable { .. }), "{error}");
    let error = refused(&directory.path().join("none/regain.db"));
    assert!(matches!(error, OpenError::Unwritable { .. }), "{error}");
}

#[test]
fn what_is_no_database_is_refused() {
    let directory = directory();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "not a database ".repeat(100)).unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let directory = directory();
    let path = directory.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE users (id)").unwrap();
    drop(other);
    let error = refused(&path);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    let other = Connection::open(&path).unwrap();
    let tables: i64 = other
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_newer_release_and_an_edited_migration_are_refused() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    drop(open(&path).unwrap());
    let raw = Connection::open(&path).unwrap();
    raw.execute(
        "INSERT INTO schema_migrations (number, checksum) VALUES (999, zeroblob(32))",
        [],
    )
    .unwrap();
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::Newer { found: 999, .. }),
        "{error}"
    );
    raw.execute_batch(
        "DELETE FROM schema_migrations WHERE number = 999;
         UPDATE schema_migrations SET checksum = zeroblob(32) WHERE number = 1;",
    )
    .unwrap();
    let error = refused(&path);
    assert!(
        matches!(error, OpenError::Edited { number: 1, .. }),
        "{error}"
    );
}

#[test]
fn a_locked_database_is_refused() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    drop(open(&path).unwrap());
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let error = refused(&path);
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    drop(other);
    open(&path).unwrap();
}

#[test]
fn a_database_that_must_be_there_is_not_made_or_migrated() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    let current = || SqliteStore::open_current(&path, Arc::new(SystemClock::new()));
    assert!(matches!(current(), Err(OpenError::Missing { .. })));
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    let older = current().unwrap_err();
    assert!(
        matches!(older, OpenError::Older { found: 0, .. }),
        "{older}"
    );
    migrate(&path).unwrap();
    current().unwrap();
}

#[test]
fn programs_that_start_at_once_on_no_file_all_start() {
    for _round in 0..10 {
        let directory = directory();
        let path = directory.path().join("regain.db");
        let start = Barrier::new(6);
        std::thread::scope(|scope| {
            let starting: Vec<_> = (0..6)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        open(&path).map(drop)
                    })
                })
                .collect();
            for started in starting {
                started.join().unwrap().unwrap();
            }
        });
    }
}

#[tokio::test]
async fn two_programs_may_work_on_one_file() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    let (serve, admin) = (open(&path).unwrap(), open(&path).unwrap());
    for index in 0..20 {
        let name = format!("s{index}");
        let (one, other) = if index % 2 == 0 {
            (&serve, &admin)
        } else {
            (&admin, &serve)
        };
        one.save_setting(&org(), &name, "x").await.unwrap();
        let seen = other.find_setting(&org(), &name).await.unwrap();
        assert_eq!(seen.as_deref(), Some("x"));
    }
    // One moves the clock on: the other follows with its next write.
    admin.advance_clock(3_600).await.unwrap();
    serve.check().await.unwrap();
    let apart = admin.now().await.unwrap().as_millis() - serve.now().await.unwrap().as_millis();
    assert!(apart.abs() < 1_800_000, "{apart} ms");
}

#[tokio::test]
async fn a_file_that_somebody_holds_is_unavailable_and_then_works_again() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    let store = open(&path).unwrap();
    store.save_setting(&org(), "a", "1").await.unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.save_setting(&org(), "a", "2").await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    assert!(store.check().await.is_err());
    // Readers do not wait.
    let seen = store.find_setting(&org(), "a").await.unwrap();
    assert_eq!(seen.as_deref(), Some("1"));
    other.execute_batch("ROLLBACK").unwrap();
    store.save_setting(&org(), "a", "3").await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_made_while_it_runs_is_whole() {
    let directory = directory();
    let path = directory.path().join("regain.db");
    let copy = directory.path().join("copy.db");
    let store = open(&path).unwrap();
    for index in 0..10 {
        let name = format!("s{index}");
        store.save_setting(&org(), &name, "x").await.unwrap();
    }
    let other = Connection::open(&path).unwrap();
    other
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    let restored = open(&copy).unwrap();
    assert_eq!(
        restored.fingerprint().unwrap(),
        store.fingerprint().unwrap()
    );
}
