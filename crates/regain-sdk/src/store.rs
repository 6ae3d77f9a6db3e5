//! Where a web app keeps transactions between two requests of a browser.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use crate::TransactionId;
use crate::seal::{SealedTransaction, SessionScope};
use crate::system::{Clock, SystemClock};

/// Counts the saves of one entry. An entry that does not exist has version 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A stored value with its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// How often it was saved.
    pub version: Version,
    /// The value.
    pub value: T,
}

/// Keeps sealed transactions. Every key holds the browser session, so that an id alone opens
/// nothing.
#[async_trait]
pub trait TransactionStore: Send + Sync + std::fmt::Debug {
    /// Finds an entry that has not expired.
    ///
    /// # Errors
    /// When the store does not work.
    async fn load(
        &self,
        scope: &SessionScope,
        id: &TransactionId,
    ) -> Result<Option<Versioned<SealedTransaction>>, StoreError>;

    /// Writes an entry if its version is still `expected`, all in one step, and gives the new
    /// version. `Version(0)` means that there must be no entry yet.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when another request was faster.
    async fn save(
        &self,
        key: (&SessionScope, &TransactionId),
        expected: Version,
        transaction: SealedTransaction,
        ttl: Duration,
    ) -> Result<Version, StoreError>;

    /// Removes an entry, if there is one.
    ///
    /// # Errors
    /// When the store does not work.
    async fn delete(&self, scope: &SessionScope, id: &TransactionId) -> Result<(), StoreError>;
}

/// Why a store refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The version is not the expected one.
    #[error("the entry was saved by another request")]
    Stale,
    /// The store is full.
    #[error("the store is full")]
    Full,
    /// The store does not work.
    #[error("the store does not work")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Entries in the memory of this process: for tests, and for a web app with one process whose
/// transactions may die with it.
#[derive(Debug)]
pub struct MemoryStore {
    entries: Mutex<BTreeMap<(SessionScope, TransactionId), Entry>>,
    entries_max: usize,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Entry {
    value: Versioned<SealedTransaction>,
    expires_at: SystemTime,
}

impl MemoryStore {
    /// Makes a store for at most `entries_max` transactions.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self::with_clock(entries_max, Arc::new(SystemClock))
    }

    /// The same with another clock, for tests.
    #[must_use]
    pub fn with_clock(entries_max: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Mutex::default(),
            entries_max,
            clock,
        }
    }

    /// How many transactions have not expired.
    #[must_use]
    pub fn len(&self) -> usize {
        let now = self.clock.now();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .values()
            .filter(|entry| entry.expires_at > now)
            .count()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
impl TransactionStore for MemoryStore {
    async fn load(
        &self,
        scope: &SessionScope,
        id: &TransactionId,
    ) -> Result<Option<Versioned<SealedTransaction>>, StoreError> {
        let now = self.clock.now();
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&(scope.clone(), id.clone()));
        Ok(entry
            .filter(|entry| entry.expires_at > now)
            .map(|entry| entry.value.clone()))
    }

    async fn save(
        &self,
        (scope, id): (&SessionScope, &TransactionId),
        expected: Version,
        transaction: SealedTransaction,
        ttl: Duration,
    ) -> Result<Version, StoreError> {
        let now = self.clock.now();
        let key = (scope.clone(), id.clone());
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.expires_at > now);
        let current = entries
            .get(&key)
            .map_or(Version::default(), |entry| entry.value.version);
        if current != expected {
            return Err(StoreError::Stale);
        }
        if current == Version::default() && entries.len() >= self.entries_max {
            return Err(StoreError::Full);
        }
        let version = Version(current.0 + 1);
        let value = Versioned {
            version,
            value: transaction,
        };
        entries.insert(
            key,
            Entry {
                value,
                expires_at: now + ttl,
            },
        );
        Ok(version)
    }

    async fn delete(&self, scope: &SessionScope, id: &TransactionId) -> Result<(), StoreError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&(scope.clone(), id.clone()));
        Ok(())
    }
}
