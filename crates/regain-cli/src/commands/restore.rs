//! `regain restore`: a backup into an empty database.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_oauth::SigningKey;
use regain_server::{RESTORE_SETTING, compare_pepper, listed_peppers};
use regain_store::{AuditRow, SealedKey, Store, StoreError, UserRow};
use regain_types::{KeyRing, MasterKey, OrgId};

use super::{ConfigFile, keys};
use crate::backup::{Head, Reader, Record};
use crate::failure::Failure;
use crate::progress::{Progress, ProgressOption};
use crate::{config, say};

/// Rows in one transaction.
const BATCH_ROWS: usize = 500;

/// Read a backup into an empty database
///
/// The whole file is checked before anything is written. When it breaks off on the way, run it
/// again: the server does not start on half a restore. Codes, flows and sessions from before the
/// backup are dead afterwards; passwords and keys are good.
#[derive(Debug, Args)]
#[command(after_help = "\
The master key must be the one of the deployment that was backed up, and so must the pepper: put its
master.key and pepper.key in place first. Stop `regain serve` before.
Example: regain restore /backups/regain-2026-01-02.gz --database sqlite:/var/lib/regain.db")]
pub(crate) struct Options {
    #[command(flatten)]
    file: ConfigFile,
    /// The backup
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// Another database than the configuration's, such as `sqlite:/var/lib/regain.db`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    progress: ProgressOption,
}

/// What a backup holds.
#[derive(Default)]
struct Counts {
    records: u64,
    users: u64,
    audit: u64,
}

/// Restores.
pub(crate) async fn run(options: Options) -> Result<ExitCode, Failure> {
    let configuration = config::load(&options.file.config, options.database.as_deref())?;
    let keys = KeyRing::derive(&configuration.master_key);
    let org = configuration.settings.org.clone();
    let own_org = org.clone();
    let name = options.from.display().to_string();
    let refused = |said: String| Failure::unusable(format!("{name} {said}"));
    let (head, counts) = check(&options, &keys, &configuration.master_key).map_err(refused)?;
    if head.org != org.as_str() {
        return Err(refused(format!("is of another org ({})", head.org)));
    }
    let store: Arc<dyn Store> = configuration.store.open().await?;
    let restored = Arc::clone(&store);
    // Which backup it is: a restore that broke off goes on with the same one only.
    let mark = format!("unfinished, of the backup begun at {}", head.begun_at);
    ensure_empty(&*store, &org, &mark).await?;
    let restore = Restore {
        store,
        org,
        keys,
        mark,
        users: Vec::new(),
        audit: Vec::new(),
        signing_keys: Vec::new(),
    };
    let progress = Progress::begin(options.progress, Some(counts.records), "Restoring");
    restore
        .run(&options, progress)
        .await
        .map_err(|said| Failure::failed(format!("the restore broke off; run it again: {said}")))?;
    say(&format!(
        "{} users and {} audit rows are back, with all apps, keys and settings, as of {}. Everybody signs in anew.",
        counts.users, counts.audit, head.begun_at
    ));
    let listed = keys::listed(&*restored, &own_org).await?;
    if let Err(problem) = compare_pepper(&configuration.pepper, &listed) {
        let refused = keys::refused(&configuration.pepper_place, problem);
        say(&format!("`regain serve` will not start yet: {refused}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads all of it, and writes nothing.
fn check(options: &Options, keys: &KeyRing, master: &MasterKey) -> Result<(Head, Counts), String> {
    let mut reader = Reader::open(&options.from, keys)?;
    let mut counts = Counts::default();
    while let Some(record) = reader.next(keys)? {
        counts.records += 1;
        match record {
            Record::User(_) => counts.users += 1,
            Record::Audit(_) => counts.audit += 1,
            Record::SigningKey(key) => {
                let key = SealedKey::from(key);
                SigningKey::open(master, &key.kid, &key.sealed)
                    .map_err(|error| format!("holds a signing key that does not open: {error}"))?;
            }
            Record::Client(_) | Record::Setting { .. } => {}
        }
    }
    Ok((reader.head().clone(), counts))
}

/// A restore never mixes with what is there.
async fn ensure_empty(store: &dyn Store, org: &OrgId, mark: &str) -> Result<(), Failure> {
    let unknown = |error: StoreError| Failure::failed(format!("nothing was restored: {error}"));
    let found = store.find_setting(org, RESTORE_SETTING).await;
    match found.map_err(unknown)?.as_deref() {
        Some(unfinished) if unfinished == mark => return Ok(()),
        Some("") | None => {}
        Some(_) => {
            return Err(Failure::unusable(
                "a restore of another backup broke off in this database: restore that one again, or take a new database",
            ));
        }
    }
    let empty = store.count_users(org).await.map_err(unknown)? == 0
        && store
            .list_signing_keys(org)
            .await
            .map_err(unknown)?
            .is_empty()
        && store.list_clients(org).await.map_err(unknown)?.is_empty()
        && listed_peppers(store, org)
            .await
            .map_err(unknown)?
            .is_empty()
        && store.list_audit(org, 1).await.map_err(unknown)?.is_empty();
    if empty {
        return Ok(());
    }
    Err(Failure::unusable(
        "the database is not empty: a backup is restored into a new one (--database URL names another)",
    ))
}

struct Restore {
    store: Arc<dyn Store>,
    org: OrgId,
    keys: KeyRing,
    mark: String,
    users: Vec<UserRow>,
    audit: Vec<AuditRow>,
    signing_keys: Vec<SealedKey>,
}

impl Restore {
    /// Writes all of it. What is there already from a restore that broke off is left out.
    async fn run(mut self, options: &Options, mut progress: Progress) -> Result<(), String> {
        let mut reader = Reader::open(&options.from, &self.keys)?;
        self.mark_as(&self.mark).await?;
        let mut done = 0;
        while let Some(record) = reader.next(&self.keys)? {
            self.take(record).await?;
            done += 1;
            progress.step(done, &[("records", done)]);
        }
        self.flush().await?;
        // The keys are last: a server that starts on half a restore would find none.
        let there = self
            .store
            .list_signing_keys(&self.org)
            .await
            .map_err(said)?;
        let missing = self.signing_keys.iter().enumerate().skip(there.len());
        for (place, key) in missing {
            let added = self
                .store
                .add_signing_key(&self.org, key.clone(), place)
                .await;
            added.map_err(said)?;
        }
        self.mark_as("").await?;
        progress.end(&[("records", done)]);
        Ok(())
    }

    async fn take(&mut self, record: Record) -> Result<(), String> {
        match record {
            Record::User(user) => self.users.push(user.into()),
            Record::Audit(row) => self.audit.push(row.into()),
            Record::SigningKey(key) => self.signing_keys.push(key.into()),
            Record::Client(client) => {
                let saved = self.store.save_client(&self.org, client).await;
                saved.map_err(said)?;
            }
            Record::Setting { name, value } => {
                let saved = self.store.save_setting(&self.org, &name, &value).await;
                saved.map_err(said)?;
            }
        }
        if self.users.len() + self.audit.len() >= BATCH_ROWS {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), String> {
        if !self.users.is_empty() {
            let users = std::mem::take(&mut self.users);
            self.store.add_users(&self.org, users).await.map_err(said)?;
        }
        if !self.audit.is_empty() {
            let rows = std::mem::take(&mut self.audit);
            self.store.add_audit(&self.org, rows).await.map_err(said)?;
        }
        Ok(())
    }

    async fn mark_as(&self, mark: &str) -> Result<(), String> {
        let saved = self
            .store
            .save_setting(&self.org, RESTORE_SETTING, mark)
            .await;
        saved.map_err(said)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn said(error: StoreError) -> String {
    error.to_string()
}
