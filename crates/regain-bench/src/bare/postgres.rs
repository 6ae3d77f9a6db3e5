//! Durable commits alone, into the PostgreSQL of the measurement: one row each, over connections that
//! wait for one commit before they begin the next.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};
use tokio_postgres::{Client, NoTls};

use super::commits::ROW;
use super::count_as_f64;
use crate::clock::Stopwatch;
use crate::error::BenchError;
use crate::process::parent_of;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS regain_bench_rows (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value bytea NOT NULL)";
const INSERT: &str = "INSERT INTO regain_bench_rows (value) VALUES ($1)";

/// Commits of one row per second, over so many connections.
///
/// # Errors
/// What the database says.
pub(crate) async fn per_second(
    url: &str,
    connections: usize,
    sample: Duration,
) -> Result<f64, BenchError> {
    connect(url)
        .await?
        .batch_execute(TABLE)
        .await
        .map_err(said)?;
    let (count, over) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(false)));
    let mut writers = JoinSet::new();
    for _ in 0..connections {
        let client = connect(url).await?;
        let (count, over) = (Rc::clone(&count), Rc::clone(&over));
        writers.spawn_local(async move {
            let insert = client.prepare(INSERT).await?;
            while !over.get() {
                client.execute(&insert, &[&ROW.as_slice()]).await?;
                count.set(count.get() + 1);
            }
            Ok::<(), tokio_postgres::Error>(())
        });
    }
    let watch = Stopwatch::start();
    tokio::time::sleep(sample / 4).await;
    let (from, counted) = (watch.now(), count.get());
    tokio::time::sleep(sample).await;
    let rate = count_as_f64(count.get() - counted) / watch.since(from).as_secs_f64();
    over.set(true);
    while let Some(writer) = writers.join_next().await {
        writer
            .map_err(|error| BenchError::Failed(format!("a writer ended: {error}")))?
            .map_err(said)?;
    }
    Ok(rate)
}

/// The first process of the database server, when it runs on this machine.
///
/// # Errors
/// What the database says.
pub(crate) async fn first_process(url: &str) -> Result<Option<u32>, BenchError> {
    let row = connect(url)
        .await?
        .query_one("SELECT pg_backend_pid()", &[])
        .await
        .map_err(said)?;
    let backend: i32 = row.try_get(0).map_err(said)?;
    let parent = u32::try_from(backend).ok().and_then(parent_of);
    Ok(parent.filter(|pid| is_postgres(*pid)))
}

/// Another machine's process may have the number of one here.
fn is_postgres(pid: u32) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.starts_with("postgres")
}

async fn connect(url: &str) -> Result<Client, BenchError> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(said)?;
    // Ends with the client; what it has to say, the client's next call says too.
    spawn_local(async move { connection.await.ok() });
    Ok(client)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn said(error: tokio_postgres::Error) -> BenchError {
    BenchError::Failed(format!("PostgreSQL: {error}"))
}
