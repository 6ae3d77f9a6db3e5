//! A right password whose hash is of another kind than new ones: it is hashed anew, after the
//! answer (P-03).

use regain_engine::{Facts, Input, Need, NewPassword, StoredPassword, normalised_password};
use regain_store::StoreError;
use regain_types::{Secret, UserId};

use crate::hasher::Computed;
use crate::state::AppState;

/// A hash to replace.
pub(super) struct Upgrade {
    user: UserId,
    from: StoredPassword,
    password: Secret<String>,
}

impl Upgrade {
    /// Hashes the password of a step anew, in the background, when it was right and its hash is
    /// outdated. When that does not work out, the next sign-in does it.
    pub(super) fn begin_after(state: &AppState, input: &Input, facts: &Facts) {
        // Looked at only now: for nobody it would take no time (E-05).
        if let Some(upgrade) = Self::of(state, input, facts) {
            let own = state.clone();
            state.tasks().spawn(async move { upgrade.run(&own).await });
        }
    }

    fn of(state: &AppState, input: &Input, facts: &Facts) -> Option<Self> {
        let (Input::Answer { passcode, .. } | Input::Identify { passcode, .. }) = input else {
            return None;
        };
        if facts.password_matches != Some(true) {
            return None;
        }
        let user = facts
            .user
            .as_ref()
            .filter(|user| user.status.may_sign_in())?;
        let from = user.password.clone()?;
        if !state.hasher().is_outdated(&from.phc) {
            return None;
        }
        Some(Self {
            user: user.id.clone(),
            from,
            password: Secret::new(normalised_password(passcode.as_ref()?.expose())),
        })
    }

    async fn run(self, state: &AppState) {
        let need = Need::HashPassword {
            candidate: self.password,
            previous: Vec::new(),
        };
        let Ok(Computed::New(NewPassword::Hashed(phc))) = state.hasher().compute(need).await else {
            tracing::debug!(user = %self.user, "too busy to hash a password anew");
            return;
        };
        let to = StoredPassword {
            phc,
            nfc: true,
            set_at: self.from.set_at,
        };
        let (store, org) = (state.store(), state.org());
        match store
            .upgrade_password(org, &self.user, &self.from, to)
            .await
        {
            Ok(()) => tracing::debug!(user = %self.user, "a password was hashed anew"),
            Err(StoreError::Conflict) => {
                tracing::debug!(user = %self.user, "the password was changed meanwhile");
            }
            Err(error) => tracing::warn!(%error, "a password could not be hashed anew"),
        }
    }
}
