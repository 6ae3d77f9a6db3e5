//! `[hash]`: what a password hash costs (P-01), which `regain init` measures, and the pepper that goes
//! into it (P-02).

use std::path::Path;

use regain_server::HashSettings;
use regain_types::{Pepper, Secret};
use serde::{Deserialize, Serialize};

use super::problem::Problems;
use crate::pepper_file::{PEPPER_FILE, PepperPlace, read_pepper};

/// Problems with the pepper have one of these keys: whoever manages it can do without.
pub(super) const PEPPER_KEYS: [&str; 2] = ["hash.pepper", "hash.pepper_file"];

/// Memory for which one pass is enough, in KiB.
const MEMORY_KIB_ONE_PASS: i64 = 47_104;
/// Most memory that one hash may take, in KiB.
const MEMORY_KIB_MAX: i64 = 1_048_576;
/// Most passes.
const PASSES_MAX: i64 = 16;

/// The section.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Hash {
    /// Memory of one hash in KiB: at least 47104, or 19456 with two passes.
    pub(crate) memory_kib: i64,
    /// Passes over the memory, 1 to 16.
    pub(crate) passes: i64,
    /// Threads that hash, 1 to the number of cores. Unless set: one per core.
    pub(crate) workers: Option<i64>,
    /// Sign-ins that may wait for each thread, 1 to 1024; more are answered with 503.
    pub(crate) queue_per_worker: i64,
    /// The file of the pepper, readable by its owner only. Unless set: `pepper.key`, if it is there.
    pub(crate) pepper_file: Option<String>,
    /// The pepper itself, for deployments that hand secrets over in the environment
    /// (`REGAIN__HASH__PEPPER`). It wins over the file.
    #[serde(skip_serializing)]
    pub(crate) pepper: Option<Secret<String>>,
}

impl Default for Hash {
    fn default() -> Self {
        Self {
            memory_kib: MEMORY_KIB_ONE_PASS,
            passes: 1,
            workers: None,
            queue_per_worker: 64,
            pepper_file: None,
            pepper: None,
        }
    }
}

impl Hash {
    /// Checks the values against the floor.
    pub(crate) fn check(&self, problems: &mut Problems<'_>) -> HashSettings {
        let floor = HashSettings::FLOOR;
        let low = i64::from(floor.memory_kib);
        let memory = problems.within("hash.memory_kib", self.memory_kib, low..=MEMORY_KIB_MAX);
        let passes = problems.within("hash.passes", self.passes, 1..=PASSES_MAX);
        if let (Some(_), Some(passes)) = (memory, passes)
            && passes < floor.passes
            && self.memory_kib < MEMORY_KIB_ONE_PASS
        {
            problems.add(
                "hash.memory_kib",
                format!(
                    "must be {MEMORY_KIB_ONE_PASS} at least with one pass (or {low} with two), not {}",
                    self.memory_kib
                ),
            );
        }
        let cores = cores();
        let workers = self.workers.unwrap_or(cores);
        let queue = problems.within("hash.queue_per_worker", self.queue_per_worker, 1..=1_024);
        HashSettings {
            memory_kib: memory.unwrap_or(floor.memory_kib),
            passes: passes.unwrap_or(floor.passes),
            workers: problems
                .within("hash.workers", workers, 1..=cores)
                .unwrap_or(floor.workers),
            queue_per_worker: queue.unwrap_or(floor.queue_per_worker),
            ..floor
        }
    }

    /// Where the pepper is.
    pub(crate) fn pepper_place(&self, directory: &Path) -> PepperPlace {
        if self.pepper.is_some() {
            return PepperPlace::Environment;
        }
        let name = self.pepper_file.as_deref();
        PepperPlace::File {
            path: directory.join(name.unwrap_or(PEPPER_FILE)),
            may_be_missing: name.is_none(),
        }
    }

    /// Reads the pepper; there is none when no file was named and none is there.
    pub(crate) fn read_pepper(&self, directory: &Path, problems: &mut Problems<'_>) -> Pepper {
        if let Some(text) = &self.pepper {
            return Pepper::parse(text.expose()).unwrap_or_else(|refused| {
                problems.add("hash.pepper", format!("cannot be used: {refused}"));
                Pepper::default()
            });
        }
        let PepperPlace::File {
            path,
            may_be_missing,
        } = self.pepper_place(directory)
        else {
            return Pepper::default();
        };
        // A link that leads nowhere is no missing file: somebody put it there.
        if may_be_missing && std::fs::symlink_metadata(&path).is_err_and(is_not_there) {
            return Pepper::default();
        }
        read_pepper(&path).unwrap_or_else(|message| {
            problems.add("hash.pepper_file", format!("{} {message}", path.display()));
            Pepper::default()
        })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the form that is_err_and takes"
)]
fn is_not_there(error: std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
}

/// Cores of this machine.
fn cores() -> i64 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|cores| i64::try_from(cores.get()).ok())
        .unwrap_or(1)
}
