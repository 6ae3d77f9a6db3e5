//! Clients by the number: closed loops, which wait for an answer before they ask again, and open
//! ones, which come when they come.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinSet, spawn_local};

use crate::clock::Stopwatch;
use crate::echo;
use crate::error::BenchError;
use crate::http::{Connection, Request};
use crate::journey::{Site, Visitor};
use crate::people::Crowd;
use crate::plan::Flow;
use crate::process::{Reading, Watched};
use crate::tally::Tally;

/// Before a sample counts.
const WARM_UP: Duration = Duration::from_millis(800);
/// After an error a client breathes, or errors would be all that is measured.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// Arrivals that may be under way at once; more are errors.
const UNDER_WAY_MAX: usize = 2_000;
/// A sample in which nobody got anywhere is made longer, by this at most.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long clients may take to end what they have begun.
const GOING_HOME: Duration = Duration::from_secs(35);

/// Who does what.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) flow: Flow,
    pub(crate) crowd: Crowd,
    pub(crate) clients: usize,
    /// Arrivals per second; closed loops without it.
    pub(crate) rate: Option<f64>,
    /// How long is measured.
    pub(crate) sample: Duration,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) seconds: f64,
    pub(crate) used: Reading,
    pub(crate) peak_mib: f64,
    pub(crate) mails: u64,
    /// The most that clients had open.
    pub(crate) connections: u64,
}

/// Lets clients do it, and measures once all of them are at it. Operations count in the sample in
/// which they end, CPU in the one in which it is used: over seconds both belong together.
pub(crate) async fn run(site: &Rc<Site>, load: &Load, watched: &Watched) -> Measured {
    let shared = Rc::new(Shared::default());
    let mut clients = JoinSet::new();
    if let Some(rate) = load.rate {
        clients.spawn_local(arrive(
            Rc::clone(site),
            load.clone(),
            Rc::clone(&shared),
            rate,
        ));
    } else {
        for turn in 0..load.clients {
            let client = come_back(Rc::clone(site), load.clone(), Rc::clone(&shared), turn);
            clients.spawn_local(client);
        }
    }
    tokio::time::sleep(WARM_UP).await;
    watched.forget_peaks();
    site.tally.take();
    let (mails, from, before) = (site.inbox.accepted(), site.watch.now(), watched.read());
    tokio::time::sleep(load.sample).await;
    while site.tally.borrow().is_empty() && site.watch.since(from) < load.sample + PATIENCE {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let (after, seconds) = (watched.read(), site.watch.since(from).as_secs_f64());
    let measured = Measured {
        tally: site.tally.take(),
        seconds,
        used: after.since(before),
        peak_mib: watched.peak_mib(),
        mails: site.inbox.accepted() - mails,
        connections: shared.connections.get(),
    };
    shared.over.set(true);
    let home = async { while clients.join_next().await.is_some() {} };
    // Who is still waiting then has counted nothing: its errors belong to no sample.
    let _ = tokio::time::timeout(GOING_HOME, home).await;
    measured
}

#[derive(Debug, Default)]
struct Shared {
    next: Cell<u64>,
    over: Cell<bool>,
    connections: Cell<u64>,
}

impl Shared {
    fn next(&self) -> u64 {
        self.next.replace(self.next.get() + 1)
    }

    /// Somebody with a connection of its own, which stays open.
    fn visitor(&self, site: Rc<Site>, turn: usize) -> Visitor {
        self.connections.set(self.connections.get() + 1);
        Visitor::new(site, turn)
    }
}

async fn come_back(site: Rc<Site>, load: Load, shared: Rc<Shared>, turn: usize) {
    let mut visitor = shared.visitor(Rc::clone(&site), turn);
    while !shared.over.get() {
        let login = load.crowd.login(shared.next());
        let errors = site.tally.borrow().error_count();
        visitor.run(load.flow, &login, site.watch.now()).await;
        if site.tally.borrow().error_count() > errors {
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
}

/// Lets clients arrive on time, whatever became of those before: whoever finds the engine busy waits,
/// and the waiting counts from when it was due. Nobody arrives in the name of somebody who is still
/// under way: of two that wait for a mail to one address, neither gets the right one.
async fn arrive(site: Rc<Site>, load: Load, shared: Rc<Shared>, rate: f64) {
    let every = Duration::from_secs_f64(1.0 / rate);
    let (idle, under_way) = (Rc::default(), Rc::new(Cell::new(0_usize)));
    let people: VecDeque<u64> = (0..load.crowd.count()).collect();
    let people = Rc::new(RefCell::new(people));
    let mut due = site.watch.now();
    let mut visits = JoinSet::new();
    while !shared.over.get() {
        let wait = due.saturating_sub(site.watch.now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let person = (under_way.get() < UNDER_WAY_MAX)
            .then(|| people.borrow_mut().pop_front())
            .flatten();
        match person {
            None => {
                let mut tally = site.tally.borrow_mut();
                tally.error("too many are waiting already");
            }
            Some(person) => {
                let login = load.crowd.login(person);
                let places = (Rc::clone(&idle), Rc::clone(&under_way));
                let visit = visit(
                    (Rc::clone(&site), Rc::clone(&shared)),
                    (load.flow, login),
                    due,
                    places,
                );
                let people = Rc::clone(&people);
                visits.spawn_local(async move {
                    visit.await;
                    people.borrow_mut().push_back(person);
                });
            }
        }
        while visits.try_join_next().is_some() {}
        due += every;
    }
    while visits.join_next().await.is_some() {}
}

/// Visitors whose connections are open and not in use, and how many are.
type Idle = Rc<RefCell<Vec<Visitor>>>;

async fn visit(
    (site, shared): (Rc<Site>, Rc<Shared>),
    (flow, login): (Flow, String),
    due: Duration,
    (idle, under_way): (Idle, Rc<Cell<usize>>),
) {
    under_way.set(under_way.get() + 1);
    let kept = idle.borrow_mut().pop();
    let mut visitor = kept.unwrap_or_else(|| shared.visitor(site, 0));
    visitor.run(flow, &login, due).await;
    idle.borrow_mut().push(visitor);
    under_way.set(under_way.get() - 1);
}

/// Begins a load that goes on beside another one, until what is returned is dropped. Its `site` has
/// a tally of its own.
pub(crate) fn beside(site: &Rc<Site>, load: &Load) -> Stop {
    let shared = Rc::new(Shared::default());
    for turn in 0..load.clients {
        let client = come_back(Rc::clone(site), load.clone(), Rc::clone(&shared), turn);
        spawn_local(client);
    }
    Stop(shared)
}

/// Ends a load that runs beside another one, when dropped.
pub(crate) struct Stop(Rc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.over.set(true);
    }
}

/// Connections to the bare HTTP server.
const ECHO_CLIENTS: usize = 64;
/// About what a request of a flow says.
const ECHO_BODY: &str =
    r#"{"stateHandle":"02.0123456789012345678901234567890123456789012345678901234567890123"}"#;

/// What the bare HTTP server did.
#[derive(Debug)]
pub(crate) struct Echoed {
    pub(crate) count: u64,
    pub(crate) seconds: f64,
    pub(crate) used: Reading,
}

/// Drives the bare HTTP server as hard as the engine is driven.
///
/// # Errors
/// When it answers anything else than what it was sent.
pub(crate) async fn echo(
    address: SocketAddr,
    sample: Duration,
    watched: &Watched,
    watch: &Stopwatch,
) -> Result<Echoed, BenchError> {
    let (count, over) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(false)));
    let mut clients = JoinSet::new();
    for _ in 0..ECHO_CLIENTS {
        let (count, over) = (Rc::clone(&count), Rc::clone(&over));
        clients.spawn_local(async move {
            let mut connection = Connection::to(address);
            while !over.get() {
                let request = Request {
                    path: echo::PATH,
                    content_type: "application/json",
                    headers: "",
                    body: ECHO_BODY,
                };
                let answer = connection.post(request).await?;
                if answer.body != ECHO_BODY {
                    return Err(format!("it answered {} {}", answer.status, answer.body));
                }
                count.set(count.get() + 1);
            }
            Ok(())
        });
    }
    tokio::time::sleep(WARM_UP).await;
    let (from, before, counted) = (watch.now(), watched.read(), count.get());
    tokio::time::sleep(sample).await;
    let echoed = Echoed {
        count: count.get() - counted,
        seconds: watch.since(from).as_secs_f64(),
        used: watched.read().since(before),
    };
    over.set(true);
    while let Some(client) = clients.join_next().await {
        let outcome = client.unwrap_or_else(|error| Err(error.to_string()));
        outcome.map_err(|what| BenchError::Failed(format!("the bare HTTP server: {what}")))?;
    }
    Ok(echoed)
}
