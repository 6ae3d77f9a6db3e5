//! A bounded list of JSON records, one file each, with waiting for new ones.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::MailboxError;

/// What a shelf must know about its records.
pub(super) trait Entry: Serialize + DeserializeOwned + Clone {
    /// Tells records apart.
    fn id(&self) -> &str;
    /// Whom the record is about.
    fn to(&self) -> &str;
}

/// The records, oldest first, and their files.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    directory: PathBuf,
    records_max: usize,
    records: Mutex<VecDeque<Numbered<T>>>,
    /// Held while files change, so that list and files agree. Holds the next number.
    next: tokio::sync::Mutex<u64>,
    /// Counts changes; waiting readers look again after each.
    changes: watch::Sender<u64>,
}

#[derive(Debug)]
struct Numbered<T> {
    number: u64,
    record: T,
}

impl<T: Entry> Shelf<T> {
    /// Makes the directory if need be and reads what is in it. Files that are no record of ours
    /// are left where they are.
    pub(super) fn open(directory: &Path, records_max: usize) -> Result<Self, MailboxError> {
        make_private(directory)?;
        let mut found = Vec::new();
        for file in std::fs::read_dir(directory)? {
            let path = file?.path();
            if let Some(number) = number_of(&path)
                && let Ok(record) = serde_json::from_slice(&std::fs::read(&path)?)
            {
                found.push(Numbered { number, record });
            }
        }
        found.sort_unstable_by_key(|numbered| numbered.number);
        let next = found.last().map_or(1, |newest| newest.number + 1);
        Ok(Self {
            directory: directory.to_owned(),
            records_max,
            records: Mutex::new(found.into()),
            next: tokio::sync::Mutex::new(next),
            changes: watch::Sender::new(0),
        })
    }

    /// Records about `to` that came after the record `after`, newest first.
    pub(super) fn list(&self, to: Option<&str>, after: Option<&str>) -> Vec<T> {
        let records = self.records();
        records
            .iter()
            .rev()
            .map(|numbered| &numbered.record)
            .take_while(|record| after != Some(record.id()))
            .filter(|record| to.is_none_or(|to| record.to().eq_ignore_ascii_case(to)))
            .cloned()
            .collect()
    }

    /// Like [`Shelf::list`], but waits for up to `limit` until there is something.
    pub(super) async fn wait(
        &self,
        to: Option<&str>,
        after: Option<&str>,
        limit: Duration,
    ) -> Vec<T> {
        // Subscribed before the first look, or a record could slip in between.
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                let records = self.list(to, after);
                if !records.is_empty() || changes.changed().await.is_err() {
                    return records;
                }
            }
        };
        tokio::time::timeout(limit, found).await.unwrap_or_default()
    }

    /// Adds the record that `make` returns for its number, and drops the oldest beyond the limit.
    pub(super) async fn put(&self, make: impl FnOnce(u64) -> T) -> Result<(), MailboxError> {
        let mut next = self.next.lock().await;
        self.put_locked(&mut next, make).await
    }

    /// Changes the record `id`. Answers whether it is there.
    pub(super) async fn change(
        &self,
        id: &str,
        edit: impl FnOnce(&mut T),
    ) -> Result<bool, MailboxError> {
        let _writing = self.next.lock().await;
        self.change_locked(id, edit).await
    }

    /// Changes the record `id`, or adds it when it is not there.
    pub(super) async fn change_or_put(
        &self,
        id: &str,
        edit: impl FnOnce(&mut T),
        make: impl FnOnce() -> T,
    ) -> Result<(), MailboxError> {
        let mut next = self.next.lock().await;
        if self.change_locked(id, edit).await? {
            return Ok(());
        }
        self.put_locked(&mut next, |_| make()).await
    }

    async fn put_locked(
        &self,
        next: &mut u64,
        make: impl FnOnce(u64) -> T,
    ) -> Result<(), MailboxError> {
        let number = *next;
        let record = make(number);
        self.write(number, &record).await?;
        *next += 1;
        let dropped = {
            let mut records = self.records();
            records.push_back(Numbered { number, record });
            let excess = records.len().saturating_sub(self.records_max);
            records
                .drain(..excess)
                .map(|old| old.number)
                .collect::<Vec<_>>()
        };
        self.changes.send_modify(|count| *count += 1);
        for number in dropped {
            remove(&self.file(number)).await?;
        }
        Ok(())
    }

    async fn change_locked(
        &self,
        id: &str,
        edit: impl FnOnce(&mut T),
    ) -> Result<bool, MailboxError> {
        let found = {
            let records = self.records();
            let of_id = records
                .iter()
                .rev()
                .find(|numbered| numbered.record.id() == id);
            of_id.map(|numbered| (numbered.number, numbered.record.clone()))
        };
        let Some((number, mut record)) = found else {
            return Ok(false);
        };
        edit(&mut record);
        self.write(number, &record).await?;
        if let Some(kept) = self.records().iter_mut().find(|kept| kept.number == number) {
            kept.record = record;
        }
        Ok(true)
    }

    /// Removes everything.
    pub(super) async fn clear(&self) -> Result<(), MailboxError> {
        let _writing = self.next.lock().await;
        let dropped = std::mem::take(&mut *self.records());
        for numbered in dropped {
            remove(&self.file(numbered.number)).await?;
        }
        Ok(())
    }

    /// Whether a record could be written.
    pub(super) async fn check(&self) -> Result<(), MailboxError> {
        let probe = self.directory.join("check.tmp");
        tokio::fs::write(&probe, b"").await?;
        Ok(tokio::fs::remove_file(&probe).await?)
    }

    /// Writes beside the file and renames: a crash leaves the old record or the new one.
    async fn write(&self, number: u64, record: &T) -> Result<(), MailboxError> {
        let json = serde_json::to_vec_pretty(record)?;
        let file = self.file(number);
        let new = file.with_extension("tmp");
        tokio::fs::write(&new, json).await?;
        Ok(tokio::fs::rename(&new, &file).await?)
    }

    fn file(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:012}.json"))
    }

    fn records(&self) -> MutexGuard<'_, VecDeque<Numbered<T>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the directory for its owner alone: mails hold live codes.
fn make_private(directory: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(directory)
}

fn number_of(path: &Path) -> Option<u64> {
    let is_record = path
        .extension()
        .is_some_and(|extension| extension == "json");
    if is_record {
        path.file_stem()?.to_str()?.parse().ok()
    } else {
        None
    }
}

async fn remove(file: &Path) -> std::io::Result<()> {
    match tokio::fs::remove_file(file).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
