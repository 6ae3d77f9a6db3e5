//! Background work: tracked, told when to stop, and waited for (style guide §12).

use std::future::Future;
use std::sync::Mutex;

use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// The background tasks of a server.
#[derive(Debug)]
pub struct Tasks {
    set: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
}

/// Tells a task when to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until the server stops.
    pub async fn wait(&mut self) {
        // The sender going away means the same.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            set: Mutex::new(JoinSet::new()),
            stop: watch::Sender::new(false),
        }
    }
}

impl Tasks {
    /// A new signal.
    #[must_use]
    pub fn stop_signal(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Starts a task. Finished ones are forgotten.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut set = self
            .set
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        while set.try_join_next().is_some() {}
        set.spawn(task);
    }

    /// Starts a task on a thread of its own, which the system shares the processors with: it comes to
    /// its turn however many requests wait for theirs.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn spawn_apart(
        &self,
        name: &str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let (mut ended, end) = oneshot::channel::<()>();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = task => {}
                        // The others are gone, and nobody waits for this one.
                        () = ended.closed() => {}
                    }
                });
                // Whatever still looks up the name of a relay is not waited for.
                runtime.shutdown_background();
            })?;
        self.spawn(async move {
            // Nothing is sent: the sender goes away when the thread is done.
            let _ = end.await;
        });
        Ok(())
    }

    /// Says stop, and waits for all of them.
    pub async fn drain(&self) {
        self.stop.send_replace(true);
        let mut set = {
            let mut guard = self
                .set
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *guard)
        };
        while set.join_next().await.is_some() {}
    }
}
