//! Password hashes alone: one thread per core at the priority of the engine's, memory kept.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::count_as_f64;
use crate::clock::Stopwatch;
use crate::error::BenchError;
use argon2::{Algorithm, Argon2, Block, Params, Version};

/// Cost of a hash: the floor (P-01), which is also what peers are measured with.
pub(crate) const MEMORY_KIB: u32 = 19_456;
pub(crate) const PASSES: u32 = 2;
/// The same as in a stored hash.
pub(crate) const PARAMETERS: &str = "m=19456,t=2,p=1";
pub(crate) const SALT_BYTES: usize = 16;
pub(crate) const HASH_BYTES: usize = 32;
/// The engine's hashing threads have it, too.
const NICE: i32 = 10;

/// A thread's memory and parameters.
pub(crate) struct Hashing {
    argon2: Argon2<'static>,
    memory: Vec<Block>,
}

impl Hashing {
    /// Takes the memory.
    ///
    /// # Errors
    /// Never for the parameters above.
    pub(crate) fn new() -> Result<Self, BenchError> {
        let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES)).map_err(failed)?;
        let memory = vec![Block::new(); params.block_count()];
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        Ok(Self { argon2, memory })
    }

    /// Hashes once.
    ///
    /// # Errors
    /// Never for the lengths above.
    pub(crate) fn hash(
        &mut self,
        password: &[u8],
        salt: &[u8],
        out: &mut [u8],
    ) -> Result<(), BenchError> {
        self.argon2
            .hash_password_into_with_memory(password, salt, out, &mut self.memory)
            .map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(format!("argon2id: {error}"))
}

/// Hashes per second on all cores together.
///
/// # Errors
/// When a thread cannot hash.
pub(crate) fn per_second(sample: Duration) -> Result<f64, BenchError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let watch = Stopwatch::start();
    std::thread::scope(|scope| {
        let hashers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| hash_until(&stop, &done)))
            .collect();
        // Threads fill their memory before they count; the count begins afterwards.
        std::thread::park_timeout(Duration::from_millis(100));
        let (count, from) = (done.load(Ordering::Relaxed), watch.now());
        while watch.since(from) < sample {
            std::thread::park_timeout(sample.saturating_sub(watch.since(from)));
        }
        let count = done.load(Ordering::Relaxed) - count;
        let seconds = watch.since(from).as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for hasher in hashers {
            let outcome = hasher.join();
            outcome.map_err(|_| BenchError::Failed("a hashing thread died".to_owned()))??;
        }
        Ok(count_as_f64(count) / seconds)
    })
}

fn hash_until(stop: &AtomicBool, done: &AtomicU64) -> Result<(), BenchError> {
    // Without the right to lower it, this hashes at the normal priority, as the engine does then.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    let mut hashing = Hashing::new()?;
    let mut out = [0; HASH_BYTES];
    while !stop.load(Ordering::Relaxed) {
        hashing.hash(b"Fresh-Passw0rd-Qz", b"0123456789abcdef", &mut out)?;
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
