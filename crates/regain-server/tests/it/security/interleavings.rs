//! T-C6: answers, a resend and the end of a code's time meet at one flow, in every order in which
//! their steps can reach the store. What each is told, and how the flow stands then, is what some
//! order of one after the other gives too, in which nobody who was done comes after one who had not
//! begun. The model is PostgreSQL's own isolation tester.

use std::sync::Arc;

use regain_store_postgres::testing::{Cluster, TestDatabase};
use regain_store_postgres::{Options, PostgresStore};
use regain_store_sqlite::SqliteStore;

use crate::app::interleaving::{Act, Outcome, Table, World};
use crate::app::{TestClock, directory};

/// The code's time is over, the flow's is not.
const CODE_ENDS_SECONDS: i64 = 241;
/// The flow's is over too.
const FLOW_ENDS_SECONDS: i64 = 900;

/// Who meets, how many wrong answers there were before, and how far time goes on at some moment.
pub(super) struct Meeting {
    pub(super) acts: &'static [Act],
    pub(super) wrong: u32,
    pub(super) seconds: i64,
}

/// With the number of orders, so that none is left out unnoticed.
const MEETINGS: [(Meeting, usize); 4] = [
    (
        Meeting {
            acts: &[Act::Right, Act::Wrong(0), Act::Resend],
            wrong: 0,
            seconds: CODE_ENDS_SECONDS,
        },
        310,
    ),
    (
        Meeting {
            acts: &[Act::Right, Act::Right, Act::Resend],
            wrong: 0,
            seconds: CODE_ENDS_SECONDS,
        },
        260,
    ),
    // The fifth wrong answer is the last that is compared.
    (
        Meeting {
            acts: &[Act::Wrong(0), Act::Wrong(1), Act::Right],
            wrong: 4,
            seconds: CODE_ENDS_SECONDS,
        },
        156,
    ),
    (
        Meeting {
            acts: &[Act::Right, Act::Resend],
            wrong: 0,
            seconds: FLOW_ENDS_SECONDS,
        },
        12,
    ),
];

/// One thing that happened, of those that the order is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Did {
    /// Loaded, and there is something to commit.
    Loaded(usize),
    /// Loaded, and was told.
    Read(usize),
    Committed(usize),
    /// Came too late with a commit: it has to load again.
    Lost(usize),
    TimePassed,
}

impl Did {
    /// Whether the next one, if `next` comes right after this, could as well have come before:
    /// loads do not see each other, and a commit does not ask for the time.
    fn commutes(self, next: usize, commits: bool, time: usize) -> bool {
        match self {
            Self::Loaded(_) => next != time && !commits,
            Self::TimePassed => commits,
            Self::Committed(_) | Self::Lost(_) | Self::Read(_) => false,
        }
    }

    fn who(self, time: usize) -> usize {
        match self {
            Self::Loaded(who) | Self::Read(who) | Self::Committed(who) | Self::Lost(who) => who,
            Self::TimePassed => time,
        }
    }
}

/// A meeting under way.
struct Walk<'a> {
    world: &'a World,
    meeting: &'a Meeting,
    table: Table<'a>,
    did: Vec<Did>,
}

impl<'a> Walk<'a> {
    async fn begin(world: &'a World, meeting: &'a Meeting) -> Self {
        Self {
            world,
            meeting,
            table: world.table(meeting.acts, meeting.wrong).await,
            did: Vec::new(),
        }
    }

    /// Time is the last one who acts.
    fn time(&self) -> usize {
        self.meeting.acts.len()
    }

    /// Whether somebody was faster since an actor has loaded: its commit can only be refused.
    fn is_too_late(&self, who: usize) -> bool {
        let since = self.did.iter().rev();
        let mut since = since.take_while(|did| **did != Did::Loaded(who));
        self.table.is_about_to_commit(who) && since.any(|did| matches!(did, Did::Committed(_)))
    }

    /// Who may act now. Of orders that differ only in neighbours that do not see each other one is
    /// walked; a commit that can only be refused is tried at once, because it does not matter when.
    fn may_act(&self) -> Vec<usize> {
        let time = self.time();
        if let Some(late) = (0..time).find(|who| self.is_too_late(*who)) {
            return vec![late];
        }
        let is_new = |next: usize| {
            self.did.last().is_none_or(|last| {
                let commits = next != time && self.table.is_about_to_commit(next);
                next > last.who(time) || !last.commutes(next, commits, time)
            })
        };
        let is_left = |who: usize| {
            if who == time {
                !self.did.contains(&Did::TimePassed)
            } else {
                !self.table.is_done(who)
            }
        };
        (0..=time)
            .filter(|who| is_left(*who) && is_new(*who))
            .collect()
    }

    fn is_over(&self) -> bool {
        self.did.contains(&Did::TimePassed) && (0..self.time()).all(|who| self.table.is_done(who))
    }

    async fn act(&mut self, who: usize) {
        if who == self.time() {
            self.world.clock.advance(self.meeting.seconds);
            self.did.push(Did::TimePassed);
            return;
        }
        let commits = self.table.is_about_to_commit(who);
        self.table.advance(who).await;
        self.did.push(match (commits, self.table.is_done(who)) {
            (true, true) => Did::Committed(who),
            (true, false) => Did::Lost(who),
            (false, false) => Did::Loaded(who),
            (false, true) => Did::Read(who),
        });
    }

    /// Whether `first` was done before `second` began.
    fn is_before(&self, first: usize, second: usize) -> bool {
        let time = self.time();
        let ended = self.did.iter().rposition(|did| did.who(time) == first);
        let began = self.did.iter().position(|did| did.who(time) == second);
        ended < began
    }
}

/// What each order of one after the other gives.
pub(super) async fn one_after_the_other(
    world: &World,
    meeting: &Meeting,
) -> Vec<(Vec<usize>, Outcome)> {
    let mut references = Vec::new();
    for order in orders((0..=meeting.acts.len()).collect()) {
        let mut walk = Walk::begin(world, meeting).await;
        for who in &order {
            if *who == walk.time() {
                walk.act(*who).await;
            } else {
                walk.table.finish(*who).await;
            }
        }
        references.push((order, walk.table.outcome().await));
    }
    references
}

/// Every order of some.
fn orders(of: Vec<usize>) -> Vec<Vec<usize>> {
    if of.len() < 2 {
        return vec![of];
    }
    let mut all = Vec::new();
    for first in &of {
        let rest = of.iter().copied().filter(|other| other != first).collect();
        for order in orders(rest) {
            all.push([vec![*first], order].concat());
        }
    }
    all
}

/// Walks every order of the steps of a meeting; answers how many there are.
async fn walk_all(world: &World, meeting: &Meeting) -> usize {
    let references = one_after_the_other(world, meeting).await;
    let has_proved = |(_, end): &(Vec<usize>, Outcome)| end.left.contains("verify SUCCESS");
    assert!(references.iter().any(has_proved), "no answer is ever right");
    let mut walked = 0;
    let mut prefixes = vec![Vec::new()];
    while let Some(prefix) = prefixes.pop() {
        let mut walk = Walk::begin(world, meeting).await;
        let mut choices: Vec<usize> = prefix;
        for who in &choices {
            walk.act(*who).await;
        }
        loop {
            let mut may = walk.may_act().into_iter();
            let Some(who) = may.next() else { break };
            for other in may {
                prefixes.push([choices.clone(), vec![other]].concat());
            }
            walk.act(who).await;
            choices.push(who);
        }
        if !walk.is_over() {
            // Whoever is left would only repeat an order that is walked elsewhere.
            continue;
        }
        walked += 1;
        let outcome = walk.table.outcome().await;
        let explained = references.iter().any(|(order, reference)| {
            *reference == outcome
                && (1..order.len()).all(|at| {
                    let later = order[at];
                    order[..at]
                        .iter()
                        .all(|earlier| !walk.is_before(later, *earlier))
                })
        });
        assert!(
            explained,
            "{:?} on {}: {:?} gave {outcome:#?}, which no order of one after the other does: {references:#?}",
            meeting.acts, world.name, walk.did
        );
    }
    walked
}

/// Walks every order, and as many as there are.
async fn walk(world: &World, (meeting, orders): &(Meeting, usize)) {
    let walked = walk_all(world, meeting).await;
    assert_eq!(walked, *orders, "{:?} on {}", meeting.acts, world.name);
}

#[tokio::test]
async fn t_c6_every_order_of_steps_on_sqlite_is_one_after_the_other() {
    let (directory, clock) = (directory(), Arc::new(TestClock::default()));
    let store = SqliteStore::in_directory(directory.path(), clock.clone()).unwrap();
    let world = World::new("SQLite", Arc::new(store), clock);
    for meeting in &MEETINGS {
        walk(&world, meeting).await;
    }
}

/// A database whose transactions are isolated so unless they say otherwise: the store does not.
pub(super) async fn postgres(isolation: &str) -> (TestDatabase, World) {
    let database = Cluster::shared().unwrap().fresh().await.unwrap();
    let name = database.url().rsplit('/').next().unwrap();
    let name = name.split('?').next().unwrap();
    let set = format!("ALTER DATABASE {name} SET default_transaction_isolation TO '{isolation}'");
    let admin = database.connect().await.unwrap();
    admin.batch_execute(&set).await.unwrap();
    let look = database.connect().await.unwrap();
    let shown = look.query_one("SHOW transaction_isolation", &[]).await;
    assert_eq!(shown.unwrap().get::<_, String>(0), isolation);
    let clock = Arc::new(TestClock::default());
    let options = Options::parse(database.url()).unwrap();
    let store = PostgresStore::open_with_clock(&options, clock.clone());
    let store = Arc::new(store.await.unwrap());
    let world = World::new(&format!("PostgreSQL, {isolation}"), store, clock);
    (database, world)
}

#[tokio::test]
async fn t_c6_every_order_of_steps_at_read_committed_is_one_after_the_other() {
    let (_database, world) = postgres("read committed").await;
    for meeting in &MEETINGS {
        walk(&world, meeting).await;
    }
}

#[tokio::test]
async fn t_c6_every_order_of_steps_at_serializable_is_one_after_the_other() {
    let (_database, world) = postgres("serializable").await;
    // What right answers do to each other here is in `held_commits` too.
    let of_all = MEETINGS.iter();
    for meeting in of_all.filter(|(meeting, _)| meeting.acts[1] != Act::Right) {
        walk(&world, meeting).await;
    }
}
