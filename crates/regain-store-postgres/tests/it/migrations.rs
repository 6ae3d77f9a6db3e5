//! The schema is made once, whoever asks, and never in a database of somebody else.

use std::time::Duration;

use futures_util::future::join_all;
use regain_store_postgres::testing::{Cluster, TestDatabase};
use regain_store_postgres::{Migrated, OpenError, Options, PostgresStore, migrate};
use tokio::task::JoinSet;
use tokio::time::Instant;

async fn empty() -> (TestDatabase, Options) {
    let cluster = Cluster::shared().expect("a cluster");
    let database = cluster.empty().await.expect("a database");
    let options = Options::parse(database.url()).expect("options");
    (database, options)
}

async fn run(database: &TestDatabase, sql: &str) {
    let client = database.connect().await.unwrap();
    client.batch_execute(sql).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_that_start_at_once_one_makes_the_schema() {
    let (_database, options) = empty().await;
    let older = PostgresStore::open_current(&options).await;
    assert!(matches!(older, Err(OpenError::Older { found: 0, .. })));
    let ran = join_all((0..6).map(|_| migrate(&options))).await;
    let ran: Vec<Migrated> = ran.into_iter().map(Result::unwrap).collect();
    assert_eq!(ran.iter().filter(|ran| ran.from == 0).count(), 1);
    let last = ran[0].to;
    let again = migrate(&options).await.unwrap();
    assert_eq!((again.from, again.to), (last, last));
    PostgresStore::open_current(&options).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_another_program_are_left_alone() {
    let (database, options) = empty().await;
    run(&database, "CREATE TABLE flights (id INT)").await;
    let refused = migrate(&options).await.unwrap_err().to_string();
    assert!(refused.contains("flights"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_or_an_edited_schema_is_refused() {
    let (database, options) = empty().await;
    migrate(&options).await.unwrap();
    run(
        &database,
        "INSERT INTO schema_migrations (number, checksum) VALUES (999, '')",
    )
    .await;
    let newer = PostgresStore::open(&options).await;
    assert!(matches!(newer, Err(OpenError::Newer { found: 999, .. })));
    run(
        &database,
        "DELETE FROM schema_migrations WHERE number = 999;
         UPDATE schema_migrations SET checksum = 'other' WHERE number = 1",
    )
    .await;
    let edited = PostgresStore::open(&options).await;
    assert!(matches!(edited, Err(OpenError::Edited { number: 1, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_without_the_password() {
    let url = "postgres://regain:canary@%2Fnowhere/db";
    let options = Options::parse(url).unwrap();
    let refused = migrate(&options).await.unwrap_err().to_string();
    assert!(
        refused.contains("/nowhere") && !refused.contains("canary"),
        "{refused}"
    );
}

/// U-01: not even by hand.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_audit_log_cannot_be_changed() {
    let (database, options) = empty().await;
    migrate(&options).await.unwrap();
    let client = database.connect().await.unwrap();
    let insert = "INSERT INTO audit (org_id, at, id, name, subject, outcome, request_id)
                  VALUES ('o', 1, 'i', 'n', 's', 'SUCCESS', 'r')";
    client.batch_execute(insert).await.unwrap();
    let change = client.batch_execute("UPDATE audit SET subject = 'x'").await;
    assert!(change.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_change_that_waits_for_a_dump() {
    let (database, options) = empty().await;
    migrate(&options).await.unwrap();
    run(
        &database,
        "ALTER TABLE users DROP COLUMN enrollments, DROP COLUMN enrollments_version;
         DELETE FROM schema_migrations WHERE number = 2",
    )
    .await;
    // A dump reads every table, and takes its time.
    let dump = database.connect().await.unwrap();
    dump.batch_execute("BEGIN; SELECT count(*) FROM users")
        .await
        .unwrap();
    let mut migrating = JoinSet::new();
    migrating.spawn({
        let options = options.clone();
        async move { migrate(&options).await }
    });
    let person = database.connect().await.unwrap();
    let mut longest = Duration::ZERO;
    for _ in 0..30 {
        let asked = Instant::now();
        person
            .batch_execute("SELECT count(*) FROM users")
            .await
            .unwrap();
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // What a request waits for an answer.
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    assert!(migrating.try_join_next().is_none());
    dump.batch_execute("COMMIT").await.unwrap();
    let done = migrating.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!((done.from, done.to), (1, 2));
    PostgresStore::open_current(&options).await.unwrap();
}
