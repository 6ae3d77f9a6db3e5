//! The store for several nodes: PostgreSQL, and what speaks its protocol.
//!
//! What it is not: it decides nothing about flows, and it replicates nothing: that is the
//! database's work. It keeps what [`regain_store::Store`] asks it to keep, each operation in one
//! transaction and one round trip, durable before it is acknowledged.
//!
//! Read [`PostgresStore`] first, then `pipeline`: how a whole transaction travels at once, and
//! how a condition that does not hold undoes it. `attempts` says what is repeated after a failure
//! and how a lost answer is found out.
#![deny(missing_docs)]

mod attempts;
mod audit;
mod background;
mod clients;
mod clock;
mod codes;
mod connecting;
mod core;
mod effects;
mod error;
mod flows;
mod fullness;
mod grants;
mod ledgers;
mod migrations;
mod options;
mod outbox;
mod param;
mod pipeline;
mod row;
mod settings;
mod signing_keys;
mod store;
mod sweep;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod users;

pub use error::OpenError;
pub use migrations::{Migrated, migrate};
pub use options::{Options, OptionsError};
pub use store::PostgresStore;
