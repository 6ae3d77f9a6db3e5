//! Which cores the engine has, and which the clients. Under overload they must not share any: what
//! ten times too many clients cost would be missing in the engine, and measured as its failure.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::{BenchError, Doing as _};

/// The cores of this thread, in two halves.
#[derive(Debug)]
pub(crate) struct Halves {
    engines: CpuSet,
    clients: CpuSet,
    /// How many the engines have.
    pub(crate) engine_cores: usize,
}

impl Halves {
    /// Of all cores that this thread may use; with one core, both halves are that one.
    ///
    /// # Errors
    /// When the system does not say which they are.
    pub(crate) fn of_this_machine() -> Result<Self, BenchError> {
        let all = sched_getaffinity(None)
            .map_err(io::Error::from)
            .doing("which cores may be used")?;
        let cores: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|core| all.is_set(*core))
            .collect();
        let (engines, clients) = cores.split_at(cores.len().div_ceil(2));
        let clients = if clients.is_empty() { engines } else { clients };
        Ok(Self {
            engines: set_of(engines),
            clients: set_of(clients),
            engine_cores: engines.len(),
        })
    }

    /// What is started in there gets the engines' cores; afterwards this thread keeps to its own.
    ///
    /// # Errors
    /// What `start` says, and when the system refuses.
    pub(crate) fn start<T>(
        &self,
        start: impl FnOnce() -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        keep_to(&self.engines)?;
        let started = start();
        keep_to(&self.clients)?;
        started
    }
}

fn keep_to(cores: &CpuSet) -> Result<(), BenchError> {
    sched_setaffinity(None, cores)
        .map_err(io::Error::from)
        .doing("keeping to some of the cores")
}

fn set_of(cores: &[usize]) -> CpuSet {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core);
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_and_clients_share_no_core_where_there_are_two() {
        let halves = Halves::of_this_machine().unwrap();
        let all = sched_getaffinity(None).unwrap();
        let of_engines = halves
            .start(|| Ok(sched_getaffinity(None).unwrap()))
            .unwrap();
        let of_clients = sched_getaffinity(None).unwrap();
        assert_eq!(of_engines.count() as usize, halves.engine_cores);
        let shared = (0..CpuSet::MAX_CPU)
            .filter(|core| of_engines.is_set(*core) && of_clients.is_set(*core))
            .count();
        assert_eq!(shared == 0, all.count() > 1, "of {all:?}");
    }
}
