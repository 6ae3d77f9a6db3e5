//! What the operating system gives: the time and random bytes. Nothing else in the crate asks it.

use std::fmt::Debug;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Error;

/// Where the client reads the time. Tests give their own.
pub trait Clock: Send + Sync + Debug {
    /// The time now.
    fn now(&self) -> SystemTime;
}

/// The time of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place of this crate that asks"
    )]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Seconds since 1970, as tokens count them.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}

/// Random bytes of the operating system.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that asks"
)]
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::Randomness)?;
    Ok(bytes)
}

/// `N` random bytes as base64url text.
pub(crate) fn random_text<const N: usize>() -> Result<String, Error> {
    Ok(URL_SAFE_NO_PAD.encode(random_bytes::<N>()?))
}
