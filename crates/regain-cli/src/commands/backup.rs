//! `regain backup`: also while `serve` runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_server::RESTORE_SETTING;
use regain_store::{Store, StoreError};
use regain_types::{KeyRing, OrgId};

use super::ConfigFile;
use crate::backup::{Head, Record, Writer};
use crate::failure::{Failure, reason};
use crate::progress::{Progress, ProgressOption};
use crate::{config, say};

const PAGE: usize = 1_000;

/// Write users, apps, keys, settings and the audit log to one file
///
/// Also while `regain serve` runs. `regain restore` reads it into an empty database, of SQLite or
/// PostgreSQL alike. Flows, codes and sessions are not in it: whoever is in the middle of something
/// begins anew after a restore, and apps sign their people in again.
#[derive(Debug, Args)]
#[command(after_help = "\
The master key and the pepper are NOT in the backup: keep copies of master.key and pepper.key in
another place. Without the first the backup cannot be restored, without the second nobody can sign in.
Example: regain backup /backups/regain-2026-01-02.gz")]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// The new file
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Another database than the configuration's, such as `sqlite:/var/lib/regain.db`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    progress: ProgressOption,
}

/// Why a backup was not written.
enum Stopped {
    File(io::Error),
    Store(StoreError),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Writes the backup.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let configuration = config::load(&options.file.config, options.database.as_deref())?;
    let keys = KeyRing::derive(&configuration.master_key);
    let org = &configuration.settings.org;
    let store: Arc<dyn Store> = configuration.store.open_current().await?;
    if options.to.exists() {
        return Err(exists(&options.to));
    }
    let written = write(&*store, org, &keys, &options).await;
    let records = written.map_err(|stopped| {
        // Half a backup is none; a file that was there before is not ours.
        let ours = !matches!(&stopped, Stopped::File(error) if error.kind() == io::ErrorKind::AlreadyExists);
        if ours {
            let _ = fs::remove_file(&options.to);
        }
        failed(&options.to, &stopped)
    })?;
    say(&format!(
        "{records} records are in {}.",
        options.to.display()
    ));
    say(
        "The master key is NOT in it, nor is the pepper: keep copies of master.key and pepper.key in another place. Without the first the backup is worth nothing, without the second its passwords are.",
    );
    Ok(ExitCode::SUCCESS)
}

async fn write(
    store: &dyn Store,
    org: &OrgId,
    keys: &KeyRing,
    options: &Options,
) -> Result<u64, Stopped> {
    let users = store.count_users(org).await?;
    let mut progress = Progress::begin(options.progress, Some(users), "Backing up");
    let head = Head::new(org.as_str(), store.now().await?, keys);
    let mut file = Writer::create(&options.to, head)?;
    for (name, value) in store.list_settings(org).await? {
        if name != RESTORE_SETTING {
            file.write(Record::Setting { name, value })?;
        }
    }
    // Oldest first, so that a restore adds them in the order in which they were made.
    for key in store.list_signing_keys(org).await?.into_iter().rev() {
        file.write(Record::SigningKey(key.into()))?;
    }
    for client in store.list_clients(org).await? {
        file.write(Record::Client(client))?;
    }
    let (mut after, mut users) = (None, 0);
    loop {
        let page = store.list_users(org, after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.facts.id.clone());
        for user in page {
            file.write(Record::User(user.into()))?;
            users += 1;
        }
        progress.step(users, &[("users", users)]);
    }
    let (mut after, mut rows) = (None, 0);
    loop {
        let from = after
            .as_ref()
            .map(|(at, id): &(_, String)| (*at, id.as_str()));
        let page = store.page_audit(org, from, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.at, last.id.clone()));
        for row in page {
            file.write(Record::Audit(row.into()))?;
            rows += 1;
        }
        progress.step(users, &[("users", users), ("audit rows", rows)]);
    }
    let records = file.end(keys)?;
    progress.end(&[("users", users), ("audit rows", rows), ("records", records)]);
    Ok(records)
}

fn exists(file: &Path) -> Failure {
    Failure::unusable(format!(
        "{} exists already: choose another name",
        file.display()
    ))
}

fn failed(file: &Path, stopped: &Stopped) -> Failure {
    match stopped {
        Stopped::File(error) if error.kind() == io::ErrorKind::AlreadyExists => exists(file),
        Stopped::File(error) => Failure::failed(format!(
            "{} cannot be written: {}",
            file.display(),
            reason(error)
        )),
        Stopped::Store(error) => Failure::failed(format!("there is no backup: {error}")),
    }
}
