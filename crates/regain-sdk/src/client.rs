//! The client: one value for all requests of a server.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::answer::Answer;
use crate::config::{self, Config, ConfigBuilder, ConfigError};
use crate::flow::{Begin, RecoverPassword, SignIn};
use crate::keys::Metadata;
use crate::step::{Base, RawForm};
use crate::system::Clock;
use crate::{Error, Feature, Outcome, RequestContext, Transaction, Transport, document};

/// Speaks to one server as one client application. Cheap to clone, without any state of users.
///
/// ```
/// # fn main() -> Result<(), regain_sdk::ConfigError> {
/// let client = regain_sdk::IdxClient::builder("https://id.example.com/oauth2/default")
///     .client_id("0oa1example")
///     .redirect_uri("https://app.example.com/login/callback")
///     .scopes(["openid", "email", "profile"])
///     .build()?;
/// # drop(client); Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct IdxClient {
    inner: Arc<Inner>,
    context: Arc<RequestContext>,
}

struct Inner {
    config: Config,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    metadata: Metadata,
}

impl IdxClient {
    pub(crate) fn new(
        config: Config,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let inner = Inner {
            config,
            transport,
            clock,
            metadata: Metadata::default(),
        };
        Self {
            inner: Arc::new(inner),
            context: Arc::default(),
        }
    }

    /// Begins to set up a client for an issuer: `https://id.example.com` or
    /// `https://id.example.com/oauth2/default`.
    pub fn builder(issuer: impl Into<String>) -> ConfigBuilder {
        ConfigBuilder::new(issuer.into())
    }

    /// Sets up a client with the variables of the vendor's Java and Go clients:
    /// `OKTA_IDX_ISSUER`, `_CLIENTID`, `_CLIENTSECRET`, `_SCOPES` (with commas) and
    /// `_REDIRECTURI`. Give it `std::env::vars()`.
    ///
    /// # Errors
    /// When a variable is missing or unusable.
    pub fn from_vars(
        vars: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        config::from_vars(vars)
    }

    /// The same client for one person's request: it forwards what is known of the browser.
    #[must_use]
    pub fn with_context(&self, context: RequestContext) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            context: Arc::new(context),
        }
    }

    /// Recovers a password.
    pub fn recover_password(&self) -> RecoverPassword {
        RecoverPassword::new(self.clone())
    }

    /// Signs a person in.
    pub fn sign_in(&self) -> SignIn {
        SignIn::new(self.clone())
    }

    /// Signs a person in: the vendor's name for [`IdxClient::sign_in`].
    pub fn authenticate(&self) -> SignIn {
        self.sign_in()
    }

    /// Shows what is possible, without going anywhere: for a sign-in page.
    pub fn begin(&self) -> Begin {
        Begin::new(self.clone())
    }

    /// Says where a stored transaction stands, from its last answer: no request is made.
    ///
    /// # Errors
    /// [`Error::Expired`] when its time is over, [`Error::Protocol`] when it holds no answer.
    pub fn resume(&self, transaction: Transaction) -> Result<Outcome, Error> {
        let leeway = self.config().clock_skew;
        if transaction.expires_at() + leeway < self.now() {
            return Err(Error::Expired {
                restart: transaction.flow(),
            });
        }
        self.outcome_of(transaction)
    }

    /// Asks the server where a transaction stands. This sends no mail and changes nothing.
    ///
    /// # Errors
    /// [`Error::Expired`] when the server has forgotten it, else as every call.
    pub async fn refresh(&self, transaction: Transaction) -> Result<Outcome, Error> {
        self.introspect(transaction).await
    }

    /// Fills in the open step from the fields of a form, whatever they are called; see
    /// [`Answer`].
    ///
    /// # Errors
    /// [`Error::UnknownInput`], [`Error::NotAskedNow`], [`Error::MissingInput`] and
    /// [`Error::Conflict`] before anything is sent, else as every call.
    pub async fn proceed(
        &self,
        transaction: Transaction,
        answer: Answer,
    ) -> Result<Outcome, Error> {
        crate::answer::proceed(self, transaction, answer).await
    }

    /// Asks for another code.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn resend(&self, transaction: Transaction) -> Result<Outcome, Error> {
        self.post_action(transaction, "resend", Feature::Resend)
            .await
    }

    /// Asks once whether something has happened elsewhere, in every flow.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn poll(&self, transaction: Transaction) -> Result<Outcome, Error> {
        self.post_action(transaction, "poll", Feature::Poll).await
    }

    /// Leaves the open step out.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn skip(&self, transaction: Transaction) -> Result<Outcome, Error> {
        self.post_action(transaction, "skip", Feature::Skip).await
    }

    /// Gives the flow up. Dropping a transaction is fine too: the server forgets it in time.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn cancel(&self, transaction: Transaction) -> Result<Outcome, Error> {
        self.post_action(transaction, "cancel", Feature::Cancel)
            .await
    }

    /// Any form that a transaction offers, by the name of the remediation or action; see
    /// [`Transaction::offers`].
    ///
    /// # Errors
    /// [`Error::UnknownInput`] when there is no such form.
    pub fn form(&self, transaction: &Transaction, name: &str) -> Result<RawForm, Error> {
        let document = &transaction.0.document;
        let form = document::remediation(document, name)
            .or_else(|| document::action(document, name))
            .ok_or_else(|| Error::UnknownInput {
                key: name.to_owned(),
                expected: transaction
                    .offers()
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            })?;
        Ok(RawForm {
            base: Base::new(self, transaction, form),
        })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn context(&self) -> &RequestContext {
        &self.context
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.inner.transport
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.inner.clock.now()
    }
}

impl fmt::Debug for IdxClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdxClient")
            .field("issuer", &self.inner.config.issuer)
            .field("client_id", &self.inner.config.client_id)
            .finish_non_exhaustive()
    }
}
