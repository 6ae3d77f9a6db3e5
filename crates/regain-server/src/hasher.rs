//! Password hashing: a few threads of low priority that keep their memory, behind a bounded
//! queue. The async threads never hash.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::{Output, Salt};
use argon2::{Algorithm, Argon2, Block, Params, ParamsBuilder, PasswordHash, Version};
use regain_engine::{Need, NewPassword, StoredPassword};
use regain_types::{Entropy as _, Secret, SystemEntropy};
use tokio::sync::oneshot;

use crate::settings::HashSettings;

/// Priority of the threads, so that light requests stay fast while hashes fill the cores.
const NICE: i32 = 10;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// The queue is full or too slow: try again in a moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("too many passwords are being checked")]
pub struct HasherBusy;

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
#[derive(Debug)]
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
    capacity: usize,
    deadline: Duration,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<QueueState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    closed: bool,
}

#[derive(Debug)]
struct Job {
    need: Need,
    reply: oneshot::Sender<Computed>,
}

impl Hasher {
    /// Starts the threads.
    ///
    /// # Errors
    /// [`HasherError`] when the settings are too weak or a thread does not start.
    pub fn start(settings: HashSettings) -> Result<Self, HasherError> {
        let strong = settings.memory_kib >= 47_104
            || settings.memory_kib >= HashSettings::FLOOR.memory_kib
                && settings.passes >= HashSettings::FLOOR.passes;
        if !strong {
            return Err(HasherError::TooWeak);
        }
        let params = ParamsBuilder::new()
            .m_cost(settings.memory_kib)
            .t_cost(settings.passes)
            .p_cost(1)
            .output_len(HASH_BYTES)
            .build()
            .map_err(|_| HasherError::TooWeak)?;
        let queue = Arc::new(Queue::default());
        for index in 0..settings.workers.max(1) {
            let worker = Worker::new(Arc::clone(&queue), params.clone());
            std::thread::Builder::new()
                .name(format!("hash-{index}"))
                .spawn(move || worker.run())
                .map_err(|_| HasherError::Thread)?;
        }
        Ok(Self {
            queue,
            capacity: settings.workers.max(1) * settings.queue_per_worker.max(1),
            deadline: settings.deadline,
        })
    }

    /// Computes what a step needs.
    ///
    /// # Errors
    /// [`HasherBusy`] when the queue is full, or the answer takes longer than the deadline.
    pub async fn compute(&self, need: Need) -> Result<Computed, HasherBusy> {
        let (reply, answer) = oneshot::channel();
        {
            let mut state = self
                .queue
                .state
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if state.jobs.len() >= self.capacity {
                return Err(HasherBusy);
            }
            state.jobs.push_back(Job { need, reply });
        }
        self.queue.wake.notify_one();
        // When the time is over, or the client is gone, the receiver goes too, and the worker
        // throws the job away before it hashes.
        tokio::time::timeout(self.deadline, answer)
            .await
            .map_err(|_| HasherBusy)?
            .map_err(|_| HasherBusy)
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        self.queue
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .closed = true;
        self.queue.wake.notify_all();
    }
}

/// Hashes one password for an administrator's command, on the thread that asks.
///
/// # Errors
/// [`HasherError::TooWeak`] when the settings are below the floor.
pub fn hash_now(password: &Secret<String>, settings: HashSettings) -> Result<String, HasherError> {
    let params = Params::new(settings.memory_kib, settings.passes, 1, Some(HASH_BYTES))
        .map_err(|_| HasherError::TooWeak)?;
    let mut worker = Worker::new(Arc::new(Queue::default()), params);
    worker.hash(password).ok_or(HasherError::TooWeak)
}

struct Worker {
    queue: Arc<Queue>,
    params: Params,
    memory: Vec<Block>,
    /// What nobody's password is compared with: same cost, never a match (E-05).
    dummy: Option<String>,
}

impl Worker {
    fn new(queue: Arc<Queue>, params: Params) -> Self {
        let dummy = phc(&params, &random::<SALT_BYTES>(), &random::<HASH_BYTES>());
        Self {
            queue,
            params,
            memory: Vec::new(),
            dummy,
        }
    }

    fn run(mut self) {
        // Without the right to lower it, hashing still works; light requests are less smooth.
        let lowered = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICE);
        if let Err(error) = lowered {
            tracing::debug!(%error, "hash threads keep their normal priority");
        }
        while let Some(job) = self.next_job() {
            if job.reply.is_closed() {
                continue;
            }
            let computed = self.compute(&job.need);
            // Nobody waits any more: fine.
            let _ = job.reply.send(computed);
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self
            .queue
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self
                .queue
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn compute(&mut self, need: &Need) -> Computed {
        match need {
            Need::VerifyPassword { stored, candidate } => {
                let known = stored.is_some();
                let dummy = self.dummy.clone().unwrap_or_default();
                let phc = stored.as_ref().map_or(&dummy, |stored| &stored.phc);
                Computed::Matches(self.matches(phc, candidate) & known)
            }
            Need::HashPassword {
                candidate,
                previous,
            } => Computed::New(self.replace(candidate, previous)),
        }
    }

    fn replace(&mut self, candidate: &Secret<String>, previous: &[StoredPassword]) -> NewPassword {
        if previous
            .iter()
            .any(|stored| self.matches(&stored.phc, candidate))
        {
            return NewPassword::Reused;
        }
        // Hashing fails only for parameters that were refused at the start.
        self.hash(candidate)
            .map_or(NewPassword::Reused, NewPassword::Hashed)
    }

    fn hash(&mut self, password: &Secret<String>) -> Option<String> {
        let salt = random::<SALT_BYTES>();
        let params = self.params.clone();
        let hash = self.argon2(&params, password, &salt, HASH_BYTES)?;
        phc(&params, &salt, &hash)
    }

    /// Compares with a stored hash, at the stored hash's own cost.
    fn matches(&mut self, phc: &str, candidate: &Secret<String>) -> bool {
        let Ok(stored) = PasswordHash::new(phc) else {
            return false;
        };
        let (Ok(params), Some(salt), Some(expected)) =
            (Params::try_from(&stored), &stored.salt, &stored.hash)
        else {
            return false;
        };
        self.argon2(&params, candidate, salt.as_ref(), expected.len())
            .and_then(|hash| Output::new(&hash).ok())
            .is_some_and(|hash| hash == *expected) // `Output` compares in constant time.
    }

    fn argon2(
        &mut self,
        params: &Params,
        password: &Secret<String>,
        salt: &[u8],
        length: usize,
    ) -> Option<Vec<u8>> {
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        let memory = self.memory.get_mut(..blocks)?;
        let mut hash = vec![0; length];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut hash, memory)
            .ok()?;
        Some(hash)
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}

fn phc(params: &Params, salt: &[u8], hash: &[u8]) -> Option<String> {
    let hash = PasswordHash {
        algorithm: argon2::ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: params.try_into().ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(hash).ok()?),
    };
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use regain_types::Timestamp;

    fn stored(phc: String) -> StoredPassword {
        StoredPassword {
            phc,
            nfc: true,
            set_at: Timestamp::from_millis(0),
        }
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    async fn verify(hasher: &Hasher, stored: Option<StoredPassword>, typed: &str) -> bool {
        let need = Need::VerifyPassword {
            stored,
            candidate: secret(typed),
        };
        match hasher.compute(need).await.unwrap() {
            Computed::Matches(matches) => matches,
            Computed::New(_) => panic!("a check is no new password"),
        }
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_and_nothing_else() {
        let hasher = Hasher::start(HashSettings::FLOOR).unwrap();
        let phc = hash_now(&secret("Copper-Lantern-42"), HashSettings::FLOOR).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify(&hasher, Some(stored(phc.clone())), "Copper-Lantern-42").await);
        assert!(!verify(&hasher, Some(stored(phc)), "Copper-Lantern-43").await);
        assert!(!verify(&hasher, None, "Copper-Lantern-42").await);
        assert!(!verify(&hasher, Some(stored("garbage".to_owned())), "x").await);
    }

    #[tokio::test]
    async fn an_old_password_is_found_out() {
        let hasher = Hasher::start(HashSettings::FLOOR).unwrap();
        let old = stored(hash_now(&secret("old password"), HashSettings::FLOOR).unwrap());
        let need = |candidate| Need::HashPassword {
            candidate: secret(candidate),
            previous: vec![old.clone()],
        };
        let reused = hasher.compute(need("old password")).await.unwrap();
        assert!(matches!(reused, Computed::New(NewPassword::Reused)));
        let new = hasher.compute(need("new password")).await.unwrap();
        assert!(matches!(new, Computed::New(NewPassword::Hashed(_))));
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let settings = HashSettings {
            workers: 1,
            queue_per_worker: 1,
            ..HashSettings::FLOOR
        };
        let hasher = Hasher::start(settings).unwrap();
        let need = || Need::VerifyPassword {
            stored: None,
            candidate: secret("x"),
        };
        // One is being hashed, one waits, and of the rest at least one finds the queue full.
        let answers = futures(&hasher, need, 8).await;
        assert!(answers.iter().any(Result::is_err), "{answers:?}");
        assert!(answers.iter().any(Result::is_ok), "{answers:?}");
    }

    async fn futures(
        hasher: &Hasher,
        need: impl Fn() -> Need,
        count: usize,
    ) -> Vec<Result<Computed, HasherBusy>> {
        let mut answers = Vec::new();
        let mut pending: Vec<_> = (0..count)
            .map(|_| Box::pin(hasher.compute(need())))
            .collect();
        // Polled together, in order, so that all of them are queued before the first is done.
        std::future::poll_fn(|context| {
            pending.retain_mut(|future| match future.as_mut().poll(context) {
                std::task::Poll::Ready(answer) => {
                    answers.push(answer);
                    false
                }
                std::task::Poll::Pending => true,
            });
            if pending.is_empty() {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        answers
    }

    #[test]
    fn weak_settings_are_refused() {
        // T-P1: below the floor nothing starts.
        let weak = HashSettings {
            memory_kib: 19_455,
            ..HashSettings::FLOOR
        };
        assert_eq!(Hasher::start(weak).unwrap_err(), HasherError::TooWeak);
        let one_pass = HashSettings {
            passes: 1,
            ..HashSettings::FLOOR
        };
        assert_eq!(Hasher::start(one_pass).unwrap_err(), HasherError::TooWeak);
    }
}
