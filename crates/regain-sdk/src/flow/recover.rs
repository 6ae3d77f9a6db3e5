//! Password recovery.

use super::script::Script;
use crate::{Error, Flow, IdxClient, Outcome, Secret, Transaction};

/// Recovers a password, as far as the values that are given reach.
#[derive(Debug)]
#[must_use = "nothing happens before `start`"]
pub struct RecoverPassword {
    script: Script,
}

impl RecoverPassword {
    pub(crate) fn new(client: IdxClient) -> Self {
        Self {
            script: Script::new(client, Flow::Recover),
        }
    }

    /// Whose password: the username or address as it was typed.
    pub fn identifier(mut self, identifier: impl Into<String>) -> Self {
        self.script.values.identifier = Some(identifier.into());
        self
    }

    /// The token of a reset link: the server knows by it whose password it is.
    pub fn token(mut self, recovery_token: impl Into<Secret>) -> Self {
        self.script.options.recovery_token = Some(recovery_token.into());
        self
    }

    /// The authenticator to prove oneself with, for one
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

    /// The new password.
    pub fn new_password(mut self, password: impl Into<Secret>) -> Self {
        self.script.values.new_password = Some(password.into());
        self
    }

    /// "Sign me out of all other devices"
    pub fn revoke_other_sessions(mut self, revoke: bool) -> Self {
        self.script.values.revoke_other_sessions = revoke;
        self
    }

    /// Chooses the only authenticator, or its only method, without being asked. Off unless set:
    /// sending a mail is a visible effect.
    pub fn auto_select_single(mut self, selects: bool) -> Self {
        self.script.values.auto_select_single = selects;
        self
    }

    /// Whether success means tokens (the default) or the interaction code.
    pub fn exchange(mut self, exchanges: bool) -> Self {
        self.script.options.returns_code = !exchanges;
        self
    }

    /// Goes on with a transaction that is open, if it is about the same flow and account;
    /// otherwise the call is a [`Conflict`](crate::Conflict).
    pub fn open(mut self, transaction: Transaction) -> Self {
        self.script.open = Some(transaction);
        self
    }

    /// Instead of that conflict, cancels the open transaction and begins a new one: what a web
    /// app wants when somebody goes back and corrects the address.
    pub fn replace_open(mut self, replaces: bool) -> Self {
        self.script.replaces_open = replaces;
        self
    }

    /// Sends what there is to send.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer recovery, else as every call.
    pub async fn start(self) -> Result<Outcome, Error> {
        self.script.run().await
    }
}
