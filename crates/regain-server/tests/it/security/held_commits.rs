//! T-C6 inside of PostgreSQL: commits of one version that wait for each other at their statements,
//! because somebody else holds what they need. One of them happens, and the others find out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regain_store::StoreError;
use regain_store_postgres::testing::TestDatabase;
use tokio::task::JoinSet;
use tokio_postgres::Client;

use super::interleavings::{Meeting, one_after_the_other, postgres};
use crate::app::interleaving::{Act, Outcome, Table, World};

/// The first two commit at once; the third loads meanwhile.
const HELD: [Meeting; 4] = [
    Meeting {
        acts: &[Act::Right, Act::Wrong(0), Act::Resend],
        wrong: 0,
        seconds: 0,
    },
    Meeting {
        acts: &[Act::Right, Act::Resend, Act::Wrong(0)],
        wrong: 0,
        seconds: 0,
    },
    Meeting {
        acts: &[Act::Right, Act::Right, Act::Wrong(0)],
        wrong: 0,
        seconds: 0,
    },
    Meeting {
        acts: &[Act::Wrong(0), Act::Wrong(1), Act::Right],
        wrong: 4,
        seconds: 0,
    },
];

/// How somebody else keeps a commit from going on.
#[derive(Clone, Copy, Debug)]
enum Hold {
    /// It holds the row of the flow.
    Row,
    /// It has changed the row, and commits that.
    Change,
    /// It lets nobody write to a table: the commit gets that far, with all locks of before.
    Table(&'static str),
}

impl Hold {
    const ALL: [Self; 5] = [
        Self::Row,
        Self::Change,
        Self::Table("ledgers"),
        Self::Table("flows"),
        Self::Table("audit"),
    ];

    async fn begin(self, holder: &Client, table: &Table<'_>) {
        let (org, flow) = (table.org.as_str(), table.flow.as_str());
        let row = format!("WHERE org_id = '{org}' AND id = '{flow}'");
        let sql = match self {
            Self::Row => format!("SELECT FROM flows {row} FOR UPDATE"),
            Self::Change => format!(
                "UPDATE flows SET version = version + 1,
                 state = jsonb_set(state::jsonb, '{{version}}', to_jsonb(version + 1))::text {row}"
            ),
            Self::Table(name) => format!("LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"),
        };
        let sql = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {sql}");
        holder.batch_execute(&sql).await.unwrap();
    }

    async fn end(self, holder: &Client) {
        let sql = match self {
            Self::Change => "COMMIT",
            Self::Row | Self::Table(_) => "ROLLBACK",
        };
        holder.batch_execute(sql).await.unwrap();
    }
}

/// Waits until so many commits wait for a lock or are done; answers how many wait.
async fn until_held(look: &Client, commits: usize, done: &AtomicUsize) -> usize {
    let sql = "SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let settled = async {
        loop {
            let waiting: i64 = look.query_one(sql, &[]).await.unwrap().get(0);
            let waiting = usize::try_from(waiting).unwrap();
            if waiting + done.load(Ordering::SeqCst) == commits {
                return waiting;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let patience = Duration::from_secs(30);
    let settled = tokio::time::timeout(patience, settled).await;
    settled.expect("they wait or are done")
}

/// Two commits of one version wait, a third actor loads meanwhile, and then they may go on.
async fn hold(
    (world, database): (&World, &TestDatabase),
    (meeting, hold): (&Meeting, Hold),
    references: &[(Vec<usize>, Outcome)],
) {
    let mut table = world.table(meeting.acts, meeting.wrong).await;
    let (holder, look) = (
        database.connect().await.unwrap(),
        database.connect().await.unwrap(),
    );
    for actor in 0..2 {
        table.advance(actor).await;
    }
    hold.begin(&holder, &table).await;
    let mut commits = JoinSet::new();
    let done = Arc::new(AtomicUsize::new(0));
    for actor in 0..2 {
        let (commit, told) = table
            .take_commit(actor)
            .expect("it has something to commit");
        let (store, org, counted) = (world.store.clone(), table.org.clone(), done.clone());
        commits.spawn(async move {
            let committed = store.commit(&org, commit).await;
            counted.fetch_add(1, Ordering::SeqCst);
            (actor, committed, told)
        });
        let waiting = until_held(&look, actor + 1, &done).await;
        // What a right answer spends is looked at and not written.
        let waits = !matches!(hold, Hold::Table("ledgers"));
        assert!(
            waiting == actor + 1 || !waits,
            "{hold:?} {:?}",
            meeting.acts
        );
    }
    // Nobody who reads waits for those who write.
    table.advance(2).await;
    hold.end(&holder).await;
    let mut committed = 0;
    for (actor, done, told) in commits.join_all().await {
        committed += usize::from(done.is_ok());
        let refused = matches!(done, Ok(()) | Err(StoreError::Conflict));
        assert!(refused, "{hold:?}: {done:?}");
        table.committed(actor, done, told);
    }
    let changed = matches!(hold, Hold::Change);
    assert_eq!(
        committed,
        usize::from(!changed),
        "{hold:?} {:?}",
        meeting.acts
    );
    for actor in 0..meeting.acts.len() {
        table.finish(actor).await;
    }
    let outcome = table.outcome().await;
    if !changed {
        let mut references = references.iter();
        let explained = references.any(|(_, reference)| *reference == outcome);
        assert!(explained, "{hold:?} {:?}: {outcome:#?}", meeting.acts);
    }
}

#[tokio::test]
async fn t_c6_commits_that_wait_for_each_other_in_the_database_are_one_after_the_other() {
    for isolation in ["read committed", "serializable"] {
        let (database, world) = postgres(isolation).await;
        for meeting in &HELD {
            let references = one_after_the_other(&world, meeting).await;
            for kind in Hold::ALL {
                hold((&world, &database), (meeting, kind), &references).await;
            }
        }
    }
}
