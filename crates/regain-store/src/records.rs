//! What goes in and out of the store.

use regain_engine::{
    Effect, Flow, IssuedCode, LedgerKeys, Ledgers, Outgoing, StoredPassword, UserFacts, UserStatus,
};
use regain_oauth::Grant;
use regain_types::{FlowId, OutboxId, Timestamp, TokenHash, UserId};
use serde::{Deserialize, Serialize};

/// By what a flow is looked up.
#[derive(Clone, Debug)]
pub enum FlowKey {
    /// By its id: the mail worker.
    Id(FlowId),
    /// By the hash of its interaction handle.
    InteractionHandle(TokenHash),
    /// By the hash of its present state handle.
    StateHandle(TokenHash),
}

/// A name that was just typed: its user and its ledgers are read, and not those of the name that
/// the flow is about.
#[derive(Clone, Copy, Debug)]
pub struct Typed<'a> {
    /// Canonical.
    pub canonical: &'a str,
    /// The ledgers of it.
    pub ledgers: LedgerKeys,
}

/// A flow and what a step needs besides, from one round trip.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The store's time.
    pub now: Timestamp,
    /// The flow.
    pub flow: Flow,
    /// The user that the typed identifier names, else the one that the flow's identifier names.
    pub user: Option<UserFacts>,
    /// What was spent on that name, on the device that asks, and by the whole org.
    pub ledgers: Ledgers,
}

/// A flow to begin with.
#[derive(Clone, Debug)]
pub struct NewFlow {
    /// The flow.
    pub flow: Flow,
    /// Hash of the handle that `interact` hands out.
    pub interaction_handle: TokenHash,
    /// Hash of the first state handle.
    pub state_handle: TokenHash,
}

/// Who asked, for the audit log (U-03) and for notices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestMeta {
    /// The request's id.
    pub request_id: String,
    /// The end user's address.
    pub address: Option<String>,
    /// The user agent, cut to 512 bytes and without control characters.
    pub user_agent: Option<String>,
}

/// A transition to be made durable, in one transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The flow afterwards. Its `version` is the one that was loaded: it guards the write, and
    /// the stored one is greater by one.
    pub flow: Flow,
    /// Hash of the new state handle, when the flow was cancelled.
    pub new_state_handle: Option<TokenHash>,
    /// What happens with it.
    pub effects: Vec<Effect>,
    /// Who asked.
    pub request: RequestMeta,
    /// The commit's time: what `Loaded::now` said.
    pub now: Timestamp,
}

/// An interaction code at the token endpoint.
#[derive(Clone, Debug)]
pub struct CodeRecord {
    /// The store's time.
    pub now: Timestamp,
    /// What was issued.
    pub issued: IssuedCode,
    /// The grant of its first use, if it was used.
    pub redeemed: Option<regain_types::GrantId>,
    /// Who signed in, if the user is still there.
    pub user: Option<UserRecord>,
}

/// A grant with its user.
#[derive(Clone, Debug)]
pub struct GrantRecord {
    /// The store's time.
    pub now: Timestamp,
    /// The grant.
    pub grant: Grant,
    /// Who signed in, if the user is still there.
    pub user: Option<UserRecord>,
    /// Whether the access token that was asked about is revoked by itself.
    pub access_token_revoked: bool,
}

/// A user to create.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Id.
    pub id: UserId,
    /// Canonical login, unique in the org.
    pub login: String,
    /// Canonical address, verified.
    pub email: Option<String>,
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// `en_US`.
    pub locale: String,
    /// IANA time zone.
    pub time_zone: String,
    /// Status.
    pub status: UserStatus,
    /// Password, if there is one.
    pub password: Option<StoredPassword>,
}

/// A whole user, to be carried to another store or another program and back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRow {
    /// The user, with all passwords.
    pub facts: UserFacts,
    /// When the user was made.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

/// What became of a user that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    Created,
    /// It is left out: the id, the login or the address is taken. Says which.
    Taken(&'static str),
}

/// What a node got of something of which there is only so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How much it may use.
    pub granted: u32,
    /// How much all nodes have got so far, this included.
    pub used: u32,
}

/// A user and when the row last changed.
#[derive(Clone, Debug)]
pub struct UserRecord {
    /// The user.
    pub facts: UserFacts,
    /// When the profile last changed (claim `updated_at`).
    pub updated_at: Timestamp,
}

/// A signing key, sealed under the master key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Thumbprint (RFC 7638).
    pub kid: String,
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A message to send, leased to one worker.
#[derive(Clone, Debug)]
pub struct OutboxRow {
    /// Its id; the mail's `Message-ID` derives from it.
    pub id: OutboxId,
    /// What to send.
    pub outgoing: Outgoing,
    /// When it was committed.
    pub created_at: Timestamp,
    /// Who asked, as `Commit::request` said: stored with the row, for notices about a change.
    pub request: RequestMeta,
    /// How often it was tried before. It names the lease as well: each lease counts one more.
    pub attempts: u32,
}

/// What waits in the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many messages.
    pub messages: u64,
    /// How long the oldest of them has waited, by the store's clock; 0 when there is none.
    pub oldest_seconds: i64,
}

/// What became of a leased message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailVerdict {
    /// The mail server took it.
    Delivered,
    /// It will not be sent, and why (a short code, no address).
    Dropped(&'static str),
    /// Try again from this time on.
    Retry(Timestamp),
}

/// A row of the audit log as it is read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Its id. Rows of one moment are in the order of their ids.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Name in the vendor's System Log.
    pub name: String,
    /// User id, or hex of the identifier's keyed hash; the client's id where a flow begins, and
    /// `unknown` for a mail to nobody.
    pub subject: String,
    /// The flow.
    pub flow: Option<FlowId>,
    /// `SUCCESS` or `FAILURE`.
    pub outcome: String,
    /// Why.
    pub reason: Option<String>,
    /// Who asked.
    pub request: RequestMeta,
}
