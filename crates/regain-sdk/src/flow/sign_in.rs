//! Signing in.

use std::time::Duration;

use super::script::Script;
use crate::{Error, Flow, IdxClient, Outcome, Secret, Transaction};

/// Signs a person in, as far as the values that are given reach.
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct SignIn {
    script: Script,
}

impl SignIn {
    pub(crate) fn new(client: IdxClient) -> Self {
        Self {
            script: Script::new(client, Flow::SignIn),
        }
    }

    /// The username or address as it was typed.
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.script.values.identifier = Some(identifier.into());
        self
    }

    /// The present password.
    pub fn password(mut self, password: impl Into<Secret>) -> Self {
        self.script.values.password = Some(password.into());
        self
    }

    /// "Keep me signed in", where the form has it.
    pub fn remember_me(mut self, remembers: bool) -> Self {
        self.script.values.remember_me = remembers;
        self
    }

    /// The authenticator to use where there is a choice, for one
    /// [`authenticator_key::EMAIL`](crate::authenticator_key::EMAIL).
    pub fn via(mut self, authenticator: impl Into<String>) -> Self {
        self.script.values.authenticator = Some(authenticator.into());
        self
    }

    /// How to use it, where it has several ways: `sms`, `voice`.
    pub fn method(mut self, method_type: impl Into<String>) -> Self {
        self.script.values.method_type = Some(method_type.into());
        self
    }

    /// The code, where it is known beforehand.
    pub fn code(mut self, code: impl Into<Secret>) -> Self {
        self.script.values.code = Some(code.into());
        self
    }

    /// A new password, should the present one have expired.
    pub fn new_password(mut self, password: impl Into<Secret>) -> Self {
        self.script.values.new_password = Some(password.into());
        self
    }

    /// Chooses the only authenticator, or its only method, without being asked. Off unless set:
    /// sending a mail is a visible effect.
    pub fn auto_select_single(mut self, selects: bool) -> Self {
        self.script.values.auto_select_single = selects;
        self
    }

    /// Asks for one of these levels of assurance (`acr_values`, separated by spaces). The ID
    /// token must name one of them.
    pub fn acr_values(mut self, values: impl Into<String>) -> Self {
        self.script.options.acr_values = Some(values.into());
        self
    }

    /// Asks that the person has proven itself not longer ago.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.script.options.max_age_seconds = Some(age.as_secs());
        self
    }

    /// Whether success means tokens (the default) or the interaction code.
    pub fn exchange(mut self, exchanges: bool) -> Self {
        self.script.options.returns_code = !exchanges;
        self
    }

    /// Goes on with a transaction that is open, the one of the sign-in page for instance. One of
    /// another flow or account is a [`Conflict`](crate::Conflict).
    pub fn open(mut self, transaction: Transaction) -> Self {
        self.script.open = Some(transaction);
        self
    }

    /// Instead of that conflict, cancels the open transaction and begins a new one.
    pub fn replace_open(mut self, replaces: bool) -> Self {
        self.script.replaces_open = replaces;
        self
    }

    /// Sends what there is to send.
    ///
    /// # Errors
    /// As every call.
    pub async fn start(self) -> Result<Outcome, Error> {
        self.script.run().await
    }
}
