//! What was hashed for a request: kept over its rounds, so that losing a race costs no second hash.

use regain_engine::{Need, StoredPassword};
use regain_types::Secret;

use crate::hasher::{Computed, NotHashed};
use crate::state::AppState;

/// The last thing that was computed for a request.
#[derive(Debug, Default)]
pub(super) struct Hashed(Option<(Need, Computed)>);

impl Hashed {
    /// Computes what a step needs, unless that is what was computed last.
    pub(super) async fn compute(
        &mut self,
        state: &AppState,
        need: Need,
    ) -> Result<Computed, NotHashed> {
        if let Some((known, computed)) = &self.0
            && is_same(known, &need)
        {
            return Ok(computed.clone());
        }
        let aside = state.shedding().step_aside();
        let computed = state.hasher().compute(need.clone()).await?;
        drop(aside);
        self.0 = Some((need, computed.clone()));
        Ok(computed)
    }
}

/// Both sides come from the one request and the one user's row: nothing secret is told by how long
/// it takes.
fn is_same(known: &Need, need: &Need) -> bool {
    let same = |one: &Secret<String>, other: &Secret<String>| one.expose() == other.expose();
    match (known, need) {
        (
            Need::VerifyPassword { stored, candidate },
            Need::VerifyPassword {
                stored: other_stored,
                candidate: other,
            },
        ) => {
            let phc = |stored: &Option<StoredPassword>| stored.as_ref().map(|it| it.phc.clone());
            phc(stored) == phc(other_stored) && same(candidate, other)
        }
        (
            Need::HashPassword {
                candidate,
                previous,
            },
            Need::HashPassword {
                candidate: other,
                previous: other_previous,
            },
        ) => previous == other_previous && same(candidate, other),
        (Need::HashPassword { .. }, Need::VerifyPassword { .. })
        | (Need::VerifyPassword { .. }, Need::HashPassword { .. }) => false,
    }
}
