//! The trait.

use std::fmt::Debug;

use async_trait::async_trait;
use regain_engine::{Enrollment, LedgerKey, StoredPassword, UserStatus};
use regain_oauth::{Client, Grant};
use regain_types::{ClientId, GrantId, OrgId, Timestamp, TokenHash, UserId};

use crate::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, StoreError, Typed,
    UserRecord, UserRow,
};

/// A database that holds orgs.
///
/// Each method is one transaction and, unless it says otherwise, one round trip. Every write that
/// consumes something is conditional; when its condition does not hold, nothing is written and
/// the answer is [`StoreError::Conflict`]. When there is no space for it nothing is written either,
/// and the answer is [`StoreError::Full`]; what ends a session ([`Store::revoke_grant`],
/// [`Store::revoke_access_token`]) is refused for that last of all.
#[async_trait]
pub trait Store: Send + Sync + Debug {
    /// The store's time: never goes back, not even over restarts.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn now(&self) -> Result<Timestamp, StoreError>;

    /// Whether the store answers and can write; for readiness and `doctor`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason.
    async fn check(&self) -> Result<(), StoreError>;

    /// Loads a flow, and the user and the ledgers of the name that was just `typed`; without it,
    /// those of the name that the flow is about. The org's ledger comes along. One read by
    /// canonical identifier, hit or miss (E-04), and one moment for all of it. A ledger that has
    /// expired counts as none.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn load_flow(
        &self,
        org: &OrgId,
        key: &FlowKey,
        typed: Option<Typed<'_>>,
    ) -> Result<Option<Loaded>, StoreError>;

    /// Stores a new flow, with an audit row whose subject is the client: nobody is named yet.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id or a handle is taken.
    async fn insert_flow(
        &self,
        org: &OrgId,
        new: NewFlow,
        request: RequestMeta,
    ) -> Result<(), StoreError>;

    /// Makes a transition durable: the flow, guarded by its version, and all effects.
    ///
    /// `SetPassword` moves the present password into the history. `EndOtherFlows` makes every
    /// other live flow of the user dead and raises its version. `RevokeSessions` revokes every
    /// grant of the user, and makes interaction codes of the user that are not yet used worthless,
    /// except the one issued in this commit. `Enqueue` adds an outbox row. `SaveLedger` writes a
    /// ledger that is still at the version that was loaded; an expired one is at version 0.
    /// `RequireLedger` writes nothing and is held against the same version, also where there is no
    /// row: of a commit that saves a ledger and one that requires it, the later one conflicts.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the flow or a ledger has changed since it was loaded, or when
    /// the user of `SetPassword` is gone; [`StoreError::Exists`] when the interaction code is. Nothing is
    /// written then.
    async fn commit(&self, org: &OrgId, commit: Commit) -> Result<(), StoreError>;

    /// Finds an interaction code and whose it is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn find_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
    ) -> Result<Option<CodeRecord>, StoreError>;

    /// Uses up an interaction code and stores what it gave: if it is unused and not expired at
    /// `now` (O-04).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it is used up or expired.
    async fn redeem_interaction_code(
        &self,
        org: &OrgId,
        hash: &TokenHash,
        grant: Grant,
        now: Timestamp,
        request: RequestMeta,
    ) -> Result<(), StoreError>;

    /// Finds a grant; `access_token` is the `jti` of the token that is asked about.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn find_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        access_token: Option<&str>,
    ) -> Result<Option<GrantRecord>, StoreError>;

    /// Makes the next refresh token of a family the live one: if `sequence` is the live one, and
    /// the family is neither revoked nor at one of its ends at `now`.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another request was faster, or the family is dead.
    async fn rotate_refresh_token(
        &self,
        org: &OrgId,
        grant: &GrantId,
        sequence: u32,
        now: Timestamp,
        idle_expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Revokes a grant with all its tokens. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn revoke_grant(
        &self,
        org: &OrgId,
        grant: &GrantId,
        reason: &'static str,
        request: RequestMeta,
    ) -> Result<(), StoreError>;

    /// Revokes one access token by its `jti`; it is remembered until it would have expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn revoke_access_token(
        &self,
        org: &OrgId,
        jti: &str,
        expires_at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Finds a client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn find_client(&self, org: &OrgId, id: &ClientId) -> Result<Option<Client>, StoreError>;

    /// All clients, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn list_clients(&self, org: &OrgId) -> Result<Vec<Client>, StoreError>;

    /// Creates or replaces a client.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn save_client(&self, org: &OrgId, client: Client) -> Result<(), StoreError>;

    /// Creates a user.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the login or the address is taken.
    async fn create_user(&self, org: &OrgId, user: NewUser) -> Result<(), StoreError>;

    /// Finds a user by canonical login.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn find_user(&self, org: &OrgId, login: &str) -> Result<Option<UserRecord>, StoreError>;

    /// Finds a user by id.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn load_user(&self, org: &OrgId, id: &UserId) -> Result<Option<UserRecord>, StoreError>;

    /// Changes what a user may do. Whoever may not sign in any more loses all grants with it.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such user.
    async fn set_user_status(
        &self,
        org: &OrgId,
        id: &UserId,
        status: UserStatus,
    ) -> Result<(), StoreError>;

    /// Replaces the hash of a password that stays the same, by one with the present cost (P-03):
    /// if it is still the user's password. The history and everything else stay.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the user is gone or has another password by now: the change
    /// wins.
    async fn upgrade_password(
        &self,
        org: &OrgId,
        id: &UserId,
        from: &StoredPassword,
        to: StoredPassword,
    ) -> Result<(), StoreError>;

    /// Writes what a user can prove with, outside a flow.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there is no such user, or somebody has changed it since
    /// `version` was loaded; [`StoreError::Unavailable`].
    async fn save_enrollments(
        &self,
        org: &OrgId,
        id: &UserId,
        version: u64,
        list: Vec<Enrollment>,
    ) -> Result<(), StoreError>;

    /// Adds users in one transaction, those that are there already left out: so an import can
    /// begin anew where it broke off. Says of each what became of it, in their order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]; then none was added.
    async fn add_users(&self, org: &OrgId, users: Vec<UserRow>) -> Result<Vec<Added>, StoreError>;

    /// Up to `limit` users after the one with id `after`, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn list_users(
        &self,
        org: &OrgId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<UserRow>, StoreError>;

    /// How many users there are.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn count_users(&self, org: &OrgId) -> Result<u64, StoreError>;

    /// The signing keys, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn list_signing_keys(&self, org: &OrgId) -> Result<Vec<SealedKey>, StoreError>;

    /// Stores a signing key if `expected` is how many there are: of two nodes that start at
    /// once, one makes the first key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when there are more or fewer; [`StoreError::Exists`] when this one
    /// is there.
    async fn add_signing_key(
        &self,
        org: &OrgId,
        key: SealedKey,
        expected: usize,
    ) -> Result<(), StoreError>;

    /// Leases up to `limit` messages that are due, the one that is due longest first, for
    /// `seconds` from the store's now: no other worker gets them while the lease lives.
    /// `first_only` leaves out what does not go first (M-03). A row that makes no sense is put off
    /// with the others, logged and left out: it holds nothing up.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn lease_outbox(
        &self,
        org: &OrgId,
        limit: usize,
        seconds: i64,
        first_only: bool,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// Says what became of a leased message. Delivered and dropped ones are gone from the outbox
    /// and leave an audit row, whose subject is the keyed hash of what was typed when the mail was
    /// for nobody (U-03). Of a message that is gone already nothing changes, and to try one again
    /// changes nothing when somebody else has leased it since.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn finish_outbox(
        &self,
        org: &OrgId,
        row: &OutboxRow,
        verdict: MailVerdict,
    ) -> Result<(), StoreError>;

    /// When the next message is due, if there is one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn next_outbox_due(&self, org: &OrgId) -> Result<Option<Timestamp>, StoreError>;

    /// How much waits in the outbox, leased or not, and for how long; for metrics.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn measure_outbox(&self, org: &OrgId) -> Result<Backlog, StoreError>;

    /// The newest audit rows, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn list_audit(&self, org: &OrgId, limit: usize) -> Result<Vec<AuditRow>, StoreError>;

    /// Up to `limit` audit rows after the one that is given by its time and id, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], [`StoreError::Corrupt`].
    async fn page_audit(
        &self,
        org: &OrgId,
        after: Option<(Timestamp, &str)>,
        limit: usize,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// Takes over audit rows of a backup, as they are; those that are there already are left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn add_audit(&self, org: &OrgId, rows: Vec<AuditRow>) -> Result<(), StoreError>;

    /// Takes up to `want` of what all nodes together may use `at_most` times until `ends_at`, and
    /// says how much it got: never more than is left. Another `ends_at` is another allowance.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn take_allowance(
        &self,
        org: &OrgId,
        key: &LedgerKey,
        ends_at: Timestamp,
        want: u32,
        at_most: u32,
    ) -> Result<Allowance, StoreError>;

    /// Whether `node` is the one that does `role` for the next `seconds`: it is when nobody is, or
    /// when it was before. One node sweeps, not all of them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn try_lead(
        &self,
        org: &OrgId,
        role: &str,
        node: &str,
        seconds: i64,
    ) -> Result<bool, StoreError>;

    /// Forgets the devices on which a user is known. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn forget_devices(&self, org: &OrgId, user: &UserId) -> Result<(), StoreError>;

    /// Deletes up to `limit` rows of each kind that are past their use: ledgers and allowances at
    /// their end, flows 24 h after it (I-08), so too codes, revoked tokens (by the wall clock, whatever the development
    /// clock says) and grants; audit rows after 400 days. Says how many went.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn sweep(&self, org: &OrgId, limit: usize) -> Result<usize, StoreError>;

    /// A named setting of the deployment (`demo`, …).
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn find_setting(&self, org: &OrgId, name: &str) -> Result<Option<String>, StoreError>;

    /// All settings, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn list_settings(&self, org: &OrgId) -> Result<Vec<(String, String)>, StoreError>;

    /// Sets a named setting.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn save_setting(&self, org: &OrgId, name: &str, value: &str) -> Result<(), StoreError>;

    /// Development only: moves the store's time on, and keeps the offset over restarts. A negative
    /// number moves nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn advance_clock(&self, seconds: i64) -> Result<(), StoreError>;

    /// Development only: deletes users, flows, codes, grants, messages, ledgers and audit rows, and sets
    /// the clock's offset to zero. Keys, clients and settings stay.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn reset(&self, org: &OrgId) -> Result<(), StoreError>;
}
