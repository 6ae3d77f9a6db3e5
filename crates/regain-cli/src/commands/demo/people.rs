//! The people of the demo. One that is missing is added; one that is there is left alone, so that
//! a password that was recovered stays changed over a restart.

use async_trait::async_trait;
use regain_engine::{StoredPassword, UserStatus};
use regain_server::{HashSettings, Seed, hash_with};
use regain_store::{NewUser, Store, StoreError};
use regain_types::{OrgId, PepperKey, Secret, SystemEntropy, UserId};

/// Who can sign in.
pub(super) const LOGIN: &str = "alice@example.com";
/// The password of the start.
pub(super) const PASSWORD: &str = "Copper-Lantern-42";

/// Adds the demo's people to a store.
#[derive(Debug)]
pub(super) struct DemoPeople {
    /// The org that they belong to.
    pub(super) org: OrgId,
    /// What goes into their password hashes besides.
    pub(super) pepper: Option<PepperKey>,
}

impl DemoPeople {
    /// Adds who is missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot take them.
    pub(super) async fn add(&self, store: &dyn Store) -> Result<(), StoreError> {
        if store.find_user(&self.org, LOGIN).await?.is_some() {
            return Ok(());
        }
        let pepper = self.pepper.clone();
        let phc = tokio::task::spawn_blocking(move || {
            let password = Secret::new(PASSWORD.to_owned());
            hash_with(&password, HashSettings::FLOOR, pepper.as_ref())
        })
        .await
        .map_err(|error| StoreError::Unavailable(error.to_string()))?
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let alice = NewUser {
            id: UserId::random(&mut SystemEntropy),
            login: LOGIN.to_owned(),
            email: Some(LOGIN.to_owned()),
            first_name: "Alice".to_owned(),
            last_name: "Example".to_owned(),
            locale: "en_US".to_owned(),
            time_zone: "America/Los_Angeles".to_owned(),
            status: UserStatus::Active,
            password: Some(StoredPassword {
                phc,
                nfc: true,
                set_at: store.now().await?,
            }),
        };
        match store.create_user(&self.org, alice).await {
            // Somebody was faster: she is there.
            Err(StoreError::Exists(_)) => Ok(()),
            other => other,
        }
    }
}

#[async_trait]
impl Seed for DemoPeople {
    async fn seed(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.add(store).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use regain_store_sqlite::SqliteStore;
    use regain_types::SystemClock;

    use super::*;

    #[tokio::test]
    async fn whoever_is_there_is_left_alone() {
        let temporary = SqliteStore::temporary(Arc::new(SystemClock::new())).unwrap();
        let people = DemoPeople {
            org: crate::deployment::org().unwrap(),
            pepper: None,
        };
        people.add(&*temporary.store).await.unwrap();
        let before = temporary.store.fingerprint().unwrap();
        people.add(&*temporary.store).await.unwrap();
        assert_eq!(temporary.store.fingerprint().unwrap(), before);
        let alice = temporary
            .store
            .find_user(&people.org, LOGIN)
            .await
            .unwrap()
            .unwrap();
        assert!(alice.facts.status.may_sign_in());
    }
}
