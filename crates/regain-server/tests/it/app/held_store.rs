//! A store that stands still when it is told to: what asks it waits, for as long as a test likes.

use std::sync::Arc;

use async_trait::async_trait;
use regain_engine::{Enrollment, LedgerKey, StoredPassword, UserStatus};
use regain_oauth::{Client, Grant};
use regain_store::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, Store, StoreError, Typed,
    UserRecord, UserRow,
};
use regain_types::{ClientId, GrantId, OrgId, Timestamp, TokenHash, UserId};
use tokio::sync::{Semaphore, watch};

/// The store, and how many requests wait in front of it. Flows are begun and loaded, and codes
/// looked for, only when [`HeldStore::let_go`] was called.
#[derive(Debug)]
pub(crate) struct HeldStore {
    store: Arc<dyn Store>,
    gate: Semaphore,
    came: watch::Sender<usize>,
}

impl HeldStore {
    /// In front of another one.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            gate: Semaphore::new(0),
            came: watch::Sender::new(0),
        }
    }

    /// Waits until so many have come in all.
    pub(crate) async fn until(&self, came: usize) {
        let mut seen = self.came.subscribe();
        seen.wait_for(|seen| *seen >= came).await.unwrap();
    }

    /// How many have come.
    pub(crate) fn came(&self) -> usize {
        *self.came.borrow()
    }

    /// From now on nobody waits.
    pub(crate) fn let_go(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    async fn pass(&self) {
        self.came.send_modify(|came| *came += 1);
        drop(self.gate.acquire().await.unwrap());
    }
}

macro_rules! held {
    (
        at the gate: { $(fn $held:ident($($given:ident: $kind:ty),*) -> $answer:ty;)* }
        past it: { $(fn $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)* }
    ) => {
        #[async_trait]
        impl Store for HeldStore {
            $(
                async fn $held(&self, $($given: $kind),*) -> Result<$answer, StoreError> {
                    self.pass().await;
                    self.store.$held($($given),*).await
                }
            )*
            $(
                async fn $name(&self, $($argument: $type),*) -> Result<$result, StoreError> {
                    self.store.$name($($argument),*).await
                }
            )*
        }
    };
}

held! {
    at the gate: {
        fn insert_flow(org: &OrgId, new: NewFlow, request: RequestMeta) -> ();
        fn load_flow(org: &OrgId, key: &FlowKey, typed: Option<Typed<'_>>) -> Option<Loaded>;
        fn find_interaction_code(org: &OrgId, hash: &TokenHash) -> Option<CodeRecord>;
    }
    past it: {
        fn now() -> Timestamp;
        fn check() -> ();
        fn commit(org: &OrgId, commit: Commit) -> ();
        fn redeem_interaction_code(org: &OrgId, hash: &TokenHash, grant: Grant, now: Timestamp, request: RequestMeta) -> ();
        fn find_grant(org: &OrgId, grant: &GrantId, access_token: Option<&str>) -> Option<GrantRecord>;
        fn rotate_refresh_token(org: &OrgId, grant: &GrantId, sequence: u32, now: Timestamp, idle_expires_at: Timestamp) -> ();
        fn revoke_grant(org: &OrgId, grant: &GrantId, reason: &'static str, request: RequestMeta) -> ();
        fn revoke_access_token(org: &OrgId, jti: &str, expires_at: Timestamp) -> ();
        fn find_client(org: &OrgId, id: &ClientId) -> Option<Client>;
        fn list_clients(org: &OrgId) -> Vec<Client>;
        fn save_client(org: &OrgId, client: Client) -> ();
        fn create_user(org: &OrgId, user: NewUser) -> ();
        fn find_user(org: &OrgId, login: &str) -> Option<UserRecord>;
        fn load_user(org: &OrgId, id: &UserId) -> Option<UserRecord>;
        fn set_user_status(org: &OrgId, id: &UserId, status: UserStatus) -> ();
        fn upgrade_password(org: &OrgId, id: &UserId, from: &StoredPassword, to: StoredPassword) -> ();
        fn save_enrollments(org: &OrgId, id: &UserId, version: u64, list: Vec<Enrollment>) -> ();
        fn add_users(org: &OrgId, users: Vec<UserRow>) -> Vec<Added>;
        fn list_users(org: &OrgId, after: Option<&UserId>, limit: usize) -> Vec<UserRow>;
        fn count_users(org: &OrgId) -> u64;
        fn list_signing_keys(org: &OrgId) -> Vec<SealedKey>;
        fn add_signing_key(org: &OrgId, key: SealedKey, expected: usize) -> ();
        fn lease_outbox(org: &OrgId, limit: usize, seconds: i64, first_only: bool) -> Vec<OutboxRow>;
        fn finish_outbox(org: &OrgId, row: &OutboxRow, verdict: MailVerdict) -> ();
        fn next_outbox_due(org: &OrgId) -> Option<Timestamp>;
        fn measure_outbox(org: &OrgId) -> Backlog;
        fn list_audit(org: &OrgId, limit: usize) -> Vec<AuditRow>;
        fn page_audit(org: &OrgId, after: Option<(Timestamp, &str)>, limit: usize) -> Vec<AuditRow>;
        fn add_audit(org: &OrgId, rows: Vec<AuditRow>) -> ();
        fn take_allowance(org: &OrgId, key: &LedgerKey, ends_at: Timestamp, want: u32, at_most: u32) -> Allowance;
        fn try_lead(org: &OrgId, role: &str, node: &str, seconds: i64) -> bool;
        fn forget_devices(org: &OrgId, user: &UserId) -> ();
        fn sweep(org: &OrgId, limit: usize) -> usize;
        fn find_setting(org: &OrgId, name: &str) -> Option<String>;
        fn list_settings(org: &OrgId) -> Vec<(String, String)>;
        fn save_setting(org: &OrgId, name: &str, value: &str) -> ();
        fn advance_clock(seconds: i64) -> ();
        fn reset(org: &OrgId) -> ();
    }
}
