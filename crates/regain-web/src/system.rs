//! What only the machine knows: random bytes. (The time comes from the SDK's `Clock`.)

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` random bytes of the operating system.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this crate that asks"
)]
#[expect(
    clippy::expect_used,
    reason = "without randomness nothing safe can be done: stop"
)]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system hands out random bytes");
    bytes
}

/// An unguessable name of 256 bits: 43 characters of `[A-Za-z0-9_-]`.
pub(crate) fn random_name() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// Seconds since 1970, as the database counts them.
pub(crate) fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or(0)
}
