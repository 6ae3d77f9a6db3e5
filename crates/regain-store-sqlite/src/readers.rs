//! Connections that only read. They never wait for the writer (WAL), and a look-up takes
//! microseconds, so it runs where it is asked for.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use regain_store::StoreError;
use rusqlite::Connection;

use crate::connection;
use crate::error::{Fault, OpenError};

/// Enough that two cores never wait for one another; each costs some memory.
const READERS: usize = 4;

/// The pool.
#[derive(Debug)]
pub(crate) struct Readers {
    connections: Vec<Mutex<Connection>>,
    next: AtomicUsize,
}

impl Readers {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let connections = (0..READERS)
            .map(|_| connection::open_reader(path).map(Mutex::new))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            connections,
            next: AtomicUsize::new(0),
        })
    }

    /// Runs a query on a connection that is free. It holds the connection until it returns, so
    /// it must not wait for anything.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let free = (0..READERS).find_map(|step| self.try_take(start.wrapping_add(step)));
        match free.or_else(|| self.take(start)) {
            Some(connection) => query(&connection),
            None => Err(StoreError::Unavailable("there is no reader".to_owned()).into()),
        }
    }

    fn at(&self, index: usize) -> Option<&Mutex<Connection>> {
        self.connections.get(index % self.connections.len().max(1))
    }

    fn try_take(&self, index: usize) -> Option<MutexGuard<'_, Connection>> {
        match self.at(index)?.try_lock() {
            Ok(connection) => Some(connection),
            // A panic in a query leaves nothing half done: it only read.
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn take(&self, index: usize) -> Option<MutexGuard<'_, Connection>> {
        let connection = self.at(index)?;
        Some(connection.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
