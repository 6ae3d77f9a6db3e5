use std::path::Path;

use rusqlite::Connection;

use super::{MIGRATIONS, Migrated, Migration, require_current, run};
use crate::error::OpenError;

const FIRST: Migration = Migration {
    number: 1,
    sql: "CREATE TABLE one (a INTEGER); INSERT INTO one VALUES (1);",
};
const SECOND: Migration = Migration {
    number: 2,
    sql: "ALTER TABLE one ADD COLUMN b INTEGER; UPDATE one SET b = a + 1;",
};
const BROKEN: Migration = Migration {
    number: 3,
    sql: "CREATE TABLE two (a INTEGER); INSERT INTO nowhere VALUES (1);",
};

fn path() -> &'static Path {
    Path::new("test.db")
}

fn tables(connection: &Connection) -> i64 {
    connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table'",
            [],
            |row| row.get(0),
        )
        .unwrap()
}

#[test]
fn each_migration_runs_once_and_in_order() {
    let mut connection = Connection::open_in_memory().unwrap();
    let first = run(path(), &mut connection, &[FIRST]).unwrap();
    assert_eq!(first, Migrated { from: 0, to: 1 });
    let second = run(path(), &mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!(second, Migrated { from: 1, to: 2 });
    let again = run(path(), &mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!(again, Migrated { from: 2, to: 2 });
    let rows: (i64, i64) = connection
        .query_row("SELECT count(*), sum(b) FROM one", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(rows, (1, 2));
}

#[test]
fn a_migration_that_fails_leaves_the_schema_of_before() {
    let mut connection = Connection::open_in_memory().unwrap();
    run(path(), &mut connection, &[FIRST]).unwrap();
    let before = tables(&connection);
    let refused = run(path(), &mut connection, &[FIRST, SECOND, BROKEN]).unwrap_err();
    assert!(matches!(refused, OpenError::Other { .. }), "{refused}");
    assert_eq!(tables(&connection), before);
    let then = run(path(), &mut connection, &[FIRST, SECOND]).unwrap();
    assert_eq!(then, Migrated { from: 1, to: 2 });
}

#[test]
fn an_edited_migration_and_a_newer_release_are_refused() {
    let mut connection = Connection::open_in_memory().unwrap();
    run(path(), &mut connection, &[FIRST, SECOND]).unwrap();
    let edited = Migration {
        sql: "CREATE TABLE one (a TEXT);",
        ..FIRST
    };
    let refused = run(path(), &mut connection, &[edited, SECOND]).unwrap_err();
    assert!(
        matches!(refused, OpenError::Edited { number: 1, .. }),
        "{refused}"
    );
    let refused = run(path(), &mut connection, &[FIRST]).unwrap_err();
    let newer = matches!(
        refused,
        OpenError::Newer {
            found: 2,
            known: 1,
            ..
        }
    );
    assert!(newer, "{refused}");
}

#[test]
fn a_schema_is_current_or_says_what_is_missing() {
    let mut connection = Connection::open_in_memory().unwrap();
    for (ran, found) in [(&[][..], 0), (&[FIRST], 1)] {
        run(path(), &mut connection, ran).unwrap();
        let refused = require_current(path(), &connection, &[FIRST, SECOND]).unwrap_err();
        let OpenError::Older {
            found: told,
            known: 2,
            ..
        } = refused
        else {
            panic!("{refused}");
        };
        assert_eq!(told, found);
    }
    run(path(), &mut connection, &[FIRST, SECOND]).unwrap();
    require_current(path(), &connection, &[FIRST, SECOND]).unwrap();
}

#[test]
fn the_numbers_are_without_gaps() {
    for (index, migration) in MIGRATIONS.iter().enumerate() {
        assert_eq!(usize::try_from(migration.number), Ok(index + 1));
    }
}
