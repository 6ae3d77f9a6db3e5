//! The store: every operation handed to the writer or to a reader.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use regain_engine::{Enrollment, LedgerKey, StoredPassword, UserStatus};
use regain_oauth::{Client, Grant};
use regain_store::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, Store, StoreError, Typed,
    UserRecord, UserRow,
};
use regain_types::{ClientId, Clock, GrantId, OrgId, SystemEntropy, Timestamp, TokenHash, UserId};
use rusqlite::Connection;

use crate::clock::StoreClock;
use crate::error::{Fault, OpenError};
use crate::migrations::{self, MIGRATIONS};
use crate::readers::Readers;
use crate::reserve::Space;
use crate::temporary::TemporaryStore;
use crate::writer::{Scope, Writer};
use crate::{
    audit, clients, codes, connection, fingerprint, flows, grants, ledgers, outbox, settings,
    signing_keys, sweep, users,
};

/// The name of the database in a data directory.
const FILE_NAME: &str = "regain.db";

/// A database file.
///
/// One process serves from it; others may read and write beside (administration, `sqlite3
/// regain.db .backup`): they take turns. The files `-wal`, `-shm`, `-open` and `-reserve` beside it
/// belong to it.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    clock: Arc<StoreClock>,
    // Closed before the writer: whoever closes last folds the log into the file, and readers
    // cannot.
    readers: Readers,
    pub(crate) writer: Writer,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub fn open(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let mut connection = connection::open_writer(path)?;
        migrations::run(path, &mut connection, MIGRATIONS)?;
        Self::start(path, connection, clock, Space::default())
    }

    /// Opens the database as [`SqliteStore::open`] does, for the process that serves from it: it
    /// keeps 16 MiB beside the database, so that sessions can be ended when the disk is full
    /// . Everything else is refused with [`StoreError::Full`] then, until there is space for
    /// the reserve and 4 MiB more.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub fn open_to_serve(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let mut connection = connection::open_writer(path)?;
        migrations::run(path, &mut connection, MIGRATIONS)?;
        Self::start(path, connection, clock, Space::kept_beside(path))
    }

    /// Opens the database at `path` as it is: it must be there and have the schema of this
    /// program.
    ///
    /// # Errors
    /// [`OpenError::Missing`], [`OpenError::Older`], and what [`SqliteStore::open`] says.
    pub fn open_current(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        if !path.is_file() {
            return Err(OpenError::Missing {
                path: path.to_owned(),
            });
        }
        let connection = connection::open_writer(path)?;
        migrations::require_current(path, &connection, MIGRATIONS)?;
        Self::start(path, connection, clock, Space::default())
    }

    /// Opens `regain.db` in a data directory, as [`SqliteStore::open`] does, and makes the
    /// directory if it is missing.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub fn in_directory(
        directory: impl AsRef<Path>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let directory = directory.as_ref();
        std::fs::create_dir_all(directory)
            .map_err(|error| OpenError::from_io(directory, &error))?;
        Self::open(directory.join(FILE_NAME), clock)
    }

    /// Makes a store that is gone when it is dropped.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub fn temporary(clock: Arc<dyn Clock>) -> Result<TemporaryStore, OpenError> {
        TemporaryStore::open(clock)
    }

    /// The database file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A hash over all rows of all tables, except how far the clock came: equal before and after
    /// means that nothing was changed. Reads everything; for tests and diagnosis.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub fn fingerprint(&self) -> Result<[u8; 32], StoreError> {
        self.read(fingerprint::of)
    }

    fn start(
        path: &Path,
        connection: Connection,
        clock: Arc<dyn Clock>,
        space: Space,
    ) -> Result<Self, OpenError> {
        connection::settle(path, &connection)?;
        let clock = Arc::new(StoreClock::new(clock));
        let (high_water, offset_ms) = connection
            .query_row(
                "SELECT high_water_ms, offset_ms FROM clock WHERE id = 1",
                [],
                |row| Ok((Timestamp::from_millis(row.get(0)?), row.get(1)?)),
            )
            .map_err(|error| OpenError::from_sqlite(path, &error))?;
        clock.adopt(high_water, offset_ms);
        let readers = Readers::open(path)?;
        let entropy = Box::new(SystemEntropy);
        Ok(Self {
            path: path.to_owned(),
            readers,
            writer: Writer::start(path, connection, Arc::clone(&clock), entropy, space)?,
            clock,
        })
    }

    fn now_here(&self) -> Timestamp {
        self.clock.read().now
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.readers.read(query).map_err(StoreError::from)
    }

    async fn write<T, F>(&self, org: &OrgId, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Scope<'_>, &OrgId) -> Result<T, Fault> + Send + 'static,
    {
        let org = org.clone();
        self.writer.write(move |scope| work(scope, &org)).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.now_here())
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.writer.write(|scope| settings::touch(scope)).await
    }

    async fn load_flow(
        &self,
        org: &OrgId,
        key: &FlowKey,
        typed: Option<Typed<'_>>,
    ) -> Result<Option<Loaded>, StoreError> {
        let now = self.now_here();
        self.read(|connection| flows::load(connection, org, key, (typed, now)))
    }

    async fn insert_flow(
        &self,
        org: &OrgId,
        new: NewFlow,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        self.write(org, move |scope, org| {
            flows::insert(scope, org, &new, &request)
        })
        .await
    }

    async fn commit(&self, org: &OrgId, commit: Commit) -> Result<(), StoreError> {
        self.write(org, move |scope, org| flows::commit(scope, org, &commit))
            .await
    }

    async fn find_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
    ) -> Result<Option<CodeRecord>, StoreError> {
        let now = self.now_here();
        self.read(|connection| codes::find(connection, org, hash, now))
    }

    async fn redeem_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
        grant: Grant,
        now: Timestamp,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        let hash = *hash;
        self.write(org, move |scope, org| {
            codes::redeem(scope, org, &hash, (&grant, now), &request)
        })
        .await
    }

    async fn find_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        access_token: Option<&str>,
    ) -> Result<Option<GrantRecord>, StoreError> {
        let now = self.now_here();
        self.read(|connection| grants::find(connection, org, grant, (access_token, now)))
    }

    async fn rotate_refresh_token(
        &self,
        org: &OrgId,
        grant: &GrantId,
        sequence: u32,
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let grant = grant.clone();
        self.write(org, move |scope, org| {
            grants::rotate(scope, org, &grant, (sequence, now, idle_expires_at))
        })
        .await
    }

    async fn revoke_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        reason: &'static str,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        let (org, grant) = (org.clone(), grant.clone());
        self.writer
            .write_end_of_session(move |scope| {
                grants::revoke(scope, &org, &grant, reason, &request)
            })
            .await
    }

    async fn revoke_access_token(
        &self,
        org: &OrgId,
        jti: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let (org, jti) = (org.clone(), jti.to_owned());
        self.writer
            .write_end_of_session(move |scope| {
                grants::revoke_access_token(scope, &org, &jti, expires_at)
            })
            .await
    }

    async fn find_client(&self, org: &OrgId, id: &ClientId) -> Result<Option<Client>, StoreError> {
        self.read(|connection| clients::find(connection, org, id))
    }

    async fn list_clients(&self, org: &OrgId) -> Result<Vec<Client>, StoreError> {
        self.read(|connection| clients::list(connection, org))
    }

    async fn save_client(&self, org: &OrgId, client: Client) -> Result<(), StoreError> {
        self.write(org, move |scope, org| clients::save(scope, org, &client))
            .await
    }

    async fn create_user(&self, org: &OrgId, user: NewUser) -> Result<(), StoreError> {
        self.write(org, move |scope, org| users::create(scope, org, &user))
            .await
    }

    async fn find_user(&self, org: &OrgId, login: &str) -> Result<Option<UserRecord>, StoreError> {
        self.read(|connection| users::find_by_login(connection, org, login))
    }

    async fn load_user(&self, org: &OrgId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        self.read(|connection| users::find_by_id(connection, org, id))
    }

    async fn set_user_status(
        &self,
        org: &OrgId,
        id: &UserId,
        status: UserStatus,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(org, move |scope, org| {
            users::set_status(scope, org, &id, status)
        })
        .await
    }

    async fn save_enrollments(
        &self,
        org: &OrgId,
        id: &UserId,
        version: u64,
        list: Vec<Enrollment>,
    ) -> Result<(), StoreError> {
        let id = id.clone();
        self.write(org, move |scope, org| {
            users::save_enrollments(scope.connection, org, &id, (version, &list))
        })
        .await
    }

    async fn upgrade_password(
        &self,
        org: &OrgId,
        id: &UserId,
        from: &StoredPassword,
        to: StoredPassword,
    ) -> Result<(), StoreError> {
        let (id, from) = (id.clone(), from.clone());
        self.write(org, move |scope, org| {
            users::upgrade_password(scope.connection, org, &id, (&from, &to))
        })
        .await
    }

    async fn add_users(&self, org: &OrgId, users: Vec<UserRow>) -> Result<Vec<Added>, StoreError> {
        self.write(org, move |scope, org| users::add(scope, org, &users))
            .await
    }

    async fn list_users(
        &self,
        org: &OrgId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserRow>, StoreError> {
        self.read(|connection| users::page(connection, org, after, limit))
    }

    async fn count_users(&self, org: &OrgId) -> Result<u64, StoreError> {
        self.read(|connection| users::count(connection, org))
    }

    async fn list_signing_keys(&self, org: &OrgId) -> Result<Vec<SealedKey>, StoreError> {
        self.read(|connection| signing_keys::list(connection, org))
    }

    async fn add_signing_key(
        &self,
        org: &OrgId,
        key: SealedKey,
        expected: usize,
    ) -> Result<(), StoreError> {
        self.write(org, move |scope, org| {
            signing_keys::add(scope, org, &key, expected)
        })
        .await
    }

    async fn lease_outbox(
        &self,
        org: &OrgId,
        limit: usize,
        seconds: i64,
        first_only: bool,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.write(org, move |scope, org| {
            outbox::lease(scope, org, limit, (seconds, first_only))
        })
        .await
    }

    async fn finish_outbox(
        &self,
        org: &OrgId,
        row: &OutboxRow,
        verdict: MailVerdict,
    ) -> Result<(), StoreError> {
        let row = row.clone();
        self.write(org, move |scope, org| {
            outbox::finish(scope, org, &row, &verdict)
        })
        .await
    }

    async fn next_outbox_due(&self, org: &OrgId) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| outbox::next_due(connection, org))
    }

    async fn measure_outbox(&self, org: &OrgId) -> Result<Backlog, StoreError> {
        let now = self.now_here();
        self.read(|connection| outbox::measure(connection, org, now))
    }

    async fn list_audit(&self, org: &OrgId, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.read(|connection| audit::list(connection, org, limit))
    }

    async fn page_audit(
        &self,
        org: &OrgId,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.read(|connection| audit::page(connection, org, after, limit))
    }

    async fn add_audit(&self, org: &OrgId, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        self.write(org, move |scope, org| {
            audit::add(scope.connection, org, &rows)
        })
        .await
    }

    async fn take_allowance(
        &self,
        org: &OrgId,
        key: &LedgerKey,
        ends_at: Timestamp,
        want: u32,
        at_most: u32,
    ) -> Result<Allowance, StoreError> {
        let key = *key;
        self.write(org, move |scope, org| {
            ledgers::take_allowance(scope, org, &key, ends_at, (want, at_most))
        })
        .await
    }

    async fn try_lead(
        &self,
        org: &OrgId,
        role: &str,
        node: &str,
        seconds: i64,
    ) -> Result<bool, StoreError> {
        let (role, node) = (role.to_owned(), node.to_owned());
        self.write(org, move |scope, org| {
            ledgers::try_lead(scope, org, (&role, &node), seconds)
        })
        .await
    }

    async fn forget_devices(&self, org: &OrgId, user: &UserId) -> Result<(), StoreError> {
        let user = user.clone();
        self.write(org, move |scope, org| {
            ledgers::forget_devices(scope.connection, org, &user)
        })
        .await
    }

    async fn sweep(&self, org: &OrgId, limit: usize) -> Result<usize, StoreError> {
        self.write(org, move |scope, org| sweep::run(scope, org, limit))
            .await
    }

    async fn find_setting(&self, org: &OrgId, name: &str) -> Result<Option<String>, StoreError> {
        self.read(|connection| settings::find(connection, org, name))
    }

    async fn list_settings(&self, org: &OrgId) -> Result<Vec<(String, String)>, StoreError> {
        self.read(|connection| settings::list(connection, org))
    }

    async fn save_setting(&self, org: &OrgId, name: &str, value: &str) -> Result<(), StoreError> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write(org, move |scope, org| {
            settings::save(scope, org, (&name, &value))
        })
        .await
    }

    async fn advance_clock(&self, seconds: i64) -> Result<(), StoreError> {
        self.writer
            .write(move |scope| settings::advance_clock(scope, seconds))
            .await
    }

    async fn reset(&self, org: &OrgId) -> Result<(), StoreError> {
        self.write(org, move |scope, org| settings::reset(scope, org))
            .await
    }
}
