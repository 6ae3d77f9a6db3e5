//! What the operator decided, in the form that the server works with.

use std::time::Duration;

use regain_engine::Policy;
use regain_mail::{Brand, Sender};
use regain_types::OrgId;

use crate::address::Network;

/// Settings of one deployment. Nobody reads files or the environment after they are made.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The org that this deployment serves.
    pub org: OrgId,
    /// The org's origin: scheme, host, port, no slash at the end. Every URL that leaves the
    /// server begins with it (B3).
    pub public_url: String,
    /// What mails say about the org.
    pub brand: Brand,
    /// Language of mails for users without one, such as `en`.
    pub locale: String,
    /// Who mails are from.
    pub mail_from: Sender,
    /// How people sign in and recover.
    pub policy: Policy,
    /// Origins whose pages may call with the user's browser (`idx-wire` §1.5).
    pub trusted_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed (B2).
    pub trusted_proxies: Vec<Network>,
    /// How much one address or one app may ask for.
    pub address_limits: AddressLimits,
    /// Mails that the org sends in an hour at least before only the most important ones leave
    /// (M-03).
    pub mails_per_hour: u32,
    /// Cost of a password hash.
    pub hash: HashSettings,
}

/// How much one address or one app may ask for (H-10). Nothing is counted when the policy's limits
/// of volume are off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressLimits {
    /// IDX requests of one client, address and known device in a minute. IPv6 counts by /64; a /24
    /// of IPv4 or a /48 of IPv6 may do ten times as much.
    pub requests_per_minute: u32,
    /// How many of them may run at once.
    pub concurrent: u32,
    /// Recoveries that one address may start in an hour; its /24 or /48 ten times as many.
    pub starts_per_hour: u32,
    /// IDX requests in a minute of a confidential client that does not name its users' addresses.
    pub app_requests_per_minute: u32,
}

impl Default for AddressLimits {
    fn default() -> Self {
        Self {
            requests_per_minute: 60,
            concurrent: 5,
            starts_per_hour: 30,
            app_requests_per_minute: 6_000,
        }
    }
}

/// Cost of argon2id, and how much of it may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashSettings {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
    /// Threads that hash; each keeps its memory.
    pub workers: usize,
    /// Jobs that may wait for each of them; more are refused with 503.
    pub queue_per_worker: usize,
    /// How long a request waits for its hash, queue included; then 503.
    pub deadline: Duration,
}

impl HashSettings {
    /// For development: on a machine that compiles beside it, a page that waits is better than
    /// one that says "busy".
    #[must_use]
    pub(crate) const fn patient(self) -> Self {
        Self {
            deadline: Duration::from_secs(8),
            ..self
        }
    }

    /// The weakest that is allowed: 19,456 KiB, two passes (P-01).
    pub const FLOOR: Self = Self {
        memory_kib: 19_456,
        passes: 2,
        workers: 2,
        queue_per_worker: 64,
        deadline: Duration::from_secs(2),
    };
}
