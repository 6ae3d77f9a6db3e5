//! Limits over all flows (security §2.4): what was spent on a name, a device and the whole org, and
//! whether one more may be spent.
//!
//! Each limiter is a small value that reads and changes itself and knows no clock, no store and no
//! user: so it behaves the same for names that nobody has (E-08). [`Spent`] opens the three that a
//! step is charged to; [`attempt_gate`] is the one door to every comparison of a credential.

mod device;
mod gate;
mod identifier;
mod in_a_row;
mod limit;
mod marks;
mod org;
mod promise;
mod spent;

pub use device::DeviceLedger;
pub(crate) use gate::{Attempted, Pass, attempt_gate};
pub use identifier::{IdentifierLedger, Payment, StartVerdict};
pub use in_a_row::InARow;
pub use limit::{Limit, Limited};
pub use marks::Marks;
pub use org::{OrgLedger, OrgTurn};
pub use promise::{GuessBound, PromiseBroken};
pub(crate) use spent::{Issue, Spent};

/// Seconds of a minute, an hour, a day.
pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

#[cfg(test)]
mod tests;
