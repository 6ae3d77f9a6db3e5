//! What clients, relay and killer share: whether the engine is up, where the next kill strikes, and
//! what was found wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use regain_types::{Clock as _, SystemClock};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::http::{self, Body, Page};

/// Where a kill can strike: when a request has been sent, or a mail has got so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    Begin,
    Introspect,
    Recover,
    Identify,
    Challenge,
    WrongCode,
    Code,
    Password,
    SignIn,
    Redeem,
    Refresh,
    Revoke,
    /// A look that changes nothing: no trap is laid there.
    Look,
    MailConnected,
    MailTaken,
    MailAnswered,
}

impl Point {
    pub(super) const ALL: [Self; 15] = [
        Self::Begin,
        Self::Introspect,
        Self::Recover,
        Self::Identify,
        Self::Challenge,
        Self::WrongCode,
        Self::Code,
        Self::Password,
        Self::SignIn,
        Self::Redeem,
        Self::Refresh,
        Self::Revoke,
        Self::MailConnected,
        Self::MailTaken,
        Self::MailAnswered,
    ];
}

/// A kill that waits for its moment.
struct Trap {
    point: Point,
    /// Where between the request and a time somewhat after its usual answer: 0 to 1,000.
    permille: u32,
}

/// What came of the requests during which a kill struck.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Struck {
    /// Kills at this point.
    pub(super) kills: usize,
    /// Requests of this kind that were cut off by any kill.
    pub(super) cut_off: usize,
    /// Of these, those that turned out to be done when they were repeated.
    pub(super) done: usize,
}

/// The shared part.
pub(super) struct Storm {
    pub(super) address: SocketAddr,
    clock: SystemClock,
    /// How often the engine has been killed, while it is up.
    up: watch::Sender<Option<usize>>,
    life: AtomicUsize,
    trap: Mutex<Option<Trap>>,
    victim: Mutex<Option<Child>>,
    struck: Notify,
    usual: Mutex<BTreeMap<Point, Duration>>,
    tally: Mutex<BTreeMap<Point, Struck>>,
    faults: Mutex<Vec<String>>,
    ending: AtomicBool,
    tasks: Mutex<JoinSet<()>>,
}

impl fmt::Debug for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storm").finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Storm {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            clock: SystemClock::new(),
            up: watch::Sender::new(None),
            life: AtomicUsize::new(0),
            trap: Mutex::default(),
            victim: Mutex::default(),
            struck: Notify::new(),
            usual: Mutex::default(),
            tally: Mutex::default(),
            faults: Mutex::default(),
            ending: AtomicBool::new(false),
            tasks: Mutex::default(),
        }
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        locked(&self.tasks).spawn(work);
    }

    /// How often the engine has been killed.
    pub(super) fn life(&self) -> usize {
        self.life.load(Ordering::SeqCst)
    }

    pub(super) fn clock(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Says that something is not as it must be.
    pub(super) fn fault(&self, what: &str) {
        locked(&self.faults).push(format!("life {}: {what}", self.life()));
    }

    pub(super) fn faults(&self) -> Vec<String> {
        locked(&self.faults).clone()
    }

    pub(super) fn tally(&self) -> BTreeMap<Point, Struck> {
        locked(&self.tally).clone()
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::SeqCst)
    }

    /// Asks the clients to come to an end.
    pub(super) fn end(&self) {
        self.ending.store(true, Ordering::SeqCst);
    }

    /// Waits until the engine is up; answers which life it is in.
    pub(super) async fn up(&self) -> usize {
        let mut up = self.up.subscribe();
        let found = up.wait_for(Option::is_some).await;
        found.ok().and_then(|life| *life).unwrap_or_default()
    }

    /// The engine is up.
    pub(super) fn rise(&self, child: Child) {
        *locked(&self.victim) = Some(child);
        self.up.send_replace(Some(self.life()));
    }

    /// Lays a trap and waits until it has struck; where nobody comes by, it strikes in the end.
    pub(super) async fn kill_at(&self, (point, permille): (Point, u32), patience: Duration) {
        *locked(&self.trap) = Some(Trap { point, permille });
        if tokio::time::timeout(patience, self.struck.notified())
            .await
            .is_ok()
        {
            return;
        }
        if locked(&self.trap).take().is_some() {
            self.strike(Duration::ZERO);
        }
        // Its own notice, or that of somebody who sprang the trap at the last moment.
        self.struck.notified().await;
    }

    /// Somebody came by a point: springs the trap that lies there.
    pub(super) fn pass(self: &Arc<Self>, point: Point) {
        let mut trap = locked(&self.trap);
        let Some(Trap { permille, .. }) = trap.take_if(|trap| trap.point == point) else {
            return;
        };
        locked(&self.tally).entry(point).or_default().kills += 1;
        let usual = locked(&self.usual).get(&point).copied();
        let delay = usual.unwrap_or(Duration::from_millis(4)) * permille / 700;
        let storm = Arc::clone(self);
        locked(&self.tasks).spawn_blocking(move || storm.strike(delay));
    }

    /// kill -9, after a delay that a timer would be too coarse for.
    fn strike(&self, delay: Duration) {
        let at = self.clock.monotonic() + delay.min(Duration::from_millis(500));
        while self.clock.monotonic() < at {
            std::hint::spin_loop();
        }
        if let Some(mut child) = locked(&self.victim).take() {
            self.up.send_replace(None);
            self.life.fetch_add(1, Ordering::SeqCst);
            child.kill().unwrap();
            child.wait().unwrap();
        }
        self.struck.notify_one();
    }

    /// One request. Nothing when its answer did not come.
    pub(super) async fn request(
        self: &Arc<Self>,
        point: Point,
        path: &str,
        body: &Body,
    ) -> Option<Page> {
        loop {
            self.up().await;
            let life = self.life();
            let started = self.clock.monotonic();
            let page = http::post(self.address, path, body, || self.pass(point)).await;
            match page {
                // Too much to hash just now: nothing was done.
                Some(page) if page.status == 503 => tokio::task::yield_now().await,
                Some(page) => {
                    let took = self.clock.monotonic().saturating_sub(started);
                    let mut usual = locked(&self.usual);
                    let known = usual.entry(point).or_insert(took);
                    *known = (*known * 7 + took) / 8;
                    return Some(page);
                }
                None => {
                    if life == self.life() {
                        self.up_or_down(life).await;
                    }
                    locked(&self.tally).entry(point).or_default().cut_off += 1;
                    return None;
                }
            }
        }
    }

    /// An answer that breaks off has one reason: the kill, which is perhaps not written down yet.
    async fn up_or_down(&self, life: usize) {
        let mut up = self.up.subscribe();
        let killed = up.wait_for(|now| *now != Some(life));
        if tokio::time::timeout(Duration::from_secs(5), killed)
            .await
            .is_err()
        {
            self.fault("an answer broke off and nobody was killed");
        }
    }

    /// The request that was cut off turned out to be done.
    pub(super) fn was_done(&self, point: Point) {
        locked(&self.tally).entry(point).or_default().done += 1;
    }

    /// Ends relay and whatever else was spawned.
    pub(super) async fn close(&self) {
        let mut tasks = std::mem::take(&mut *locked(&self.tasks));
        tasks.shutdown().await;
    }

    /// Takes the engine back, to be stopped in peace.
    pub(super) fn engine(&self) -> Option<Child> {
        locked(&self.victim).take()
    }
}
