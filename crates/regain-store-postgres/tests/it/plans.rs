//! Every statement finds its rows by an index: the suite runs on a database that holds ten thousand
//! rows of somebody else in each table, and the server tells how it went about each statement.

use regain_store::conformance::{Backend, cases, run_all};
use regain_store_postgres::testing::Cluster;

use crate::backend::PostgresBackend;

/// Tables of a row or two, and what the server itself keeps.
const MAY_BE_READ_WHOLE: &[&str] = &["clock", "schema_migrations"];

const FILL: &str = "
INSERT INTO users (org_id, id, login, email, first_name, last_name, locale, time_zone, status,
                   created_at, updated_at)
    SELECT 'other', 'u' || n, 'l' || n, 'e' || n, '', '', '', '', 'ACTIVE', 0, 0
    FROM generate_series(1, 10000) n;
INSERT INTO flows (org_id, id, version, live, subject, interaction_handle, state_handle, created_at,
                   expires_at, state)
    SELECT 'other', 'f' || n, 0, n % 2 = 0, 'u' || n, sha256(('i' || n)::bytea),
           sha256(('s' || n)::bytea), 0, 1800000000000 + n, repeat('x', 500)
    FROM generate_series(1, 10000) n;
INSERT INTO interaction_codes (org_id, hash, flow_id, user_id, created_at, expires_at, consumed_at,
                               issued)
    SELECT 'other', sha256(n::text::bytea), 'f' || n, 'u' || n, 0, 1800000000000 + n,
           CASE WHEN n % 2 = 0 THEN n END, '{}' FROM generate_series(1, 10000) n;
INSERT INTO grants (org_id, id, user_id, created_at, expires_at, idle_expires_at, refresh_sequence,
                    rotated_at, revoked_at, granted)
    SELECT 'other', 'g' || n, 'u' || n, 0, 1800000000000 + n, 1800000000000 + n, 0, 0,
           CASE WHEN n % 2 = 0 THEN n END, '{}' FROM generate_series(1, 10000) n;
INSERT INTO revoked_access_tokens SELECT 'other', 'j' || n, 0, 1800000000000 + n
    FROM generate_series(1, 10000) n;
INSERT INTO clients SELECT 'other', 'c' || n, 0, '{}' FROM generate_series(1, 10000) n;
INSERT INTO signing_keys SELECT 'other', 'k' || n, 0, '' FROM generate_series(1, 10000) n;
INSERT INTO outbox SELECT 'other', 'o' || n, 0, 1800000000000 + n, n::text, 0, n % 2 = 0, '{}', '{}'
    FROM generate_series(1, 10000) n;
INSERT INTO audit (org_id, at, id, name, subject, outcome, request_id)
    SELECT 'other', n, 'a' || n, 'n', 's', 'SUCCESS', 'r' FROM generate_series(1, 10000) n;
INSERT INTO settings SELECT 'other', 's' || n, 0, '' FROM generate_series(1, 10000) n;
INSERT INTO ledgers SELECT 'other', sha256(n::text::bytea), 1, 0, 1800000000000 + n, 'u' || n, '{}'
    FROM generate_series(1, 10000) n;
INSERT INTO allowances SELECT 'other', sha256(n::text::bytea), 1800000000000 + n, 0, 1, 1
    FROM generate_series(1, 10000) n;
INSERT INTO leads SELECT 'other', 'r' || n, 0, 'n', 0 FROM generate_series(1, 10000) n;
";

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_uses_an_index() {
    let cluster = Cluster::start(&[
        "-c",
        "session_preload_libraries=auto_explain",
        "-c",
        "auto_explain.log_min_duration=0",
        "-c",
        "log_line_prefix=<%a> ",
        "-c",
        "log_min_error_statement=panic",
        "-c",
        "autovacuum=off",
    ])
    .expect("a cluster");
    cluster
        .prepare_template(FILL)
        .await
        .expect("ten thousand rows");
    let cluster = &cluster;
    let failed =
        run_all(
            || async move { Box::new(PostgresBackend::of(cluster, "").await) as Box<dyn Backend> },
        )
        .await;
    assert!(failed.is_empty(), "{failed:?}");

    let log = cluster.log();
    // What the store ran itself; the rest is of the test.
    let mut entries: Vec<String> = Vec::new();
    let mut ours = false;
    for line in log.lines() {
        if line.starts_with('<') {
            ours = line.starts_with("<regain> ") && line.contains("plan:");
            if ours {
                entries.push(String::new());
            }
        }
        if ours && let Some(entry) = entries.last_mut() {
            entry.push_str(line);
            entry.push('\n');
        }
    }
    assert!(entries.len() > cases().len() * 5, "{} plans", entries.len());
    let bad: Vec<&String> = entries
        .iter()
        .filter(|entry| {
            entry.split("Seq Scan on ").skip(1).any(|rest| {
                let table = rest.split([' ', '\n']).next().unwrap_or_default();
                !MAY_BE_READ_WHOLE.contains(&table) && !table.starts_with("pg_")
            })
        })
        .collect();
    assert!(
        bad.is_empty(),
        "{} of {}: {}",
        bad.len(),
        entries.len(),
        bad[0]
    );
}
