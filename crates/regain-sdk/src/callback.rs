//! The page that the redirect URI leads to.

use crate::tokens::InteractionCode;
use crate::{Secret, Transaction, TransactionId};

/// What the query of a callback means.
///
/// ```
/// use regain_sdk::Callback;
/// let query = "state=AAAAAAAAAAAAAAAAAAAAAA&error=access_denied";
/// assert!(matches!(Callback::parse(query), Callback::Denied { error, .. } if error == "access_denied"));
/// assert!(matches!(Callback::parse("utm_source=mail"), Callback::NotOurs));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Callback {
    /// A flow was finished elsewhere: look the transaction up in the session, then
    /// [`IdxClient::exchange`](crate::IdxClient::exchange).
    Code {
        /// Which transaction.
        state: TransactionId,
        /// The code.
        code: InteractionCode,
    },
    /// A mail's link. With a transaction of this session, answer its step with the code; in
    /// another browser show the code, to be typed in where the flow began.
    EmailLink {
        /// Which transaction.
        state: TransactionId,
        /// The code of the mail.
        otp: Secret,
    },
    /// The flow needs more input: look the transaction up, then
    /// [`IdxClient::refresh`](crate::IdxClient::refresh).
    InteractionRequired {
        /// Which transaction.
        state: TransactionId,
    },
    /// The server refused.
    Denied {
        /// `access_denied` and the like.
        error: String,
        /// A sentence for developers.
        description: String,
    },
    /// Nothing that belongs to a flow, or twice the same parameter.
    NotOurs,
}

impl Callback {
    /// Reads a URL's query, exactly. A parameter that comes twice makes it unreadable.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        let find = |name: &str| {
            let mut values = form_urlencoded::parse(query.trim_start_matches('?').as_bytes())
                .filter(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned());
            let first = values.next();
            if values.next().is_some() {
                Err(())
            } else {
                Ok(first)
            }
        };
        let names = [
            "state",
            "interaction_code",
            "otp",
            "error",
            "error_description",
        ];
        let [Ok(state), Ok(code), Ok(otp), Ok(error), Ok(description)] = names.map(find) else {
            return Self::NotOurs;
        };
        let state = state.as_deref().and_then(TransactionId::parse);
        match (error, state, code, otp) {
            (Some(error), Some(state), _, _) if error == "interaction_required" => {
                Self::InteractionRequired { state }
            }
            (Some(error), _, _, _) => Self::Denied {
                error,
                description: description.unwrap_or_default(),
            },
            (None, Some(state), Some(code), None) => Self::Code {
                state,
                code: InteractionCode::new(code),
            },
            (None, Some(state), None, Some(otp)) => Self::EmailLink {
                state,
                otp: otp.into(),
            },
            _ => Self::NotOurs,
        }
    }

    /// The transaction that it belongs to.
    #[must_use]
    pub fn state(&self) -> Option<&TransactionId> {
        match self {
            Self::Code { state, .. }
            | Self::EmailLink { state, .. }
            | Self::InteractionRequired { state } => Some(state),
            Self::Denied { .. } | Self::NotOurs => None,
        }
    }

    /// Whether it belongs to this transaction.
    #[must_use]
    pub fn belongs_to(&self, transaction: &Transaction) -> bool {
        self.state()
            .is_some_and(|state| transaction.id().matches(state.as_str()))
    }
}
