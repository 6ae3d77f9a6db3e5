//! A stop that lets people finish: the first signal asks, the second insists.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

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

/// The two moments of a stop.
#[derive(Clone, Debug)]
pub(crate) struct Stops {
    /// It was asked for: readiness turns red, and everybody is served on.
    pub(crate) asked: Stop,
    /// Load balancers have seen that by now: no connection is accepted any more.
    pub(crate) close: Stop,
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

    /// Runs `serving` until it is done. The first signal stops it through the [`Stops`] that it was
    /// made with; a second one ends the process at once. `grace` is between the two moments: after
    /// SIGTERM, by which machines stop. Whoever presses Ctrl-C does not wait for a load balancer.
    pub(crate) async fn run<F>(
        mut self,
        grace: Duration,
        serving: impl FnOnce(Stops) -> F,
    ) -> ExitCode
    where
        F: Future<Output = ()>,
    {
        let ((ask, asked), (begin, close)) = (Stop::pair(), Stop::pair());
        let serving = serving(Stops { asked, close });
        tokio::select! {
            () = serving => ExitCode::SUCCESS,
            () = async {
                let grace = match self.next().await {
                    Asked::Terminate => grace,
                    Asked::Interrupt => Duration::ZERO,
                };
                tracing::info!("stopping: requests in flight may finish");
                ask.send_replace(true);
                tokio::select! {
                    () = tokio::time::sleep(grace) => {}
                    _ = self.next() => return,
                }
                begin.send_replace(true);
                self.next().await;
            } => {
                tracing::warn!("stopped at once");
                ExitCode::FAILURE
            }
        }
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
        }
    }
}

/// By which signal.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Interrupt,
    Terminate,
}
