//! A client for identity servers that speak IDX, the protocol of the Okta Identity Engine:
//! password recovery and sign-in, step by step or all at once. Regain is not affiliated with
//! Okta.
//!
//! What it is not: a session, a store, or a set of pages. It keeps no state of users. The caller
//! owns the [`Transaction`] between two requests of a browser and keeps it [sealed] in its own
//! store, or lets [`ScopedTransactions`] do that.
//!
//! Read [`IdxClient`] first, then [`Outcome`], [`Step`] and [`Error`].
//!
//! # Step by step
//!
//! Each call gives an [`Outcome`]: the transaction, and in its [`State`] the step that is open,
//! with the verbs that are legal there. The server decides what comes next; a step that this
//! version does not know is [`Step::Other`] and can still be filled in.
//!
//! ```
//! use regain_sdk::{Grant, IdxClient, ResetOptions, Secret, State, Step, authenticator_key};
//! # use regain_sdk::testkit::{ScriptedTransport, documents};
//! # const BASE: &str = "https://id.example.com";
//! # let script = ScriptedTransport::for_issuer("https://id.example.com/oauth2/default");
//! # script.answer("/interact", 200, documents::interact());
//! # script.answer("/introspect", 200, documents::sign_in_page(BASE));
//! # script.answer("/recover", 200, documents::recover_page(BASE));
//! # script.answer("/identify", 200, documents::select_page(BASE));
//! # script.answer("/challenge", 200, documents::code_page(BASE));
//! # script.answer("/challenge/answer", 200, documents::reset_page(BASE));
//! # script.answer("/challenge/answer", 200, documents::success(BASE, "code"));
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let client = IdxClient::builder("https://id.example.com/oauth2/default")
//! #     .client_id("0oa1example")
//! #     .redirect_uri("https://app.example.com/login/callback")
//! #     .transport(script.clone())
//! #     .build()?;
//! // The recover page was submitted.
//! let outcome = client
//!     .recover_password()
//!     .identifier("alice@example.com")
//!     .exchange(false) // give me the code, not the tokens
//!     .start()
//!     .await?;
//!
//! // The select page: the mail goes out now.
//! let State::Pending(Step::SelectAuthenticator(step)) = outcome.state else { panic!() };
//! let outcome = step.choose(authenticator_key::EMAIL).await?;
//!
//! // A later request of the browser: no request to the server is needed to go on.
//! let outcome = client.resume(outcome.transaction)?;
//! let State::Pending(Step::EnterCode(step)) = outcome.state else { panic!() };
//! assert_eq!(step.destination(), Some("a***e@example.com"));
//! let outcome = step.submit("123456").await?;
//!
//! let State::Pending(Step::SetPassword(step)) = outcome.state else { panic!() };
//! assert_eq!(step.policy().complexity.min_length, 8);
//! let new = Secret::from("Copper-Lantern-43");
//! let outcome = step.submit(&new, ResetOptions { revoke_other_sessions: true }).await?;
//! assert!(outcome.transaction.password_replaced());
//! assert!(matches!(outcome.state, State::Success(Grant::Code(_))));
//! # Ok::<(), regain_sdk::Error>(())
//! # }).unwrap();
//! ```
//!
//! # All at once
//!
//! Any subset of the values can be given up front. The run stops at the first question that has
//! no answer; what found no use is named in [`Outcome::unused`].
//!
//! ```
//! # use regain_sdk::{IdxClient, Step, authenticator_key};
//! # use regain_sdk::testkit::{ScriptedTransport, documents};
//! # const BASE: &str = "https://id.example.com";
//! # let script = ScriptedTransport::for_issuer("https://id.example.com/oauth2/default");
//! # script.answer("/interact", 200, documents::interact());
//! # script.answer("/introspect", 200, documents::sign_in_page(BASE));
//! # script.answer("/recover", 200, documents::recover_page(BASE));
//! # script.answer("/identify", 200, documents::select_page(BASE));
//! # script.answer("/challenge", 200, documents::code_page(BASE));
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let client = IdxClient::builder("https://id.example.com/oauth2/default")
//! #     .client_id("0oa1example")
//! #     .redirect_uri("https://app.example.com/login/callback")
//! #     .transport(script.clone())
//! #     .build()?;
//! let outcome = client
//!     .recover_password()
//!     .identifier("alice@example.com")
//!     .via(authenticator_key::EMAIL)
//!     .new_password("Copper-Lantern-43")
//!     .start()
//!     .await?;
//! assert!(matches!(outcome.step(), Some(Step::EnterCode(_))));
//! assert_eq!(outcome.unused, ["new_password"]);
//! # Ok::<(), regain_sdk::Error>(())
//! # }).unwrap();
//! ```
//!
//! # From a form
//!
//! [`IdxClient::proceed`] takes the pairs of an HTML form under any of the vendor's names, and
//! refuses what it does not know.
//!
//! ```
//! # use regain_sdk::{Answer, Error, IdxClient};
//! # use regain_sdk::testkit::{ScriptedTransport, documents};
//! # const BASE: &str = "https://id.example.com";
//! # let script = ScriptedTransport::for_issuer("https://id.example.com/oauth2/default");
//! # script.answer("/interact", 200, documents::interact());
//! # script.answer("/introspect", 200, documents::code_page(BASE));
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! # let client = IdxClient::builder("https://id.example.com/oauth2/default")
//! #     .client_id("0oa1example")
//! #     .redirect_uri("https://app.example.com/login/callback")
//! #     .transport(script.clone())
//! #     .build()?;
//! # let transaction = client.begin().start().await?.transaction;
//! let misspelt = Answer::from_form([("verificatoinCode", "123456")]);
//! let error = client.proceed(transaction, misspelt).await.unwrap_err();
//! assert!(matches!(error, Error::UnknownInput { key, .. } if key == "verificatoinCode"));
//! # Ok::<(), regain_sdk::Error>(())
//! # }).unwrap();
//! ```
//!
//! [sealed]: Transaction::seal
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
pub mod testkit;
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
    NewPasswordReason, NewPasswordStep, PasswordAge, PasswordComplexity, PasswordPolicy,
    PasswordStep, PollStream, RawForm, ResetOptions, SelectPurpose, SelectStep, Step, WaitStep,
    WorkChallenge,
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
