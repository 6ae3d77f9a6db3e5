//! What can go wrong, and what to tell the person at the page.

use std::time::Duration;

use crate::config::ConfigError;
use crate::store::StoreError;
use crate::transport::TransportError;
use crate::{Flow, TransactionId};

/// Why a call gave no [`Outcome`](crate::Outcome).
///
/// A refusal that leaves a form to fill in is no error: it is an outcome with `rejected`. No
/// variant holds a password, a code, a handle or a token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client was set up wrongly.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There was no answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Too many requests.
    #[error("the server asks to wait{}", .scope.as_deref().map(|s| format!(" ({s})")).unwrap_or_default())]
    RateLimited {
        /// How long, when the server said so.
        retry_after: Option<Duration>,
        /// Which limit, in the server's words.
        scope: Option<String>,
    },
    /// The server is there, but does not work now.
    #[error("the server cannot answer now (status {status})")]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// How long to wait, when the server said so.
        retry_after: Option<Duration>,
    },
    /// The transaction is over for the server; drop it and start the flow again.
    #[error("the transaction has expired")]
    Expired {
        /// The flow to start again.
        restart: Flow,
    },
    /// The store has no such transaction.
    #[error("there is no transaction {0}")]
    NotFound(TransactionId),
    /// Another request is advancing, or has advanced, the same transaction: load it again.
    #[error("transaction {0} was advanced by another request")]
    Stale(TransactionId),
    /// Two things that cannot both be meant. Nothing was sent.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A value with a name that the step does not know. Nothing was sent.
    #[error("unknown input {key:?}; expected one of {expected:?}")]
    UnknownInput {
        /// The name.
        key: String,
        /// The names that the step takes.
        expected: Vec<String>,
    },
    /// A value that belongs to another step. Nothing was sent.
    #[error("{key:?} is not asked for by {step}")]
    NotAskedNow {
        /// The name.
        key: String,
        /// The step that is open.
        step: String,
    },
    /// The step needs more. Nothing was sent.
    #[error("{step} needs {fields:?}")]
    MissingInput {
        /// The step that is open.
        step: String,
        /// The fields without a value.
        fields: Vec<String>,
    },
    /// The server offers this to nobody, or not now.
    #[error("{0} is not offered")]
    Unsupported(Feature),
    /// An OAuth endpoint refused (RFC 6749 §5.2).
    #[error("{code}: {description}")]
    OAuth {
        /// The HTTP status.
        status: u16,
        /// `invalid_grant` and the like.
        code: String,
        /// A sentence for developers.
        description: String,
    },
    /// The server refused outside of any flow.
    #[error("{code}: {summary} (status {status})")]
    Api {
        /// The HTTP status.
        status: u16,
        /// `E0000009` and the like.
        code: String,
        /// A sentence for developers.
        summary: String,
    },
    /// A token was not what it should be. It was thrown away.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The flow reached its end, but there are no tokens.
    #[error("{}", exchange_text(.0))]
    Exchange(#[source] Box<ExchangeError>),
    /// The answer was not understood.
    #[error(transparent)]
    Protocol(#[from] Box<ProtocolError>),
    /// The store of transactions failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sealed value is damaged, or was sealed with another key or for another scope.
    #[error("the sealed value cannot be opened")]
    Sealed,
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Randomness,
}

impl Error {
    /// A neutral English sentence for the person at the page.
    #[must_use]
    pub fn user_message(&self) -> &'static str {
        match self {
            Self::Exchange(e) if e.flow_effect == Some(FlowEffect::PasswordReplaced) => {
                "Your password was changed. Please sign in with the new one."
            }
            Self::Exchange(_) | Self::Token(_) => {
                "We could not finish signing you in. Please sign in again."
            }
            Self::RateLimited { .. } => "Too many attempts. Please wait a while and try again.",
            Self::Expired { .. } | Self::NotFound(_) | Self::Sealed => {
                "That page has expired. Please start again."
            }
            Self::Stale(_) => "You already continued in another tab.",
            Self::Conflict(_) => "That does not fit what you started. Please start again.",
            Self::MissingInput { .. } => "Please fill in every field.",
            Self::Unsupported(_) => "That is not possible here. Please contact your administrator.",
            Self::Transport(_) | Self::Unavailable { .. } => {
                "The sign-in service cannot be reached at the moment. Please try again."
            }
            _ => "Something went wrong. Please try again.",
        }
    }

    /// What has happened for good although the call failed. After
    /// [`FlowEffect::PasswordReplaced`] a page says so and offers to sign in.
    #[must_use]
    pub fn flow_effect(&self) -> Option<FlowEffect> {
        match self {
            Self::Exchange(e) => e.flow_effect,
            _ => None,
        }
    }

    /// How long the server asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            Self::Exchange(e) => e.cause.retry_after(),
            _ => None,
        }
    }

    /// Whether the same call may be made again without counting twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport(e) => !e.is_sent(),
            Self::RateLimited { .. } => true,
            _ => false,
        }
    }
}

fn exchange_text(error: &ExchangeError) -> &'static str {
    match error.flow_effect {
        Some(FlowEffect::PasswordReplaced) => {
            "the password was replaced, but there are no tokens: sign in with the new password"
        }
        None => "the flow succeeded, but there are no tokens",
    }
}

/// What a flow has done for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlowEffect {
    /// The user has a new password.
    PasswordReplaced,
}

/// The end of a flow was reached without tokens.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct ExchangeError {
    /// What stopped the exchange.
    #[source]
    pub cause: Error,
    /// What the flow has done before.
    pub flow_effect: Option<FlowEffect>,
    /// The code was not spent: [`IdxClient::resume`](crate::IdxClient::resume) gives it again
    /// for another [`IdxClient::exchange`](crate::IdxClient::exchange).
    pub retry: Option<Box<crate::Transaction>>,
}

/// Two things that cannot both be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The open transaction belongs to another flow.
    #[error("the open transaction is for {saved}, not for {asked}")]
    Flow {
        /// The flow of the transaction.
        saved: Flow,
        /// The flow that was asked for.
        asked: Flow,
    },
    /// The open transaction is about another account.
    #[error("the open transaction is about another identifier")]
    Identifier,
    /// The answer names another transaction or another handle.
    #[error("the answer belongs to another transaction")]
    Transaction,
    /// Two names of the same input have different values.
    #[error("{first:?} and {second:?} have different values")]
    Values {
        /// One name.
        first: String,
        /// The other one.
        second: String,
    },
}

/// Something that a server can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Feature {
    /// End the flow.
    Cancel,
    /// Ask whether a proof came in elsewhere.
    Poll,
    /// Pay for a recovery with proof of work.
    ProofOfWork,
    /// Recover a password.
    RecoverPassword,
    /// Send the code again.
    Resend,
    /// Choose another authenticator.
    SelectAuthenticator,
    /// Leave an optional step out.
    Skip,
}

impl std::fmt::Display for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cancel => "cancel",
            Self::Poll => "poll",
            Self::ProofOfWork => "proof of work",
            Self::RecoverPassword => "password recovery",
            Self::Resend => "resend",
            Self::SelectAuthenticator => "choosing another authenticator",
            Self::Skip => "skip",
        })
    }
}

/// Why a token was refused (OpenID Connect Core 1.0 §3.1.3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// `acr` is not what was asked for.
    #[error("the ID token has another acr than was asked for")]
    Acr,
    /// An algorithm without a public key, or none.
    #[error("the ID token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// `at_hash` does not fit the access token.
    #[error("the ID token belongs to another access token")]
    AtHash,
    /// Not made for this client.
    #[error("the ID token is for another client")]
    Audience,
    /// The person signed in longer ago than `max_age` allows.
    #[error("the sign-in is older than was asked for")]
    AuthTime,
    /// Too old.
    #[error("the ID token has expired")]
    Expired,
    /// Made in the future.
    #[error("the ID token is from the future")]
    IssuedInFuture,
    /// Made by somebody else.
    #[error("the ID token is from another issuer")]
    Issuer,
    /// Not a token at all, or a claim is missing.
    #[error("the ID token is malformed")]
    Malformed,
    /// `openid` was asked for, but there is none.
    #[error("there is no ID token")]
    Missing,
    /// Made for another sign-in.
    #[error("the ID token is for another transaction")]
    Nonce,
    /// The signature is wrong, or its key is unknown.
    #[error("the ID token has no valid signature")]
    Signature,
    /// `sub` differs from the one known before.
    #[error("the answer is about another user")]
    Subject,
}

/// An answer that was not understood.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not understood: {problem} (status {status}, request {})", .request_id.as_deref().unwrap_or("unknown"))]
pub struct ProtocolError {
    /// The HTTP status; 0 when no request was made.
    pub status: u16,
    /// The server's name for the request, for its logs.
    pub request_id: Option<String>,
    /// What was wrong.
    pub problem: String,
    /// What came, for whoever must look at it. `Debug` does not show it.
    pub body: crate::Secret,
}

impl Error {
    /// An answer that is wrong in itself.
    pub(crate) fn protocol(status: u16, problem: impl Into<String>) -> Self {
        Self::Protocol(Box::new(ProtocolError {
            status,
            request_id: None,
            problem: problem.into(),
            body: crate::Secret::default(),
        }))
    }
}
