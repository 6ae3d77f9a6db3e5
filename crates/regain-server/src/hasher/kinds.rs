//! The kinds of hashes that are in use: each check of a password computes one of each.

use std::sync::{Arc, Mutex, PoisonError};

use super::kind::{Argon2Kind, HashKind};

/// The kinds, shared by all hashing threads.
#[derive(Clone, Debug)]
pub(super) struct Kinds {
    current: Argon2Kind,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// In a fixed order, so that the order of the work says nothing either.
    in_use: Arc<[HashKind]>,
    /// Those that were met on a user and that the store does not list.
    met: Vec<HashKind>,
}

impl Kinds {
    /// New passwords are hashed with `current`.
    pub(super) fn new(current: Argon2Kind) -> Self {
        let shared = Shared {
            in_use: Arc::new([HashKind::Argon2(current)]),
            met: Vec::new(),
        };
        Self {
            current,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// The kind of new passwords.
    pub(super) fn current(&self) -> Argon2Kind {
        self.current
    }

    /// All kinds, with `met` among them: when it was not there, it is from now on.
    pub(super) fn with(&self, met: Option<HashKind>) -> Arc<[HashKind]> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = met
            && !shared.in_use.contains(&kind)
        {
            shared.met.push(kind);
            shared.in_use = sorted(shared.in_use.iter().copied().chain([kind]).collect());
        }
        Arc::clone(&shared.in_use)
    }

    /// Those that were met and not told of before.
    pub(super) fn take_met(&self) -> Vec<HashKind> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut shared.met)
    }

    /// Uses these kinds and the one of new passwords.
    pub(super) fn replace(&self, kinds: Vec<HashKind>) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kinds = kinds;
        kinds.push(HashKind::Argon2(self.current));
        kinds.extend(&shared.met);
        shared.in_use = sorted(kinds);
    }
}

fn sorted(mut kinds: Vec<HashKind>) -> Arc<[HashKind]> {
    kinds.sort_unstable();
    kinds.dedup();
    kinds.into()
}
