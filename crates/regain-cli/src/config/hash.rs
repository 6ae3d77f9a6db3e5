//! `[hash]`: what a password hash costs (P-01). `regain init` measures it.

use regain_server::HashSettings;
use serde::{Deserialize, Serialize};

use super::problem::Problems;

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
}

impl Default for Hash {
    fn default() -> Self {
        Self {
            memory_kib: MEMORY_KIB_ONE_PASS,
            passes: 1,
            workers: None,
            queue_per_worker: 64,
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
}

/// Cores of this machine.
fn cores() -> i64 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|cores| i64::try_from(cores.get()).ok())
        .unwrap_or(1)
}
