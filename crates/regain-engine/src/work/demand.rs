//! What a flow demands before its recovery begins, and whether it was paid.

use regain_types::{Entropy, random_base62};
use serde::{Deserialize, Serialize};

use super::challenge::Binding;
use crate::flow::Flow;
use crate::step::Env;

/// Characters of a demand's id: 128 random bits.
const ID_LENGTH: usize = 22;

/// Work that is demanded before the recovery begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkDemand {
    /// Names it. Challenges are signed for it, so that a new demand makes them worthless.
    id: String,
    /// The secret number lies below this.
    max_number: u32,
    /// What was typed, so that the page need not ask for it again.
    typed: String,
}

impl WorkDemand {
    pub(crate) fn new(max_number: u32, typed: &str, entropy: &mut dyn Entropy) -> Self {
        Self {
            id: random_base62(entropy, ID_LENGTH),
            max_number,
            typed: typed.to_owned(),
        }
    }

    /// Names it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret number lies below this.
    #[must_use]
    pub fn max_number(&self) -> u32 {
        self.max_number
    }

    /// What was typed.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Whether it is dear enough now: others who pay meanwhile raise the price, and one doubling is
    /// forgiven, so that an owner is not sent back again and again.
    fn covers(&self, price: u32) -> bool {
        u64::from(self.max_number) * 2 >= u64::from(price)
    }
}

/// How a payment went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkPayment {
    /// The work was done: the demand must go in the same commit.
    Made,
    /// None was sent, and what the flow demands already is still right.
    Awaited,
    /// Nothing is demanded yet, or what was sent is worth nothing: a new demand is due.
    Refused,
}

/// Looks at what was sent for the flow's demand.
pub(crate) fn take_payment(
    flow: &Flow,
    solution: Option<&str>,
    price: u32,
    env: &Env<'_>,
) -> WorkPayment {
    let Some(demand) = flow.work.as_ref().filter(|demand| demand.covers(price)) else {
        return WorkPayment::Refused;
    };
    let Some(solution) = solution else {
        return WorkPayment::Awaited;
    };
    let binding = Binding {
        flow,
        demand,
        keys: env.keys,
        org: env.org,
    };
    if binding.is_solved_by(solution, env.now) {
        WorkPayment::Made
    } else {
        WorkPayment::Refused
    }
}
