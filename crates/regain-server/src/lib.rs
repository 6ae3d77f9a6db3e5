//! The engine's HTTP server: a thin shell around `regain-engine` and `regain-oauth`.
//!
//! What it is not: no rule about flows stands here, and no SQL. A request is decoded, run and
//! encoded; [`idx`] shows it best. The binary hands over [`Parts`], makes an [`AppState`] of them,
//! calls [`start`], and serves [`router`] with [`serve`]. [`operations_router`] is for a listener of
//! the operator's own.

mod address;
mod answered;
mod api_error;
mod bounds;
mod cors;
mod dev;
mod device_cookie;
mod email_link;
mod farewell;
mod hash_kinds;
mod hasher;
mod headers;
mod idx;
mod json;
mod limits;
mod meta;
mod metrics;
mod oauth;
mod operations;
mod outbox;
mod pace;
mod pepper;
mod requests;
mod router;
mod serve;
mod settings;
mod shedding;
mod solves_work;
mod start;
mod state;
mod sweeper;
mod tasks;
mod tls;

pub use address::Network;
pub use dev::{Dev, Seed};
pub use hash_kinds::{hash_kinds, save_hash_kind};
pub use hasher::{
    HashKind, HashRefused, HasherError, PeppersInUse, StoredHash, hash_now, hash_with,
    measure as measure_hash,
};
pub use oauth::SignerError;
pub use operations::operations_router;
pub use pepper::{
    ListedPepper, PepperError, PepperProblem, Standing, begin_pepper, compare_pepper,
    listed_peppers, save_pepper,
};
pub use router::router;
pub use serve::{Peers, serve, serve_tls};
pub use settings::{AddressLimits, HashSettings, Settings};
pub use start::{RESTORE_SETTING, StartError, start};
pub use state::{AppState, Parts};
pub use tasks::{Stop, Tasks};
pub use tls::{ServerTls, TlsError};
