//! What a case works with: a store, a clock, an org, and short ways to fill them.

use std::sync::Arc;
use std::time::Duration;

use regain_engine::{Effect, Flow, IssuedCode, Stage};
use regain_oauth::Grant;
use regain_types::{OrgId, SystemEntropy, Timestamp, TokenHash, UserId};

use super::{Backend, Failure, ManualClock, Verdict, sample};
use crate::{Commit, FlowKey, GrantRecord, Loaded, NewFlow, Store, UserRecord};

/// A fresh database and its surroundings.
pub struct Fixture {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its clock.
    pub clock: Arc<ManualClock>,
    /// The org that the case is about.
    pub org: OrgId,
    backend: Box<dyn Backend>,
}

impl Fixture {
    /// Opens a fresh database.
    ///
    /// # Errors
    /// [`Failure`] when it does not open.
    pub async fn new(backend: Box<dyn Backend>) -> Result<Self, Failure> {
        let clock = Arc::new(ManualClock::new(sample::START));
        Ok(Self {
            store: backend.open(clock.clone()).await?,
            clock,
            org: OrgId::random(&mut SystemEntropy),
            backend,
        })
    }

    /// Stops the store and opens it again.
    pub(super) async fn restart(self) -> Result<Self, Failure> {
        let Self {
            store,
            clock,
            org,
            backend,
        } = self;
        drop(store);
        Ok(Self {
            store: backend.open(clock.clone()).await?,
            clock,
            org,
            backend,
        })
    }

    pub(super) async fn fingerprint(&self) -> Result<Vec<u8>, Failure> {
        self.backend.fingerprint().await
    }

    pub(super) async fn now(&self) -> Result<Timestamp, Failure> {
        Ok(self.store.now().await?)
    }

    pub(super) fn advance_millis(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// Creates a user with a password.
    pub(super) async fn user(&self, login: &str) -> Result<UserId, Failure> {
        let user = sample::user(login);
        let id = user.id.clone();
        self.store.create_user(&self.org, user).await?;
        Ok(id)
    }

    pub(super) async fn load_user(&self, id: &UserId) -> Result<UserRecord, Failure> {
        let found = self.store.load_user(&self.org, id).await?;
        found.ok_or_else(|| Failure::new(format!("no user {id}")))
    }

    /// Stores a flow that stands at `stage`.
    pub(super) async fn flow(&self, stage: Stage) -> Result<NewFlow, Failure> {
        let new = sample::new_flow(stage, self.now().await?);
        let request = sample::request();
        self.store
            .insert_flow(&self.org, new.clone(), request)
            .await?;
        Ok(new)
    }

    pub(super) async fn find_flow(&self, key: FlowKey) -> Result<Option<Loaded>, Failure> {
        Ok(self.store.load_flow(&self.org, &key, None).await?)
    }

    pub(super) async fn load_flow(&self, flow: &Flow) -> Result<Flow, Failure> {
        let found = self.find_flow(FlowKey::Id(flow.id.clone())).await?;
        let loaded = found.ok_or_else(|| Failure::new(format!("no flow {}", flow.id)))?;
        Ok(loaded.flow)
    }

    /// A commit of `flow` as it is, with `effects`.
    pub(super) async fn commit_of(
        &self,
        flow: &Flow,
        effects: Vec<Effect>,
    ) -> Result<Commit, Failure> {
        Ok(Commit {
            flow: flow.clone(),
            new_state_handle: None,
            effects,
            request: sample::request(),
            now: self.now().await?,
        })
    }

    /// Stores a fresh flow and commits `effects` on it.
    pub(super) async fn apply(&self, effects: Vec<Effect>) -> Result<Flow, Failure> {
        let flow = self.flow(Stage::Identify).await?.flow;
        let commit = self.commit_of(&flow, effects).await?;
        self.store.commit(&self.org, commit).await?;
        Ok(flow)
    }

    /// Issues an interaction code for a user.
    pub(super) async fn code(&self, user: &UserId) -> Result<IssuedCode, Failure> {
        let issued = sample::issued(user, self.now().await?);
        self.apply(vec![Effect::IssueInteractionCode(issued.clone())])
            .await?;
        Ok(issued)
    }

    pub(super) async fn redeem(&self, hash: &TokenHash, grant: Grant) -> Verdict {
        let now = self.now().await?;
        self.store
            .redeem_interaction_code(&self.org, hash, grant, now, sample::request())
            .await?;
        Ok(())
    }

    /// Issues a code for a user and redeems it.
    pub(super) async fn grant(&self, user: &UserId) -> Result<Grant, Failure> {
        let issued = self.code(user).await?;
        let grant = sample::grant(user, self.now().await?);
        self.redeem(&issued.hash, grant.clone()).await?;
        Ok(grant)
    }

    pub(super) async fn load_grant(&self, grant: &Grant) -> Result<GrantRecord, Failure> {
        let found = self.store.find_grant(&self.org, &grant.id, None).await?;
        found.ok_or_else(|| Failure::new(format!("no grant {}", grant.id)))
    }
}

impl std::fmt::Debug for Fixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fixture").finish_non_exhaustive()
    }
}
