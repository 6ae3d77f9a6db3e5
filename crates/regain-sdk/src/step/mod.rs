//! The open step of a transaction: one struct per kind, with the verbs that are legal there.
//!
//! A step owns what it needs, and each verb posts exactly one form.

mod code;
mod identify;
mod method;
mod password;
mod poll;
mod raw;
mod select;
mod work;

use std::fmt;

pub use code::CodeStep;
pub use identify::{IdentifyPurpose, IdentifyStep};
pub use method::{MethodChoice, MethodStep};
pub use password::{
    NewPasswordReason, NewPasswordStep, PasswordAge, PasswordComplexity, PasswordPolicy,
    PasswordStep, ResetOptions,
};
pub use poll::{PollStream, WaitStep};
pub use raw::RawForm;
pub use select::{Choice, SelectPurpose, SelectStep};
pub use work::WorkChallenge;

use crate::document;
use crate::outcome::Idp;
use crate::wire::idx::{Authenticator, Field, Form, RelatesTo};
use crate::{Error, Feature, IdxClient, Outcome, Transaction};

/// What has to be filled in now.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Say who you are.
    Identify(IdentifyStep),
    /// Choose an authenticator.
    SelectAuthenticator(SelectStep),
    /// Choose how to use the authenticator.
    ChooseMethod(MethodStep),
    /// Enter a code.
    EnterCode(CodeStep),
    /// Enter the password.
    EnterPassword(PasswordStep),
    /// Choose a new password.
    SetPassword(NewPasswordStep),
    /// Wait until something happens elsewhere.
    Wait(WaitStep),
    /// Send the browser to another place to sign in at.
    RedirectToIdp(IdpStep),
    /// Anything that this version has no struct for.
    Other(RawForm),
}

/// What every step stands on.
#[derive(Clone)]
pub(crate) struct Base {
    pub(crate) client: IdxClient,
    pub(crate) transaction: Transaction,
    pub(crate) form: Form,
    pub(crate) authenticator: Option<Authenticator>,
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("name", &self.form.name)
            .field("authenticator", &self.authenticator_key())
            .field("transaction", &self.transaction)
            .finish_non_exhaustive()
    }
}

impl Base {
    pub(crate) fn new(client: &IdxClient, transaction: &Transaction, form: &Form) -> Box<Self> {
        let authenticator = form
            .relates_to
            .as_ref()
            .and_then(RelatesTo::path)
            .and_then(|path| document::related(&transaction.0.document, path));
        Box::new(Self {
            client: client.clone(),
            transaction: transaction.clone(),
            form: form.clone(),
            authenticator,
        })
    }

    fn authenticator_key(&self) -> Option<&str> {
        self.authenticator.as_ref()?.key.as_deref()
    }

    /// A top-level field of the form.
    fn field(&self, name: &str) -> Option<&Field> {
        self.form
            .value
            .iter()
            .flatten()
            .find(|field| field.name.as_deref() == Some(name))
    }

    /// A field below a top-level field.
    fn nested(&self, name: &str, inner: &str) -> Option<&Field> {
        let fields = &self.field(name)?.form.as_ref()?.value;
        fields
            .iter()
            .find(|field| field.name.as_deref() == Some(inner))
    }
}

/// The verbs that every step has.
macro_rules! verbs_of_every_step {
    ($($step:ty),+) => {$(
        impl $step {
            /// The remediation's name.
            #[must_use]
            pub fn name(&self) -> &str {
                &self.base.form.name
            }

            /// The transaction that the step belongs to.
            #[must_use]
            pub fn transaction(&self) -> &$crate::Transaction {
                &self.base.transaction
            }

            /// The key of the authenticator that the step is about, `okta_email` for one.
            #[must_use]
            pub fn authenticator_key(&self) -> Option<&str> {
                self.base.authenticator_key()
            }

            /// The form as the server sent it, for what the struct has no verb for.
            #[must_use]
            pub fn into_raw(self) -> $crate::RawForm {
                $crate::step::RawForm { base: self.base }
            }

            /// Leaves the step out.
            ///
            /// # Errors
            /// [`Error::Unsupported`](crate::Error::Unsupported) where the server does not offer
            /// it, else as every call.
            pub async fn skip(self) -> Result<$crate::Outcome, $crate::Error> {
                let base = self.base;
                base.client.clone().skip(base.transaction).await
            }

            /// Gives the flow up.
            ///
            /// # Errors
            /// As every call.
            pub async fn cancel(self) -> Result<$crate::Outcome, $crate::Error> {
                let base = self.base;
                base.client.clone().cancel(base.transaction).await
            }
        }
    )+};
}

verbs_of_every_step!(
    CodeStep,
    IdentifyStep,
    MethodStep,
    NewPasswordStep,
    PasswordStep,
    SelectStep,
    WaitStep
);

impl Step {
    /// The remediation's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.base().form.name
    }

    /// The key of the authenticator that the step is about, `okta_email` for one.
    #[must_use]
    pub fn authenticator_key(&self) -> Option<&str> {
        self.base().authenticator_key()
    }

    /// The form as the server sent it.
    #[must_use]
    pub fn into_raw(self) -> RawForm {
        RawForm {
            base: Box::new(self.base().clone()),
        }
    }

    fn base(&self) -> &Base {
        match self {
            Self::Identify(step) => &step.base,
            Self::SelectAuthenticator(step) => &step.base,
            Self::ChooseMethod(step) => &step.base,
            Self::EnterCode(step) => &step.base,
            Self::EnterPassword(step) => &step.base,
            Self::SetPassword(step) => &step.base,
            Self::Wait(step) => &step.base,
            Self::RedirectToIdp(step) => &step.base,
            Self::Other(form) => &form.base,
        }
    }

    /// Finds the struct for the first remediation. A known name with an unknown shape is
    /// [`Step::Other`].
    pub(crate) fn of(client: &IdxClient, transaction: &Transaction) -> Option<Self> {
        let form = document::remediations(&transaction.0.document).first()?;
        let base = Base::new(client, transaction, form);
        Some(match form.name.as_str() {
            "identify" | "identify-recovery" if base.field("identifier").is_some() => {
                Self::Identify(IdentifyStep { base })
            }
            "select-authenticator-authenticate" | "select-authenticator-enroll"
                if base.field("authenticator").is_some() =>
            {
                Self::SelectAuthenticator(SelectStep::new(base))
            }
            "authenticator-verification-data"
                if base.nested("authenticator", "methodType").is_some() =>
            {
                Self::ChooseMethod(MethodStep { base })
            }
            "challenge-authenticator" | "enroll-authenticator" => Self::of_credentials(base),
            "reset-authenticator" | "reenroll-authenticator" | "reenroll-authenticator-warning"
                if base.nested("credentials", "passcode").is_some() =>
            {
                Self::SetPassword(NewPasswordStep::new(base))
            }
            "challenge-poll" | "enroll-poll" => Self::Wait(WaitStep { base }),
            "redirect-idp" => Self::RedirectToIdp(IdpStep {
                idp: Idp::of(form),
                base,
            }),
            _ => Self::Other(RawForm { base }),
        })
    }

    fn of_credentials(base: Box<Base>) -> Self {
        let is_password = base.authenticator_key() == Some("okta_password");
        let has_passcode = base.nested("credentials", "passcode").is_some();
        let has_totp = base.nested("credentials", "totp").is_some();
        match (is_password && has_passcode, has_passcode || has_totp) {
            (true, _) if base.form.name == "enroll-authenticator" => {
                Self::SetPassword(NewPasswordStep::new(base))
            }
            (true, _) => Self::EnterPassword(PasswordStep { base }),
            (false, true) => Self::EnterCode(CodeStep { base }),
            (false, false) => Self::Other(RawForm { base }),
        }
    }
}

/// Another place to sign in at: the app sends the browser there.
#[derive(Clone, Debug)]
pub struct IdpStep {
    pub(crate) base: Box<Base>,
    idp: Idp,
}

impl IdpStep {
    /// The place.
    #[must_use]
    pub fn idp(&self) -> &Idp {
        &self.idp
    }
}

/// Posts an action of the document, such as `resend`.
pub(crate) async fn post_action(
    base: Box<Base>,
    name: &str,
    feature: Feature,
) -> Result<Outcome, Error> {
    let base = *base;
    base.client
        .clone()
        .post_action(base.transaction, name, feature)
        .await
}
