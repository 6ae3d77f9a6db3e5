//! `regain keys …`: keys that change now and then. The pepper of password hashes is the first kind.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use regain_server::{
    ListedPepper, PepperError, PepperProblem, Standing, begin_pepper, compare_pepper,
    listed_peppers, save_pepper,
};
use regain_store::{Store, StoreError};
use regain_types::{OrgId, Pepper, PepperKey, PepperVersion};

use super::ConfigFile;
use super::users::hashes_with;
use crate::config::{self, Configuration};
use crate::failure::Failure;
use crate::pepper_file::{PepperPlace, add_version, read_pepper};
use crate::say;

/// Change keys
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Rotate(Rotate),
    Use(Use),
    Abandon(Abandon),
}

/// A kind of key.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// What goes into every password hash and is not in the database
    Pepper,
}

/// Add a new version of a key to its file
///
/// Older versions stay: they are needed until nobody's hash has them. Nothing uses the new one yet.
/// With SQLite the next start of `regain serve` takes it into use. With PostgreSQL copy the file to
/// every node, restart each of them, and then run `regain keys use`.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain keys rotate pepper")]
pub(crate) struct Rotate {
    #[command(flatten)]
    file: ConfigFile,
    /// Which kind of key
    #[arg(value_enum)]
    kind: Kind,
}

/// Take the newest version of a key into use, on all nodes
///
/// First every node must have it: a node that lacks a version that is in use checks no password any
/// more, and does not start. Running nodes follow within five seconds. Each hash changes when its
/// owner signs in.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain keys use pepper")]
pub(crate) struct Use {
    #[command(flatten)]
    file: ConfigFile,
    /// Which kind of key
    #[arg(value_enum)]
    kind: Kind,
}

/// Give up a version of a key that is lost for good
///
/// Passwords that were hashed with it match nothing from then on: their owners set new ones with
/// "Forgot password?". Only when no copy of the file is left; `regain serve` does not start otherwise.
/// That a version is not here does not say that it is nowhere: other nodes may hash with it.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain keys abandon pepper --version 1 --hashes 250")]
pub(crate) struct Abandon {
    #[command(flatten)]
    file: ConfigFile,
    /// Which kind of key
    #[arg(value_enum)]
    kind: Kind,
    /// The version that is lost
    #[arg(long, value_name = "NUMBER")]
    version: PepperVersion,
    /// How many password hashes have it; without, the command says so and does nothing
    #[arg(long, value_name = "NUMBER")]
    hashes: Option<u64>,
}

/// Runs it.
pub(crate) async fn run(action: Action) -> Result<ExitCode, Failure> {
    match action {
        Action::Rotate(Rotate { file, kind }) => match kind {
            Kind::Pepper => rotate(&file).await?,
        },
        Action::Use(Use { file, kind }) => match kind {
            Kind::Pepper => take_into_use(&file).await?,
        },
        Action::Abandon(Abandon {
            file,
            kind,
            version,
            hashes,
        }) => match kind {
            Kind::Pepper => abandon(&file, version, hashes).await?,
        },
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(file: &ConfigFile) -> Result<(), Failure> {
    let configuration = config::load_for_keys(&file.config)?;
    let place = &configuration.pepper_place;
    let PepperPlace::File { path, .. } = place else {
        return Err(Failure::unusable(format!(
            "the pepper is in {place}: add a version to it there, a line with the next number and 43 random characters of base64url"
        )));
    };
    let here = match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Pepper::default(),
        _ => read_pepper(path).map_err(|said| Failure::unusable(format!("{place} {said}")))?,
    };
    let (_, listed) = open(&configuration).await?;
    compare_pepper(&here, &listed).map_err(|problem| refused(place, problem))?;
    let known = listed.iter().map(|row| row.version);
    let last = known
        .chain(here.keys().iter().map(PepperKey::version))
        .max();
    let next = match last {
        None => PepperVersion::FIRST,
        Some(last) => last
            .next()
            .ok_or_else(|| Failure::failed("there are no more numbers for versions"))?,
    };
    add_version(path, next)?;
    say(&format!(
        "Version {next} of the pepper is in {place}: keep a copy of the file apart from the backups. {}",
        if configuration.store.is_one_node() {
            "The next start of `regain serve` takes it into use."
        } else {
            "Nothing uses it yet: copy the file to every node, restart each of them, then run `regain keys use pepper`."
        }
    ));
    Ok(())
}

async fn take_into_use(file: &ConfigFile) -> Result<(), Failure> {
    let configuration = config::load(&file.config, None)?;
    let (store, _) = open(&configuration).await?;
    let Some(current) = begin(&configuration, &*store, true).await? else {
        return Err(Failure::unusable(format!(
            "there is no pepper in {}: `regain keys rotate pepper` makes one",
            configuration.pepper_place
        )));
    };
    say(&format!(
        "New password hashes have version {} of the pepper now, on all nodes; older ones change when their owners sign in.",
        current.version()
    ));
    Ok(())
}

async fn abandon(
    file: &ConfigFile,
    version: PepperVersion,
    said: Option<u64>,
) -> Result<(), Failure> {
    let configuration = config::load_for_keys(&file.config)?;
    let (store, listed) = open(&configuration).await?;
    let org = &configuration.settings.org;
    let needed: Vec<ListedPepper> = listed
        .into_iter()
        .filter(|row| row.version == version && row.standing == Standing::InUse)
        .collect();
    if needed.is_empty() {
        return Err(Failure::unusable(format!(
            "no password in this database needs version {version} of the pepper"
        )));
    }
    // Each on its own: two keys with one number are two rows, and one of them may be here.
    let is_here = |row: &ListedPepper| {
        compare_pepper(&configuration.pepper, std::slice::from_ref(row)).is_ok()
    };
    let lost: Vec<&ListedPepper> = needed.iter().filter(|row| !is_here(row)).collect();
    if lost.is_empty() {
        return Err(Failure::unusable(format!(
            "version {version} of the pepper is not lost: it is in {}",
            configuration.pepper_place
        )));
    }
    let hashes = hashes_with(&*store, org, version).await?;
    if said.unwrap_or_default() != hashes {
        return Err(Failure::unusable(format!(
            "{hashes} password hashes have version {version} of the pepper, and would match nothing: if no node and no copy has it, say so with `--hashes {hashes}`"
        )));
    }
    for row in lost {
        let saved = save_pepper(&*store, org, row, Standing::Lost).await;
        saved.map_err(|error| unavailable(&error))?;
    }
    say(&format!(
        "Passwords that were hashed with version {version} of the pepper match nothing now: their owners set new ones with \"Forgot password?\". `regain keys rotate pepper` makes a new version."
    ));
    Ok(())
}

async fn open(
    configuration: &Configuration,
) -> Result<(Arc<dyn Store>, Vec<ListedPepper>), Failure> {
    let store = configuration.store.open_current().await?;
    let listed = listed(&*store, &configuration.settings.org).await?;
    Ok((store, listed))
}

/// The versions that the database knows.
///
/// # Errors
/// A [`Failure`] when it does not answer.
pub(crate) async fn listed(store: &dyn Store, org: &OrgId) -> Result<Vec<ListedPepper>, Failure> {
    let listed = listed_peppers(store, org).await;
    listed.map_err(|error| unavailable(&error))
}

/// The pepper of new hashes, when the configuration has every version that old ones need. The first
/// command on a database without users takes the newest into use; `at_once` does so on any other.
///
/// # Errors
/// A [`Failure`] that names the file and the version.
pub(crate) async fn begin(
    configuration: &Configuration,
    store: &dyn Store,
    at_once: bool,
) -> Result<Option<PepperKey>, Failure> {
    let org = &configuration.settings.org;
    let begun = begin_pepper(store, org, &configuration.pepper, at_once).await;
    begun.map_err(|error| match error {
        PepperError::Problem(problem) => refused(&configuration.pepper_place, problem),
        PepperError::Store(error) => unavailable(&error),
    })
}

/// What is said of a pepper that is not the one of the database.
pub(crate) fn refused(place: &PepperPlace, problem: PepperProblem) -> Failure {
    Failure::unusable(format!(
        "{place}: {problem}; put the right one in place (if it is lost for good: `regain keys abandon --help`)"
    ))
}

fn unavailable(error: &StoreError) -> Failure {
    Failure::failed(format!(
        "the database does not say which pepper is in use: {error}"
    ))
}
