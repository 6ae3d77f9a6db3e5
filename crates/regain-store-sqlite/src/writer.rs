//! The one thread that writes: what waits together is committed together.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use regain_store::StoreError;
use regain_types::{Entropy, Timestamp};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::clock::{Moment, StoreClock};
use crate::error::{Fault, OpenError};

/// How many writes may wait. More than that is overload, and waiting longer helps nobody.
const QUEUE_MAX: usize = 1_024;
/// How many writes one transaction takes: beyond this a group gains little and delays the first.
const GROUP_MAX: usize = 128;

/// What a write works with.
pub(crate) struct Scope<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) moment: Moment,
    pub(crate) entropy: &'a mut dyn Entropy,
}

/// A write that waits for its turn.
trait Job: Send {
    /// Does the work. An error says why nothing of it is to be kept.
    fn run(&mut self, scope: &mut Scope<'_>) -> Result<(), String>;
    /// Tells the caller, once the group is on the disk or has failed.
    fn answer(self: Box<Self>, group: Result<(), &str>);
}

struct Pending<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Scope<'_>) -> Result<T, Fault> + Send,
{
    fn run(&mut self, scope: &mut Scope<'_>) -> Result<(), String> {
        let Some(work) = self.work.take() else {
            return Err("a write ran twice".to_owned());
        };
        // A panic is this job's failure, not the end of all writing (I-15).
        let outcome = match catch_unwind(AssertUnwindSafe(|| work(scope))) {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(_) => Err(StoreError::Unavailable("a write broke off".to_owned())),
        };
        let told = outcome.as_ref().map(drop).map_err(StoreError::to_string);
        self.outcome = Some(outcome);
        told
    }

    fn answer(self: Box<Self>, group: Result<(), &str>) {
        let outcome = match group {
            // Even a refusal may have come from a write of this group, which is gone now.
            Err(reason) => Err(StoreError::Unavailable(reason.to_owned())),
            Ok(()) => self.outcome.unwrap_or_else(|| {
                Err(StoreError::Unavailable("the write did not run".to_owned()))
            }),
        };
        // Whoever asked may be gone.
        drop(self.reply.send(outcome));
    }
}

/// The thread's end that others hold.
pub(crate) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        path: &Path,
        connection: Connection,
        clock: Arc<StoreClock>,
        entropy: Box<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("regain-writer".to_owned())
            .spawn(move || {
                let mut turn = Turn {
                    connection,
                    clock,
                    entropy,
                };
                turn.serve(&jobs);
            })
            .map_err(|error| OpenError::from_io(path, &error))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and answers when it is durable. An error from `work` undoes
    /// what it did and nothing else.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Scope<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending {
            work: Some(work),
            outcome: None,
            reply,
        });
        let stopped = || StoreError::Unavailable("the writer has stopped".to_owned());
        let queue = self.queue.as_ref().ok_or_else(stopped)?;
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => {
                StoreError::Unavailable("too many writes are waiting".to_owned())
            }
            TrySendError::Disconnected(_) => stopped(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }
}

impl Drop for Writer {
    /// Waits until what was queued is on the disk.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}

/// Why a group was not committed.
struct Failed {
    reason: String,
    /// Whether a transaction was begun: another process did not keep us from it.
    has_begun: bool,
}

/// The thread's own end.
struct Turn {
    connection: Connection,
    clock: Arc<StoreClock>,
    entropy: Box<dyn Entropy>,
}

impl Turn {
    fn serve(&mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            group.extend(jobs.try_iter().take(GROUP_MAX - 1));
            let outcome = self.commit(&mut group);
            if let Err(failed) = &outcome
                && !failed.has_begun
            {
                // Another process holds the database. Who has queued up meanwhile has waited as long
                // as anybody may; to try for them would make the next ones wait twice.
                group.extend(jobs.try_iter());
            }
            for job in group {
                let told = outcome.as_ref().map(|&()| ());
                job.answer(told.map_err(|failed| failed.reason.as_str()));
            }
        }
        // A stop remembers the time, so that a clock set back meanwhile is noticed.
        if let Err(error) = remember_time(&self.connection, &self.clock) {
            tracing::warn!(%error, "the time was not remembered");
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        let outcome = self.try_commit(group);
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
        if let Err(Failed { reason, .. }) = &outcome {
            tracing::error!(%reason, writes = group.len(), "a group of writes failed");
        }
        outcome
    }

    /// One transaction for the whole group. Leaves it open when it fails or when there is
    /// nothing to keep.
    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        let begun = run(&self.connection, "BEGIN IMMEDIATE");
        begun.map_err(|error| Failed {
            reason: error.to_string(),
            has_begun: false,
        })?;
        let failed = |reason: String| Failed {
            reason,
            has_begun: true,
        };
        let told = |error: rusqlite::Error| failed(error.to_string());
        let changes = self.connection.total_changes();
        let mut kept = 0_usize;
        for job in group {
            run(&self.connection, "SAVEPOINT job").map_err(told)?;
            let ran = job.run(&mut Scope {
                connection: &self.connection,
                moment: self.clock.read(),
                entropy: self.entropy.as_mut(),
            });
            match ran {
                Ok(()) => kept += 1,
                // The database has ended the whole transaction (a full disk, a broken one): what
                // ran before in this group is gone too, and everybody must hear of it.
                Err(reason) if self.connection.is_autocommit() => return Err(failed(reason)),
                Err(_) => run(&self.connection, "ROLLBACK TO job").map_err(told)?,
            }
            run(&self.connection, "RELEASE job").map_err(told)?;
        }
        if kept == 0 || self.connection.total_changes() == changes {
            return Ok(());
        }
        let (high_water, offset_ms) = remember_time(&self.connection, &self.clock).map_err(told)?;
        run(&self.connection, "COMMIT").map_err(told)?;
        self.clock.adopt(high_water, offset_ms);
        Ok(())
    }
}

fn run(connection: &Connection, statement: &'static str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

/// Writes down how far the clock came; answers what the database then holds.
fn remember_time(
    connection: &Connection,
    clock: &StoreClock,
) -> Result<(Timestamp, i64), rusqlite::Error> {
    connection
        .prepare_cached(
            "UPDATE clock SET high_water_ms = max(high_water_ms, ?1) WHERE id = 1
             RETURNING high_water_ms, offset_ms",
        )?
        .query_row([clock.read().wall.as_millis()], |row| {
            Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?))
        })
}

#[cfg(test)]
mod tests;
