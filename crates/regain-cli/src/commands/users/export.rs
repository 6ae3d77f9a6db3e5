//! `regain users export`: all users, in the form that an import reads.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use regain_store::Store;

use super::record::Record;
use super::writing::Writer;
use super::{Format, unavailable};
use crate::commands::ConfigFile;
use crate::failure::{Failure, reason};
use crate::progress::{Progress, ProgressOption};
use crate::{config, say};

const PAGE: usize = 1_000;
const NOT_EXPORTED: &str = "the users were not exported";

/// Write all users to a file: CSV with a header, or JSON lines
///
/// The file is new and for its owner's eyes only. Earlier passwords and second factors are not in
/// it: for a whole copy there is `regain backup`.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain users export people.jsonl --with-hashes")]
pub(crate) struct Export {
    #[command(flatten)]
    file: ConfigFile,
    /// The new file; - writes to stdout
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// How users are written; unless given, what the file's name ends with
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write the hashes of passwords too: keep such a file like a password
    #[arg(long)]
    with_hashes: bool,
    #[command(flatten)]
    progress: ProgressOption,
}

impl Export {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let format = Format::choose(self.format, &self.to)?;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let all = store.count_users(org).await;
        let all = all.map_err(|error| unavailable(NOT_EXPORTED, &error))?;
        let mut progress = Progress::begin(self.progress, Some(all), "Exporting");
        let file = self.create().map_err(|error| self.failed(&error))?;
        let mut writer =
            Writer::begin(file, format, self.with_hashes).map_err(|error| self.failed(&error))?;
        let pepper = self.with_hashes.then_some(&configuration.pepper);
        let (mut after, mut written) = (None, 0);
        loop {
            let page = store.list_users(org, after.as_ref(), PAGE).await;
            let page = page.map_err(|error| unavailable(NOT_EXPORTED, &error))?;
            let Some(last) = page.last() else { break };
            after = Some(last.facts.id.clone());
            for user in &page {
                let record = Record::of(user, pepper);
                writer.write(&record).map_err(|error| self.failed(&error))?;
                written += 1;
            }
            progress.step(written, &[("exported", written)]);
        }
        let mut file = writer.end().map_err(|error| self.failed(&error))?;
        file.flush().map_err(|error| self.failed(&error))?;
        progress.end(&[("exported", written)]);
        say(&format!("{written} exported."));
        Ok(ExitCode::SUCCESS)
    }

    fn create(&self) -> io::Result<Box<dyn Write>> {
        if self.to.as_os_str() == "-" {
            return Ok(Box::new(BufWriter::new(io::stdout())));
        }
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.to)?;
        Ok(Box::new(BufWriter::new(file)))
    }

    fn failed(&self, error: &io::Error) -> Failure {
        let file = self.to.display();
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::unusable(format!("{file} exists already: choose another name"))
            }
            _ => Failure::failed(format!("{file} cannot be written: {}", reason(error))),
        }
    }
}
