//! T-R2: a power loss takes what was not synced, all of it, some of it, or parts of sectors. What
//! was acknowledged is there afterwards, and nothing is half done.
//!
//! A child works on a database while a shim journals every write and sync (`tests/shim/journal.c`).
//! From the journal the files are built as a power loss at each sync could have left them, and each
//! such image is opened by the store.

mod check;
mod disk;
mod images;
mod journal;
pub(crate) mod work;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;

use self::check::{Facts, check};
use self::disk::Disk;
use self::images::{Chances, Image};
use self::journal::{Event, Journal};

/// The name of the database in its directory.
const DATABASE: &str = "regain.db";
/// Where the child writes what was acknowledged: the shim journals it in between the writes.
const FACTS: &str = "facts";
/// Images per sync point.
const IMAGES_EACH: usize = 16;
/// Threads that open images.
const CHECKERS: usize = 2;

#[test]
fn t_r2_a_power_loss_at_any_sync_leaves_what_was_acknowledged() {
    let seed = seed();
    let journal = record();
    let moments = moments(&journal, Syncs::Honest);
    let syncs = moments.len();
    let (images, faults) = check_all(&moments, (seed, IMAGES_EACH));
    println!("{images} images at {syncs} syncs, seed {seed}");
    assert!(faults.is_empty(), "seed {seed}: {}", faults.join("\n"));
    assert!(syncs >= 100, "only {syncs} syncs: is the shim at work?");
    assert!(images >= 2_000, "{images}");
}

/// The same journal on a disk that says it has synced and has not: what the test above looks for
/// is lost then, and it sees that.
#[test]
fn t_r2_a_disk_that_lies_about_syncs_is_noticed() {
    let seed = seed();
    let journal = record();
    for syncs in [Syncs::OfTheLogIgnored, Syncs::AllIgnored] {
        let every_tenth = moments(&journal, syncs).into_iter().skip(9).step_by(10);
        let moments: Vec<Moment> = every_tenth.collect();
        let (images, faults) = check_all(&moments, (seed, 3));
        let lost = faults.len();
        assert!(lost * 3 >= images, "{lost} of {images} images, seed {seed}");
    }
}

/// Whether a sync does what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Syncs {
    Honest,
    OfTheLogIgnored,
    AllIgnored,
}

/// The state right before a sync ended: all that could be lost is at stake.
struct Moment {
    disk: Disk,
    facts: Facts,
}

fn moments(journal: &Journal, syncs: Syncs) -> Vec<Moment> {
    let mut disk = Disk::default();
    let mut facts = Facts::default();
    let mut moments = Vec::new();
    for event in &journal.events {
        match event {
            Event::Fact(line) => facts.learn(line),
            Event::Sync { inode } => {
                moments.push(Moment {
                    disk: disk.clone(),
                    facts: facts.clone(),
                });
                let ignored = match syncs {
                    Syncs::Honest => false,
                    Syncs::OfTheLogIgnored => disk.name_of(*inode).ends_with("-wal"),
                    Syncs::AllIgnored => true,
                };
                if !ignored {
                    disk.sync(*inode);
                }
            }
            Event::SyncDirectory => disk.sync_directory(),
            Event::Created { inode, name } => disk.create(*inode, name),
            Event::Gone { name } => disk.unlink(name),
            Event::Changed { inode, change } => disk.change(*inode, change),
        }
    }
    moments.push(Moment { disk, facts });
    moments
}

/// Opens every image of every moment; answers how many there were and what is wrong with them.
fn check_all(moments: &[Moment], (seed, each): (u64, usize)) -> (usize, Vec<String>) {
    let next = AtomicUsize::new(0);
    let images = AtomicUsize::new(0);
    let faults = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..CHECKERS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(moment) = moments.get(index) else {
                        return;
                    };
                    let chances = Chances::new(seed ^ (index as u64) << 20);
                    for (number, image) in Image::all(&moment.disk, chances, each)
                        .into_iter()
                        .enumerate()
                    {
                        images.fetch_add(1, Ordering::Relaxed);
                        let directory = directory();
                        image.write(directory.path());
                        if let Err(fault) = check(directory.path(), &moment.facts) {
                            let told = format!("sync {index}, image {number} ({image}): {fault}");
                            faults.lock().unwrap().push(told);
                        }
                    }
                }
            });
        }
    });
    (images.into_inner(), faults.into_inner().unwrap())
}

/// Runs the child under the shim.
fn record() -> Journal {
    let place = directory();
    let place = place.path().canonicalize().unwrap();
    let data = place.join("data");
    std::fs::create_dir(&data).unwrap();
    let journal = place.join("journal");
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "power_loss::work::child", "--ignored"])
        .env("LD_PRELOAD", compile(&place))
        .env("REGAIN_JOURNAL_OF", &data)
        .env("REGAIN_JOURNAL_TO", &journal)
        .env(work::DIRECTORY, &data)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&status.stderr);
    assert!(status.status.success(), "the child failed: {told}");
    Journal::read(&std::fs::read(journal).unwrap(), FACTS)
}

fn compile(place: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shim/journal.c");
    let shim = place.join("journal.so");
    let compiled = Command::new("cc")
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .args([shim.as_path(), source.as_path()])
        .arg("-ldl")
        .status()
        .expect("a C compiler: the database needs one too");
    assert!(compiled.success());
    shim
}

/// A directory in memory where the system has one: thousands of images are written.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

/// Another one in each run; `REGAIN_TEST_SEED` repeats a run.
fn seed() -> u64 {
    match std::env::var_os("REGAIN_TEST_SEED") {
        Some(given) => given.to_str().unwrap().parse().unwrap(),
        None => u64::from_le_bytes(regain_types::random_array::<8>(
            &mut regain_types::SystemEntropy,
        )),
    }
}
