//! Password hashes as they are stored: PHC strings, `$2b$…` of bcrypt, and the forms of other
//! programs that an import brings along.

use std::fmt::Write as _;
use std::num::NonZeroU32;

use argon2::{Algorithm, Version};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use regain_types::PepperVersion;

use super::kind::{Argon2Kind, Digest, HashKind};

/// Without padding, and the unused bits at the end may be anything: programs differ there.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_encode_padding(false)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const BCRYPT: GeneralPurpose = GeneralPurpose::new(&alphabet::BCRYPT, LENIENT);
const BCRYPT_SALT_CHARS: usize = 22;
pub(super) const BCRYPT_SALT_BYTES: usize = 16;
pub(super) const BCRYPT_HASH_BYTES: usize = 23;
/// Version of argon2 hashes that do not say theirs.
const ARGON2_FIRST_VERSION: u32 = 16;
/// Longest salt and shortest and longest hash that are read, in bytes. A short hash would match
/// by chance.
const SALT_BYTES_MAX: usize = 64;
const HASH_BYTES: std::ops::RangeInclusive<usize> = 16..=64;
/// Longest text, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// Why a text is no password hash that can be checked.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum HashRefused {
    /// It looks like no hash at all.
    #[error(
        "is no password hash: bcrypt ($2a$, $2b$, $2y$), argon2, PBKDF2 and scrypt are taken, passwords as plain text never"
    )]
    NoHash,
    /// An algorithm that is not checked here.
    #[error(
        "is a hash of an algorithm that cannot be checked here: bcrypt, argon2, PBKDF2 and scrypt can"
    )]
    Algorithm,
    /// The algorithm is known, the rest makes no sense.
    #[error("is a damaged hash: a part is missing or too short, or has other characters")]
    Damaged,
    /// It would take seconds, or too much memory, at each sign-in.
    #[error("is a hash that costs too much to check at each sign-in")]
    TooCostly,
    /// It was made by an old, broken program.
    #[error("is a hash of the broken bcrypt ($2x$), which confuses passwords")]
    Broken,
}

/// A hash, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredHash {
    pub(super) kind: HashKind,
    /// Which pepper went in; for argon2 alone.
    pub(super) pepper: Option<PepperVersion>,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

impl std::fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredHash")
            .field(&self.kind)
            .field(&self.pepper)
            .finish()
    }
}

impl StoredHash {
    /// Reads a hash: PHC strings of argon2, PBKDF2 and scrypt, `$2a$`, `$2b$` and `$2y$` of bcrypt,
    /// and the forms of PBKDF2 that Django and passlib write.
    ///
    /// # Errors
    /// [`HashRefused`] says why it cannot be checked.
    pub fn parse(text: &str) -> Result<Self, HashRefused> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(HashRefused::NoHash);
        }
        let read = if let Some(rest) = text.strip_prefix("pbkdf2_") {
            django(rest)?
        } else {
            let name = text.strip_prefix('$').ok_or(HashRefused::NoHash)?;
            let (name, rest) = name.split_once('$').ok_or(HashRefused::NoHash)?;
            match name {
                "2a" | "2b" | "2y" => bcrypt(rest)?,
                "2x" => return Err(HashRefused::Broken),
                "argon2id" | "argon2i" | "argon2d" => argon2(name, rest)?,
                "scrypt" => scrypt(rest)?,
                "pbkdf2" => pbkdf2(Digest::Sha1, rest)?,
                name => {
                    let digest = Digest::ALL
                        .into_iter()
                        .find(|digest| digest.identifier() == name)
                        .ok_or(HashRefused::Algorithm)?;
                    pbkdf2(digest, rest)?
                }
            }
        };
        if !read.kind.is_bearable() {
            return Err(HashRefused::TooCostly);
        }
        let whole = HASH_BYTES.contains(&read.hash.len()) && read.salt.len() <= SALT_BYTES_MAX;
        whole.then_some(read).ok_or(HashRefused::Damaged)
    }

    /// What it costs to check.
    #[must_use]
    pub fn kind(&self) -> HashKind {
        self.kind
    }

    /// The version of the pepper that went into it, if any did.
    #[must_use]
    pub fn pepper(&self) -> Option<PepperVersion> {
        self.pepper
    }

    /// The form in which it is stored: a PHC string, or `$2b$…`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = match self.kind {
            HashKind::Bcrypt(cost) => write!(text, "$2b${cost:02}$"),
            HashKind::Argon2(kind) => write!(
                text,
                "${}$v={}$m={},t={},p={}{}$",
                kind.algorithm.as_str(),
                u32::from(kind.version),
                kind.memory_kib,
                kind.passes,
                kind.lanes,
                self.pepper.map(key_id).unwrap_or_default()
            ),
            HashKind::Pbkdf2(digest, rounds) => write!(
                text,
                "${}$i={rounds},l={}$",
                digest.identifier(),
                self.hash.len()
            ),
            HashKind::Scrypt(log_n, r, p) => write!(text, "$scrypt$ln={log_n},r={r},p={p}$"),
        };
        let is_bcrypt = matches!(self.kind, HashKind::Bcrypt(_));
        let engine = if is_bcrypt { &BCRYPT } else { &STANDARD };
        text += &engine.encode(&self.salt);
        if !is_bcrypt {
            text.push('$');
        }
        text + &engine.encode(&self.hash)
    }
}

/// `10$` and 53 characters.
fn bcrypt(rest: &str) -> Result<StoredHash, HashRefused> {
    let (cost, rest) = rest.split_once('$').ok_or(HashRefused::Damaged)?;
    let (salt, hash) = rest
        .split_at_checked(BCRYPT_SALT_CHARS)
        .ok_or(HashRefused::Damaged)?;
    let (salt, hash) = (decoded(&BCRYPT, salt)?, decoded(&BCRYPT, hash)?);
    if cost.len() != 2 || salt.len() != BCRYPT_SALT_BYTES || hash.len() != BCRYPT_HASH_BYTES {
        return Err(HashRefused::Damaged);
    }
    Ok(StoredHash {
        kind: HashKind::Bcrypt(number(cost)?),
        pepper: None,
        salt,
        hash,
    })
}

/// `$v=19$m=47104,t=1,p=1$salt$hash`, after the name.
fn argon2(name: &str, rest: &str) -> Result<StoredHash, HashRefused> {
    let (version, rest) = match rest.strip_prefix("v=") {
        Some(rest) => {
            let (version, rest) = rest.split_once('$').ok_or(HashRefused::Damaged)?;
            (number(version)?, rest)
        }
        None => (ARGON2_FIRST_VERSION, rest),
    };
    let phc = Phc::parse(rest)?;
    // Other data that went into the hash is not known here, nor are keys of other programs.
    if phc.has("data") {
        return Err(HashRefused::Algorithm);
    }
    let pepper = phc.pepper()?;
    let kind = HashKind::Argon2(Argon2Kind {
        algorithm: Algorithm::new(name).map_err(|_| HashRefused::Algorithm)?,
        version: Version::try_from(version).map_err(|_| HashRefused::Algorithm)?,
        memory_kib: phc.number("m")?,
        passes: phc.number("t")?,
        lanes: phc.number("p")?,
    });
    if phc.salt.len() < argon2::MIN_SALT_LEN {
        return Err(HashRefused::Damaged);
    }
    Ok(StoredHash {
        pepper,
        ..phc.of(kind)
    })
}

/// `,keyid=AAAAAQ`: a version of the pepper as PHC has it, four bytes in base64.
fn key_id(version: PepperVersion) -> String {
    let bytes = version.number().to_be_bytes();
    format!(",keyid={}", STANDARD.encode(bytes))
}

/// `ln=15,r=8,p=1$salt$hash`, after the name.
fn scrypt(rest: &str) -> Result<StoredHash, HashRefused> {
    let phc = Phc::parse(rest)?;
    let log_n = u8::try_from(phc.number("ln")?).map_err(|_| HashRefused::TooCostly)?;
    let kind = HashKind::Scrypt(log_n, phc.number("r")?, phc.number("p")?);
    Ok(phc.of(kind))
}

/// After the name, `i=600000,l=32$salt$hash` as PHC, `600000$salt$hash` as passlib writes it, with
/// a dot for the plus sign.
fn pbkdf2(digest: Digest, rest: &str) -> Result<StoredHash, HashRefused> {
    if let [rounds, salt, hash] = rest.split('$').collect::<Vec<_>>().as_slice()
        && !rounds.contains('=')
    {
        let plain = |part: &str| decoded(&STANDARD, &part.replace('.', "+"));
        return of_pbkdf2(digest, number(rounds)?, plain(salt)?, plain(hash)?);
    }
    let phc = Phc::parse(rest)?;
    of_pbkdf2(digest, phc.number("i")?, phc.salt, phc.hash)
}

/// `sha256$600000$salt$hash`, where the salt is text.
fn django(rest: &str) -> Result<StoredHash, HashRefused> {
    let parts: Vec<&str> = rest.split('$').collect();
    let [name, rounds, salt, hash] = parts.as_slice() else {
        return Err(HashRefused::Damaged);
    };
    let digest = Digest::ALL
        .into_iter()
        .find(|digest| digest.identifier().strip_prefix("pbkdf2-") == Some(name))
        .ok_or(HashRefused::Algorithm)?;
    let hash = decoded(&STANDARD, hash)?;
    of_pbkdf2(digest, number(rounds)?, salt.as_bytes().to_vec(), hash)
}

fn of_pbkdf2(
    digest: Digest,
    rounds: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
) -> Result<StoredHash, HashRefused> {
    // Of a longer hash each block would cost all rounds again.
    if hash.len() > digest.bytes() {
        return Err(HashRefused::TooCostly);
    }
    let rounds = NonZeroU32::new(rounds).ok_or(HashRefused::Damaged)?;
    let kind = HashKind::Pbkdf2(digest, rounds);
    Ok(StoredHash {
        kind,
        pepper: None,
        salt,
        hash,
    })
}

/// The end of a PHC string: `name=value,name=value$salt$hash`.
struct Phc<'a> {
    parameters: Vec<(&'a str, &'a str)>,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl<'a> Phc<'a> {
    fn parse(text: &'a str) -> Result<Self, HashRefused> {
        let parts: Vec<&str> = text.split('$').collect();
        let [parameters, salt, hash] = parts.as_slice() else {
            return Err(HashRefused::Damaged);
        };
        let parameters = parameters
            .split(',')
            .map(|parameter| parameter.split_once('=').ok_or(HashRefused::Damaged))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            parameters,
            salt: decoded(&STANDARD, salt)?,
            hash: decoded(&STANDARD, hash)?,
        })
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| *known == name)
    }

    /// The pepper's version, written as [`key_id`] writes it and in no other way.
    fn pepper(&self) -> Result<Option<PepperVersion>, HashRefused> {
        let mut found = self.parameters.iter().filter(|(name, _)| *name == "keyid");
        let Some((_, text)) = found.next() else {
            return Ok(None);
        };
        if found.next().is_some() {
            return Err(HashRefused::Damaged);
        }
        let bytes = decoded(&STANDARD, text).map_err(|_| HashRefused::Algorithm)?;
        let number = bytes.try_into().map_err(|_| HashRefused::Algorithm)?;
        PepperVersion::new(u32::from_be_bytes(number))
            .filter(|version| key_id(*version).ends_with(&format!("={text}")))
            .ok_or(HashRefused::Algorithm)
            .map(Some)
    }

    fn number(&self, name: &str) -> Result<u32, HashRefused> {
        let mut found = self.parameters.iter().filter(|(known, _)| *known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => number(value),
            _ => Err(HashRefused::Damaged),
        }
    }

    fn of(self, kind: HashKind) -> StoredHash {
        StoredHash {
            kind,
            pepper: None,
            salt: self.salt,
            hash: self.hash,
        }
    }
}

fn number(text: &str) -> Result<u32, HashRefused> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits
        .then(|| text.parse().ok())
        .flatten()
        .ok_or(HashRefused::Damaged)
}

fn decoded(engine: &GeneralPurpose, text: &str) -> Result<Vec<u8>, HashRefused> {
    engine.decode(text).map_err(|_| HashRefused::Damaged)
}
