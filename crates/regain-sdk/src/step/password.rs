//! Forms with a password: the present one, or a new one.

use serde_json::{Map, json};

use super::{Base, post_action};
use crate::document;
use crate::wire::idx::{Age, Complexity, PasswordSettings};
use crate::{Error, Feature, Outcome, Secret};

/// Asks for the present password.
#[derive(Clone, Debug)]
pub struct PasswordStep {
    pub(crate) base: Box<Base>,
}

impl PasswordStep {
    /// Whether the server offers "Forgot password?" here.
    #[must_use]
    pub fn can_recover_password(&self) -> bool {
        document::action(&self.base.transaction.0.document, "recover").is_some()
    }

    /// Whether another authenticator can be chosen instead.
    #[must_use]
    pub fn can_choose_another(&self) -> bool {
        let document = &self.base.transaction.0.document;
        document::remediation(document, "select-authenticator-authenticate").is_some()
    }

    /// Sends the password.
    ///
    /// # Errors
    /// As every call. A wrong password is no error: the outcome is `rejected`.
    pub async fn submit(self, password: &Secret) -> Result<Outcome, Error> {
        let mut values = Map::new();
        values.insert(
            "credentials".to_owned(),
            json!({ "passcode": password.expose() }),
        );
        self.into_raw().submit(values).await
    }

    /// Starts password recovery.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn recover_password(self) -> Result<Outcome, Error> {
        post_action(self.base, "recover", Feature::RecoverPassword).await
    }

    /// Chooses another authenticator: the step with the choices, without a request.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it.
    pub fn choose_another(self) -> Result<super::SelectStep, Error> {
        super::CodeStep { base: self.base }.choose_another()
    }
}

/// Asks for a new password.
#[derive(Clone, Debug)]
pub struct NewPasswordStep {
    pub(crate) base: Box<Base>,
    policy: PasswordPolicy,
    days_to_expiry: Option<u32>,
}

/// Why there must be a new password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NewPasswordReason {
    /// There was none.
    Enroll,
    /// The old one is too old.
    Expired,
    /// The old one is soon too old; see [`NewPasswordStep::can_skip`].
    ExpiringSoon,
    /// Recovery.
    Reset,
}

/// What a password must be like, ready for a checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordPolicy {
    /// What it must hold.
    pub complexity: PasswordComplexity,
    /// How often and how soon it may change.
    pub age: Option<PasswordAge>,
}

/// Rules on the characters of a password. Zero and false mean that a rule is off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordComplexity {
    /// Fewest characters.
    pub min_length: u32,
    /// Fewest lower-case letters.
    pub min_lower_case: u32,
    /// Fewest upper-case letters.
    pub min_upper_case: u32,
    /// Fewest digits.
    pub min_number: u32,
    /// Fewest symbols of ASCII punctuation.
    pub min_symbol: u32,
    /// No part of the username of four characters or more.
    pub exclude_username: bool,
    /// Profile attributes that must not occur: `firstName`, `lastName`.
    pub exclude_attributes: Vec<String>,
}

/// Rules on a password's age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PasswordAge {
    /// Minutes before a password may be changed again.
    pub min_age_minutes: u32,
    /// How many earlier passwords cannot be used again.
    pub history_count: u32,
}

impl From<Complexity> for PasswordComplexity {
    fn from(wire: Complexity) -> Self {
        Self {
            min_length: wire.min_length.unwrap_or_default(),
            min_lower_case: wire.min_lower_case.unwrap_or_default(),
            min_upper_case: wire.min_upper_case.unwrap_or_default(),
            min_number: wire.min_number.unwrap_or_default(),
            min_symbol: wire.min_symbol.unwrap_or_default(),
            exclude_username: wire.exclude_username.unwrap_or_default(),
            exclude_attributes: wire.exclude_attributes.unwrap_or_default(),
        }
    }
}

impl From<&Age> for PasswordAge {
    fn from(wire: &Age) -> Self {
        Self {
            min_age_minutes: wire.min_age_minutes.unwrap_or_default(),
            history_count: wire.history_count.unwrap_or_default(),
        }
    }
}

/// What else happens with the new password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetOptions {
    /// "Sign me out of all other devices"
    pub revoke_other_sessions: bool,
}

impl NewPasswordStep {
    pub(super) fn new(base: Box<Base>) -> Self {
        let document = &base.transaction.0.document;
        let recovery = document
            .recovery_authenticator
            .as_ref()
            .map(|object| &object.value);
        let settings: PasswordSettings = base
            .authenticator
            .as_ref()
            .and_then(|authenticator| authenticator.settings.clone())
            .or_else(|| recovery.and_then(|authenticator| authenticator.settings.clone()))
            .unwrap_or_default();
        let policy = PasswordPolicy {
            complexity: settings.complexity.unwrap_or_default().into(),
            age: settings.age.as_ref().map(PasswordAge::from),
        };
        Self {
            base,
            policy,
            days_to_expiry: settings.days_to_expiry,
        }
    }

    /// Why there must be a new password.
    #[must_use]
    pub fn reason(&self) -> NewPasswordReason {
        match self.base.form.name.as_str() {
            "reenroll-authenticator" => NewPasswordReason::Expired,
            "reenroll-authenticator-warning" => NewPasswordReason::ExpiringSoon,
            "enroll-authenticator" => NewPasswordReason::Enroll,
            _ => NewPasswordReason::Reset,
        }
    }

    /// What the password must be like.
    #[must_use]
    pub fn policy(&self) -> &PasswordPolicy {
        &self.policy
    }

    /// The account, for the username rule and for password managers.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        let transaction = &self.base.transaction.0;
        let user = transaction
            .document
            .user
            .as_ref()
            .map(|object| &object.value);
        user.and_then(|user| user.identifier.as_deref())
            .or(transaction.identifier.as_deref())
    }

    /// Days until the present password ends, with [`NewPasswordReason::ExpiringSoon`].
    #[must_use]
    pub fn days_to_expiry(&self) -> Option<u32> {
        self.days_to_expiry
    }

    /// Whether the step can be left out.
    #[must_use]
    pub fn can_skip(&self) -> bool {
        document::remediation(&self.base.transaction.0.document, "skip").is_some()
    }

    /// Whether the form has "Sign me out of all other devices".
    #[must_use]
    pub fn can_revoke_other_sessions(&self) -> bool {
        self.base.nested("credentials", "revokeSessions").is_some()
    }

    /// Sends the new password.
    ///
    /// # Errors
    /// [`Error::NotAskedNow`] when `revoke_other_sessions` is set where the form does not have
    /// it; [`Error::Exchange`] with
    /// [`FlowEffect::PasswordReplaced`](crate::FlowEffect::PasswordReplaced) when the password
    /// is changed but the tokens could not be had; else as every call. A password that breaks
    /// the policy is no error: the outcome is `rejected`.
    pub async fn submit(self, new: &Secret, options: ResetOptions) -> Result<Outcome, Error> {
        let mut credentials = json!({ "passcode": new.expose() });
        match (
            options.revoke_other_sessions,
            self.can_revoke_other_sessions(),
        ) {
            (true, false) => {
                return Err(Error::NotAskedNow {
                    key: "revokeSessions".to_owned(),
                    step: self.name().to_owned(),
                });
            }
            (true, true) => {
                credentials = json!({ "passcode": new.expose(), "revokeSessions": true });
            }
            (false, _) => {}
        }
        let mut values = Map::new();
        values.insert("credentials".to_owned(), credentials);
        self.into_raw().submit(values).await
    }
}
