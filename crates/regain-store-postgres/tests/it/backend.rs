//! PostgreSQL as a backend of the conformance suite.

use std::sync::Arc;

use async_trait::async_trait;
use regain_store::Store;
use regain_store::conformance::{Backend, Failure};
use regain_store_postgres::testing::{Cluster, TestDatabase};
use regain_store_postgres::{Options, PostgresStore};
use regain_types::Clock;

/// A database of its own, in the cluster of this process.
pub(crate) struct PostgresBackend {
    pub(crate) database: TestDatabase,
    /// Added to the database's URL.
    parameters: &'static str,
}

impl PostgresBackend {
    pub(crate) async fn with(parameters: &'static str) -> Self {
        Self::of(Cluster::shared().expect("a cluster"), parameters).await
    }

    pub(crate) async fn of(cluster: &Cluster, parameters: &'static str) -> Self {
        Self {
            database: cluster.fresh().await.expect("a database"),
            parameters,
        }
    }

    pub(crate) fn options(&self) -> Options {
        Options::parse(&format!("{}{}", self.database.url(), self.parameters)).expect("options")
    }
}

#[async_trait]
impl Backend for PostgresBackend {
    async fn open(&self, clock: Arc<dyn Clock>) -> Result<Arc<dyn Store>, Failure> {
        let store = PostgresStore::open_with_clock(&self.options(), clock).await;
        Ok(Arc::new(
            store.map_err(|error| Failure::new(error.to_string()))?,
        ))
    }

    async fn fingerprint(&self) -> Result<Vec<u8>, Failure> {
        self.database.fingerprint().await.map_err(Failure::new)
    }
}
