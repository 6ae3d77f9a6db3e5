//! The transactions of one browser session, in a store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::seal::{SealKey, SessionScope};
use crate::store::{StoreError, TransactionStore, Version};
use crate::{Error, IdxClient, Outcome, State, Transaction, TransactionId};

/// How long a request may hold a transaction: longer than the time limit of a request with its
/// exchange. A process that dies in between holds it no longer than this.
const CLAIM: Duration = Duration::from_mins(1);

/// Keeps the transactions of one browser session, sealed, and lets one request at a time advance
/// each of them.
///
/// ```
/// # tokio_test(async {
/// use std::sync::Arc;
/// use regain_sdk::{MemoryStore, ScopedTransactions, SealKey, SessionScope};
/// # let client = regain_sdk::IdxClient::builder("https://id.example.com")
/// #     .client_id("id").redirect_uri("https://app.example.com/cb").build().unwrap();
/// let sessions = ScopedTransactions::new(
///     client,
///     Arc::new(MemoryStore::new(10_000)),
///     Arc::new(SealKey::new([7; 32])),
///     SessionScope::new("hash of the session cookie"),
/// );
/// let unknown = regain_sdk::TransactionId::parse("AAAAAAAAAAAAAAAAAAAAAA").unwrap();
/// assert!(matches!(sessions.resume(&unknown).await, Err(regain_sdk::Error::NotFound(_))));
/// # });
/// # fn tokio_test(f: impl Future<Output = ()>) {
/// #     tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ScopedTransactions {
    client: IdxClient,
    store: Arc<dyn TransactionStore>,
    key: Arc<SealKey>,
    scope: SessionScope,
}

impl ScopedTransactions {
    /// Looks at one session's part of a store.
    #[must_use]
    pub fn new(
        client: IdxClient,
        store: Arc<dyn TransactionStore>,
        key: Arc<SealKey>,
        scope: SessionScope,
    ) -> Self {
        Self {
            client,
            store,
            key,
            scope,
        }
    }

    /// Keeps the transaction of a flow that has just been started.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep(&self, outcome: &Outcome) -> Result<(), Error> {
        self.settle(outcome, Version::default()).await
    }

    /// Says where a transaction stands, without a request.
    ///
    /// # Errors
    /// [`Error::NotFound`] when this session has no such transaction, [`Error::Expired`] when its
    /// time is over.
    pub async fn resume(&self, id: &TransactionId) -> Result<Outcome, Error> {
        let (transaction, _) = self.load(id).await?;
        self.client.resume(transaction)
    }

    /// Advances a transaction: `advance` gets where it stands, posts a form, and what comes out
    /// is kept. A transaction that is over is dropped.
    ///
    /// # Errors
    /// [`Error::Stale`] when another request advances the same transaction at the moment or did
    /// so in between: nothing was sent, and [`ScopedTransactions::resume`] shows the way on. Else
    /// as `advance`.
    pub async fn advance<F, R>(&self, id: &TransactionId, advance: F) -> Result<Outcome, Error>
    where
        F: FnOnce(Outcome) -> R + Send,
        R: Future<Output = Result<Outcome, Error>> + Send,
    {
        let (transaction, version) = self.load(id).await?;
        let now = self.client.now();
        if transaction.0.claimed_until.is_some_and(|until| until > now) {
            return Err(Error::Stale(id.clone()));
        }
        let mut claimed = transaction.clone();
        claimed.0.claimed_until = Some(now + CLAIM);
        let version = self.save(&claimed, version).await?;
        let result = match self.client.resume(transaction.clone()) {
            Ok(outcome) => advance(outcome).await,
            Err(e) => Err(e),
        };
        match &result {
            Ok(outcome) => self.settle(outcome, version).await?,
            Err(Error::Expired { .. }) => self.forget(id).await?,
            Err(Error::Exchange(e)) => match &e.retry {
                Some(retry) => drop(self.save(retry, version).await?),
                None => self.forget(id).await?,
            },
            // The form was not taken, or its answer is lost: the step is still open.
            Err(_) => drop(self.save(&transaction, version).await?),
        }
        result
    }

    /// Drops a transaction.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn forget(&self, id: &TransactionId) -> Result<(), Error> {
        Ok(self.store.delete(&self.scope, id).await?)
    }

    /// Keeps what can go on and drops what cannot.
    async fn settle(&self, outcome: &Outcome, version: Version) -> Result<(), Error> {
        match outcome.state {
            State::Success(_) | State::Canceled => self.forget(outcome.transaction.id()).await,
            State::Pending(_) | State::Terminal(_) => {
                self.save(&outcome.transaction, version).await.map(drop)
            }
        }
    }

    async fn load(&self, id: &TransactionId) -> Result<(Transaction, Version), Error> {
        let found = self.store.load(&self.scope, id).await?;
        let found = found.ok_or_else(|| Error::NotFound(id.clone()))?;
        let transaction = Transaction::unseal(&found.value, &self.key, &self.scope)?;
        Ok((transaction, found.version))
    }

    async fn save(&self, transaction: &Transaction, expected: Version) -> Result<Version, Error> {
        let id = transaction.id();
        let sealed = transaction.seal(&self.key, &self.scope)?;
        let ttl = transaction
            .expires_at()
            .duration_since(self.client.now())
            .unwrap_or_default();
        match self
            .store
            .save((&self.scope, id), expected, sealed, ttl)
            .await
        {
            Err(StoreError::Stale) => Err(Error::Stale(id.clone())),
            other => Ok(other?),
        }
    }
}
