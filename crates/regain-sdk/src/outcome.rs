//! What a call gives: the transaction and where it stands now.

use std::time::Duration;

use crate::document;
use crate::tokens::{InteractionCode, Tokens};
use crate::wire::idx::{IdxResponse, MessageClass};
use crate::{Secret, Step, Transaction};

const SELECT: &str = "select-authenticator-authenticate";

/// Where a transaction stands after a call.
#[derive(Debug)]
#[must_use = "the transaction in it is needed to go on"]
#[non_exhaustive]
pub struct Outcome {
    /// To be kept, and handed back with the next call.
    pub transaction: Transaction,
    /// What to do now.
    pub state: State,
    /// What to tell the person, those at fields included.
    pub messages: Vec<Message>,
    /// What else the server offers.
    pub features: Features,
    /// The server refused the last input; the same step is offered again.
    pub rejected: bool,
    /// Names of values that were given up front and found no use yet.
    pub unused: Vec<&'static str>,
    /// How long the server asks to wait before the next try.
    pub retry_after: Option<Duration>,
}

/// What to do now.
#[derive(Debug)]
#[non_exhaustive]
pub enum State {
    /// A form has to be filled in.
    Pending(Step),
    /// The flow has reached its end.
    Success(Grant),
    /// There is nothing to fill in: see the messages.
    Terminal(Terminal),
    /// The flow was given up. `outcome.transaction` can start again from the first page.
    Canceled,
}

/// What a finished flow gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Grant {
    /// Verified tokens.
    Tokens(Box<Tokens>),
    /// The code for the tokens, where the call asked not to exchange it.
    Code(InteractionCode),
    /// The end of a flow that began at a hosted page: send the browser there.
    Redirect(Secret),
}

/// An end without tokens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Terminal {
    /// The key of the first message, `idx.recovery.completed` for one.
    pub key: Option<String>,
    /// Whether it is a good end: no message is an error, and neither was the status.
    pub succeeded: bool,
    /// Whether [`IdxClient::cancel`](crate::IdxClient::cancel) leads back to the first page.
    pub can_cancel: bool,
    /// The code to type into the device where the flow began.
    pub code: Option<Secret>,
}

/// A message for the person at the page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// English text.
    pub text: String,
    /// How grave it is.
    pub class: MessageClass,
    /// The key by which a page finds its own text.
    pub key: Option<String>,
    /// What goes into that text.
    pub params: Vec<String>,
    /// The field that it is about, `credentials.passcode` for one.
    pub field: Option<String>,
}

impl Message {
    /// Whether something was refused.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.class == MessageClass::Error
    }
}

/// What else the server offers on this page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether one thing is offered"
)]
#[non_exhaustive]
pub struct Features {
    /// "Forgot password?"
    pub can_recover_password: bool,
    /// "Sign up"
    pub can_register: bool,
    /// "Unlock account"
    pub can_unlock: bool,
    /// "Back to sign in"
    pub can_cancel: bool,
    /// "Send the code again"
    pub can_resend: bool,
    /// "Not now"
    pub can_skip: bool,
    /// "Use another method": the selector is offered beside the open step, with more than one way
    pub can_choose_another: bool,
    /// "Sign in with …"
    pub idps: Vec<Idp>,
}

/// Another place to sign in at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Idp {
    /// Its id.
    pub id: Option<String>,
    /// What people call it.
    pub name: Option<String>,
    /// `GOOGLE`, `OIDC`, …
    pub kind: Option<String>,
    /// Where to send the browser.
    pub href: String,
}

impl Outcome {
    /// The open step, if there is one.
    #[must_use]
    pub fn step(&self) -> Option<&Step> {
        match &self.state {
            State::Pending(step) => Some(step),
            State::Success(_) | State::Terminal(_) | State::Canceled => None,
        }
    }

    /// Whether one of the messages has this key.
    #[must_use]
    pub fn has_message(&self, key: &str) -> bool {
        self.messages
            .iter()
            .any(|message| message.key.as_deref() == Some(key))
    }

    /// The tokens, if the flow gave some.
    #[must_use]
    pub fn tokens(&self) -> Option<&Tokens> {
        match &self.state {
            State::Success(Grant::Tokens(tokens)) => Some(tokens),
            _ => None,
        }
    }
}

impl Features {
    pub(crate) fn of(document: &IdxResponse) -> Self {
        let forms = document::remediations(document);
        let has = |name: &str| forms.iter().any(|form| form.name == name);
        let first = forms.first().map(|form| form.name.as_str());
        let fields = document::remediation(document, SELECT).and_then(|form| form.value.as_deref());
        let options = fields
            .into_iter()
            .flatten()
            .filter_map(|field| field.options.as_deref());
        let ways = options.map(<[_]>::len).max().unwrap_or_default();
        Self {
            can_recover_password: document::action(document, "recover").is_some(),
            can_register: has("select-enroll-profile"),
            can_unlock: has("unlock-account"),
            can_cancel: document.cancel.is_some(),
            can_resend: document::action(document, "resend").is_some(),
            can_skip: has("skip"),
            can_choose_another: first != Some(SELECT) && ways > 1,
            idps: forms
                .iter()
                .filter(|form| form.name == "redirect-idp")
                .map(Idp::of)
                .collect(),
        }
    }
}
