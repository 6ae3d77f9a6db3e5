//! Password hashing: a few threads of low priority that keep their memory, behind a bounded
//! queue. The async threads never hash.

#[cfg(test)]
mod foreign_tests;
mod kind;
mod kinds;
mod load;
mod peppers;
mod stored;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Params, Version};
use regain_engine::{Need, NewPassword};
use regain_types::{Clock as _, Pepper, PepperKey, PepperVersion, Secret, SystemClock};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::metrics::HashMetrics;
use crate::settings::HashSettings;
use kind::Argon2Kind;
use kinds::Kinds;
use load::Bounds;
use peppers::Peppers;
use worker::Worker;

pub use kind::HashKind;
pub use peppers::PeppersInUse;
pub use stored::{HashRefused, StoredHash};

/// Priority of the threads, so that light requests stay fast while hashes fill the cores.
const NICE: i32 = 10;

/// Why nothing was hashed. It is the same for everybody.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotHashed {
    /// The queue is full or too slow: try again in a moment.
    #[error("too many passwords are being checked")]
    Busy,
    /// Some hashes need a version of the pepper that this process lacks: it checks nobody's
    /// password then, so that it does not tell whose it is (E-05).
    #[error("no password is checked without version {0} of the pepper")]
    Pepper(PepperVersion),
}

/// The settings cannot be used for hashing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HasherError {
    /// They are weaker than the floor (P-01) or malformed.
    #[error("password hashing needs at least 19456 KiB and 2 passes, or 47104 KiB and 1 pass")]
    TooWeak,
    /// A thread cannot be started.
    #[error("cannot start a thread for password hashing")]
    Thread,
}

/// What a hash came to.
#[derive(Clone, Debug)]
pub enum Computed {
    /// Answer to [`Need::VerifyPassword`].
    Matches(bool),
    /// Answer to [`Need::HashPassword`].
    New(NewPassword),
}

/// Hashes passwords. Dropping it ends its threads.
#[derive(Debug)]
pub struct Hasher {
    queue: Arc<Queue>,
    kinds: Kinds,
    peppers: Peppers,
    metrics: HashMetrics,
}

#[derive(Debug)]
struct Queue {
    bounds: Bounds,
    metrics: HashMetrics,
    state: Mutex<QueueState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    /// How long a job takes, as far as that is known.
    job_takes: Option<Duration>,
    closed: bool,
}

#[derive(Debug)]
struct Job {
    need: Need,
    reply: oneshot::Sender<Computed>,
    queued_at: Instant,
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`HasherError`] when the settings are too weak or a thread does not start.
    pub(crate) fn start(
        settings: HashSettings,
        pepper: Pepper,
        metrics: HashMetrics,
    ) -> Result<Self, HasherError> {
        let strong = settings.memory_kib >= 47_104
            || settings.memory_kib >= HashSettings::FLOOR.memory_kib
                && settings.passes >= HashSettings::FLOOR.passes;
        if !strong {
            return Err(HasherError::TooWeak);
        }
        let hasher = Self {
            kinds: Kinds::new(current(settings)?),
            peppers: Peppers::new(pepper),
            queue: Arc::new(Queue::new(settings, metrics.clone())),
            metrics,
        };
        for index in 0..hasher.queue.bounds.workers {
            let queue = Arc::clone(&hasher.queue);
            let mut worker = Worker::new(hasher.kinds.clone(), hasher.peppers.clone());
            std::thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || run(&queue, |need| worker.compute(need)))
                .map_err(|_| HasherError::Thread)?;
        }
        Ok(hasher)
    }

    /// Computes what a step needs.
    ///
    /// # Errors
    /// [`NotHashed`] when the queue is full, the answer takes longer than the deadline, or a version
    /// of the pepper is missing.
    pub async fn compute(&self, need: Need) -> Result<Computed, NotHashed> {
        let computed = self.queue_for(need).await;
        if computed.is_err() {
            self.metrics.refused();
        }
        computed
    }

    async fn queue_for(&self, need: Need) -> Result<Computed, NotHashed> {
        self.has_pepper()?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            need,
            reply,
            queued_at: Instant::now(),
        };
        self.queue.put(job)?;
        self.queue.wake.notify_one();
        // When the time is over, or the client is gone, the receiver goes too, and the job leaves
        // the queue before it is hashed.
        let computed = tokio::time::timeout(self.queue.bounds.deadline, answer)
            .await
            .map_err(|_| NotHashed::Busy)?
            .map_err(|_| NotHashed::Busy)?;
        // What came of a hash whose pepper is missing is no answer.
        self.has_pepper()?;
        Ok(computed)
    }

    fn has_pepper(&self) -> Result<(), NotHashed> {
        self.peppers
            .lacking()
            .map_or(Ok(()), |version| Err(NotHashed::Pepper(version)))
    }
}

impl Hasher {
    /// Whether a stored hash has another algorithm, another cost or another pepper than new ones
    /// have (P-03).
    #[must_use]
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        let current = (self.current_kind(), self.peppers.current_version());
        StoredHash::parse(stored).is_ok_and(|stored| (stored.kind(), stored.pepper()) != current)
    }

    /// A version of the pepper that is needed here and is not here: no password is checked.
    pub(crate) fn lacking_pepper(&self) -> Option<PepperVersion> {
        self.peppers.lacking()
    }

    /// What the database says of the pepper, when this process has all of it.
    pub(crate) fn use_pepper(&self, in_use: PeppersInUse) {
        self.peppers.agree(in_use);
    }

    /// Checks no password any more: this version is in use and is not here.
    pub(crate) fn lack_pepper(&self, version: PepperVersion) {
        self.peppers.lack(version);
    }

    /// Whether so many passwords wait that nobody new should come to that.
    pub(crate) fn is_pressed(&self) -> bool {
        self.queue.is_pressed()
    }

    /// The kind of new passwords.
    pub(crate) fn current_kind(&self) -> HashKind {
        HashKind::Argon2(self.kinds.current())
    }

    /// Kinds that were met on a user, though nobody had told of them.
    pub(crate) fn take_met(&self) -> Vec<HashKind> {
        self.kinds.take_met()
    }

    /// Computes these kinds from now on, besides the one of new passwords.
    pub(crate) fn use_kinds(&self, kinds: Vec<HashKind>) {
        self.kinds.replace(kinds);
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.wake.notify_all();
    }
}

/// What new passwords cost.
fn current(settings: HashSettings) -> Result<Argon2Kind, HasherError> {
    let (memory_kib, passes, lanes) = (settings.memory_kib, settings.passes, 1);
    Params::new(memory_kib, passes, lanes, None).map_err(|_| HasherError::TooWeak)?;
    Ok(Argon2Kind {
        algorithm: Algorithm::Argon2id,
        version: Version::V0x13,
        memory_kib,
        passes,
        lanes,
    })
}

/// Hashes one password without a pepper, on the thread that asks.
///
/// # Errors
/// [`HasherError::TooWeak`] when the settings are below the floor.
pub fn hash_now(password: &Secret<String>, settings: HashSettings) -> Result<String, HasherError> {
    hash_with(password, settings, None)
}

/// Hashes one password for an administrator's command, on the thread that asks.
///
/// # Errors
/// [`HasherError::TooWeak`] when the settings are below the floor.
pub fn hash_with(
    password: &Secret<String>,
    settings: HashSettings,
    pepper: Option<&PepperKey>,
) -> Result<String, HasherError> {
    let kinds = Kinds::new(current(settings)?);
    let mut worker = Worker::new(kinds, Peppers::of(pepper));
    worker.hash(password).ok_or(HasherError::TooWeak)
}

/// How long one hash of a kind takes on this machine, measured once.
#[must_use]
pub fn measure(kind: HashKind) -> Duration {
    let current = Argon2Kind {
        algorithm: Algorithm::Argon2id,
        version: Version::V0x13,
        memory_kib: HashSettings::FLOOR.memory_kib,
        passes: HashSettings::FLOOR.passes,
        lanes: 1,
    };
    let clock = SystemClock::new();
    let mut worker = Worker::new(Kinds::new(current), Peppers::default());
    let started = clock.monotonic();
    worker.spend(kind, &Secret::new(String::new()));
    clock.monotonic().saturating_sub(started)
}

/// Works until the queue is closed and empty.
fn run(queue: &Queue, mut compute: impl FnMut(&Need) -> Computed) {
    // Without the right to lower it, hashing still works; light requests are less smooth.
    let lowered = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
    if let Err(error) = lowered {
        tracing::debug!(%error, "hash threads keep their normal priority");
    }
    while let Some(job) = queue.next_job() {
        let started = Instant::now();
        let computed = compute(&job.need);
        queue.took(started.elapsed());
        // Nobody waits any more: fine.
        let _ = job.reply.send(computed);
    }
}

impl Queue {
    fn new(settings: HashSettings, metrics: HashMetrics) -> Self {
        let workers = settings.workers.max(1);
        Self {
            bounds: Bounds {
                workers,
                capacity: workers * settings.queue_per_worker.max(1),
                deadline: settings.deadline,
            },
            metrics,
            state: Mutex::default(),
            wake: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job on, if it can be done in time.
    fn put(&self, job: Job) -> Result<(), NotHashed> {
        let mut state = self.lock();
        let takes = state.job_takes.unwrap_or_default();
        if !self.bounds.admits(state.jobs.len(), takes) {
            // Those whose clients are gone hold no place.
            let before = state.jobs.len();
            state.jobs.retain(|job| !job.reply.is_closed());
            self.metrics.left(before - state.jobs.len());
            if !self.bounds.admits(state.jobs.len(), takes) {
                return Err(NotHashed::Busy);
            }
        }
        state.jobs.push_back(job);
        self.metrics.queued();
        Ok(())
    }

    fn is_pressed(&self) -> bool {
        let state = self.lock();
        let takes = state.job_takes.unwrap_or_default();
        self.bounds.is_pressed(state.jobs.len(), takes)
    }

    /// A job took a thread so long.
    fn took(&self, time: Duration) {
        self.metrics.computed(time);
        let mut state = self.lock();
        state.job_takes = Some(load::mean(state.job_takes, time));
    }

    /// The next one that is worth it. The others are told: nobody waits for them, or in vain.
    fn next_job(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            let takes = state.job_takes.unwrap_or_default();
            while let Some(job) = state.jobs.pop_front() {
                let waited = job.queued_at.elapsed();
                self.metrics.taken(waited);
                if !job.reply.is_closed() && !self.bounds.is_too_late(waited, takes) {
                    return Some(job);
                }
            }
            if state.closed {
                return None;
            }
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
