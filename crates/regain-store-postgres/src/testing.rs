//! PostgreSQL clusters for tests: one for each process, started when the first test asks, ended
//! with the process, and a fresh database for each test.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};

use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};

use crate::background;
use crate::error::told;
use crate::migrations::migrate;
use crate::options::Options;

/// The script that runs a cluster.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testing/cluster.sh");
/// The database that others are copied from.
const TEMPLATE: &str = "regain_template";

/// A PostgreSQL server on a Unix socket. It ends when this value is dropped, or with the process.
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
    child: Child,
    next: AtomicU32,
    template: OnceCell<()>,
    done: Sender<String>,
}

impl Cluster {
    /// The one that the tests of this process share.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn shared() -> Result<&'static Self, String> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start(&[]))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Starts one, with arguments for the server.
    ///
    /// # Errors
    /// Why it does not start: most often PostgreSQL is not installed.
    pub fn start(arguments: &[&str]) -> Result<Self, String> {
        Self::start_in(&std::env::temp_dir(), arguments)
    }

    /// Starts one whose data is in a directory of its own below `parent`.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn start_in(parent: &Path, arguments: &[&str]) -> Result<Self, String> {
        let mut child = Command::new(SCRIPT)
            .args(arguments)
            .env("TMPDIR", parent)
            // It ends when this end of the pipe is closed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{SCRIPT}: {error}"))?;
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out)
                .read_line(&mut line)
                .map_err(|error| error.to_string())?;
        }
        let Some(directory) = line.trim_end().strip_prefix("ready ") else {
            return Err(
                "PostgreSQL did not start; is the package postgresql installed?".to_owned(),
            );
        };
        let directory = PathBuf::from(directory);
        let done = drop_in_background(url(&directory, "postgres"));
        Ok(Self {
            directory,
            child,
            next: AtomicU32::new(0),
            template: OnceCell::new(),
            done,
        })
    }

    /// Where its socket, its data and its log are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Everything that the server has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("server.log")).unwrap_or_default()
    }

    /// An empty database.
    ///
    /// # Errors
    /// What the server says.
    pub async fn empty(&self) -> Result<TestDatabase, String> {
        self.create("template0").await
    }

    /// A database with the schema and nothing in it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn fresh(&self) -> Result<TestDatabase, String> {
        self.prepare_template("").await?;
        self.create(TEMPLATE).await
    }

    /// Makes the database that fresh ones are copied from, and runs SQL in it. Later calls change
    /// nothing.
    ///
    /// # Errors
    /// What the server says.
    pub async fn prepare_template(&self, sql: &str) -> Result<(), String> {
        let made = self.template.get_or_try_init(|| async {
            let template = url(&self.directory, TEMPLATE);
            let admin = connect(&url(&self.directory, "postgres")).await?;
            run(&admin, &format!("CREATE DATABASE {TEMPLATE}")).await?;
            let options = Options::parse(&template).map_err(|error| error.to_string())?;
            migrate(&options).await.map_err(|error| error.to_string())?;
            run(&connect(&template).await?, &format!("{sql}; ANALYZE")).await
        });
        made.await.map(|&()| ())
    }

    async fn create(&self, template: &str) -> Result<TestDatabase, String> {
        let name = format!("test_{}", self.next.fetch_add(1, Ordering::Relaxed));
        let admin = connect(&url(&self.directory, "postgres")).await?;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        run(&admin, &sql).await?;
        Ok(TestDatabase {
            url: url(&self.directory, &name),
            name,
            done: self.done.clone(),
        })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.wait());
    }
}

/// A database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    name: String,
    done: Sender<String>,
}

impl TestDatabase {
    /// Its URL, for [`Options::parse`]. Operations may take long there: the machine is busy with
    /// other tests.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its URL with another directory for the socket.
    #[must_use]
    pub fn url_at(&self, directory: &Path) -> String {
        url(directory, &self.name)
    }

    /// A connection of the test's own.
    ///
    /// # Errors
    /// What the server says.
    pub async fn connect(&self) -> Result<Client, String> {
        connect(&self.url).await
    }

    /// A hash over all rows of all tables, except how far the clock came: equal before and after
    /// means that nothing was changed.
    ///
    /// # Errors
    /// What the server says.
    pub async fn fingerprint(&self) -> Result<Vec<u8>, String> {
        let client = self.connect().await?;
        run(&client, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        let tables = "SELECT tablename::text FROM pg_tables
                      WHERE schemaname = 'public' AND tablename <> 'clock' ORDER BY tablename";
        let tables = client.query(tables, &[]).await;
        let mut whole = Sha256::new();
        for table in tables.map_err(|error| told(&error))? {
            let table: String = table.get(0);
            let sql = format!("SELECT t::text FROM {table} t");
            let rows = client.query(&sql, &[]).await;
            let rows = rows.map_err(|error| told(&error))?;
            // The order in which rows come is no part of what is stored.
            let mut rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            rows.sort_unstable();
            whole.update(format!("{table} {}\n", rows.len()));
            for row in rows {
                whole.update(format!("{} ", row.len()));
                whole.update(row);
            }
        }
        Ok(whole.finalize().to_vec())
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The cluster may be gone, and the database with it.
        drop(self.done.send(std::mem::take(&mut self.name)));
    }
}

fn url(directory: &Path, database: &str) -> String {
    let host = directory.display().to_string().replace('/', "%2F");
    format!("postgres://regain@{host}/{database}?timeout_ms=60000")
}

async fn connect(url: &str) -> Result<Client, String> {
    let (base, _) = url.split_once('?').unwrap_or((url, ""));
    let connected = tokio_postgres::connect(base, NoTls).await;
    let (client, connection) = connected.map_err(|error| told(&error))?;
    drop(background::run(async move { drop(connection.await) }));
    Ok(client)
}

async fn run(client: &Client, sql: &str) -> Result<(), String> {
    client
        .batch_execute(sql)
        .await
        .map_err(|error| told(&error))
}

/// Databases whose names are sent are dropped, one after the other.
fn drop_in_background(admin: String) -> Sender<String> {
    let (sender, names) = channel::<String>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let Ok(runtime) = runtime else { return };
        for name in names {
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            // A database that stays goes with its cluster.
            drop(runtime.block_on(async { run(&connect(&admin).await?, &sql).await }));
        }
    });
    sender
}
