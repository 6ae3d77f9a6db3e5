//! Proof of work (M-03): what a further start of a recovery costs, in the form that the Sign-In
//! Widget understands (ALTCHA): find the number that, behind a salt, has a given hash.
//!
//! What is demanded stands in the flow, and goes out of it in the commit that takes the payment:
//! nothing pays twice, and no ledger of spent solutions is needed. A challenge is not stored: its
//! signature says that it is ours, for this flow and this demand.

mod challenge;
mod demand;

pub use challenge::WorkChallenge;
pub use demand::WorkDemand;

pub(crate) use demand::{WorkPayment, take_payment};

/// Where clients fetch a challenge: the path that the widget knows.
pub const WORK_CHALLENGE_PATH: &str = "/api/v1/altcha";

/// The name of the algorithm in documents.
pub(crate) const KIND: &str = "ALTCHA";

/// The secret number of the cheapest challenge lies below this: about a second on a phone.
const BASE: u32 = 50_000;
/// The price doubles with each so many starts that were paid for in the last day.
const STARTS_PER_DOUBLING: u32 = 3;
/// 12.8 million at most: about ten seconds on a desk, a minute or two on a phone. Beyond that it
/// would keep out owners, not attackers.
const DOUBLINGS_MAX: u32 = 8;

/// Below which number the secret one lies, after so many starts of this name that were paid for in
/// the last day. Half of it is hashed on average.
#[must_use]
pub fn work_price(paid_24h: u32) -> u32 {
    BASE << (paid_24h / STARTS_PER_DOUBLING).min(DOUBLINGS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_rises_and_ends() {
        assert_eq!(work_price(0), 50_000);
        assert_eq!(work_price(2), 50_000);
        assert_eq!(work_price(3), 100_000);
        assert_eq!(work_price(24), 12_800_000);
        assert_eq!(work_price(u32::MAX), 12_800_000);
    }
}
