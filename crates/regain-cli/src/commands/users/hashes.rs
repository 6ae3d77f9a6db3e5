//! `regain users hashes`: which kinds of password hashes users have. Each check of a password
//! computes one of each kind for everybody, so that time tells nothing (E-05).

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use regain_engine::StoredPassword;
use regain_server::{
    HashKind, Standing, StoredHash, hash_kinds, measure_hash, save_hash_kind, save_pepper,
};
use regain_store::Store;
use regain_types::{OrgId, PepperVersion};

use super::unavailable;
use crate::commands::{ConfigFile, keys};
use crate::config::{self, Configuration};
use crate::failure::Failure;
use crate::{print, say};

/// Most kinds at once: a sign-in costs the sum.
const KINDS_MAX: usize = 6;
/// Most that one sign-in may take on this machine when nothing else runs.
const SIGN_IN_MAX: Duration = Duration::from_secs(1);
const PAGE: usize = 1_000;
const NOT_READ: &str = "the users were not counted";

/// Count users by the kind of their password hash, and hashes by their pepper
///
/// A sign-in computes one hash of every kind that is in use, for everybody, so that its time does
/// not tell who is there. Kinds disappear as people sign in: their passwords are hashed anew.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain users hashes --forget")]
pub(crate) struct Hashes {
    #[command(flatten)]
    file: ConfigFile,
    /// Stop computing kinds, and stop asking for versions of the pepper, that nobody has any more; not
    /// while an import or a restore runs
    #[arg(long)]
    forget: bool,
}

impl Hashes {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let Counted {
            kinds: counts,
            peppers,
        } = count(&*store, org).await?;
        let listed = hash_kinds(&*store, org).await;
        let listed = listed.map_err(|error| unavailable(NOT_READ, &error))?;
        for (kind, users) in &counts {
            print(&format!("{kind}\t{users}"));
        }
        for kind in listed.iter().filter(|kind| !counts.contains_key(kind)) {
            print(&format!("{kind}\t0"));
            if self.forget {
                let forgotten = save_hash_kind(&*store, org, *kind, false).await;
                forgotten.map_err(|error| unavailable("the kind is still computed", &error))?;
            }
        }
        self.tell_peppers(&configuration, &*store, &peppers).await?;
        // A kind that a running server met, or that a restore brought, is listed again.
        ensure_listed(&*store, org, &counts.into_keys().collect::<Vec<_>>()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Hashes {
    /// The versions of the pepper, with the number of hashes that have them, earlier passwords
    /// included.
    async fn tell_peppers(
        &self,
        configuration: &Configuration,
        store: &dyn Store,
        counts: &BTreeMap<PepperVersion, u64>,
    ) -> Result<(), Failure> {
        let org = &configuration.settings.org;
        let listed = keys::listed(store, org).await?;
        let in_use = listed.iter().filter(|row| row.standing == Standing::InUse);
        let current = in_use.clone().map(|row| row.version).max();
        for (version, hashes) in counts {
            // A restore may bring back what was no longer needed.
            for row in listed.iter().filter(|row| row.version == *version) {
                if row.standing == Standing::NotInUse {
                    let saved = save_pepper(store, org, row, Standing::InUse).await;
                    saved.map_err(|error| unavailable(NOT_READ, &error))?;
                }
            }
            print(&format!("pepper:{version}\t{hashes}"));
        }
        let unused = in_use.filter(|row| !counts.contains_key(&row.version));
        // New hashes have the current one, whether or not anybody has one yet.
        for row in unused.filter(|row| Some(row.version) != current) {
            print(&format!("pepper:{}\t0", row.version));
            if self.forget {
                let forgotten = save_pepper(store, org, row, Standing::NotInUse).await;
                forgotten.map_err(|error| unavailable("the version is still needed", &error))?;
            }
        }
        Ok(())
    }
}

/// Whose hashes are of which kind, and how many hashes have which pepper.
#[derive(Default)]
struct Counted {
    kinds: BTreeMap<HashKind, u64>,
    peppers: BTreeMap<PepperVersion, u64>,
}

/// How many hashes, earlier ones of the same people included, have a version of the pepper.
///
/// # Errors
/// A [`Failure`] when the store does not answer.
pub(crate) async fn hashes_with(
    store: &dyn Store,
    org: &OrgId,
    version: PepperVersion,
) -> Result<u64, Failure> {
    let counted = count(store, org).await?;
    Ok(counted.peppers.get(&version).copied().unwrap_or_default())
}

async fn count(store: &dyn Store, org: &OrgId) -> Result<Counted, Failure> {
    let mut counts = Counted::default();
    let mut after = None;
    loop {
        let page = store.list_users(org, after.as_ref(), PAGE).await;
        let page = page.map_err(|error| unavailable(NOT_READ, &error))?;
        let Some(last) = page.last() else {
            return Ok(counts);
        };
        after = Some(last.facts.id.clone());
        for facts in page.iter().map(|user| &user.facts) {
            let parse = |password: &StoredPassword| StoredHash::parse(&password.phc).ok();
            let own = facts.password.as_ref().and_then(parse);
            if let Some(hash) = &own {
                *counts.kinds.entry(hash.kind()).or_default() += 1;
            }
            let hashes = own
                .into_iter()
                .chain(facts.history.iter().filter_map(parse));
            for version in hashes.filter_map(|hash| hash.pepper()) {
                *counts.peppers.entry(version).or_default() += 1;
            }
        }
    }
}

/// Lists kinds of hashes before the first user with one is there, so that a running server computes
/// them for everybody in time.
///
/// # Errors
/// A [`Failure`] when there would be too many, or a sign-in would take too long.
pub(crate) async fn ensure_listed(
    store: &dyn Store,
    org: &OrgId,
    kinds: &[HashKind],
) -> Result<(), Failure> {
    if kinds.is_empty() {
        return Ok(());
    }
    let not_listed = "the kinds of password hashes were not stored";
    let listed = hash_kinds(store, org).await;
    let mut all = listed.map_err(|error| unavailable(not_listed, &error))?;
    let new: Vec<HashKind> = kinds
        .iter()
        .copied()
        .filter(|kind| !all.contains(kind))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    all.extend(&new);
    let names: Vec<String> = all.iter().map(HashKind::to_string).collect();
    let names = names.join(", ");
    if all.len() > KINDS_MAX {
        return Err(Failure::unusable(format!(
            "there would be {} kinds of password hashes ({names}), and each sign-in computes one of each; leave some users' hashes out, they can recover their passwords by mail",
            all.len()
        )));
    }
    let took: Duration = all.iter().map(|kind| measure_hash(*kind)).sum();
    if took > SIGN_IN_MAX {
        return Err(Failure::unusable(format!(
            "a sign-in would take {} ms, because one hash of each kind is computed for everybody ({names}); leave the costly hashes out, those users can recover their passwords by mail",
            took.as_millis()
        )));
    }
    for kind in new {
        let saved = save_hash_kind(store, org, kind, true).await;
        saved.map_err(|error| unavailable(not_listed, &error))?;
    }
    say(&format!(
        "A sign-in computes {names} for everybody now, {} ms in all: so its time does not tell who is there.",
        took.as_millis()
    ));
    Ok(())
}
