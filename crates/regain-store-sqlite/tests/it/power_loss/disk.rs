//! A directory on a disk that keeps only what was synced: contents by a sync of the file, names by
//! a sync of the directory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::journal::Change;

/// What is on the disk for good, and what is only on its way.
#[derive(Clone, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    by_inode: HashMap<u64, usize>,
    names: BTreeMap<String, usize>,
    names_under_way: Vec<(String, Option<usize>)>,
}

#[derive(Clone, Default)]
struct File {
    content: Arc<Vec<u8>>,
    under_way: Vec<Change>,
    name: String,
}

impl Disk {
    pub(super) fn create(&mut self, inode: u64, name: &str) {
        let file = self.files.len();
        self.files.push(File {
            name: name.to_owned(),
            ..File::default()
        });
        self.by_inode.insert(inode, file);
        self.names_under_way.push((name.to_owned(), Some(file)));
    }

    pub(super) fn unlink(&mut self, name: &str) {
        self.names_under_way.push((name.to_owned(), None));
    }

    pub(super) fn change(&mut self, inode: u64, change: &Change) {
        let file = self.by_inode[&inode];
        self.files[file].under_way.push(change.clone());
    }

    pub(super) fn sync(&mut self, inode: u64) {
        let file = self.by_inode[&inode];
        let file = &mut self.files[file];
        let content = Arc::make_mut(&mut file.content);
        for change in file.under_way.drain(..) {
            apply(content, &change);
        }
    }

    pub(super) fn sync_directory(&mut self) {
        for (name, file) in self.names_under_way.drain(..) {
            rename(&mut self.names, name, file);
        }
    }

    pub(super) fn name_of(&self, inode: u64) -> &str {
        &self.files[self.by_inode[&inode]].name
    }

    /// How many changes are under way: each may be lost by itself.
    pub(super) fn under_way(&self) -> usize {
        let changes = self.files.iter().map(|file| file.under_way.len());
        self.names_under_way.len() + changes.sum::<usize>()
    }

    /// The files as a power loss leaves them, when `fate` says of each change under way what is
    /// left of it.
    pub(super) fn after(&self, mut fate: impl FnMut() -> Fate) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.names.clone();
        for (name, file) in &self.names_under_way {
            // A name is there or not: parts of one there are none.
            if fate() != Fate::Lost {
                rename(&mut names, name.clone(), *file);
            }
        }
        let contents: Vec<Vec<u8>> = self
            .files
            .iter()
            .map(|file| {
                let mut content = file.content.as_ref().clone();
                for change in &file.under_way {
                    match (fate(), change) {
                        (Fate::Lost, _) => {}
                        (Fate::Kept, _) | (Fate::Torn(_), Change::Length(_)) => {
                            apply(&mut content, change);
                        }
                        (Fate::Torn(sectors), Change::Write { at, bytes }) => {
                            tear(&mut content, (*at, bytes), sectors);
                        }
                    }
                }
                content
            })
            .collect();
        let found = names.into_iter();
        found
            .map(|(name, file)| (name, contents[file].clone()))
            .collect()
    }
}

/// What is left of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Kept,
    Lost,
    /// Of its sectors those whose bit is set; more than 64 begin anew at the first bit.
    Torn(u64),
}

const SECTOR: usize = 512;

fn rename(names: &mut BTreeMap<String, usize>, name: String, file: Option<usize>) {
    match file {
        Some(file) => names.insert(name, file),
        None => names.remove(&name),
    };
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => content.resize(*length, 0),
        Change::Write { at, bytes } => overwrite(content, *at, bytes),
    }
}

fn overwrite(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

fn tear(content: &mut Vec<u8>, (at, bytes): (usize, &[u8]), sectors: u64) {
    let mut done = 0;
    let mut sector = 0;
    while done < bytes.len() {
        let next = ((at + done) / SECTOR + 1) * SECTOR - at;
        let next = next.min(bytes.len());
        if sectors >> (sector % 64) & 1 == 1 {
            overwrite(content, at + done, &bytes[done..next]);
        }
        done = next;
        sector += 1;
    }
}

#[test]
fn only_what_was_synced_is_sure_to_stay() {
    let write = |at, text: &str| Change::Write {
        at,
        bytes: text.as_bytes().into(),
    };
    let mut disk = Disk::default();
    disk.create(7, "a");
    disk.change(7, &write(0, "one"));
    assert!(disk.after(|| Fate::Lost).is_empty(), "nor was its name");
    disk.sync_directory();
    assert_eq!(disk.after(|| Fate::Lost)["a"], b"");
    disk.sync(7);
    disk.change(7, &write(2, "X"));
    disk.change(7, &Change::Length(1));
    assert_eq!(disk.under_way(), 2);
    assert_eq!(disk.after(|| Fate::Lost)["a"], b"one");
    assert_eq!(disk.after(|| Fate::Kept)["a"], b"o");
    let mut fates = [Fate::Kept, Fate::Lost].into_iter();
    assert_eq!(disk.after(|| fates.next().unwrap())["a"], b"onX");
    disk.unlink("a");
    assert_eq!(disk.after(|| Fate::Lost)["a"], b"one");
    disk.sync_directory();
    assert!(disk.after(|| Fate::Kept).is_empty());
}

#[test]
fn a_write_tears_where_sectors_of_the_disk_end() {
    let mut content = vec![0; 1_024];
    tear(&mut content, (510, &[7; 600]), 0b101);
    // Sectors 0 (two bytes) and 2 (the rest) are there, the one in between is not.
    assert_eq!(content.len(), 1_110);
    assert_eq!(&content[508..514], &[0, 0, 7, 7, 0, 0]);
    assert_eq!(&content[1_022..1_026], &[0, 0, 7, 7]);
}
