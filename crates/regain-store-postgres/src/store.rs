//! The store: every operation handed to the module that knows its table.

use std::sync::Arc;

use async_trait::async_trait;
use regain_engine::{Enrollment, LedgerKey, StoredPassword, UserStatus};
use regain_oauth::{Client, Grant};
use regain_store::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, Store, StoreError, Typed,
    UserRecord, UserRow,
};
use regain_types::{ClientId, Clock, GrantId, OrgId, SystemClock, Timestamp, TokenHash, UserId};

use crate::attempts::Database;
use crate::clock::StoreClock;
use crate::core::Core;
use crate::error::OpenError;
use crate::migrations::{self, MIGRATIONS};
use crate::options::Options;
use crate::{
    audit, clients, codes, flows, grants, ledgers, outbox, settings, signing_keys, sweep, users,
};

/// A PostgreSQL database, shared with other nodes.
///
/// Dropping it closes its connections.
#[derive(Debug)]
pub struct PostgresStore {
    core: Arc<Core>,
}

impl PostgresStore {
    /// Opens the database and brings its schema up to date. The time is the database's.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        migrations::run(options, MIGRATIONS).await?;
        Self::start(
            options,
            StoreClock::new(Arc::new(SystemClock::new()), false),
        )
        .await
    }

    /// Opens the database as it is: it must have the schema of this program.
    ///
    /// # Errors
    /// [`OpenError::Older`], and what [`PostgresStore::open`] says.
    pub async fn open_current(options: &Options) -> Result<Self, OpenError> {
        migrations::require_current(options, MIGRATIONS).await?;
        Self::start(
            options,
            StoreClock::new(Arc::new(SystemClock::new()), false),
        )
        .await
    }

    /// Opens the database as [`PostgresStore::open`] does, with a clock that says what time it is
    /// in place of the database: for tests.
    ///
    /// # Errors
    /// [`OpenError`] says in one line why not.
    pub async fn open_with_clock(
        options: &Options,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        migrations::run(options, MIGRATIONS).await?;
        Self::start(options, StoreClock::new(clock, true)).await
    }

    async fn start(options: &Options, clock: StoreClock) -> Result<Self, OpenError> {
        if options.is_exposed() {
            tracing::warn!(
                database = %options,
                "the database does not prove who it is: say sslmode=verify-full in its URL"
            );
        }
        let core = Arc::new(Core {
            database: Database::new(options)?,
            clock,
        });
        settings::now(&core)
            .await
            .map_err(|fault| OpenError::Other {
                database: options.to_string(),
                reason: StoreError::from(fault).to_string(),
            })?;
        Ok(Self { core })
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn now(&self) -> Result<Timestamp, StoreError> {
        let core = &*self.core;
        Ok(settings::now(core).await?)
    }

    async fn check(&self) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(settings::check(core).await?)
    }

    async fn load_flow(
        &self,
        org: &OrgId,
        key: &FlowKey,
        typed: Option<Typed<'_>>,
    ) -> Result<Option<Loaded>, StoreError> {
        let core = &*self.core;
        Ok(flows::load(core, org, key, typed).await?)
    }

    async fn insert_flow(
        &self,
        org: &OrgId,
        new: NewFlow,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        let core = &self.core;
        flows::insert(core, org, &new, &request).await?;
        self.core.mark_time();
        Ok(())
    }

    async fn commit(&self, org: &OrgId, commit: Commit) -> Result<(), StoreError> {
        let core = &self.core;
        flows::commit(core, org, &commit).await?;
        self.core.mark_time();
        Ok(())
    }

    async fn find_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
    ) -> Result<Option<CodeRecord>, StoreError> {
        let core = &*self.core;
        Ok(codes::find(core, org, hash).await?)
    }

    async fn redeem_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
        grant: Grant,
        now: Timestamp,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        let core = &self.core;
        codes::redeem(core, org, hash, (&grant, now), &request).await?;
        self.core.mark_time();
        Ok(())
    }

    async fn find_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        access_token: Option<&str>,
    ) -> Result<Option<GrantRecord>, StoreError> {
        let core = &*self.core;
        Ok(grants::find(core, org, grant, access_token).await?)
    }

    async fn rotate_refresh_token(
        &self,
        org: &OrgId,
        grant: &GrantId,
        sequence: u32,
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let core = &self.core;
        grants::rotate(core, org, grant, (sequence, now, idle_expires_at)).await?;
        self.core.mark_time();
        Ok(())
    }

    async fn revoke_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        reason: &'static str,
        request: RequestMeta,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(grants::revoke(core, org, grant, reason, &request).await?)
    }

    async fn revoke_access_token(
        &self,
        org: &OrgId,
        jti: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(grants::revoke_access_token(core, org, jti, expires_at).await?)
    }

    async fn find_client(&self, org: &OrgId, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let core = &*self.core;
        Ok(clients::find(core, org, id).await?)
    }

    async fn list_clients(&self, org: &OrgId) -> Result<Vec<Client>, StoreError> {
        let core = &*self.core;
        Ok(clients::list(core, org).await?)
    }

    async fn save_client(&self, org: &OrgId, client: Client) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(clients::save(core, org, &client).await?)
    }

    async fn create_user(&self, org: &OrgId, user: NewUser) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(users::create(core, org, &user).await?)
    }

    async fn find_user(&self, org: &OrgId, login: &str) -> Result<Option<UserRecord>, StoreError> {
        let core = &*self.core;
        Ok(users::find_by_login(core, org, login).await?)
    }

    async fn load_user(&self, org: &OrgId, id: &UserId) -> Result<Option<UserRecord>, StoreError> {
        let core = &*self.core;
        Ok(users::find_by_id(core, org, id).await?)
    }

    async fn set_user_status(
        &self,
        org: &OrgId,
        id: &UserId,
        status: UserStatus,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(users::set_status(core, org, id, status).await?)
    }

    async fn save_enrollments(
        &self,
        org: &OrgId,
        id: &UserId,
        version: u64,
        list: Vec<Enrollment>,
    ) -> Result<(), StoreError> {
        let call = users::save_enrollments(org, id, (version, &list))?;
        match self.core.database.query(call).await {
            // An answer was lost and the change tried again: it may be there from the first time.
            Err(fault) if fault.may_be_our_own() => {
                let found = users::find_by_id(&self.core, org, id).await?;
                match found {
                    Some(record) if record.facts.enrollments.list == list => Ok(()),
                    Some(_) | None => Err(fault.into()),
                }
            }
            other => Ok(other.map(drop)?),
        }
    }

    async fn upgrade_password(
        &self,
        org: &OrgId,
        id: &UserId,
        from: &StoredPassword,
        to: StoredPassword,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(users::upgrade_password(core, org, id, (from, &to)).await?)
    }

    async fn add_users(&self, org: &OrgId, users: Vec<UserRow>) -> Result<Vec<Added>, StoreError> {
        let core = &*self.core;
        Ok(users::add(core, org, &users).await?)
    }

    async fn list_users(
        &self,
        org: &OrgId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserRow>, StoreError> {
        let core = &*self.core;
        Ok(users::page(core, org, after, limit).await?)
    }

    async fn count_users(&self, org: &OrgId) -> Result<u64, StoreError> {
        let core = &*self.core;
        Ok(users::count(core, org).await?)
    }

    async fn list_signing_keys(&self, org: &OrgId) -> Result<Vec<SealedKey>, StoreError> {
        let core = &*self.core;
        Ok(signing_keys::list(core, org).await?)
    }

    async fn add_signing_key(
        &self,
        org: &OrgId,
        key: SealedKey,
        expected: usize,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(signing_keys::add(core, org, &key, expected).await?)
    }

    async fn lease_outbox(
        &self,
        org: &OrgId,
        limit: usize,
        seconds: i64,
        first_only: bool,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let core = &*self.core;
        Ok(outbox::lease(core, org, limit, (seconds, first_only)).await?)
    }

    async fn finish_outbox(
        &self,
        org: &OrgId,
        row: &OutboxRow,
        verdict: MailVerdict,
    ) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(outbox::finish(core, org, row, &verdict).await?)
    }

    async fn next_outbox_due(&self, org: &OrgId) -> Result<Option<Timestamp>, StoreError> {
        let core = &*self.core;
        Ok(outbox::next_due(core, org).await?)
    }

    async fn measure_outbox(&self, org: &OrgId) -> Result<Backlog, StoreError> {
        let core = &*self.core;
        Ok(outbox::measure(core, org).await?)
    }

    async fn list_audit(&self, org: &OrgId, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        let core = &*self.core;
        Ok(audit::list(core, org, limit).await?)
    }

    async fn page_audit(
        &self,
        org: &OrgId,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let core = &*self.core;
        Ok(audit::page(core, org, after, limit).await?)
    }

    async fn add_audit(&self, org: &OrgId, rows: Vec<AuditRow>) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(audit::add(core, org, &rows).await?)
    }

    async fn take_allowance(
        &self,
        org: &OrgId,
        key: &LedgerKey,
        ends_at: Timestamp,
        want: u32,
        at_most: u32,
    ) -> Result<Allowance, StoreError> {
        let core = &*self.core;
        Ok(ledgers::take_allowance(core, org, key, ends_at, (want, at_most)).await?)
    }

    async fn try_lead(
        &self,
        org: &OrgId,
        role: &str,
        node: &str,
        seconds: i64,
    ) -> Result<bool, StoreError> {
        let core = &*self.core;
        Ok(ledgers::try_lead(core, org, (role, node), seconds).await?)
    }

    async fn forget_devices(&self, org: &OrgId, user: &UserId) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(ledgers::forget_devices(core, org, user).await?)
    }

    async fn sweep(&self, org: &OrgId, limit: usize) -> Result<usize, StoreError> {
        let core = &*self.core;
        Ok(sweep::run(core, org, limit).await?)
    }

    async fn find_setting(&self, org: &OrgId, name: &str) -> Result<Option<String>, StoreError> {
        let core = &*self.core;
        Ok(settings::find(core, org, name).await?)
    }

    async fn list_settings(&self, org: &OrgId) -> Result<Vec<(String, String)>, StoreError> {
        let core = &*self.core;
        Ok(settings::list(core, org).await?)
    }

    async fn save_setting(&self, org: &OrgId, name: &str, value: &str) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(settings::save(core, org, (name, value)).await?)
    }

    async fn advance_clock(&self, seconds: i64) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(settings::advance_clock(core, seconds).await?)
    }

    async fn reset(&self, org: &OrgId) -> Result<(), StoreError> {
        let core = &*self.core;
        Ok(settings::reset(core, org).await?)
    }
}
