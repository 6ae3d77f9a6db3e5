//! What processes use, read from `/proc`: CPU and memory.

use std::fs;
use std::sync::LazyLock;

/// Engine threads that hash are called so.
const HASH_THREADS: &str = "hash-";

static TICKS_PER_SECOND: LazyLock<f64> = LazyLock::new(|| {
    u32::try_from(rustix::param::clock_ticks_per_second()).map_or(100.0, f64::from)
});

/// The processes whose CPU is told apart from the rest of the machine.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    pub(crate) engines: Vec<u32>,
    /// The database's first process; its children count too.
    pub(crate) database: Option<u32>,
}

/// CPU seconds so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) engine: f64,
    /// The engines' hashing threads alone.
    pub(crate) hash: f64,
    pub(crate) generator: f64,
    pub(crate) database: f64,
    /// Everything on the machine.
    pub(crate) busy: f64,
}

impl Reading {
    /// What was used since an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            engine: self.engine - earlier.engine,
            hash: self.hash - earlier.hash,
            generator: self.generator - earlier.generator,
            database: self.database - earlier.database,
            busy: self.busy - earlier.busy,
        }
    }

    /// What something else on the machine used.
    pub(crate) fn other(self) -> f64 {
        (self.busy - self.engine - self.generator - self.database).max(0.0)
    }
}

impl Watched {
    pub(crate) fn read(&self) -> Reading {
        let engines = self.engines.iter();
        Reading {
            engine: engines.clone().map(|pid| cpu_of(*pid)).sum(),
            hash: engines.map(|pid| hash_cpu_of(*pid)).sum(),
            generator: cpu_of(std::process::id()),
            database: self.database.map_or(0.0, |first| {
                with_children(first).into_iter().map(cpu_of).sum()
            }),
            busy: busy(),
        }
    }

    /// Lets the peaks of [`Watched::peak_mib`] begin anew.
    pub(crate) fn forget_peaks(&self) {
        for pid in &self.engines {
            // Where the kernel does not know it, peaks are those since the start: never too low.
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// The most memory that an engine had resident.
    pub(crate) fn peak_mib(&self) -> f64 {
        let peaks = self.engines.iter().map(|pid| status_mib(*pid, "VmHWM:"));
        peaks.fold(0.0, f64::max)
    }
}

/// Memory that a process has resident now.
pub(crate) fn resident_mib(pid: u32) -> f64 {
    status_mib(pid, "VmRSS:")
}

/// The parent of a process.
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    fields_of(&format!("/proc/{pid}/stat"))?
        .get(1)?
        .parse()
        .ok()
}

fn status_mib(pid: u32, field: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.unwrap_or_default() / 1_024.0
}

/// The fields of a `stat` file that follow the name, which may hold anything.
fn fields_of(path: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(path).ok()?;
    let (_, fields) = text.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}

fn cpu_in(path: &str) -> f64 {
    let fields = fields_of(path).unwrap_or_default();
    // User and system time, proc_pid_stat(5) fields 14 and 15; the first field here is the third.
    let ticks = fields.iter().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks / *TICKS_PER_SECOND
}

fn cpu_of(pid: u32) -> f64 {
    cpu_in(&format!("/proc/{pid}/stat"))
}

fn hash_cpu_of(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0.0;
    };
    let hashing = threads.flatten().filter(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        name.starts_with(HASH_THREADS)
    });
    hashing
        .map(|thread| cpu_in(&thread.path().join("stat").to_string_lossy()))
        .sum()
}

fn with_children(first: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return vec![first];
    };
    let children = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok())
        .filter(|pid| parent_of(*pid) == Some(first));
    std::iter::once(first).chain(children).collect()
}

/// Time in which any core did something: user, nice, system, interrupts, stolen.
fn busy() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    let fields: Vec<f64> = first
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let ticks: f64 = [0, 1, 2, 5, 6, 7]
        .into_iter()
        .filter_map(|index| fields.get(index))
        .sum();
    ticks / *TICKS_PER_SECOND
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "the values are exact")]

    use super::*;

    #[test]
    fn this_process_has_used_memory_and_a_parent() {
        let me = std::process::id();
        assert!(resident_mib(me) > 0.5);
        assert!(parent_of(me).is_some());
        assert!(with_children(parent_of(me).unwrap()).contains(&me));
        assert_eq!(resident_mib(u32::MAX), 0.0);
    }

    #[test]
    fn what_nobody_watched_used_is_the_rest() {
        let used = Reading {
            engine: 3.0,
            hash: 2.0,
            generator: 1.0,
            database: 0.5,
            busy: 6.0,
        };
        assert_eq!(used.other(), 1.5);
        let rounding = Reading { busy: 4.0, ..used };
        assert_eq!(rounding.other(), 0.0);
    }
}
