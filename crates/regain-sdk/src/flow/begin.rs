//! Just the first page.

use std::time::Duration;

use crate::transaction::StartOptions;
use crate::{Error, Flow, IdxClient, Outcome, Secret};

/// Begins a transaction and goes nowhere: for a page that shows what is possible.
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct Begin {
    client: IdxClient,
    options: StartOptions,
}

impl Begin {
    pub(crate) fn new(client: IdxClient) -> Self {
        Self {
            client,
            options: StartOptions::default(),
        }
    }

    /// The token of an activation link.
    pub fn activation_token(mut self, token: impl Into<Secret>) -> Self {
        self.options.activation_token = Some(token.into());
        self
    }

    /// Asks for one of these levels of assurance (`acr_values`, separated by spaces). The ID
    /// token must name one of them.
    pub fn acr_values(mut self, values: impl Into<String>) -> Self {
        self.options.acr_values = Some(values.into());
        self
    }

    /// Asks that the person has proven itself not longer ago.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age_seconds = Some(age.as_secs());
        self
    }

    /// Whether success means tokens (the default) or the interaction code.
    pub fn exchange(mut self, exchanges: bool) -> Self {
        self.options.returns_code = !exchanges;
        self
    }

    /// Sends `interact` and `introspect`.
    ///
    /// # Errors
    /// As every call.
    pub async fn start(self) -> Result<Outcome, Error> {
        self.client.start(Flow::Open, &self.options).await
    }
}
