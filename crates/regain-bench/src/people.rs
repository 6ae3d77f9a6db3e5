//! The users of a measurement.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regain_engine::{Enrollments, StoredPassword, UserFacts, UserStatus};
use regain_store::{Store, UserRow};
use regain_types::{Entropy as _, OrgId, SystemEntropy, Timestamp, UserId};

use crate::bare::hash::{HASH_BYTES, Hashing, SALT_BYTES};
use crate::error::BenchError;

/// Everybody's password at the start.
pub(crate) const PASSWORD: &str = "Copper-Lantern-42";
/// Fewest users: each client needs one of its own, in each crowd.
pub(crate) const USERS_MIN: u64 = 800;
/// Earlier passwords of those who have some: as many as the default history compares, the present
/// one included, so that every recovery compares as much as can be.
pub(crate) const HISTORY: u32 = 4;
/// Users per transaction.
const BATCH: u64 = 2_000;

/// A range of users that are used in turn. Those of one crowd never meet those of another: a recovery
/// changes the password that a sign-in needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crowd {
    first: u64,
    count: u64,
    /// Where in the range this load begins: the next sample takes other people than the last one.
    offset: u64,
}

impl Crowd {
    /// Whoever recovers and is counted by no limit.
    pub(crate) const fn recovering(users: u64) -> Self {
        Self::new(0, users / 4)
    }

    /// Whoever recovers while limits count.
    pub(crate) const fn counted(users: u64) -> Self {
        Self::new(users / 4, users / 4)
    }

    /// Whoever recovers and has earlier passwords.
    pub(crate) const fn with_history(users: u64) -> Self {
        Self::new(users / 4 + users / 4, users / 4)
    }

    /// Whoever signs in with the first password.
    pub(crate) const fn signing_in(users: u64) -> Self {
        Self::new(3 * (users / 4), users / 8)
    }

    /// Whoever begins a recovery and does not end it.
    pub(crate) const fn starting(users: u64) -> Self {
        Self::new(3 * (users / 4) + users / 8, users / 8)
    }

    const fn new(first: u64, count: u64) -> Self {
        Self {
            first,
            count,
            offset: 0,
        }
    }

    /// The same range, begun elsewhere.
    pub(crate) const fn from(self, offset: u64) -> Self {
        Self { offset, ..self }
    }

    /// How many they are.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// What the user whose turn it is signs in with; mails go there too.
    pub(crate) fn login(&self, turn: u64) -> String {
        login(self.number(turn))
    }

    const fn number(&self, turn: u64) -> u64 {
        self.first + (self.offset + turn) % self.count
    }
}

fn login(number: u64) -> String {
    format!("u{number}@bench.example")
}

/// Adds the users, all with one password.
///
/// # Errors
/// [`BenchError::Store`] when the store does not take them.
pub async fn add_people(store: &dyn Store, org: &OrgId, users: u64) -> Result<(), BenchError> {
    let now = store.now().await?;
    let password = StoredPassword {
        phc: phc(PASSWORD)?,
        nfc: true,
        set_at: now,
    };
    let mut old = Vec::new();
    for number in 1..HISTORY {
        old.push(StoredPassword {
            phc: phc(&format!("Old-Lantern-{number}"))?,
            ..password.clone()
        });
    }
    let crowd = Crowd::with_history(users);
    for first in (0..users).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let rows = (first..users.min(first + BATCH)).map(|number| {
            let has_history = (crowd.first..crowd.first + crowd.count).contains(&number);
            let history = if has_history { old.clone() } else { Vec::new() };
            row(number, (password.clone(), history), now)
        });
        store.add_users(org, rows.collect()).await?;
    }
    Ok(())
}

fn row(
    number: u64,
    (password, history): (StoredPassword, Vec<StoredPassword>),
    now: Timestamp,
) -> UserRow {
    UserRow {
        facts: UserFacts {
            id: UserId::random(&mut SystemEntropy),
            login: login(number),
            email: Some(login(number)),
            first_name: "Given".to_owned(),
            last_name: "Family".to_owned(),
            locale: "en_US".to_owned(),
            time_zone: "UTC".to_owned(),
            status: UserStatus::Active,
            password: Some(password),
            history,
            enrollments: Enrollments::default(),
        },
        created_at: now,
        updated_at: now,
    }
}

/// A hash as it is stored, with the parameters of the measurement.
fn phc(password: &str) -> Result<String, BenchError> {
    let mut salt = [0; SALT_BYTES];
    SystemEntropy.fill(&mut salt);
    let mut hash = [0; HASH_BYTES];
    Hashing::new()?.hash(password.as_bytes(), &salt, &mut hash)?;
    Ok(format!(
        "$argon2id$v=19${}${}${}",
        crate::bare::hash::PARAMETERS,
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(hash)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crowds_do_not_meet() {
        for users in [USERS_MIN, 1_000, 10_001] {
            let crowds = [
                Crowd::recovering(users),
                Crowd::counted(users),
                Crowd::with_history(users),
                Crowd::signing_in(users),
                Crowd::starting(users),
            ];
            let mut end = 0;
            for crowd in crowds {
                assert_eq!(crowd.first, end);
                end += crowd.count;
                assert_eq!(crowd.number(crowd.count - 1), end - 1);
                assert_eq!(crowd.number(crowd.count), crowd.first);
            }
            assert!(end <= users);
        }
    }

    #[test]
    fn a_stored_hash_says_how_it_was_made() {
        let text = phc(PASSWORD).unwrap();
        assert!(
            text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{text}"
        );
        assert_eq!(text.split('$').count(), 6);
    }
}
