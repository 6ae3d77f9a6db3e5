//! Input that is not legal now. The state did not change.

use crate::limits::Limited;
use crate::notice::Notice;

/// Why an input was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The flow is over: 401, terminal, without a handle.
    Expired,
    /// The current document does not offer it: 400, the current document again.
    NotOffered,
    /// A limit over all flows was reached: 429, the current document again.
    Limited(Limited),
    /// A limit of this flow was reached: 429, the current document again.
    TooManyRequests,
    /// The engine contradicts itself: 500. The state is kept.
    Bug(&'static str),
}

impl Refusal {
    /// The message that goes with it.
    #[must_use]
    pub const fn notice(self) -> Notice {
        match self {
            Self::Expired => Notice::SessionExpired,
            Self::NotOffered | Self::Bug(_) => Notice::BadRequest,
            Self::Limited(limited) => limited.limit.notice(),
            Self::TooManyRequests => Notice::TooManyRequests,
        }
    }
}

impl From<Limited> for Refusal {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}
