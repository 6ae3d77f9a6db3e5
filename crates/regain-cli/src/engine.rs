//! The engine in this process, from its parts to its routes.

use axum::Router;
use regain_server::{AppState, Parts, Peers, SignerError, StartError};

use crate::failure::Failure;
use crate::stopping::Stop;

/// An engine that is ready to be served.
#[derive(Debug)]
pub(crate) struct Engine {
    state: AppState,
}

impl Engine {
    /// Starts hashing threads, keys, the mail worker and the sweeper.
    ///
    /// # Errors
    /// A [`Failure`] says what is in the way.
    pub(crate) async fn start(parts: Parts) -> Result<Self, Failure> {
        let state = AppState::new(parts).map_err(|error| Failure::unusable(error.to_string()))?;
        regain_server::start(&state)
            .await
            .map_err(|error| refused(&error))?;
        Ok(Self { state })
    }

    /// Its routes.
    pub(crate) fn router(&self) -> Router {
        regain_server::router(self.state.clone())
    }

    /// Who connects to those.
    pub(crate) fn peers(&self) -> Peers {
        self.state.peers()
    }

    /// Routes for the operator's own listener.
    pub(crate) fn operations(&self) -> Router {
        regain_server::operations_router(self.state.clone())
    }

    /// Turns `/health/ready` red as soon as the process is asked to stop.
    pub(crate) async fn turn_red(&self, stop: Stop) {
        stop.wait().await;
        self.state.say_stopping();
    }

    /// Ends the background work and waits for it.
    pub(crate) async fn drain(self) {
        self.state.tasks().drain().await;
    }
}

fn refused(error: &StartError) -> Failure {
    Failure::unusable(match error {
        StartError::Keys(SignerError::Key(cause)) => format!(
            "the signing keys do not open ({cause}): the master key is not the one of this database; put the right one back"
        ),
        StartError::HalfRestored => error.to_string(),
        StartError::Keys(_)
        | StartError::Pepper(_)
        | StartError::Store(_)
        | StartError::Thread(_) => {
            format!("the engine cannot start: {error}")
        }
    })
}
