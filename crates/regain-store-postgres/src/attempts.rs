//! Doing things over connections that may fail: what is repeated, and how long it may take.
//!
//! A transaction that the database undid (a deadlock, a serialization failure, a primary that
//! became a standby) is repeated at once. When a connection breaks nobody knows whether the last
//! thing sent on it happened; then only what may happen twice is repeated, or what its own guard
//! keeps from happening twice. When such a guard then refuses, the caller looks whether it was the
//! lost attempt that it met ([`Fault::Refused`] with `unsure`).

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError};
use regain_store::StoreError;
use regain_types::{SystemEntropy, random_array};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_postgres::Row;

use crate::background;
use crate::connecting::{Connector, Link};
use crate::error::{Fault, OpenError, Refusal};
use crate::fullness::Fullness;
use crate::options::Options;
use crate::param::Call;
use crate::pipeline::{self, Trouble};

/// How often something that the database undid is tried.
const ATTEMPTS_MAX: u32 = 12;
/// How many operations in a row may go unanswered before idle connections are thought dead too.
const UNANSWERED_MAX: u32 = 2;
/// What waits between attempts, at most.
const PAUSE_MAX_MS: u64 = 40;
/// How many times longer work may take that nobody waits for in a request: imports, sweeps.
const LONG: u32 = 60;

/// What to do.
#[derive(Debug)]
pub(crate) enum Work {
    /// One statement, a transaction by itself.
    Alone(Call),
    /// Several as one transaction.
    Together(Vec<Call>),
}

/// Whether something may be done again when nobody knows whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It is guarded, or twice is as good as once.
    Safe,
    /// Twice would be too often.
    Never,
}

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Somebody waits for it in a request.
    Request,
    /// Nobody does.
    Long,
}

/// The connections and what is known about them.
pub(crate) struct Database {
    pool: Pool<Connector>,
    timeout: Duration,
    prepared: AtomicBool,
    unanswered: AtomicU32,
    pub(crate) fullness: Fullness,
}

enum Attempt {
    Done(Vec<Vec<Row>>),
    Trouble(Trouble),
    Unanswered,
}

impl Database {
    pub(crate) fn new(options: &Options) -> Result<Self, OpenError> {
        let connector = Connector::new(options.clone(), options.tls()?);
        let pool = Pool::builder(connector)
            .max_size(options.pool_size())
            .build()
            .map_err(|error| OpenError::Other {
                database: options.to_string(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            pool,
            timeout: options.timeout(),
            prepared: AtomicBool::new(options.prepare()),
            unanswered: AtomicU32::new(0),
            fullness: Fullness::default(),
        })
    }

    /// Does the work of a request; answers the rows of each statement.
    pub(crate) async fn run(&self, work: &Work, repeat: Repeat) -> Result<Vec<Vec<Row>>, Fault> {
        self.run_for(work, repeat, Patience::Request).await
    }

    /// Runs one statement that may be repeated; answers its rows.
    pub(crate) async fn query(&self, call: Call) -> Result<Vec<Row>, Fault> {
        let answer = self.run(&Work::Alone(call), Repeat::Safe).await?;
        Ok(answer.into_iter().next().unwrap_or_default())
    }

    pub(crate) async fn run_for(
        &self,
        work: &Work,
        repeat: Repeat,
        patience: Patience,
    ) -> Result<Vec<Vec<Row>>, Fault> {
        let whole = match patience {
            Patience::Request => self.timeout,
            Patience::Long => self.timeout * LONG,
        };
        let deadline = Instant::now() + whole;
        let mut unsure = false;
        let mut last = String::new();
        for turn in 0..ATTEMPTS_MAX {
            let mut link = match self.link(deadline, unsure).await {
                Ok(link) => link,
                Err(reason) => return Err(Fault::unavailable(reason)),
            };
            match self.attempt(&mut link, work, deadline).await {
                Attempt::Done(rows) => {
                    self.unanswered.store(0, Ordering::Relaxed);
                    return Ok(rows);
                }
                Attempt::Unanswered => {
                    self.abandon(link);
                    let told = format!("no answer within {} ms", whole.as_millis());
                    return Err(Fault::unavailable(told));
                }
                Attempt::Trouble(Trouble::Refused(refusal)) => {
                    return Err(Fault::Refused { refusal, unsure });
                }
                Attempt::Trouble(Trouble::Failed(reason)) => {
                    return Err(Fault::unavailable(reason));
                }
                Attempt::Trouble(Trouble::Full(reason)) => {
                    self.fullness.meet(&reason);
                    return Err(Fault::Store(StoreError::Full));
                }
                Attempt::Trouble(Trouble::Undone { reason, spent }) => {
                    if spent {
                        self.discard(link, &reason);
                    }
                    last = reason;
                }
                Attempt::Trouble(Trouble::Lost(reason)) => {
                    self.discard(link, &reason);
                    if repeat == Repeat::Never {
                        return Err(Fault::unavailable(reason));
                    }
                    unsure = true;
                    last = reason;
                }
            }
            pause(turn, deadline).await;
        }
        Err(Fault::unavailable(last))
    }

    async fn attempt(
        &self,
        link: &mut Object<Connector>,
        work: &Work,
        deadline: Instant,
    ) -> Attempt {
        let prepared = self.prepared.load(Ordering::Relaxed);
        let link: &mut Link = link;
        let run = async {
            match work {
                Work::Alone(call) => pipeline::alone(link, call, prepared)
                    .await
                    .map(|rows| vec![rows]),
                Work::Together(calls) => pipeline::together(link, calls, prepared).await,
            }
        };
        match timeout_at(deadline, run).await {
            Ok(Ok(rows)) => Attempt::Done(rows),
            Ok(Err(trouble)) => Attempt::Trouble(trouble),
            Err(_) => Attempt::Unanswered,
        }
    }

    /// Takes a connection. After a lost answer it is worth to wait for one: the server may be
    /// back in a moment, and then it is known what became of it.
    async fn link(&self, deadline: Instant, wait: bool) -> Result<Object<Connector>, String> {
        loop {
            let reason = match timeout_at(deadline, self.pool.get()).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(PoolError::Backend(reason))) => reason,
                Ok(Err(error)) => error.to_string(),
                Err(_) => return Err("no connection became free in time".to_owned()),
            };
            if !wait || Instant::now() + Duration::from_millis(PAUSE_MAX_MS) >= deadline {
                return Err(reason);
            }
            sleep(Duration::from_millis(PAUSE_MAX_MS)).await;
        }
    }

    /// Drops a connection that is of no use, and those that are so for the same reason.
    fn discard(&self, link: Object<Connector>, reason: &str) {
        tracing::warn!(%reason, "a connection to the database is given up");
        // 26000 and 42P05: each transaction meets another server connection, so statements that
        // were prepared are unknown there, or somebody else's.
        if (reason.ends_with("(26000)") || reason.ends_with("(42P05)"))
            && self.prepared.swap(false, Ordering::Relaxed)
        {
            tracing::warn!(
                "the database is behind a pooler that keeps no prepared statements: none are used from now on; say prepare=off in its URL"
            );
        }
        drop(Object::take(link));
        self.pool.retain(|_, _| false);
    }

    /// Drops a connection that does not answer, and asks the server to stop what runs on it.
    fn abandon(&self, link: Object<Connector>) {
        let link = Object::take(link);
        let token = link.client.cancel_token();
        let tls = self.pool.manager().tls();
        drop(background::run(async move {
            let asked = timeout(Duration::from_secs(1), token.cancel_query(tls.0)).await;
            tracing::debug!(?asked, "a statement that took too long was cancelled");
        }));
        drop(link);
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= UNANSWERED_MAX {
            self.pool.retain(|_, _| false);
        }
    }
}

/// Waits a little, longer from turn to turn, and not the same for everybody.
async fn pause(turn: u32, deadline: Instant) {
    if turn == 0 {
        return;
    }
    let most = PAUSE_MAX_MS.min(2 << turn.min(5));
    let [dice] = random_array::<1>(&mut SystemEntropy);
    let wait = Instant::now() + Duration::from_millis(most * u64::from(dice) / 255);
    tokio::time::sleep_until(wait.min(deadline)).await;
}

/// A number that marks one attempt to change something, to be found again when the answer is
/// lost.
pub(crate) fn mark() -> i64 {
    i64::from_le_bytes(random_array::<8>(&mut SystemEntropy))
}

impl Fault {
    /// Whether this is a conflict that an earlier attempt at the same may have brought about.
    pub(crate) fn may_be_our_own(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                refusal: Refusal::Conflict | Refusal::Exists(_),
                unsure: true
            }
        )
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").finish_non_exhaustive()
    }
}
