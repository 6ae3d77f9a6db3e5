//! The embedded store: SQLite, for one node.
//!
//! What it is not: it decides nothing about flows. It keeps what [`regain_store::Store`] asks it
//! to keep, each operation in one transaction, durable before it is acknowledged (R-01, R-02).
//!
//! Read [`SqliteStore`] first. Writes go through one thread (`writer`), which commits together
//! what waits together; reads run beside it on connections of their own (`readers`).
//!
//! ```
//! use std::sync::Arc;
//! use regain_store::Store as _;
//! use regain_store_sqlite::SqliteStore;
//! use regain_types::SystemClock;
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let temporary = SqliteStore::temporary(Arc::new(SystemClock::new())).unwrap();
//! temporary.store.check().await.unwrap();
//! # });
//! ```
#![deny(missing_docs)]

mod audit;
mod clients;
mod clock;
mod codes;
mod connection;
mod effects;
mod error;
mod fingerprint;
mod flows;
mod grants;
mod ledgers;
mod migrations;
mod outbox;
mod readers;
mod reserve;
mod row;
mod settings;
mod signing_keys;
mod store;
mod sweep;
mod temporary;
mod users;
mod writer;

pub use error::OpenError;
pub use migrations::{Migrated, migrate};
pub use store::SqliteStore;
pub use temporary::TemporaryStore;
