//! A client for identity servers that speak IDX, the protocol of the Okta Identity Engine:
//! password recovery and sign-in, step by step or all at once.
#![deny(missing_docs)]

mod answer;
mod call;
mod callback;
mod client;
mod config;
mod context;
mod document;
mod error;
mod exchange;
mod flow;
mod http_client;
mod keys;
mod outcome;
mod progress;
mod scoped;
mod seal;
mod secret;
mod step;
mod store;
mod system;
mod tokens;
mod transaction;
mod transport;
mod verify;

pub use regain_wire as wire;

pub use answer::Answer;
pub use callback::Callback;
pub use client::IdxClient;
pub use config::{ClientAuth, ConfigBuilder, ConfigError, Timeouts};
pub use context::RequestContext;
pub use error::{Conflict, Error, ExchangeError, Feature, FlowEffect, ProtocolError, TokenError};
pub use flow::{Begin, RecoverPassword, SignIn};
pub use outcome::{Features, Grant, Idp, Message, Outcome, State, Terminal};
pub use scoped::ScopedTransactions;
pub use seal::{SealKey, SealedTransaction, SessionScope};
pub use secret::Secret;
pub use step::{
    Choice, CodeStep, IdentifyPurpose, IdentifyStep, IdpStep, MethodChoice, MethodStep,
    NewPasswordReason, NewPasswordStep, PasswordPolicy, PasswordStep, PollStream, RawForm,
    ResetOptions, SelectPurpose, SelectStep, Step, WaitStep,
};
pub use store::{MemoryStore, StoreError, TransactionStore, Version, Versioned};
pub use system::{Clock, SystemClock};
pub use tokens::{InteractionCode, TokenKind, Tokens, VerifiedIdToken};
pub use transaction::{Flow, Transaction, TransactionId};
pub use transport::{Transport, TransportError};

/// The vendor's keys of authenticators.
pub mod authenticator_key {
    /// A code by mail.
    pub const EMAIL: &str = "okta_email";
    /// Google Authenticator and its like.
    pub const GOOGLE_OTP: &str = "google_otp";
    /// A password.
    pub const PASSWORD: &str = "okta_password";
    /// A text message or a call.
    pub const PHONE: &str = "phone_number";
    /// A question and its answer.
    pub const SECURITY_QUESTION: &str = "security_question";
    /// A security key or passkey.
    pub const WEBAUTHN: &str = "webauthn";
}
