//! Connections: made to the first host that may write, kept, and thrown away when they are of no
//! use any more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Client, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::background;
use crate::error::told;
use crate::options::Options;

/// A connection with the statements that are prepared on it.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) statements: HashMap<&'static str, Statement>,
    task: JoinHandle<()>,
}

impl Drop for Link {
    /// Closes the socket at once, whatever is under way on it.
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes connections.
#[derive(Debug)]
pub(crate) struct Connector {
    options: Options,
    tls: Tls,
    /// The host that answered last.
    favourite: AtomicUsize,
    /// Drives every connection, whoever asked for it: others may end before it does.
    runtime: Handle,
}

/// Hides what rustls holds from `Debug`.
#[derive(Clone)]
pub(crate) struct Tls(pub(crate) MakeRustlsConnect);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Connector {
    pub(crate) fn new(options: Options, tls: Tls) -> Self {
        Self {
            options,
            tls,
            favourite: AtomicUsize::new(0),
            runtime: Handle::current(),
        }
    }

    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Asks one host after the other, the one that answered last first. Each gets its share of the
    /// time, so that one that swallows everything does not hide the next.
    pub(crate) async fn connect(&self) -> Result<Link, String> {
        let hosts = self.options.hosts();
        let first = self.favourite.load(Ordering::Relaxed);
        let patience = self.options.patience_with_a_host();
        let mut said = String::from("no host is named");
        for turn in 0..hosts.len() {
            let index = (first + turn) % hosts.len();
            let Some(config) = hosts.get(index) else {
                continue;
            };
            let (config, tls) = (config.clone(), self.tls.clone());
            let connecting = background::run_on(&self.runtime, async move {
                match timeout(patience, config.connect(tls.0)).await {
                    Ok(Ok((client, connection))) => {
                        let task = background::run(async move {
                            if let Err(error) = connection.await {
                                tracing::debug!(reason = %told(&error), "a connection to the database ended");
                            }
                        });
                        Ok((client, task))
                    }
                    Ok(Err(error)) => Err(told(&error)),
                    Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
                }
            });
            said = match connecting.await {
                Ok(Ok((client, task))) => {
                    self.favourite.store(index, Ordering::Relaxed);
                    return Ok(Link {
                        client,
                        statements: HashMap::new(),
                        task,
                    });
                }
                Ok(Err(said)) => said,
                Err(_) => "the program ends".to_owned(),
            };
        }
        Err(said)
    }
}

impl Manager for Connector {
    type Type = Link;
    type Error = String;

    async fn create(&self) -> Result<Link, String> {
        self.connect().await
    }

    async fn recycle(&self, link: &mut Link, _: &Metrics) -> RecycleResult<String> {
        if link.client.is_closed() {
            return Err(RecycleError::message("it is closed"));
        }
        Ok(())
    }
}
