//! `regain bench`: what this engine does on this machine, and what the machine can do at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};
use regain_bench::{Bench, BenchError, Flow, Plan, Report, add_people, serve_echo, table};

use crate::failure::{Failure, reason};
use crate::{config, print, say};

/// Directory of the measurement, inside the one that `--data` names.
const DIRECTORY_PREFIX: &str = "regain-bench-";

/// Measure the engine on this machine, beside what the machine can do at all
///
/// Starts engines of its own, in production mode, on a new database, with a mail relay in this
/// process. Password hashes cost the least that is allowed. Nothing else should run meanwhile:
/// samples in which something else used more than 15 % of the cores are marked.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: regain bench --json bench.json
Takes about six minutes. A look around: regain bench --repetitions 1 --seconds 2")]
pub(crate) struct Options {
    /// What clients do
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Doing::Recover, Doing::SignIn, Doing::Light])]
    flows: Vec<Doing>,
    /// How many do it at once; one row each
    #[arg(long, value_delimiter = ',', value_name = "NUMBER", default_values_t = [1, 8, 64])]
    clients: Vec<usize>,
    /// Besides, let so many clients per second arrive, whether or not those before them are done
    #[arg(long, value_name = "PER_SECOND")]
    rate: Option<f64>,
    /// Instead of everything else, let clients arrive at half to ten times what the engine can do
    #[arg(long, conflicts_with = "rate")]
    overload: bool,
    /// A database that is there already and empty, such as postgres://…; otherwise a SQLite file
    #[arg(long, value_name = "URL")]
    store: Option<String>,
    /// Engines on that database
    #[arg(long, default_value_t = 1)]
    nodes: usize,
    /// Users that are there before the first request
    #[arg(long, default_value_t = 10_000)]
    users: u64,
    /// Length of one sample
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// Samples of each row; the median counts
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
    /// Where scratch files go, and so which disk is measured; the directory for temporary files
    /// unless given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write everything that was measured to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Serve as the bare HTTP server that the engine is measured beside
    #[arg(long, hide = true)]
    serve_echo: bool,
}

/// What clients do over and over.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Doing {
    /// Recover a password with a code by mail, to the tokens
    Recover,
    /// Sign in with a password, to the tokens
    SignIn,
    /// Every step of a recovery that hashes nothing
    Light,
}

/// Measures, prints the table, and writes the file.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    if options.serve_echo {
        serve_echo().await.map_err(|error| failed(&error))?;
        return Ok(ExitCode::SUCCESS);
    }
    let parent = options.data.clone().unwrap_or_else(std::env::temp_dir);
    let directory = tempfile::Builder::new()
        .prefix(DIRECTORY_PREFIX)
        .tempdir_in(&parent)
        .map_err(|error| cannot_write(&parent, &error))?;
    let json = options.json.clone();
    let plan = options.plan(&directory.path().join("deployment"))?;
    let report = measure(plan).await?;
    print(&table(&report));
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::failed(format!("the report: {error}")))?;
        fs::write(&path, text + "\n").map_err(|error| cannot_write(&path, &error))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(plan: Plan) -> Result<Report, Failure> {
    let users = plan.users;
    let bench = Bench::prepare(plan).map_err(|error| failed(&error))?;
    say(&format!("adding {users} users"));
    let configuration = config::load(&bench.config(), None)?;
    {
        let store = configuration.store.open().await?;
        let added = add_people(&*store, &configuration.settings.org, users).await;
        added.map_err(|error| failed(&error))?;
    }
    // The generator has a thread of its own, with its own small runtime.
    tokio::task::spawn_blocking(move || bench.run(&say))
        .await
        .map_err(|error| Failure::failed(format!("the generator ended: {error}")))?
        .map_err(|error| failed(&error))
}

impl Options {
    fn plan(&self, directory: &Path) -> Result<Plan, Failure> {
        let program = std::env::current_exe().map_err(|error| {
            Failure::failed(format!("where this program is: {}", reason(&error)))
        })?;
        let sample = Duration::try_from_secs_f64(self.seconds)
            .map_err(|_| Failure::unusable("--seconds must be a positive number"))?;
        if self.nodes > 1 && self.store.is_none() {
            return Err(Failure::unusable(
                "--nodes needs a database that several engines can use: name one with --store",
            ));
        }
        Ok(Plan {
            program,
            command: std::env::args()
                .skip(1)
                .fold("regain".to_owned(), |all, word| all + " " + &word),
            directory: directory.to_path_buf(),
            store: self.store.clone(),
            nodes: self.nodes,
            users: self.users,
            flows: self.flows.iter().map(|doing| doing.flow()).collect(),
            clients: self.clients.clone(),
            rate: self.rate,
            overload: self.overload,
            sample,
            repetitions: self.repetitions,
        })
    }
}

impl Doing {
    const fn flow(self) -> Flow {
        match self {
            Self::Light => Flow::Light,
            Self::Recover => Flow::Recover,
            Self::SignIn => Flow::SignIn,
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!(
        "{} cannot be written: {}",
        path.display(),
        reason(error)
    ))
}

fn failed(error: &BenchError) -> Failure {
    Failure::failed(format!("nothing was measured: {error}"))
}
