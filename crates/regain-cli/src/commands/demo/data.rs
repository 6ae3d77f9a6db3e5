//! The directory of a demo. Data of a real deployment is never touched.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regain_mail::DevMailbox;
use regain_server::{PepperError, begin_pepper};
use regain_store::{Store, StoreError};
use regain_types::{MasterKey, OrgId, Pepper, PepperKey, SystemClock};
use tempfile::TempDir;

use crate::commands::keys;
use crate::database::StoreUrl;
use crate::deployment;
use crate::failure::{Failure, reason};
use crate::pepper_file::{PEPPER_FILE, PepperPlace, create_pepper, read_pepper};
use crate::private_files::{MASTER_KEY_FILE, create_master_key, make_private_dir, read_master_key};

const DATABASE_FILE: &str = "regain.db";
const MAILBOX_DIR: &str = "mailbox";
const APP_DIR: &str = "app";
/// The setting that marks the database of a demo.
const DEMO_SETTING: &str = "demo";
/// What may stand in the directory of a demo; `lost+found` is part of an empty volume.
const KNOWN: [&str; 6] = [
    APP_DIR,
    DATABASE_FILE,
    MAILBOX_DIR,
    MASTER_KEY_FILE,
    PEPPER_FILE,
    "lost+found",
];

/// An open data directory.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) org: OrgId,
    pub(super) store: Arc<dyn Store>,
    pub(super) mailbox: Arc<DevMailbox>,
    pub(super) master_key: MasterKey,
    pub(super) pepper: Pepper,
    path: PathBuf,
    // Last: it goes when nothing in it is open any more.
    temporary: Option<TempDir>,
}

impl DataDir {
    /// Opens the directory, or a temporary one; makes what is missing in it. The database is in it
    /// too, unless another one is named.
    ///
    /// # Errors
    /// A [`Failure`] when it cannot be written or holds anything but a demo.
    pub(super) async fn open(
        wanted: Option<&Path>,
        database: Option<&str>,
    ) -> Result<Self, Failure> {
        let temporary = wanted.is_none().then(temporary_dir).transpose()?;
        let made = temporary.as_ref().map(TempDir::path);
        let path = wanted.or(made).unwrap_or(Path::new(".")).to_owned();
        make_private_dir(&path).map_err(|error| cannot_write(&path, &error))?;
        refuse_strangers(&path)?;
        let org = deployment::org()?;
        let file = path.join(DATABASE_FILE);
        let url = match database {
            Some(text) => StoreUrl::parse(text, &path)
                .map_err(|message| Failure::unusable(format!("--database {message}")))?,
            None => StoreUrl::Sqlite(file.clone()),
        };
        let mut has_data = file.exists();
        // Looked at before anything is migrated or written.
        if let Ok(store) = url.open_current().await {
            refuse_production(&path, &*store, &org).await?;
            let keys = store.list_signing_keys(&org).await;
            has_data |= keys.is_ok_and(|keys| !keys.is_empty());
        }
        let master_key = master_key(&path.join(MASTER_KEY_FILE), has_data)?;
        let pepper = pepper(&path.join(PEPPER_FILE), has_data)?;
        let store = url.open().await?;
        refuse_production(&path, &*store, &org).await?;
        let mailbox = DevMailbox::open(&path.join(MAILBOX_DIR), Arc::new(SystemClock::new()))
            .map(Arc::new)
            .map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))?;
        let data = Self {
            org,
            store,
            mailbox,
            master_key,
            pepper,
            path,
            temporary,
        };
        data.store
            .save_setting(&data.org, DEMO_SETTING, "true")
            .await
            .map_err(|error| data.cannot_use(&error))?;
        Ok(data)
    }

    /// The pepper of new hashes.
    ///
    /// # Errors
    /// A [`Failure`] when the one of the database is not here.
    pub(super) async fn begin_pepper(&self) -> Result<Option<PepperKey>, Failure> {
        let begun = begin_pepper(&*self.store, &self.org, &self.pepper, true).await;
        begun.map_err(|error| match error {
            PepperError::Problem(problem) => {
                let place = PepperPlace::File {
                    path: self.path.join(PEPPER_FILE),
                    may_be_missing: true,
                };
                keys::refused(&place, problem)
            }
            PepperError::Store(error) => self.cannot_use(&error),
        })
    }

    /// Where the web app keeps its sessions.
    pub(super) fn app_dir(&self) -> PathBuf {
        self.path.join(APP_DIR)
    }

    /// The directory, when it stays.
    pub(super) fn kept(&self) -> Option<&Path> {
        self.temporary.is_none().then_some(self.path.as_path())
    }

    /// What to say when the store in here does not work.
    pub(super) fn cannot_use(&self, error: &StoreError) -> Failure {
        Failure::unusable(format!(
            "the data directory {} cannot be used: {error}",
            self.path.display()
        ))
    }
}

fn temporary_dir() -> Result<TempDir, Failure> {
    tempfile::Builder::new()
        .prefix("regain-demo-")
        .tempdir()
        .map_err(|error| cannot_write(&std::env::temp_dir(), &error))
}

/// Reads the key, or makes it for a new directory.
fn master_key(path: &Path, has_data: bool) -> Result<MasterKey, Failure> {
    if path.exists() || has_data {
        // Data without its key is not a new start.
        return read_master_key(path)
            .map_err(|problem| Failure::unusable(format!("{} {problem}", path.display())));
    }
    create_master_key(path).map_err(|error| cannot_write(path, &error))
}

/// Reads the pepper, or makes it for a new directory. Demos from before have none.
fn pepper(path: &Path, has_data: bool) -> Result<Pepper, Failure> {
    if path.exists() {
        return read_pepper(path)
            .map_err(|problem| Failure::unusable(format!("{} {problem}", path.display())));
    }
    if has_data {
        return Ok(Pepper::default());
    }
    create_pepper(path).map_err(|error| cannot_write(path, &error))
}

fn refuse_strangers(path: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(path).map_err(|error| cannot_write(path, &error))?;
    for entry in entries {
        let name = entry
            .map_err(|error| cannot_write(path, &error))?
            .file_name();
        let name = name.to_string_lossy();
        // SQLite keeps files with longer names beside its database.
        if !KNOWN.contains(&&*name) && !name.starts_with(DATABASE_FILE) {
            return Err(Failure::unusable(format!(
                "{} is not the directory of a demo (it holds {name}): give --data an empty or a new one",
                path.display()
            )));
        }
    }
    Ok(())
}

/// A database with users or clients but without the mark of a demo is somebody's real one.
async fn refuse_production(path: &Path, store: &dyn Store, org: &OrgId) -> Result<(), Failure> {
    let is_foreign = async {
        let marked = store.find_setting(org, DEMO_SETTING).await?.is_some();
        let is_used =
            store.count_users(org).await? > 0 || !store.list_clients(org).await?.is_empty();
        Ok::<_, StoreError>(!marked && is_used)
    };
    match is_foreign.await {
        Ok(false) => Ok(()),
        Ok(true) => Err(Failure::unusable(format!(
            "{} holds data that is not a demo's: give --data an empty or a new directory",
            path.display()
        ))),
        Err(error) => Err(Failure::unusable(format!(
            "the data directory {} cannot be used: {error}",
            path.display()
        ))),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::unusable(format!(
        "cannot write to {}: {}; give --data a directory that this user can write",
        path.display(),
        reason(error)
    ))
}
