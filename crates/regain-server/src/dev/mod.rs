//! The surface for developers: mailbox, clock, reset (design §2.4). Its routes exist only when
//! the process was started in development mode.

mod clock;
mod guard;
mod mailbox;
mod reset;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use regain_mail::DevMailbox;
use regain_store::{Store, StoreError};

use crate::state::AppState;

/// What makes a server a developer's server.
#[derive(Clone, Debug)]
pub struct Dev {
    /// Where mails can be read.
    pub mailbox: Arc<DevMailbox>,
    /// What puts the users of the start back after a reset.
    pub seed: Option<Arc<dyn Seed>>,
}

/// Puts the data of the start into a store.
#[async_trait]
pub trait Seed: Send + Sync + Debug {
    /// Adds what is missing; leaves alone what is there.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot take it.
    async fn seed(&self, store: &dyn Store) -> Result<(), StoreError>;
}

/// The routes.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    Router::new()
        .route("/dev/mailbox", get(mailbox::page))
        .route("/dev/mailbox/mailbox.js", get(mailbox::script))
        .route("/dev/mailbox/mailbox.css", get(mailbox::style))
        .route(
            "/dev/mailbox/api/messages",
            get(mailbox::messages).delete(mailbox::clear),
        )
        .route("/dev/mailbox/api/notes", get(mailbox::notes))
        .route("/dev/clock", post(clock::advance))
        .route("/dev/reset", post(reset::reset))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            guard::own_pages_only,
        ))
}
