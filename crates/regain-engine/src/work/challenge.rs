//! A challenge and its solution, as ALTCHA's second version writes them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use regain_types::{Entropy, KeyRing, OrgId, Timestamp, random_array, random_base62};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::demand::WorkDemand;
use crate::flow::Flow;

/// How long a challenge may be worked on, in seconds.
const CHALLENGE_TTL_SECONDS: i64 = 10 * 60;
/// Characters of the salt before its end time.
const SALT_LENGTH: usize = 22;
/// A solution is a few hundred characters; longer ones are not read.
const SOLUTION_BYTES_MAX: usize = 2_048;
const ALGORITHM: &str = "SHA-256";

/// "Which number below `maxnumber` gives this hash behind this salt?"
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WorkChallenge {
    /// Always `SHA-256`.
    pub algorithm: &'static str,
    /// The hash, in hexadecimal digits.
    pub challenge: String,
    /// The number lies below this.
    #[serde(rename = "maxnumber")]
    pub max_number: u32,
    /// What stands before the number; `expires` in it is in seconds since 1970.
    pub salt: String,
    /// By which we know it again.
    pub signature: String,
}

/// What a client sends back, as base64 of JSON.
#[derive(Debug, Deserialize)]
struct Solution {
    algorithm: String,
    challenge: String,
    number: u64,
    salt: String,
    signature: String,
}

/// What a signature stands for, besides the challenge itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding<'a> {
    pub(super) flow: &'a Flow,
    pub(super) demand: &'a WorkDemand,
    pub(super) keys: &'a KeyRing,
    pub(super) org: &'a OrgId,
}

impl WorkChallenge {
    /// A new challenge for what the flow demands; `None` when it demands nothing.
    ///
    /// It changes nothing, and may be asked for as often as one likes: one solution pays, whichever.
    pub fn of(
        flow: &Flow,
        keys: &KeyRing,
        org: &OrgId,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Option<Self> {
        let demand = flow.work.as_ref()?;
        let binding = Binding {
            flow,
            demand,
            keys,
            org,
        };
        let expires = now.plus_seconds(CHALLENGE_TTL_SECONDS).as_seconds();
        // The last character keeps a digit of the number from counting as one of the time.
        let salt = format!("{}?expires={expires}&", random_base62(entropy, SALT_LENGTH));
        let number = u64::from_be_bytes(random_array(entropy)) % u64::from(demand.max_number());
        let challenge = hash(&salt, number);
        let signature = URL_SAFE_NO_PAD.encode(binding.signature(&salt, &challenge));
        Some(Self {
            algorithm: ALGORITHM,
            challenge,
            max_number: demand.max_number(),
            salt,
            signature,
        })
    }
}

impl Binding<'_> {
    fn parts<'p>(&'p self, salt: &'p str, challenge: &'p str) -> [&'p [u8]; 5] {
        [
            self.org.as_str().as_bytes(),
            self.flow.id.as_str().as_bytes(),
            self.demand.id().as_bytes(),
            salt.as_bytes(),
            challenge.as_bytes(),
        ]
    }

    fn signature(&self, salt: &str, challenge: &str) -> [u8; 32] {
        self.keys.work.mac(&self.parts(salt, challenge))
    }

    /// Whether `token` solves a challenge of ours, for this demand of this flow, in time.
    pub(super) fn is_solved_by(&self, token: &str, now: Timestamp) -> bool {
        let Some(solution) = Solution::read(token) else {
            return false;
        };
        let Some(signature) = URL_SAFE_NO_PAD.decode(&solution.signature).ok() else {
            return false;
        };
        let parts = self.parts(&solution.salt, &solution.challenge);
        // Everything else is believed only because we signed it.
        self.keys.work.verify(&parts, &signature)
            && solution.algorithm == ALGORITHM
            && solution.ends_at().is_some_and(|end| now < end)
            && hash(&solution.salt, solution.number) == solution.challenge
    }
}

impl Solution {
    fn read(token: &str) -> Option<Self> {
        if token.len() > SOLUTION_BYTES_MAX {
            return None;
        }
        let json = STANDARD.decode(token).ok()?;
        serde_json::from_slice(&json).ok()
    }

    fn ends_at(&self) -> Option<Timestamp> {
        let (_, parameters) = self.salt.split_once('?')?;
        let seconds = parameters.strip_prefix("expires=")?.strip_suffix('&')?;
        let millis = seconds.parse::<i64>().ok()?.checked_mul(1_000)?;
        Some(Timestamp::from_millis(millis))
    }
}

/// In lower-case hexadecimal digits, as the widget's worker compares it.
fn hash(salt: &str, number: u64) -> String {
    let digest = Sha256::new()
        .chain_update(salt)
        .chain_update(number.to_string())
        .finalize();
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
