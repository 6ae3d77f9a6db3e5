//! Looks at the rows behind the engine: what is false in every state that may ever be on a disk.

use std::path::PathBuf;
use std::sync::Arc;

use regain_engine::{StoredPassword, UserStatus};
use regain_server::{HashSettings, hash_now};
use regain_store::{NewUser, Store};
use regain_store_postgres::testing::{Cluster, TestDatabase};
use regain_store_postgres::{Options, PostgresStore};
use regain_store_sqlite::SqliteStore;
use regain_types::{OrgId, Secret, SystemClock, SystemEntropy, Timestamp, UserId};
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::Client;

/// The id that every deployment's org has.
const ORG: &str = "00o1regain0default01";

/// Questions whose answer is always 0.
const NEVER: [(&str, &str); 5] = [
    (
        "a session from before the password is alive (R-03)",
        "SELECT count(*) FROM grants g JOIN users u ON u.org_id = g.org_id AND u.id = g.user_id
         WHERE g.revoked_at IS NULL AND g.created_at < u.password_set_at",
    ),
    (
        "an unused interaction code from before the password is there (R-03)",
        "SELECT count(*) FROM interaction_codes c
         JOIN users u ON u.org_id = c.org_id AND u.id = c.user_id
         WHERE c.consumed_at IS NULL AND c.created_at < u.password_set_at",
    ),
    (
        "a code is used up and gave nothing",
        "SELECT count(*) FROM interaction_codes c
         LEFT JOIN grants g ON g.org_id = c.org_id AND g.id = c.grant_id
         WHERE (c.consumed_at IS NULL) <> (g.id IS NULL)",
    ),
    (
        "tokens were given without a code",
        // A join would have no index on SQLite, and take seconds once there are thousands.
        "SELECT count(*) FROM grants WHERE id NOT IN
         (SELECT grant_id FROM interaction_codes WHERE grant_id IS NOT NULL)",
    ),
    (
        "a grant is not in the audit log, or one is that there is not",
        "SELECT abs((SELECT count(*) FROM grants)
                    - (SELECT count(*) FROM audit
                       WHERE name = 'app.oauth2.token.grant.access_token'))",
    ),
];

/// The database of the engine under test.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Sqlite(PathBuf),
    /// On a server that lives on while the engine is killed.
    Postgres(Arc<TestDatabase>),
}

/// Every index against its table, and every table against itself: rows of nothing when all is well.
const SOUND: &str = "
    SELECT c.oid::regclass::text || ': ' || h.msg
    FROM pg_class c, LATERAL verify_heapam(c.oid::regclass) h
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT x.oid::regclass::text || ' is not valid' FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
    WHERE x.relnamespace = 'public'::regnamespace AND NOT i.indisvalid";
/// An error says what is wrong.
const INDEXES: &str = "
    SELECT bt_index_check(c.oid::regclass, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam
    WHERE c.relkind = 'i' AND a.amname = 'btree' AND c.relnamespace = 'public'::regnamespace";

impl Database {
    /// A database with the schema on a server of this process.
    pub(super) async fn postgres() -> Self {
        let database = Cluster::shared().unwrap().fresh().await.unwrap();
        let admin = database.connect().await.unwrap();
        admin
            .batch_execute("CREATE EXTENSION amcheck")
            .await
            .unwrap();
        Self::Postgres(Arc::new(database))
    }

    /// Its URL, as the configuration has it.
    pub(super) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(database) => database.url().to_owned(),
        }
    }

    /// Makes the people, all with one password.
    pub(super) async fn fill(&self, logins: &[String], password: &str) {
        let store: Arc<dyn Store> = match self {
            Self::Sqlite(path) => {
                Arc::new(SqliteStore::open(path, Arc::new(SystemClock::new())).unwrap())
            }
            Self::Postgres(database) => {
                let options = Options::parse(database.url()).unwrap();
                Arc::new(PostgresStore::open(&options).await.unwrap())
            }
        };
        let password = Secret::new(password.to_owned());
        let phc = hash_now(&password, HashSettings::FLOOR).unwrap();
        let org = OrgId::parse(ORG).unwrap();
        for login in logins {
            let user = NewUser {
                id: UserId::random(&mut SystemEntropy),
                login: login.clone(),
                email: Some(login.clone()),
                first_name: "Given".to_owned(),
                last_name: "Family".to_owned(),
                locale: "en_US".to_owned(),
                time_zone: "Europe/Berlin".to_owned(),
                status: UserStatus::Active,
                password: Some(StoredPassword {
                    phc: phc.clone(),
                    nfc: true,
                    set_at: Timestamp::from_millis(1_700_000_000_000),
                }),
            };
            store.create_user(&org, user).await.unwrap();
        }
    }

    /// What is wrong with the rows as they are now.
    pub(super) async fn faults(&self) -> Vec<String> {
        let mut look = self.look().await;
        let mut faults = look.sound().await;
        for (what, question) in NEVER {
            let count = look.count(question).await;
            if count != 0 {
                faults.push(format!("{what}: {count}"));
            }
        }
        faults
    }

    /// How many passwords of a person were set, by the audit log.
    pub(super) async fn resets(&self, login: &str) -> i64 {
        let question = format!(
            "SELECT count(*) FROM audit a JOIN users u ON u.org_id = a.org_id AND u.id = a.subject
             WHERE a.name = 'user.account.reset_password' AND a.outcome = 'SUCCESS'
                   AND u.login = '{login}'"
        );
        self.look().await.count(&question).await
    }

    /// Mails that wait.
    pub(super) async fn waiting(&self) -> i64 {
        let question = "SELECT count(*) FROM outbox";
        self.look().await.count(question).await
    }

    /// Mails that were given up instead of sent.
    pub(super) async fn dropped(&self) -> i64 {
        let question = "SELECT count(*) FROM audit
                        WHERE name = 'system.email.delivery' AND outcome <> 'SUCCESS'";
        self.look().await.count(question).await
    }

    async fn look(&self) -> Look {
        match self {
            Self::Sqlite(path) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
                let connection = Connection::open_with_flags(path, flags).unwrap();
                let patience = std::time::Duration::from_secs(5);
                connection.busy_timeout(patience).unwrap();
                Look::Sqlite(connection)
            }
            Self::Postgres(database) => Look::Postgres(database.connect().await.unwrap()),
        }
    }
}

/// A connection beside the engine. Borrowed mutably, as what it holds may be used by one thread at a
/// time.
enum Look {
    Sqlite(Connection),
    Postgres(Client),
}

impl Look {
    async fn sound(&mut self) -> Vec<String> {
        match self {
            Self::Sqlite(connection) => {
                let ask = "PRAGMA integrity_check";
                let told: String = connection.query_row(ask, [], |row| row.get(0)).unwrap();
                if told == "ok" { Vec::new() } else { vec![told] }
            }
            Self::Postgres(client) => {
                let told = client.query(SOUND, &[]).await.unwrap();
                let mut told: Vec<String> = told.iter().map(|row| row.get(0)).collect();
                if let Err(error) = client.query(INDEXES, &[]).await {
                    told.push(format!("an index: {error:?}"));
                }
                told
            }
        }
    }

    async fn count(&mut self, question: &str) -> i64 {
        match self {
            Self::Sqlite(connection) => connection
                .query_row(question, [], |row| row.get(0))
                .unwrap(),
            Self::Postgres(client) => client.query_one(question, &[]).await.unwrap().get(0),
        }
    }
}
