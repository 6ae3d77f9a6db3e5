//! Kinds of password hashes: an algorithm with its cost. Two hashes of one kind take one time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use argon2::{Algorithm, Version};

/// Most memory of an argon2 hash in KiB, most passes and most lanes.
const ARGON2_MEMORY_KIB_MAX: u32 = 1_048_576;
const ARGON2_PASSES_MAX: u32 = 16;
const ARGON2_LANES_MAX: u32 = 16;
/// Costs of bcrypt. Above, one check takes seconds.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=14;
/// Most rounds of PBKDF2.
const PBKDF2_ROUNDS_MAX: u32 = 2_000_000;
/// Most memory of scrypt (`N·r·128` bytes), as `N·r`: 256 MiB; and most lanes.
const SCRYPT_BLOCKS_MAX: u64 = 1 << 21;
const SCRYPT_LANES_MAX: u32 = 16;

/// An algorithm with all that decides what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HashKind {
    /// Argon2 with its variant, version, memory in KiB, passes and lanes.
    Argon2(Argon2Kind),
    /// bcrypt with the logarithm of its rounds.
    Bcrypt(u32),
    /// PBKDF2 with its digest and rounds.
    Pbkdf2(Digest, NonZeroU32),
    /// scrypt with the logarithm of `N`, `r` and `p`.
    Scrypt(u8, u32, u32),
}

/// What decides the cost of an argon2 hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Argon2Kind {
    /// `argon2id`, `argon2i` or `argon2d`.
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

/// The hash function under PBKDF2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name in PHC strings.
    pub(super) const fn identifier(self) -> &'static str {
        match self {
            Self::Sha1 => "pbkdf2-sha1",
            Self::Sha256 => "pbkdf2-sha256",
            Self::Sha512 => "pbkdf2-sha512",
        }
    }

    /// Bytes of one block; a longer key would cost twice as much.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl HashKind {
    /// Says whether its cost is one that a sign-in may take.
    pub(super) fn is_bearable(self) -> bool {
        match self {
            Self::Argon2(kind) => {
                kind.memory_kib <= ARGON2_MEMORY_KIB_MAX
                    && (1..=ARGON2_PASSES_MAX).contains(&kind.passes)
                    && (1..=ARGON2_LANES_MAX).contains(&kind.lanes)
                    && kind.memory_kib >= 8 * kind.lanes
            }
            Self::Bcrypt(cost) => BCRYPT_COSTS.contains(&cost),
            Self::Pbkdf2(_, rounds) => rounds.get() <= PBKDF2_ROUNDS_MAX,
            Self::Scrypt(log_n, r, p) => {
                let blocks = 1_u64.checked_shl(u32::from(log_n)).unwrap_or(u64::MAX);
                log_n >= 1
                    && r >= 1
                    && blocks.saturating_mul(u64::from(r)) <= SCRYPT_BLOCKS_MAX
                    && (1..=SCRYPT_LANES_MAX).contains(&p)
            }
        }
    }
}

impl fmt::Display for HashKind {
    /// `argon2id:19:19456:2:1`, `bcrypt:10`, `pbkdf2-sha256:600000`, `scrypt:15:8:1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Argon2(kind) => write!(
                f,
                "{}:{}:{}:{}:{}",
                kind.algorithm.as_str(),
                u32::from(kind.version),
                kind.memory_kib,
                kind.passes,
                kind.lanes
            ),
            Self::Bcrypt(cost) => write!(f, "bcrypt:{cost}"),
            Self::Pbkdf2(digest, rounds) => write!(f, "{}:{rounds}", digest.identifier()),
            Self::Scrypt(log_n, r, p) => write!(f, "scrypt:{log_n}:{r}:{p}"),
        }
    }
}

/// The text names no kind of hash that is known here.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("no kind of password hash has this name")]
pub struct UnknownKind;

impl FromStr for HashKind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let numbers: Vec<u32> = parts
            .map(|part| part.parse().map_err(|_| UnknownKind))
            .collect::<Result<_, _>>()?;
        let kind = match (name, numbers.as_slice()) {
            ("bcrypt", [cost]) => Self::Bcrypt(*cost),
            ("scrypt", [log_n, r, p]) => {
                Self::Scrypt(u8::try_from(*log_n).map_err(|_| UnknownKind)?, *r, *p)
            }
            (name, [rounds]) => Self::Pbkdf2(
                Digest::ALL
                    .into_iter()
                    .find(|digest| digest.identifier() == name)
                    .ok_or(UnknownKind)?,
                NonZeroU32::new(*rounds).ok_or(UnknownKind)?,
            ),
            (name, [version, memory_kib, passes, lanes]) => Self::Argon2(Argon2Kind {
                algorithm: Algorithm::new(name).map_err(|_| UnknownKind)?,
                version: Version::try_from(*version).map_err(|_| UnknownKind)?,
                memory_kib: *memory_kib,
                passes: *passes,
                lanes: *lanes,
            }),
            _ => return Err(UnknownKind),
        };
        kind.is_bearable().then_some(kind).ok_or(UnknownKind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_back_from_its_text() {
        for text in [
            "argon2id:19:19456:2:1",
            "argon2d:16:65536:3:4",
            "bcrypt:10",
            "pbkdf2-sha1:1000",
            "pbkdf2-sha256:600000",
            "pbkdf2-sha512:210000",
            "scrypt:15:8:1",
        ] {
            let kind: HashKind = text.parse().unwrap();
            assert_eq!(kind.to_string(), text);
        }
        for text in [
            "",
            "bcrypt",
            "bcrypt:3",
            "bcrypt:31",
            "bcrypt:10:1",
            "argon2id:19:4194304:2:1",
            "argon2id:18:19456:2:1",
            "pbkdf2-sha256:0",
            "pbkdf2-md5:1000",
            "scrypt:30:8:1",
            "scrypt:63:8:1",
            "md5:1",
        ] {
            assert_eq!(text.parse::<HashKind>(), Err(UnknownKind), "{text}");
        }
    }
}
