//! Which versions of the pepper the password hashes of this database were made with. The list is kept
//! in the store, a row per version, so that a process without one of them finds out before it meets
//! such a hash (R-20, K-06), and so that all nodes change to a new one together (K-02).

use regain_store::{Store, StoreError};
use regain_types::{OrgId, Pepper, PepperKey, PepperVersion};

use crate::hasher::PeppersInUse;
use crate::start::RESTORE_SETTING;

/// Settings of the store that say what a version is begin so; the version and the check value of
/// its key follow. Two keys with one version are two rows: neither hides the other.
const PREFIX: &str = "pepper:";
const IN_USE: &str = "in use";
const NOT_IN_USE: &str = "not in use";
const LOST: &str = "lost";

/// A version that the store knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPepper {
    /// Which one.
    pub version: PepperVersion,
    /// Whether hashes may need it.
    pub standing: Standing,
    check: String,
}

/// What a version is to the hashes in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There may be hashes with it.
    InUse,
    /// Nobody has a hash with it any more.
    NotInUse,
    /// It was given up: its hashes match nothing.
    Lost,
}

impl Standing {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InUse => IN_USE,
            Self::NotInUse => NOT_IN_USE,
            Self::Lost => LOST,
        }
    }
}

/// The pepper here is not the one of the store.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PepperProblem {
    /// A version that hashes may need is not here.
    #[error(
        "version {0} of the pepper, with which passwords in this database are hashed, is missing"
    )]
    Missing(PepperVersion),
    /// Another key has this version.
    #[error("version {0} of the pepper is another one than this database's")]
    Other(PepperVersion),
}

impl PepperProblem {
    /// Which version it is about.
    #[must_use]
    pub const fn version(self) -> PepperVersion {
        match self {
            Self::Missing(version) | Self::Other(version) => version,
        }
    }
}

/// Why it is not known which pepper is in use.
#[derive(Debug, thiserror::Error)]
pub enum PepperError {
    /// It is not the right one.
    #[error("{0}")]
    Problem(#[from] PepperProblem),
    /// The database does not answer.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// The versions that the store knows, the lowest first.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn listed_peppers(
    store: &dyn Store,
    org: &OrgId,
) -> Result<Vec<ListedPepper>, StoreError> {
    Ok(among(&store.list_settings(org).await?))
}

/// Those among the settings of a store.
pub(crate) fn among(settings: &[(String, String)]) -> Vec<ListedPepper> {
    let mut listed: Vec<ListedPepper> = settings
        .iter()
        .filter_map(|(name, value)| {
            let (version, check) = name.strip_prefix(PREFIX)?.split_once(':')?;
            Some(ListedPepper {
                version: version.parse().ok()?,
                // A word of a later version: better to ask for too much than for too little.
                standing: match value.as_str() {
                    NOT_IN_USE => Standing::NotInUse,
                    LOST => Standing::Lost,
                    _ => Standing::InUse,
                },
                check: check.to_owned(),
            })
        })
        .collect();
    listed.sort_unstable_by_key(|row| row.version);
    listed
}

/// Holds the pepper that is here against what the store says.
///
/// # Errors
/// [`PepperProblem`] when a version is missing or is another one.
pub fn compare_pepper(
    pepper: &Pepper,
    listed: &[ListedPepper],
) -> Result<PeppersInUse, PepperProblem> {
    let mut in_use = PeppersInUse::default();
    for row in listed {
        let here = pepper.find(row.version);
        let is_same = here.is_some_and(|key| key.check() == row.check);
        match row.standing {
            Standing::InUse if is_same => in_use.current = in_use.current.max(Some(row.version)),
            Standing::InUse if here.is_some() => return Err(PepperProblem::Other(row.version)),
            Standing::InUse => return Err(PepperProblem::Missing(row.version)),
            Standing::Lost => in_use.lost.push(row.version),
            Standing::NotInUse => {}
        }
    }
    Ok(in_use)
}

/// Compares, and says which key new hashes have. In a database without users the newest one is in
/// use from now on; `at_once` says so in any other. While a restore is not finished nothing changes:
/// the list is among what it brings.
///
/// # Errors
/// [`PepperError`] when the pepper is not the right one, or the database does not answer.
pub async fn begin_pepper(
    store: &dyn Store,
    org: &OrgId,
    pepper: &Pepper,
    at_once: bool,
) -> Result<Option<PepperKey>, PepperError> {
    let settings = store.list_settings(org).await?;
    let listed = among(&settings);
    let in_use = compare_pepper(pepper, &listed)?;
    let current = in_use.current.and_then(|version| pepper.find(version));
    let newest = match pepper.newest() {
        Some(newest) if current.is_none_or(|current| current.version() < newest.version()) => {
            newest
        }
        _ => return Ok(current.cloned()),
    };
    let is_half_restored = settings
        .iter()
        .any(|(name, value)| name == RESTORE_SETTING && !value.is_empty());
    if is_half_restored {
        return Ok(current.cloned());
    }
    let is_first = listed.is_empty() && store.count_users(org).await? == 0;
    if !is_first && !at_once {
        return Ok(current.cloned());
    }
    if listed
        .iter()
        .any(|row| row.version == newest.version() && row.check != newest.check())
    {
        return Err(PepperProblem::Other(newest.version()).into());
    }
    save(
        store,
        org,
        (newest.version(), &newest.check()),
        Standing::InUse,
    )
    .await?;
    // Who had another key in mind at the same moment left a row too.
    compare_pepper(pepper, &listed_peppers(store, org).await?)?;
    Ok(Some(newest.clone()))
}

/// Says what a version is from now on.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn save_pepper(
    store: &dyn Store,
    org: &OrgId,
    row: &ListedPepper,
    standing: Standing,
) -> Result<(), StoreError> {
    save(store, org, (row.version, &row.check), standing).await
}

async fn save(
    store: &dyn Store,
    org: &OrgId,
    (version, check): (PepperVersion, &str),
    standing: Standing,
) -> Result<(), StoreError> {
    let name = format!("{PREFIX}{version}:{check}");
    store.save_setting(org, &name, standing.as_str()).await
}

#[cfg(test)]
mod tests {
    use regain_types::SystemEntropy;

    use super::*;

    fn row(key: &PepperKey, standing: &str) -> (String, String) {
        let name = format!("pepper:{}:{}", key.version(), key.check());
        (name, standing.to_owned())
    }

    #[test]
    fn every_version_in_use_must_be_here_and_be_the_same() {
        let v2 = PepperVersion::new(2).unwrap();
        let one = Pepper::random(&mut SystemEntropy);
        let both = one.with_new(v2, &mut SystemEntropy).unwrap();
        let other = Pepper::random(&mut SystemEntropy);
        let [first, second] = both.keys() else {
            panic!("two versions")
        };
        let listed = among(&[row(second, IN_USE), row(first, IN_USE)]);
        assert_eq!(
            compare_pepper(&both, &listed).unwrap().current,
            Some(v2),
            "the newest in use"
        );
        assert_eq!(
            compare_pepper(&one, &listed),
            Err(PepperProblem::Missing(v2))
        );
        assert_eq!(
            compare_pepper(&Pepper::default(), &listed),
            Err(PepperProblem::Missing(PepperVersion::FIRST))
        );
        assert_eq!(
            compare_pepper(&other, &listed),
            Err(PepperProblem::Other(PepperVersion::FIRST))
        );
        // A version that the store does not list waits.
        let listed = among(&[row(first, IN_USE)]);
        let waiting = compare_pepper(&both, &listed).unwrap();
        assert_eq!(waiting.current, Some(PepperVersion::FIRST));
        // Two keys of one version: one of them is always missed.
        let listed = among(&[row(first, IN_USE), row(&other.keys()[0], IN_USE)]);
        for pepper in [&both, &other] {
            let problem = compare_pepper(pepper, &listed).unwrap_err();
            assert_eq!(problem, PepperProblem::Other(PepperVersion::FIRST));
        }
    }

    #[test]
    fn what_is_lost_or_no_longer_in_use_may_be_missing() {
        let pepper = Pepper::random(&mut SystemEntropy);
        let key = &pepper.keys()[0];
        let none = Pepper::default();
        let lost = compare_pepper(&none, &among(&[row(key, LOST)])).unwrap();
        assert_eq!(lost.lost, [PepperVersion::FIRST]);
        assert_eq!(lost.current, None);
        let gone = compare_pepper(&none, &among(&[row(key, NOT_IN_USE)])).unwrap();
        assert_eq!(gone, PeppersInUse::default());
        let strange = among(&[row(key, "a word of tomorrow")]);
        assert!(compare_pepper(&none, &strange).is_err());
        let others = [("password_hash:bcrypt:10".to_owned(), IN_USE.to_owned())];
        assert_eq!(among(&others), []);
    }
}
