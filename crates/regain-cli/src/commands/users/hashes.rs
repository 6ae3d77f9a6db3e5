//! `regain users hashes`: which kinds of password hashes users have. Each check of a password
//! computes one of each kind for everybody, so that time tells nothing (E-05).

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use regain_server::{HashKind, StoredHash, hash_kinds, measure_hash, save_hash_kind};
use regain_store::Store;
use regain_types::OrgId;

use super::unavailable;
use crate::commands::ConfigFile;
use crate::failure::Failure;
use crate::{config, print, say};

/// Most kinds at once: a sign-in costs the sum.
const KINDS_MAX: usize = 6;
/// Most that one sign-in may take on this machine when nothing else runs.
const SIGN_IN_MAX: Duration = Duration::from_secs(1);
const PAGE: usize = 1_000;
const NOT_READ: &str = "the users were not counted";

/// Count users by the kind of their password hash
///
/// A sign-in computes one hash of every kind that is in use, for everybody, so that its time does
/// not tell who is there. Kinds disappear as people sign in: their passwords are hashed anew.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain users hashes --forget")]
pub(crate) struct Hashes {
    #[command(flatten)]
    file: ConfigFile,
    /// Stop computing kinds that nobody has any more; not while an import runs
    #[arg(long)]
    forget: bool,
}

impl Hashes {
    /// Runs it.
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        let org = &configuration.settings.org;
        let store: Arc<dyn Store> = configuration.store.open().await?;
        let counts = count(&*store, org).await?;
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
        // A kind that a running server met, or that a restore brought, is listed again.
        ensure_listed(&*store, org, &counts.into_keys().collect::<Vec<_>>()).await?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn count(store: &dyn Store, org: &OrgId) -> Result<BTreeMap<HashKind, u64>, Failure> {
    let mut counts = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.list_users(org, after.as_ref(), PAGE).await;
        let page = page.map_err(|error| unavailable(NOT_READ, &error))?;
        let Some(last) = page.last() else {
            return Ok(counts);
        };
        after = Some(last.facts.id.clone());
        for password in page.iter().filter_map(|user| user.facts.password.as_ref()) {
            if let Ok(hash) = StoredHash::parse(&password.phc) {
                *counts.entry(hash.kind()).or_default() += 1;
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
