//! Which kinds of password hashes users have. The list is kept in the store, because every node
//! computes one hash of each kind for everybody (E-05): the server adds the kind of new passwords,
//! an import those that it brings.

use std::time::Duration;

use regain_store::{Store, StoreError};
use regain_types::OrgId;

use crate::hasher::HashKind;
use crate::pepper::{self, PepperProblem};
use crate::state::AppState;
use crate::tasks::Stop;

/// How soon a node knows what an import brought, and that another pepper is in use.
const EVERY: Duration = Duration::from_secs(5);
/// Settings of the store that say whether a kind is in use begin so; the kind follows.
const PREFIX: &str = "password_hash:";
const IN_USE: &str = "in use";
const NOT_IN_USE: &str = "not in use";

/// The kinds that are in use, in their order. Names that this version does not know are left out:
/// such hashes match nothing.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn hash_kinds(store: &dyn Store, org: &OrgId) -> Result<Vec<HashKind>, StoreError> {
    Ok(among(&store.list_settings(org).await?))
}

/// Those among the settings of a store.
fn among(settings: &[(String, String)]) -> Vec<HashKind> {
    let mut kinds: Vec<HashKind> = settings
        .iter()
        .filter(|(_, value)| value == IN_USE)
        .filter_map(|(name, _)| name.strip_prefix(PREFIX)?.parse().ok())
        .collect();
    kinds.sort_unstable();
    kinds
}

/// Says that a kind is in use from now on, or no longer.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn save_hash_kind(
    store: &dyn Store,
    org: &OrgId,
    kind: HashKind,
    in_use: bool,
) -> Result<(), StoreError> {
    let value = if in_use { IN_USE } else { NOT_IN_USE };
    store
        .save_setting(org, &format!("{PREFIX}{kind}"), value)
        .await
}

/// Tells the store of the kinds that are known here alone, and learns the others, and which versions
/// of the pepper are in use. When one of them is not here, no password is checked from now on.
pub(crate) async fn synchronise(state: &AppState) -> Result<Option<PepperProblem>, StoreError> {
    let (store, org, hasher) = (state.store(), state.org(), state.hasher());
    let settings = store.list_settings(org).await?;
    let problem = match pepper::compare_pepper(state.pepper(), &pepper::among(&settings)) {
        Ok(in_use) => {
            hasher.use_pepper(in_use);
            None
        }
        Err(problem) => {
            hasher.lack_pepper(problem.version());
            Some(problem)
        }
    };
    let mut listed = among(&settings);
    let mut unlisted = hasher.take_met();
    unlisted.push(hasher.current_kind());
    for kind in unlisted {
        if !listed.contains(&kind) {
            save_hash_kind(store, org, kind, true).await?;
            listed.push(kind);
        }
    }
    hasher.use_kinds(listed);
    Ok(problem)
}

/// Runs until the server stops.
pub(crate) async fn run(state: AppState, mut stop: Stop) {
    loop {
        tokio::select! {
            () = stop.wait() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        match synchronise(&state).await {
            Ok(None) => {}
            Ok(Some(problem)) => {
                tracing::error!(%problem, "no password is checked here: give this node the right pepper and restart it");
            }
            Err(error) => {
                tracing::warn!(%error, "kinds of password hashes were not read; trying again");
            }
        }
    }
}
