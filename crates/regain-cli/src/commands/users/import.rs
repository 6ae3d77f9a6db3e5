//! `regain users import`: from CSV or JSON lines, in batches, without hashing anything.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_server::{HashKind, Standing, compare_pepper};
use regain_store::{Added, Store, UserRow};
use regain_types::{OrgId, Timestamp};
use tokio::sync::mpsc;

use super::hashes::ensure_listed;
use super::reading::{Meter, Reader};
use super::record::pepper_mark;
use super::{Format, unavailable};
use crate::commands::{ConfigFile, keys};
use crate::config::{self, Configuration};
use crate::failure::{Exit, Failure, one_line, reason};
use crate::progress::{Progress, ProgressOption};
use crate::say;

/// Users in one transaction: few enough that a server beside it does not wait long for its turn.
const BATCH_USERS: usize = 500;
/// Batches that are read ahead.
const BATCHES_AHEAD: usize = 4;
/// Lines that are told about one by one.
const PROBLEMS_TOLD_MAX: u64 = 100;
const NOT_IMPORTED: &str =
    "the import stopped; run it again: users that are there already are left out";

/// Create users from a file: CSV with a header, or JSON lines
///
/// Existing users are left as they are, so that an import that broke off can be run again. Lines
/// that cannot be used are named on stderr, and the others are imported; the exit code is 1 then.
#[derive(Debug, Args)]
#[command(after_help = "\
Columns or members: login and/or email, first_name, last_name, locale, time_zone, status,
password_hash, and those that an export writes: id, created_at, updated_at, password_nfc,
password_set_at, password_pepper. Addresses count as verified. Hashes: bcrypt, argon2, PBKDF2, scrypt; passwords
as plain text are refused. docs/users.md has the details.
Example: regain users import people.csv --dry-run")]
pub(crate) struct Import {
    #[command(flatten)]
    file: ConfigFile,
    /// The file; - reads stdin
    #[arg(value_name = "FILE")]
    from: PathBuf,
    /// How users are written; unless given, what the file's name ends with
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Check every line, and whether the login is there already; write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    progress: ProgressOption,
}

/// What was read at once.
#[derive(Default)]
struct Batch {
    users: Vec<(u64, UserRow)>,
    /// Kinds of hashes that were not in an earlier batch.
    kinds: Vec<HashKind>,
    problems: Vec<(u64, String)>,
    /// Nothing can be read after this batch, and why.
    broken: Option<String>,
}

/// What became of the users so far.
#[derive(Default)]
struct Counts {
    created: u64,
    there: u64,
    refused: u64,
}

impl Import {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = configuration.settings.org.clone();
        let format = Format::choose(self.format, &self.from)?;
        let (file, bytes) = self.open()?;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let now = store
            .now()
            .await
            .map_err(|error| unavailable(NOT_IMPORTED, &error))?;
        let peppers = self.peppers(&configuration, &*store).await?;
        let meter = Meter::default();
        let reader = Reader::open(file, format, &meter)
            .map_err(|said| Failure::unusable(format!("{}: {said}", self.from.display())))?;
        let (batches, received) = mpsc::channel(BATCHES_AHEAD);
        let reading = tokio::task::spawn_blocking(move || read(reader, (now, &peppers), &batches));
        let work = Work {
            store,
            org,
            dry_run: self.dry_run,
            counts: Counts::default(),
        };
        let progress = Progress::begin(self.progress, bytes, "Importing");
        let counts = work.run(received, progress, &meter).await?;
        reading
            .await
            .map_err(|error| Failure::failed(format!("{NOT_IMPORTED}: {error}")))?;
        Ok(counts.told(self.dry_run))
    }

    /// The marks of the peppers that hashes in the file may have. A dry run takes none into use.
    async fn peppers(
        &self,
        configuration: &Configuration,
        store: &dyn Store,
    ) -> Result<Vec<String>, Failure> {
        if !self.dry_run {
            keys::begin(configuration, store, false).await?;
        }
        let listed = keys::listed(store, &configuration.settings.org).await?;
        compare_pepper(&configuration.pepper, &listed)
            .map_err(|problem| keys::refused(&configuration.pepper_place, problem))?;
        let in_use = listed.iter().filter(|row| row.standing == Standing::InUse);
        let keys = in_use.filter_map(|row| configuration.pepper.find(row.version));
        Ok(keys.map(pepper_mark).collect())
    }

    fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), Failure> {
        if self.from.as_os_str() == "-" {
            return Ok((Box::new(io::stdin()), None));
        }
        let opened = File::open(&self.from).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| {
            let why = reason(&error);
            Failure::unusable(format!("{} cannot be read: {why}", self.from.display()))
        })?;
        let bytes = metadata.is_file().then_some(metadata.len());
        Ok((Box::new(file), bytes))
    }
}

/// Reads and checks, on a thread of its own, while the store writes.
fn read(mut reader: Reader, known_here: (Timestamp, &[String]), batches: &mpsc::Sender<Batch>) {
    let mut known: Vec<HashKind> = Vec::new();
    let mut batch = Batch::default();
    loop {
        let line = reader.next();
        let ends = !matches!(line, Ok(Some(_)));
        match line {
            Ok(Some((line, record))) => match record.and_then(|record| record.check(known_here)) {
                Ok((user, kind)) => {
                    if let Some(kind) = kind.filter(|kind| !known.contains(kind)) {
                        known.push(kind);
                        batch.kinds.push(kind);
                    }
                    batch.users.push((line, user));
                }
                Err(said) => batch.problems.push((line, said)),
            },
            Ok(None) => {}
            Err(said) => batch.broken = Some(said),
        }
        let full = batch.users.len() + batch.problems.len() >= BATCH_USERS;
        let due = full || ends;
        // Nobody receives any more when the import has stopped.
        let stopped = due && batches.blocking_send(std::mem::take(&mut batch)).is_err();
        if stopped || ends {
            return;
        }
    }
}

/// Writes what is read.
struct Work {
    store: Arc<dyn Store>,
    org: OrgId,
    dry_run: bool,
    counts: Counts,
}

impl Work {
    async fn run(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
        mut progress: Progress,
        meter: &Meter,
    ) -> Result<Counts, Failure> {
        while let Some(batch) = batches.recv().await {
            for (line, said) in &batch.problems {
                self.counts.refuse(*line, said);
            }
            if self.dry_run {
                self.look(batch.users).await?;
            } else {
                ensure_listed(&*self.store, &self.org, &batch.kinds).await?;
                self.add(batch.users).await?;
            }
            progress.step(meter.bytes(), &self.counts.named());
            if let Some(said) = batch.broken {
                progress.end(&self.counts.named());
                self.counts.told(self.dry_run);
                return Err(Failure::failed(format!("{NOT_IMPORTED}: {said}")));
            }
        }
        progress.end(&self.counts.named());
        Ok(self.counts)
    }

    async fn add(&mut self, users: Vec<(u64, UserRow)>) -> Result<(), Failure> {
        if users.is_empty() {
            return Ok(());
        }
        let (lines, rows): (Vec<u64>, Vec<UserRow>) = users.into_iter().unzip();
        let added = self.store.add_users(&self.org, rows).await;
        let added = added.map_err(|error| unavailable(NOT_IMPORTED, &error))?;
        for (line, added) in lines.into_iter().zip(added) {
            match added {
                Added::Created => self.counts.created += 1,
                Added::Taken(what @ "the address") => {
                    let said = format!(
                        "{what} is another user's: give each user an address of their own, or leave email empty"
                    );
                    self.counts.refuse(line, &said);
                }
                Added::Taken(_) => self.counts.there += 1,
            }
        }
        Ok(())
    }

    /// What an import would do, as far as the database says.
    async fn look(&mut self, users: Vec<(u64, UserRow)>) -> Result<(), Failure> {
        for (_, user) in users {
            let found = self.store.find_user(&self.org, &user.facts.login).await;
            match found.map_err(|error| unavailable("the dry run stopped", &error))? {
                Some(_) => self.counts.there += 1,
                None => self.counts.created += 1,
            }
        }
        Ok(())
    }
}

impl Counts {
    fn named(&self) -> [(&'static str, u64); 3] {
        [
            ("created", self.created),
            ("there already", self.there),
            ("refused", self.refused),
        ]
    }

    /// Tells of a line, unless too many were told of.
    fn refuse(&mut self, line: u64, said: &str) {
        self.refused += 1;
        if self.refused <= PROBLEMS_TOLD_MAX {
            say(&one_line(&format!("line {line}: {said}")));
        }
    }

    /// Says what became of all.
    fn told(&self, dry_run: bool) -> ExitCode {
        if self.refused > PROBLEMS_TOLD_MAX {
            say(&format!(
                "… and {} more lines",
                self.refused - PROBLEMS_TOLD_MAX
            ));
        }
        let (created, there, refused) = (self.created, self.there, self.refused);
        say(&if dry_run {
            format!(
                "Nothing was written. {created} would be created, {there} are there already, {refused} cannot be used."
            )
        } else {
            format!("{created} created, {there} there already, {refused} refused.")
        });
        if refused == 0 {
            ExitCode::SUCCESS
        } else {
            Exit::Failed.into()
        }
    }
}
