//! Which pepper goes into which hash (P-02): shared by all hashing threads.

use std::sync::{Arc, Mutex, PoisonError};

use regain_types::{Pepper, PepperKey, PepperVersion};

/// Which versions the database says are what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeppersInUse {
    /// The version of new hashes; none, and they have no pepper.
    pub current: Option<PepperVersion>,
    /// Versions that were given up: their hashes match nothing.
    pub lost: Vec<PepperVersion>,
}

/// The versions of this process, and what the database says of them.
#[derive(Clone, Debug)]
pub(super) struct Peppers {
    keys: Arc<Pepper>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    in_use: PeppersInUse,
    /// The database lists a version that is not here.
    missing_here: Option<PepperVersion>,
    /// A hash had a version that is not here.
    met: Option<PepperVersion>,
}

/// What goes into the comparison with one hash.
pub(super) enum Found {
    /// This key, or none.
    Key(Option<PepperKey>),
    /// Nothing that would match; the present key keeps the work the same.
    Nothing(Option<PepperKey>),
}

impl Peppers {
    /// New hashes have the newest version until the database says another one.
    pub(super) fn new(keys: Pepper) -> Self {
        let shared = Shared {
            in_use: PeppersInUse {
                current: keys.newest().map(PepperKey::version),
                lost: Vec::new(),
            },
            ..Shared::default()
        };
        Self {
            keys: Arc::new(keys),
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// One version alone, or none.
    pub(super) fn of(key: Option<&PepperKey>) -> Self {
        Self::new(key.cloned().map(Pepper::from).unwrap_or_default())
    }

    /// The key of new hashes.
    pub(super) fn current(&self) -> Option<PepperKey> {
        let version = self.lock().in_use.current?;
        self.keys.find(version).cloned()
    }

    /// The version of new hashes.
    pub(super) fn current_version(&self) -> Option<PepperVersion> {
        self.lock().in_use.current
    }

    /// The key for a stored hash.
    pub(super) fn find(&self, version: Option<PepperVersion>) -> Found {
        let Some(version) = version else {
            return Found::Key(None);
        };
        if let Some(key) = self.keys.find(version) {
            return Found::Key(Some(key.clone()));
        }
        let mut shared = self.lock();
        if !shared.in_use.lost.contains(&version) && shared.met.is_none() {
            shared.met = Some(version);
            tracing::error!(%version, "a password hash has a version of the pepper that this process lacks: no password is checked here until it starts with the right pepper");
        }
        drop(shared);
        Found::Nothing(self.current())
    }

    /// A version that is needed here and is not here.
    pub(super) fn lacking(&self) -> Option<PepperVersion> {
        let shared = self.lock();
        shared.missing_here.or(shared.met)
    }

    /// The database and this process agree.
    pub(super) fn agree(&self, in_use: PeppersInUse) {
        let mut shared = self.lock();
        shared.missing_here = None;
        // What was met stays unknown, unless it was given up meanwhile.
        shared.met = shared.met.filter(|met| !in_use.lost.contains(met));
        shared.in_use = in_use;
    }

    /// The database lists this version, and it is not here.
    pub(super) fn lack(&self, version: PepperVersion) {
        self.lock().missing_here = Some(version);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// For hashes without a pepper.
impl Default for Peppers {
    fn default() -> Self {
        Self::new(Pepper::default())
    }
}
