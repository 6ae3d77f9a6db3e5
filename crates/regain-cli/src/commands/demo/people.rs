//! The people of the demo. One that is missing is added; one that is there is left alone, so that
//! a password that was recovered stays changed over a restart.

use async_trait::async_trait;
use regain_engine::{
    Enrollment, Enrollments, StoredPassword, TotpSecret, UserFacts, UserStatus, enroll_email,
    enroll_totp,
};
use regain_server::{HashSettings, Seed, hash_with};
use regain_store::{Store, StoreError, UserRow};
use regain_types::{Entropy, KeyRing, OrgId, PepperKey, Secret, SystemEntropy, Timestamp, UserId};

/// Who can sign in.
pub(super) const LOGIN: &str = "alice@example.com";
/// Who needs a code by mail besides.
pub(super) const LOGIN_WITH_MAIL: &str = "bob@example.com";
/// Who needs a code of an authenticator app besides.
pub(super) const LOGIN_WITH_APP: &str = "dave@example.com";
/// The password of the start.
pub(super) const PASSWORD: &str = "Copper-Lantern-42";

/// Adds the demo's people to a store.
#[derive(Debug)]
pub(super) struct DemoPeople {
    /// The org that they belong to.
    pub(super) org: OrgId,
    /// What goes into their password hashes besides.
    pub(super) pepper: Option<PepperKey>,
    /// What the app's secret derives from.
    pub(super) keys: KeyRing,
}

impl DemoPeople {
    /// Adds who is missing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot take them.
    pub(super) async fn add(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for login in [LOGIN, LOGIN_WITH_MAIL, LOGIN_WITH_APP] {
            if store.find_user(&self.org, login).await?.is_none() {
                missing.push(login);
            }
        }
        if missing.is_empty() {
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
        let now = store.now().await?;
        let rows = missing
            .into_iter()
            .map(|login| self.person(login, &phc, now));
        // Somebody may be faster: then they are there.
        store.add_users(&self.org, rows.collect()).await.map(drop)
    }

    /// The secret of Dave's app: people type it into theirs.
    pub(super) fn app_secret(&self) -> TotpSecret {
        self.app(Timestamp::from_millis(0)).1
    }

    fn app(&self, now: Timestamp) -> (Enrollment, TotpSecret) {
        enroll_totp((&self.keys, &self.org), now, &mut AlwaysTheSame)
    }

    fn person(&self, login: &str, phc: &str, now: Timestamp) -> UserRow {
        let (first_name, factor) = match login {
            LOGIN_WITH_APP => ("Dave", Some(self.app(now).0)),
            LOGIN_WITH_MAIL => ("Bob", Some(enroll_email(now))),
            _ => ("Alice", None),
        };
        UserRow {
            facts: UserFacts {
                id: UserId::random(&mut SystemEntropy),
                login: login.to_owned(),
                email: Some(login.to_owned()),
                first_name: first_name.to_owned(),
                last_name: "Example".to_owned(),
                locale: "en_US".to_owned(),
                time_zone: "America/Los_Angeles".to_owned(),
                status: UserStatus::Active,
                password: Some(StoredPassword {
                    phc: phc.to_owned(),
                    nfc: true,
                    set_at: now,
                }),
                history: Vec::new(),
                enrollments: Enrollments {
                    version: 0,
                    list: factor.into_iter().collect(),
                },
            },
            created_at: now,
            updated_at: now,
        }
    }
}

/// The demo's app keeps its secret over a restart, and a reset, of the same demo.
struct AlwaysTheSame;

impl Entropy for AlwaysTheSame {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(0);
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
    use regain_types::{MasterKey, SystemClock};

    use super::*;

    #[tokio::test]
    async fn whoever_is_there_is_left_alone() {
        let temporary = SqliteStore::temporary(Arc::new(SystemClock::new())).unwrap();
        let people = DemoPeople {
            org: crate::deployment::org().unwrap(),
            pepper: None,
            keys: KeyRing::derive(&MasterKey::random(&mut SystemEntropy)),
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
        assert_eq!(alice.facts.enrollments.list, []);
        let dave = temporary.store.find_user(&people.org, LOGIN_WITH_APP).await;
        let app = dave.unwrap().unwrap().facts.enrollments;
        assert_eq!(app.list.len(), 1);
    }
}
