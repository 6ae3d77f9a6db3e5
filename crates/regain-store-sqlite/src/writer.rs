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
use crate::error::{Fault, OpenError, from_sqlite};
use crate::reserve::Space;

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

/// What a write is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// It ends a session: done as long as there is any space, the reserve included.
    EndSession,
    /// Anything else: refused while the disk is full.
    Other,
}

/// A write that waits for its turn.
trait Job: Send {
    fn aim(&self) -> Aim;
    /// Does the work. An error says why nothing of it is to be kept.
    fn run(&mut self, scope: &mut Scope<'_>) -> Result<(), Told>;
    /// Tells the caller, once the group is on the disk or has failed.
    fn answer(self: Box<Self>, group: Result<(), &Told>);
}

/// Why a write is not kept, to be told to several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Full,
    Other(String),
}

impl From<&StoreError> for Told {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full => Self::Full,
            StoreError::Unavailable(reason) => Self::Other(reason.clone()),
            StoreError::Conflict | StoreError::Exists(_) | StoreError::Corrupt { .. } => {
                Self::Other(error.to_string())
            }
        }
    }
}

impl From<&Told> for StoreError {
    fn from(told: &Told) -> Self {
        match told {
            Told::Full => Self::Full,
            Told::Other(reason) => Self::Unavailable(reason.clone()),
        }
    }
}

struct Pending<T, F> {
    aim: Aim,
    work: F,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnMut(&mut Scope<'_>) -> Result<T, Fault> + Send,
{
    fn aim(&self) -> Aim {
        self.aim
    }

    fn run(&mut self, scope: &mut Scope<'_>) -> Result<(), Told> {
        // A panic is this job's failure, not the end of all writing (I-15).
        let outcome = match catch_unwind(AssertUnwindSafe(|| (self.work)(scope))) {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(_) => Err(StoreError::Unavailable("a write broke off".to_owned())),
        };
        let told = outcome.as_ref().map(drop).map_err(Told::from);
        self.outcome = Some(outcome);
        told
    }

    fn answer(self: Box<Self>, group: Result<(), &Told>) {
        let outcome = match group {
            // Even a refusal may have come from a write of this group, which is gone now.
            Err(told) => Err(told.into()),
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
        space: Space,
    ) -> Result<Self, OpenError> {
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let thread = std::thread::Builder::new()
            .name("regain-writer".to_owned())
            .spawn(move || {
                let mut turn = Turn {
                    connection,
                    clock,
                    entropy,
                    space,
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
        let mut once = Some(work);
        let work = move |scope: &mut Scope<'_>| match once.take() {
            Some(work) => work(scope),
            None => Err(StoreError::Unavailable("a write ran twice".to_owned()).into()),
        };
        self.queue(Aim::Other, work).await
    }

    /// The same for what ends a session: it is done even when the disk is full, as long as the
    /// reserve lasts. It may run twice; the first time is undone then.
    pub(crate) async fn write_end_of_session<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Scope<'_>) -> Result<T, Fault> + Send + 'static,
    {
        self.queue(Aim::EndSession, work).await
    }

    async fn queue<T, F>(&self, aim: Aim, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Scope<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending {
            aim,
            work,
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
    told: Told,
    /// Whether a transaction was begun: another process did not keep us from it.
    has_begun: bool,
}

/// The thread's own end.
struct Turn {
    connection: Connection,
    clock: Arc<StoreClock>,
    entropy: Box<dyn Entropy>,
    space: Space,
}

impl Turn {
    fn serve(&mut self, jobs: &Receiver<Box<dyn Job>>) {
        while let Ok(first) = jobs.recv() {
            let mut group = vec![first];
            group.extend(jobs.try_iter().take(GROUP_MAX - 1));
            if self.space.is_scarce() {
                group = refuse_what_can_wait(group);
            }
            let mut outcome = self.commit(&mut group);
            if let Err(failed) = &outcome
                && self.space.meet(&failed.told, group.len())
            {
                group = refuse_what_can_wait(group);
                outcome = self.commit(&mut group);
                if let Err(failed) = &outcome {
                    self.space.meet(&failed.told, group.len());
                }
            }
            if let Err(failed) = &outcome
                && !failed.has_begun
            {
                // Another process holds the database. Who has queued up meanwhile has waited as long
                // as anybody may; to try for them would make the next ones wait twice.
                group.extend(jobs.try_iter());
            }
            for job in group {
                let told = outcome.as_ref().map(|&()| ());
                job.answer(told.map_err(|failed| &failed.told));
            }
        }
        // A stop remembers the time, so that a clock set back meanwhile is noticed.
        if let Err(error) = remember_time(&self.connection, &self.clock) {
            tracing::warn!(%error, "the time was not remembered");
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        if group.is_empty() {
            return Ok(());
        }
        let outcome = self.try_commit(group);
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
        outcome
    }

    /// One transaction for the whole group. Leaves it open when it fails or when there is
    /// nothing to keep.
    fn try_commit(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), Failed> {
        let begun = run(&self.connection, "BEGIN IMMEDIATE");
        begun.map_err(|error| Failed {
            told: Told::from(&from_sqlite(&error)),
            has_begun: false,
        })?;
        let failed = |told: Told| Failed {
            told,
            has_begun: true,
        };
        let told = |error: rusqlite::Error| failed(Told::from(&from_sqlite(&error)));
        let changes = self.connection.total_changes();
        let mut kept = 0_usize;
        // Whoever is alone needs no part of the transaction to go back to: all of it is theirs. SQLite
        // keeps a copy of every page that changes after a savepoint.
        let is_alone = group.len() == 1;
        for job in group {
            if !is_alone {
                run(&self.connection, "SAVEPOINT job").map_err(told)?;
            }
            let ran = job.run(&mut Scope {
                connection: &self.connection,
                moment: self.clock.read(),
                entropy: self.entropy.as_mut(),
            });
            match ran {
                Ok(()) => kept += 1,
                // The database has ended the whole transaction (a full disk, a broken one): what
                // ran before in this group is gone too, and everybody must hear of it.
                Err(told) if self.connection.is_autocommit() => return Err(failed(told)),
                // There is no space for the others either.
                Err(Told::Full) => return Err(failed(Told::Full)),
                Err(_) if is_alone => return Ok(()),
                Err(_) => run(&self.connection, "ROLLBACK TO job").map_err(told)?,
            }
            if !is_alone {
                run(&self.connection, "RELEASE job").map_err(told)?;
            }
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

/// Answers what does not end a session: the disk is full. What is left is to be done.
fn refuse_what_can_wait(group: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
    let (left, refused): (Vec<_>, Vec<_>) = group
        .into_iter()
        .partition(|job| job.aim() == Aim::EndSession);
    for job in refused {
        job.answer(Err(&Told::Full));
    }
    left
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
