//! What the operator decided: defaults, then `regain.toml`, then `REGAIN__SECTION__KEY`, then the
//! command line. One file per section; unknown keys are errors; every problem is told at once.

pub(crate) mod app;
mod check;
mod clients;
mod email_authenticator;
mod enrollment;
mod environment;
mod hash;
mod keys;
mod limits;
mod mail;
mod org;
mod password;
mod problem;
mod reading;
mod recovery;
mod server;
mod show;
mod sign_in;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;

use regain_types::Secret;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, reason};
use environment::Environment;
use problem::{Problem, Problems};
use reading::Sources;

pub(crate) use check::Configuration;
pub(crate) use clients::{check_link_uri, check_uri};
pub(crate) use server::{socket_address, tls_error};
pub(crate) use show::show;
pub(crate) use sign_in::second_factor;

/// `regain.toml` as it is written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegainToml {
    server: server::Server,
    store: store::Store,
    keys: keys::Keys,
    mail: mail::Mail,
    org: org::Org,
    password: password::Password,
    sign_in: sign_in::SignIn,
    enrollment: enrollment::Enrollment,
    recovery: recovery::Recovery,
    email_authenticator: email_authenticator::EmailAuthenticator,
    limits: limits::Limits,
    hash: hash::Hash,
    clients: Vec<clients::Client>,
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Debug)]
pub(crate) struct Broken(Vec<Problem>);

impl Broken {
    /// One line per problem.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.iter().map(Problem::to_string).collect()
    }
}

impl From<Broken> for Failure {
    /// One line for the first problem; `regain config check` shows the others.
    fn from(broken: Broken) -> Self {
        let lines = broken.lines();
        let first = lines.first().cloned().unwrap_or_default();
        Self::unusable(match lines.len() {
            0 | 1 => first,
            2 => format!("{first} (and another problem: `regain config check` shows all)"),
            count => {
                format!(
                    "{first} (and {} more problems: `regain config check` shows all)",
                    count - 1
                )
            }
        })
    }
}

/// The merged sources of the engine's configuration. `database` overrides `store.url`.
///
/// # Errors
/// [`Broken`] when the file cannot be read or is no TOML.
pub(crate) fn sources(file: &Path, database: Option<&str>) -> Result<Sources, Broken> {
    sources_with(file, database, std::env::vars())
}

fn sources_with(
    file: &Path,
    database: Option<&str>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Sources, Broken> {
    let options: Vec<_> = database
        .map(|url| ("store.url", url.to_owned()))
        .into_iter()
        .collect();
    let environment = Environment::of_engine(variables);
    Sources::merge(RegainToml::default(), Some(file), environment, &options)
        .map_err(|problem| Broken(vec![problem]))
}

/// Reads and checks the engine's configuration.
///
/// # Errors
/// [`Broken`] with every problem.
pub(crate) fn load(file: &Path, database: Option<&str>) -> Result<Configuration, Broken> {
    load_with(file, database, std::env::vars())
}

/// Reads and checks the engine's configuration, for whoever manages the pepper: what is wrong with
/// that alone is no problem, and then it is empty.
///
/// # Errors
/// [`Broken`] with every other problem.
pub(crate) fn load_for_keys(file: &Path) -> Result<Configuration, Broken> {
    load_except(file, None, std::env::vars(), &hash::PEPPER_KEYS)
}

fn load_with(
    file: &Path,
    database: Option<&str>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Configuration, Broken> {
    load_except(file, database, variables, &[])
}

fn load_except(
    file: &Path,
    database: Option<&str>,
    variables: impl IntoIterator<Item = (String, String)>,
    but: &[&str],
) -> Result<Configuration, Broken> {
    let sources = sources_with(file, database, variables)?;
    let (read, found) = sources.read::<RegainToml>();
    let origin = |key: &str| sources.origin(key);
    let mut problems = Problems::new(found, &origin);
    let checked = read.and_then(|raw| check::check(&raw, &sources.directory(), &mut problems));
    let mut found = problems.into_found();
    found.retain(|problem| !but.contains(&problem.key.as_str()));
    match checked {
        Some(configuration) if found.is_empty() => Ok(configuration),
        _ => Err(Broken(found)),
    }
}

/// A secret that is given as text or as the name of a file (`…_file`), without the line break at
/// the file's end. `key` is the key of the text.
fn secret_text(
    key: &str,
    given: (Option<&Secret<String>>, Option<&str>),
    directory: &Path,
    problems: &mut Problems<'_>,
) -> Option<Secret<String>> {
    let (text, file) = given;
    match (text, file) {
        (Some(_), Some(_)) => {
            problems.add(
                key,
                format!("stands beside {}: give one of them", file_key(key)),
            );
            None
        }
        (Some(text), None) => Some(text.clone()),
        (None, Some(file)) => {
            let path = directory.join(file);
            match std::fs::read_to_string(&path).map(Secret::new) {
                Ok(text) if !text.expose().trim_end_matches(['\r', '\n']).is_empty() => Some(
                    Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned()),
                ),
                Ok(_) => {
                    problems.add(&file_key(key), format!("{} is empty", path.display()));
                    None
                }
                Err(error) => {
                    let message = format!("{} cannot be read: {}", path.display(), reason(&error));
                    problems.add(&file_key(key), message);
                    None
                }
            }
        }
        (None, None) => None,
    }
}

fn file_key(key: &str) -> String {
    format!("{key}_file")
}
