//! One more process of the engine on the same database, which a test can kill.

use std::sync::Arc;
use std::time::Duration;

use regain_mail::Transport;
use regain_server::{AppState, Parts, start};
use regain_store_sqlite::SqliteStore;
use tokio::runtime::{Builder, Runtime};

use super::TestApp;

/// How long the slowest machine may take to let go of everything.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine with a runtime, hashing threads and connections of its own.
pub(crate) struct Node {
    state: AppState,
    runtime: Runtime,
}

impl Node {
    /// Starts it; its worker looks at the outbox at once.
    pub(crate) async fn start(app: &TestApp, transport: Arc<dyn Transport>) -> Self {
        let store = SqliteStore::open_current(app.store.path(), app.clock.clone()).unwrap();
        let parts = Parts {
            store: Arc::new(store),
            transport,
            ..app.parts()
        };
        let state = AppState::new(parts).unwrap();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let starting = state.clone();
        let started = runtime.spawn(async move { start(&starting).await.unwrap() });
        started.await.unwrap();
        Self { state, runtime }
    }

    /// Says that mails may be due.
    pub(crate) fn look(&self) {
        self.state.mail_is_due().notify_one();
    }

    /// Every task ends where it waits, and gives nothing back: as if the process were gone.
    pub(crate) async fn kill(self) {
        let Self { state, runtime } = self;
        tokio::task::spawn_blocking(move || {
            runtime.shutdown_timeout(PATIENCE);
            drop(state);
        })
        .await
        .unwrap();
    }

    /// It ends as it is told to.
    pub(crate) async fn stop(self) {
        self.state.tasks().drain().await;
        self.kill().await;
    }
}
