//! Whether the server's disk was full lately.
//!
//! The server says so only to a write that needs another page: others go on, and so does the row
//! that readiness writes. Therefore a refusal is remembered for a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For so long nobody is ready after a write that found no space.
const REMEMBERED: Duration = Duration::from_secs(3);

/// When a write found no space for the last time.
#[derive(Debug, Default)]
pub(crate) struct Fullness(Mutex<Option<Instant>>);

impl Fullness {
    /// A write found no space. Told once, until there is space again for a while.
    pub(crate) fn meet(&self, reason: &str) {
        if !self.is_recent() {
            tracing::error!(%reason, "the disk of the database is full: writes are refused until there is space");
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a write found no space just now.
    pub(crate) fn is_recent(&self) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < REMEMBERED)
    }
}
