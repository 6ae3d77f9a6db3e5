//! A stop that lets people finish: the first signal asks, the second insists.

use std::future::Future;
use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::failure::Failure;

/// Tells parts of the process when to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Waits until the process was asked to stop.
    pub(crate) async fn wait(mut self) {
        // A sender that is gone means the same.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }

    /// A pair of which one part tells the other: for parts that stop after each other.
    pub(crate) fn pair() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }
}

/// SIGTERM and SIGINT, caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Catches the signals.
    ///
    /// # Errors
    /// A [`Failure`] when the system does not let us.
    pub(crate) fn catch() -> Result<Self, Failure> {
        let catch = |kind| {
            signal(kind).map_err(|error| Failure::failed(format!("cannot catch signals: {error}")))
        };
        Ok(Self {
            terminate: catch(SignalKind::terminate())?,
            interrupt: catch(SignalKind::interrupt())?,
        })
    }

    /// Catches SIGHUP, which would end the process otherwise.
    ///
    /// # Errors
    /// A [`Failure`] when the system does not let us.
    pub(crate) fn catch_hangup() -> Result<Signal, Failure> {
        signal(SignalKind::hangup())
            .map_err(|error| Failure::failed(format!("cannot catch signals: {error}")))
    }

    /// Runs `serving` until it is done. The first signal stops it through the [`Stop`] that it
    /// was made with; a second one ends the process at once.
    pub(crate) async fn run<F>(mut self, serving: impl FnOnce(Stop) -> F) -> ExitCode
    where
        F: Future<Output = ()>,
    {
        let (sender, stop) = Stop::pair();
        let serving = serving(stop);
        tokio::select! {
            () = serving => ExitCode::SUCCESS,
            () = async {
                self.next().await;
                tracing::info!("stopping: requests in flight may finish");
                sender.send_replace(true);
                self.next().await;
            } => {
                tracing::warn!("stopped at once");
                ExitCode::FAILURE
            }
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
