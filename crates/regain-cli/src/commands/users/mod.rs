//! `regain users …`: also while `serve` runs.

mod create;
mod export;
mod factors;
mod hashes;
mod import;
mod look;
mod reading;
mod record;
mod writing;

use std::path::Path;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use regain_store::StoreError;
use regain_types::Identifier;

pub(crate) use self::hashes::hashes_with;
use crate::failure::Failure;

/// Longest first or last name, in characters.
const NAME_CHARS_MAX: usize = 50;

/// Manage users
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Create(create::Create),
    Import(import::Import),
    Export(export::Export),
    List(look::List),
    Show(look::Show),
    Status(look::Status),
    Factors(factors::Factors),
    Hashes(hashes::Hashes),
}

/// Runs it.
pub(crate) async fn run(action: Action) -> Result<ExitCode, Failure> {
    match action {
        Action::Create(create) => create.run().await,
        Action::Import(import) => import.run().await,
        Action::Export(export) => export.run().await,
        Action::List(list) => list.run().await,
        Action::Show(show) => show.run().await,
        Action::Status(status) => status.run().await,
        Action::Factors(factors) => factors.run().await,
        Action::Hashes(hashes) => hashes.run().await,
    }
}

/// How users are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Comma-separated values; the first line names the columns
    Csv,
    /// One JSON object per line
    Jsonl,
}

impl Format {
    /// What was given, else what the file's name says.
    fn choose(given: Option<Self>, file: &Path) -> Result<Self, Failure> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        given
            .or(match extension {
                Some("csv") => Some(Self::Csv),
                Some("jsonl" | "ndjson") => Some(Self::Jsonl),
                _ => None,
            })
            .ok_or_else(|| {
                Failure::unusable("say how users are written: --format csv or --format jsonl")
            })
    }
}

/// The canonical form of a login or an address that a new user may have. `what` begins the
/// sentence.
fn canonical(what: &str, typed: &str) -> Result<String, String> {
    let identifier = Identifier::parse(typed)
        .map_err(|error| format!("{what} {typed:?} cannot be used: {error}"))?;
    // Look-alikes made of several scripts are nobody's name (N-09).
    if identifier.mixes_scripts() {
        return Err(format!(
            "{what} {typed:?} cannot be used: it mixes letters of several scripts, as look-alikes of other names do"
        ));
    }
    Ok(identifier.canonical().to_owned())
}

/// The same for an address.
fn canonical_address(what: &str, typed: &str) -> Result<String, String> {
    let address = canonical(what, typed)?;
    match address.split_once('@') {
        Some((local, domain)) if !local.is_empty() && !domain.is_empty() => Ok(address),
        _ => Err(format!("{what} {typed:?} is no address")),
    }
}

/// A first or last name. `what` begins the sentence.
fn name(what: &str, text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.chars().count() > NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!(
            "{what} must be one line of at most {NAME_CHARS_MAX} characters"
        ));
    }
    Ok(text.to_owned())
}

fn unavailable(what: &str, error: &StoreError) -> Failure {
    Failure::failed(format!("{what}: {error}"))
}
