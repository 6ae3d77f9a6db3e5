//! `identify` and `identify-recovery`: say who you are.

use serde_json::{Map, Value, json};

use super::Base;
use crate::{Error, Feature, Outcome, Secret};

/// Asks for an identifier, on one-page sign-in for the password too.
#[derive(Clone, Debug)]
pub struct IdentifyStep {
    pub(crate) base: Box<Base>,
}

/// What the identifier is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentifyPurpose {
    /// Recover a password.
    Recovery,
    /// Sign in.
    SignIn,
}

impl IdentifyStep {
    /// What the identifier is for.
    #[must_use]
    pub fn purpose(&self) -> IdentifyPurpose {
        match self.base.form.name.as_str() {
            "identify-recovery" => IdentifyPurpose::Recovery,
            _ => IdentifyPurpose::SignIn,
        }
    }

    /// Whether the same form takes the password.
    #[must_use]
    pub fn wants_password(&self) -> bool {
        self.base.nested("credentials", "passcode").is_some()
    }

    /// Whether the form has "remember this device".
    #[must_use]
    pub fn can_remember(&self) -> bool {
        self.base.field("rememberMe").is_some()
    }

    /// What the server puts into the field beforehand.
    #[must_use]
    pub fn preset_identifier(&self) -> Option<&str> {
        self.base.field("identifier")?.value.as_ref()?.as_str()
    }

    /// Whether the server offers "Forgot password?" here.
    #[must_use]
    pub fn can_recover_password(&self) -> bool {
        crate::document::action(&self.base.transaction.0.document, "recover").is_some()
    }

    /// Sends the identifier alone.
    ///
    /// # Errors
    /// [`Error::MissingInput`] where the form wants a password, else as every call.
    pub async fn submit(self, identifier: &str) -> Result<Outcome, Error> {
        self.post(identifier, Map::new()).await
    }

    /// Sends the identifier with the password.
    ///
    /// # Errors
    /// [`Error::UnknownInput`] where the form has no such field, else as every call.
    pub async fn submit_with_password(
        self,
        identifier: &str,
        password: &Secret,
        remember_me: bool,
    ) -> Result<Outcome, Error> {
        let mut values = Map::new();
        values.insert(
            "credentials".to_owned(),
            json!({ "passcode": password.expose() }),
        );
        if self.can_remember() {
            values.insert("rememberMe".to_owned(), Value::Bool(remember_me));
        }
        self.post(identifier, values).await
    }

    /// Starts password recovery.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn recover_password(self) -> Result<Outcome, Error> {
        super::post_action(self.base, "recover", Feature::RecoverPassword).await
    }

    pub(super) async fn post(
        self,
        identifier: &str,
        mut values: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        values.insert("identifier".to_owned(), identifier.into());
        self.into_raw().submit(values).await
    }
}
