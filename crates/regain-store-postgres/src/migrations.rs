//! The schema's history: numbered SQL files, each run once, in order, never changed afterwards.

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

use crate::connecting::{Connector, Link};
use crate::error::{OpenError, told};
use crate::options::Options;

/// Every migration: its number and its statements. Add at the end; never edit (style guide §10).
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        number: 1,
        sql: include_str!("../migrations/0001_first.sql"),
    },
    Migration {
        number: 2,
        sql: include_str!("../migrations/0002_enrollments.sql"),
    },
];

/// The oldest server that has what the schema uses (`gen_random_uuid`), as it counts itself.
const VERSION_MIN: i32 = 130_000;
/// Who migrates holds this lock until the end of the transaction: `Rgan` and a number.
const LOCK: i64 = 0x5267_616E_0001;

/// How long everybody may have to wait for a change of a table, in milliseconds: well within what a
/// request waits for an answer.
const LOCK_WAIT_MS: u32 = 200;
/// How long they are let through after that, and how often that is done: half an hour in all.
const LOCK_PAUSE: Duration = Duration::from_secs(2);
const LOCK_TRIES: u32 = 600;

/// One step of the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    pub(crate) number: i32,
    pub(crate) sql: &'static str,
}

impl Migration {
    fn checksum(&self) -> Vec<u8> {
        Sha256::digest(self.sql.as_bytes()).to_vec()
    }
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The highest migration before; 0 for a new database.
    pub from: u32,
    /// The highest migration now.
    pub to: u32,
}

/// Brings the database to the schema of this program. Running it again does nothing, and of
/// several that run it at once one does it.
///
/// # Errors
/// [`OpenError`] says in one line why not: a server that does not answer, a newer release, a
/// migration that was edited, somebody else's tables.
pub async fn migrate(options: &Options) -> Result<Migrated, OpenError> {
    run(options, MIGRATIONS).await
}

/// Runs what is missing, in one transaction.
///
/// A change of a table waits for whoever reads it, a dump for one, and everybody who comes then waits
/// behind it: people could not sign in meanwhile. So it waits for a moment only, lets them through,
/// and tries again.
pub(crate) async fn run(options: &Options, known: &[Migration]) -> Result<Migrated, OpenError> {
    let link = connect(options).await?;
    let client = &link.client;
    require_version(options, client).await?;
    let mut tries = LOCK_TRIES;
    loop {
        match run_once(options, client, known).await {
            Err(Broken::Locked(_)) if tries > 1 => {
                if tries == LOCK_TRIES {
                    tracing::warn!(
                        "a table is in use, by a dump perhaps: the migration tries again until it is not"
                    );
                }
                tries -= 1;
            }
            Err(Broken::Locked(error) | Broken::Otherwise(error)) => return Err(error),
            Ok(migrated) => return Ok(migrated),
        }
        let rolled_back = client.batch_execute("ROLLBACK").await;
        rolled_back.map_err(|error| other(options, &error))?;
        tokio::time::sleep(LOCK_PAUSE).await;
    }
}

/// Why the migrations did not run.
enum Broken {
    /// Somebody uses a table that changes.
    Locked(OpenError),
    Otherwise(OpenError),
}

impl From<OpenError> for Broken {
    fn from(error: OpenError) -> Self {
        Self::Otherwise(error)
    }
}

async fn run_once(
    options: &Options,
    client: &Client,
    known: &[Migration],
) -> Result<Migrated, Broken> {
    let wrap = |error: tokio_postgres::Error| {
        let is_locked = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
        let error = other(options, &error);
        if is_locked {
            Broken::Locked(error)
        } else {
            Broken::Otherwise(error)
        }
    };
    let begin = format!(
        "BEGIN; SELECT pg_advisory_xact_lock({LOCK}); SET LOCAL lock_timeout = '{LOCK_WAIT_MS}ms'"
    );
    client.batch_execute(&begin).await.map_err(wrap)?;
    let from = if let Some(rows) = history(options, client).await? {
        compare(options, &rows, known)?
    } else {
        require_empty(options, client).await?;
        client
            .batch_execute(
                "CREATE TABLE schema_migrations (
                         number INTEGER NOT NULL PRIMARY KEY,
                         checksum BYTEA NOT NULL,
                         applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
                     )",
            )
            .await
            .map_err(wrap)?;
        0
    };
    for migration in known.iter().filter(|migration| migration.number > from) {
        client.batch_execute(migration.sql).await.map_err(wrap)?;
        let insert = "INSERT INTO schema_migrations (number, checksum) VALUES ($1, $2)";
        let values: [(&(dyn ToSql + Sync), Type); 2] = [
            (&migration.number, Type::INT4),
            (&migration.checksum(), Type::BYTEA),
        ];
        client.execute_typed(insert, &values).await.map_err(wrap)?;
    }
    client.batch_execute("COMMIT").await.map_err(wrap)?;
    Ok(Migrated {
        from: from.unsigned_abs(),
        to: highest(known).unsigned_abs(),
    })
}

/// Refuses a database that does not have exactly the schema of this program.
pub(crate) async fn require_current(
    options: &Options,
    known: &[Migration],
) -> Result<(), OpenError> {
    let link = connect(options).await?;
    require_version(options, &link.client).await?;
    let found = if let Some(rows) = history(options, &link.client).await? {
        compare(options, &rows, known)?
    } else {
        require_empty(options, &link.client).await?;
        0
    };
    let known = highest(known);
    if found < known {
        return Err(OpenError::Older {
            database: options.to_string(),
            found: found.unsigned_abs(),
            known: known.unsigned_abs(),
        });
    }
    Ok(())
}

async fn connect(options: &Options) -> Result<Link, OpenError> {
    let connector = Connector::new(options.clone(), options.tls()?);
    connector
        .connect()
        .await
        .map_err(|reason| OpenError::Unreachable {
            database: options.to_string(),
            reason,
        })
}

async fn require_version(options: &Options, client: &Client) -> Result<(), OpenError> {
    let sql =
        "SELECT current_setting('server_version_num')::int, current_setting('server_version')";
    let rows = client.query_typed(sql, &[]).await;
    let rows = rows.map_err(|error| other(options, &error))?;
    let (number, name): (i32, String) = match rows.first() {
        Some(row) => (row.get(0), row.get(1)),
        None => (0, String::new()),
    };
    if number < VERSION_MIN {
        return Err(OpenError::TooOld {
            database: options.to_string(),
            found: name,
        });
    }
    Ok(())
}

/// What has run, in order; `None` where nothing ever did.
async fn history(
    options: &Options,
    client: &Client,
) -> Result<Option<Vec<(i32, Vec<u8>)>>, OpenError> {
    let wrap = |error: tokio_postgres::Error| other(options, &error);
    let sql = "SELECT 1 FROM pg_tables
               WHERE schemaname = current_schema() AND tablename = 'schema_migrations'";
    if client.query_typed(sql, &[]).await.map_err(wrap)?.is_empty() {
        return Ok(None);
    }
    let sql = "SELECT number, checksum FROM schema_migrations ORDER BY number";
    let rows = client.query_typed(sql, &[]).await.map_err(wrap)?;
    Ok(Some(
        rows.iter().map(|row| (row.get(0), row.get(1))).collect(),
    ))
}

/// Refuses to put tables beside those of another program.
async fn require_empty(options: &Options, client: &Client) -> Result<(), OpenError> {
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()
               ORDER BY tablename LIMIT 1";
    let rows = client.query_typed(sql, &[]).await;
    let rows = rows.map_err(|error| other(options, &error))?;
    match rows.first() {
        Some(row) => Err(OpenError::Foreign {
            database: options.to_string(),
            table: row.get(0),
        }),
        None => Ok(()),
    }
}

/// Compares what has run with what is known, and says how far the database is.
fn compare(
    options: &Options,
    ran: &[(i32, Vec<u8>)],
    known: &[Migration],
) -> Result<i32, OpenError> {
    let database = options.to_string();
    let edited = ran.iter().find(|(number, checksum)| {
        known
            .iter()
            .any(|migration| migration.number == *number && migration.checksum() != *checksum)
    });
    if let Some((number, _)) = edited {
        return Err(OpenError::Edited {
            database,
            number: number.unsigned_abs(),
        });
    }
    let found = ran.last().map_or(0, |(number, _)| *number);
    let known = highest(known);
    if found > known {
        return Err(OpenError::Newer {
            database,
            found: found.unsigned_abs(),
            known: known.unsigned_abs(),
        });
    }
    Ok(found)
}

fn highest(known: &[Migration]) -> i32 {
    known.last().map_or(0, |migration| migration.number)
}

fn other(options: &Options, error: &tokio_postgres::Error) -> OpenError {
    OpenError::Other {
        database: options.to_string(),
        reason: told(error),
    }
}
