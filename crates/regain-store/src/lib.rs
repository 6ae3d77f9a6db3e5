//! What the server asks of a database: operations of the domain, each one transaction.
//!
//! What it is not: no SQL lives here. Two things do: the [`Store`] trait with the records that it
//! speaks of, and the `conformance` suite that every backend must pass.
//!
//! Read [`Store::load_flow`] and [`Store::commit`] first: a step of a flow is one of each.
#![deny(missing_docs)]

pub mod conformance;
mod error;
mod imitation;
mod records;
mod retention;
mod store;
mod subjects;

pub use error::StoreError;
pub use imitation::imitate_reading_a_user;
pub use records::{
    Added, Allowance, AuditRow, Backlog, CodeRecord, Commit, FlowKey, GrantRecord, Loaded,
    MailVerdict, NewFlow, NewUser, OutboxRow, RequestMeta, SealedKey, Typed, UserRecord, UserRow,
};
pub use retention::{AUDIT_KEPT_SECONDS, ENDED_KEPT_SECONDS};
pub use store::Store;
pub use subjects::{delivery_subject, indexed_subject, subject_of_event};
