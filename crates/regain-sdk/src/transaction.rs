//! Everything that is needed to go on later: a value that the caller owns.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::document;
use crate::seal::{SealKey, SealedTransaction, SessionScope};
use crate::system::random_text;
use crate::wire::idx::IdxResponse;
use crate::{Error, Secret};

/// How long a transaction lives when the server does not say.
const TRANSACTION_TTL: Duration = Duration::from_hours(1);
/// Raised when the saved form changes; an older one does not open.
const SAVED_VERSION: u8 = 1;

/// Names a transaction: the OAuth `state`, 128 random bits, fit for a URL.
///
/// On its own it opens nothing: a store looks it up inside a browser session only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TransactionId(String);

impl TransactionId {
    pub(crate) fn random() -> Result<Self, Error> {
        random_text::<16>().map(Self)
    }

    /// Reads an id out of a URL. `None` if it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 22
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `state` is this id, in constant time.
    #[must_use]
    pub fn matches(&self, state: &str) -> bool {
        self.0.as_bytes().ct_eq(state.as_bytes()).into()
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({})", self.0)
    }
}

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a transaction was begun for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Flow {
    /// Whatever the first page offers.
    Open,
    /// Recover a password.
    Recover,
    /// Sign in.
    SignIn,
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "no flow in particular",
            Self::Recover => "password recovery",
            Self::SignIn => "sign-in",
        })
    }
}

/// Everything that is needed to go on later. The caller keeps it between two requests of a
/// browser: sealed in a store, or in memory. The SDK keeps nothing.
///
/// `Debug` shows the id, the flow, the step and the expiry only.
#[derive(Clone)]
pub struct Transaction(pub(crate) Box<Saved>);

#[derive(Clone, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says whether one thing has happened"
)]
pub(crate) struct Saved {
    version: u8,
    pub(crate) id: TransactionId,
    pub(crate) flow: Flow,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub(crate) code_verifier: Secret,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub(crate) nonce: Secret,
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub(crate) interaction_handle: Secret,
    /// The last answer with something to do, a refusal that repeats its form included.
    pub(crate) document: IdxResponse,
    /// Whether `document` is such a refusal.
    pub(crate) rejected: bool,
    pub(crate) started_at: SystemTime,
    pub(crate) expires_at: SystemTime,
    /// The account that the flow is about, as it was typed.
    pub(crate) identifier: Option<String>,
    /// The recover action was posted: the same action on a later page is not posted again.
    pub(crate) recover_posted: bool,
    pub(crate) password_replaced: bool,
    /// When the open code was sent.
    pub(crate) code_sent_at: Option<SystemTime>,
    /// Whether success means tokens, or the interaction code.
    pub(crate) exchanges: bool,
    pub(crate) acr_values: Option<String>,
    pub(crate) max_age_seconds: Option<u64>,
    /// Another request is posting a form; others wait until then.
    pub(crate) claimed_until: Option<SystemTime>,
}

/// What `interact` needs to know beyond the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartOptions {
    pub(crate) recovery_token: Option<Secret>,
    pub(crate) activation_token: Option<Secret>,
    pub(crate) acr_values: Option<String>,
    pub(crate) max_age_seconds: Option<u64>,
    pub(crate) returns_code: bool,
}

impl Transaction {
    /// A transaction before its first request.
    pub(crate) fn new(flow: Flow, options: &StartOptions, now: SystemTime) -> Result<Self, Error> {
        Ok(Self(Box::new(Saved {
            version: SAVED_VERSION,
            id: TransactionId::random()?,
            flow,
            code_verifier: random_text::<32>()?.into(),
            nonce: random_text::<48>()?.into(),
            interaction_handle: Secret::default(),
            document: IdxResponse::default(),
            rejected: false,
            started_at: now,
            expires_at: now + TRANSACTION_TTL,
            identifier: None,
            recover_posted: false,
            password_replaced: false,
            code_sent_at: None,
            exchanges: !options.returns_code,
            acr_values: options.acr_values.clone(),
            max_age_seconds: options.max_age_seconds,
            claimed_until: None,
        })))
    }

    /// The PKCE challenge (RFC 7636 §4.2).
    pub(crate) fn code_challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.code_verifier.expose()))
    }

    /// Takes in an answer that has something to do.
    pub(crate) fn take(&mut self, document: IdxResponse, rejected: bool) {
        if let Some(at) = document.expires_at.as_deref().and_then(parse_time) {
            self.0.expires_at = at;
        }
        self.0.document = document;
        self.0.rejected = rejected;
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &TransactionId {
        &self.0.id
    }

    /// What it was begun for.
    #[must_use]
    pub fn flow(&self) -> Flow {
        self.0.flow
    }

    /// When it was begun.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        self.0.started_at
    }

    /// When the server forgets it: the lifetime of its entry in a store.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        self.0.expires_at
    }

    /// The account that the flow is about, as it was typed.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        self.0.identifier.as_deref()
    }

    /// Whether the user has a new password since the transaction was begun.
    #[must_use]
    pub fn password_replaced(&self) -> bool {
        self.0.password_replaced
    }

    /// The name of the open step, `challenge-authenticator` for one.
    #[must_use]
    pub fn step_name(&self) -> Option<&str> {
        document::remediations(&self.0.document)
            .first()
            .map(|form| form.name.as_str())
    }

    /// Everything that the server offers now: remediations, then actions.
    #[must_use]
    pub fn offers(&self) -> Vec<&str> {
        document::offers(&self.0.document)
    }

    /// Makes an opaque text of it that only the holder of the key can open, and only for the
    /// same scope.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn seal(&self, key: &SealKey, scope: &SessionScope) -> Result<SealedTransaction, Error> {
        let plain = serde_json::to_vec(&*self.0).map_err(|_| Error::Sealed)?;
        key.seal("transaction", scope, &plain)
            .map(SealedTransaction)
    }

    /// Opens what [`Transaction::seal`] made.
    ///
    /// # Errors
    /// [`Error::Sealed`] when it is damaged, or was sealed with another key or for another scope.
    pub fn unseal(
        sealed: &SealedTransaction,
        key: &SealKey,
        scope: &SessionScope,
    ) -> Result<Self, Error> {
        let plain = key.unseal("transaction", scope, &sealed.0)?;
        let saved: Saved = serde_json::from_slice(&plain).map_err(|_| Error::Sealed)?;
        if saved.version != SAVED_VERSION {
            return Err(Error::Sealed);
        }
        Ok(Self(Box::new(saved)))
    }
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("id", &self.0.id)
            .field("flow", &self.0.flow)
            .field("step", &self.step_name())
            .field("expires_at", &self.0.expires_at)
            .finish_non_exhaustive()
    }
}

/// Reads `2026-01-02T03:04:05.678Z`.
fn parse_time(text: &str) -> Option<SystemTime> {
    let time: jiff::Timestamp = text.parse().ok()?;
    let millis = u64::try_from(time.as_millisecond()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_millis(millis))
}
