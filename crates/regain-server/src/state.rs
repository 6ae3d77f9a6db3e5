//! What every handler shares.

use std::sync::Arc;

use regain_mail::{DevMailbox, Transport};
use regain_store::Store;
use regain_types::{KeyRing, MasterKey, OrgId, Pepper};
use tokio::sync::Notify;

use crate::answered::Answered;
use crate::dev::Dev;
use crate::hasher::{Hasher, HasherError};
use crate::limits::Limits;
use crate::metrics::{Measured, Metrics};
use crate::oauth::{KnownClients, Signer};
use crate::operations::Health;
use crate::serve::Peers;
use crate::settings::Settings;
use crate::shedding::Shedding;
use crate::tasks::Tasks;

/// Everything that a server is made of; handed over by the binary.
#[derive(Debug)]
pub struct Parts {
    /// The operator's decisions.
    pub settings: Settings,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The secret from which keys derive.
    pub master_key: MasterKey,
    /// What goes into password hashes besides; may be empty.
    pub pepper: Pepper,
    /// How mails leave.
    pub transport: Arc<dyn Transport>,
    /// The surface for developers exists exactly when this is there (T-H7).
    pub dev: Option<Dev>,
}

/// The state of a running server; cheap to clone.
#[derive(Clone, Debug)]
pub struct AppState(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    parts: Parts,
    keys: KeyRing,
    hasher: Hasher,
    answered: Answered,
    limits: Limits,
    shedding: Shedding,
    signer: Signer,
    clients: KnownClients,
    tasks: Tasks,
    health: Health,
    metrics: Metrics,
    mail_is_due: Notify,
}

impl AppState {
    /// Starts the hashing threads and derives the keys.
    ///
    /// # Errors
    /// [`HasherError`] when the cost of password hashes is too low.
    pub fn new(mut parts: Parts) -> Result<Self, HasherError> {
        // Who develops starts over and over, from one address and for one name.
        parts.settings.policy.limits.volume &= parts.dev.is_none();
        let metrics = Metrics::default();
        parts.store = Arc::new(Measured::new(parts.store, metrics.clone()));
        let hash = match &parts.dev {
            Some(_) => parts.settings.hash.patient(),
            None => parts.settings.hash,
        };
        Ok(Self(Arc::new(Shared {
            keys: KeyRing::derive(&parts.master_key),
            hasher: Hasher::start(hash, parts.pepper.clone(), metrics.hash().clone())?,
            limits: Limits::default(),
            answered: Answered::default(),
            shedding: Shedding::default(),
            signer: Signer::default(),
            clients: KnownClients::default(),
            tasks: Tasks::default(),
            health: Health::default(),
            metrics,
            mail_is_due: Notify::new(),
            parts,
        })))
    }

    /// The operator's decisions.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.0.parts.settings
    }

    /// The org that is served.
    #[must_use]
    pub fn org(&self) -> &OrgId {
        &self.0.parts.settings.org
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.0.parts.store
    }

    /// Who connects to the listeners: trusted proxies stand for many people. Where no volume is
    /// counted, because one machine plays them all, neither are connections of an address (H-02).
    #[must_use]
    pub fn peers(&self) -> Peers {
        let settings = self.settings();
        if settings.policy.limits.volume {
            Peers::behind(settings.trusted_proxies.clone())
        } else {
            Peers::on_one_machine()
        }
    }

    /// The symmetric keys.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.0.keys
    }

    /// The secret from which keys derive, for sealing.
    #[must_use]
    pub fn master_key(&self) -> &MasterKey {
        &self.0.parts.master_key
    }

    /// What goes into password hashes besides.
    pub(crate) fn pepper(&self) -> &Pepper {
        &self.0.parts.pepper
    }

    /// How many codes were answered rightly.
    pub(crate) fn answered(&self) -> &Answered {
        &self.0.answered
    }

    /// The hashing threads.
    #[must_use]
    pub fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// Says that the store's clock was moved, as it is in development.
    pub fn clock_moved(&self) {
        self.0.limits.clock_moved();
    }

    /// How much everybody may ask for.
    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// How many requests are under way, and who may be one more.
    pub(crate) fn shedding(&self) -> &Shedding {
        &self.0.shedding
    }

    /// What signs tokens.
    pub(crate) fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// The apps, as they were a moment ago.
    pub(crate) fn clients(&self) -> &KnownClients {
        &self.0.clients
    }

    /// How mails leave.
    #[must_use]
    pub fn transport(&self) -> &dyn Transport {
        &*self.0.parts.transport
    }

    /// The mailbox of a developer, in development only.
    #[must_use]
    pub fn dev(&self) -> Option<&Arc<DevMailbox>> {
        self.dev_surface().map(|dev| &dev.mailbox)
    }

    /// The surface for developers, in development only.
    #[must_use]
    pub fn dev_surface(&self) -> Option<&Dev> {
        self.0.parts.dev.as_ref()
    }

    /// Whether the process is ready, and what says so.
    pub(crate) fn health(&self) -> &Health {
        &self.0.health
    }

    /// From now on `/health/ready` is red, so that nobody sends new requests here. What is
    /// sent all the same is answered.
    pub fn say_stopping(&self) {
        self.0.health.say_stopping();
    }

    /// Whether the process was asked to stop.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.health.is_stopping()
    }

    /// What operators watch.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Background work.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.0.tasks
    }

    /// Wakes the mail worker: something was committed that it should send.
    #[must_use]
    pub fn mail_is_due(&self) -> &Notify {
        &self.0.mail_is_due
    }
}
