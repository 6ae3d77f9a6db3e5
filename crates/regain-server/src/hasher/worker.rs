//! One hashing thread: it keeps its memory, and does the same work for everybody.

use argon2::{Argon2, Block, Params};
use regain_engine::{Need, NewPassword, StoredPassword};
use regain_types::{Entropy as _, PepperKey, Secret, SystemEntropy};
use subtle::ConstantTimeEq as _;

use super::Computed;
use super::kind::{Argon2Kind, Digest, HashKind};
use super::kinds::Kinds;
use super::peppers::{Found, Peppers};
use super::stored::{BCRYPT_HASH_BYTES, BCRYPT_SALT_BYTES, StoredHash};

const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// bcrypt reads no more of a password, its closing NUL included.
const BCRYPT_KEY_BYTES_MAX: usize = 72;

/// Computes hashes; never two at once.
pub(super) struct Worker {
    kinds: Kinds,
    peppers: Peppers,
    memory: Vec<Block>,
}

impl Worker {
    pub(super) fn new(kinds: Kinds, peppers: Peppers) -> Self {
        Self {
            kinds,
            peppers,
            memory: Vec::new(),
        }
    }

    /// Computes what a step needs.
    pub(super) fn compute(&mut self, need: &Need) -> Computed {
        match need {
            Need::VerifyPassword { stored, candidate } => {
                Computed::Matches(self.verify(stored.as_ref(), candidate))
            }
            Need::HashPassword {
                candidate,
                previous,
            } => Computed::New(self.replace(candidate, previous)),
        }
    }

    /// Compares with what is stored, and computes one hash of every other kind that is in use: so
    /// that everybody, and nobody, costs the same, in the same order (E-05).
    pub(super) fn verify(
        &mut self,
        stored: Option<&StoredPassword>,
        candidate: &Secret<String>,
    ) -> bool {
        let stored = stored.and_then(|stored| StoredHash::parse(&stored.phc).ok());
        let kinds = self.kinds.with(stored.as_ref().map(StoredHash::kind));
        let mut matches = false;
        for kind in kinds.iter() {
            match &stored {
                Some(stored) if stored.kind == *kind => matches = self.matches(stored, candidate),
                _ => self.spend(*kind, candidate),
            }
        }
        matches
    }

    fn replace(&mut self, candidate: &Secret<String>, previous: &[StoredPassword]) -> NewPassword {
        let reused = previous
            .iter()
            .filter_map(|stored| StoredHash::parse(&stored.phc).ok())
            .any(|stored| self.matches(&stored, candidate));
        if reused {
            return NewPassword::Reused;
        }
        // Hashing fails only for parameters that were refused at the start.
        self.hash(candidate)
            .map_or(NewPassword::Reused, NewPassword::Hashed)
    }

    /// Hashes a password with the present cost and the present pepper.
    pub(super) fn hash(&mut self, password: &Secret<String>) -> Option<String> {
        let pepper = self.peppers.current();
        let stored = StoredHash {
            kind: HashKind::Argon2(self.kinds.current()),
            pepper: pepper.as_ref().map(PepperKey::version),
            salt: random::<SALT_BYTES>().to_vec(),
            hash: vec![0; HASH_BYTES],
        };
        let hash = self.derive(&stored, password.expose().as_bytes(), pepper.as_ref())?;
        Some(StoredHash { hash, ..stored }.to_text())
    }

    /// Compares with one hash, at its own cost.
    pub(super) fn matches(&mut self, stored: &StoredHash, candidate: &Secret<String>) -> bool {
        let password = candidate.expose().as_bytes();
        let usable = stored.kind.can_hash(password);
        // A password that this algorithm would confuse with another is refused, never cut: it
        // takes as long as any other (P-04).
        let password = if usable { password } else { b"" };
        // So is one whose pepper is not here (K-06).
        let (pepper, usable) = match self.peppers.find(stored.pepper) {
            Found::Key(key) => (key, usable),
            Found::Nothing(key) => (key, false),
        };
        self.derive(stored, password, pepper.as_ref())
            .is_some_and(|hash| bool::from(hash.ct_eq(&stored.hash)) & usable)
    }

    /// Computes nobody's hash of a kind, keyed as new ones are (E-05).
    pub(super) fn spend(&mut self, kind: HashKind, candidate: &Secret<String>) {
        let nobody = self.nobody(kind);
        // What it comes to is not looked at.
        let _ = std::hint::black_box(self.matches(&nobody, candidate));
    }

    /// A hash that is nobody's, of a kind. Only argon2 takes a pepper.
    pub(super) fn nobody(&self, kind: HashKind) -> StoredHash {
        let takes_pepper = matches!(kind, HashKind::Argon2(_));
        let length = match kind {
            HashKind::Argon2(_) | HashKind::Scrypt(..) => HASH_BYTES,
            HashKind::Bcrypt(_) => BCRYPT_HASH_BYTES,
            HashKind::Pbkdf2(digest, _) => digest.bytes(),
        };
        StoredHash {
            kind,
            pepper: self.peppers.current_version().filter(|_| takes_pepper),
            salt: vec![0x5a; SALT_BYTES],
            hash: vec![0; length],
        }
    }

    /// Hashes a password as a stored one was hashed.
    fn derive(
        &mut self,
        stored: &StoredHash,
        password: &[u8],
        pepper: Option<&PepperKey>,
    ) -> Option<Vec<u8>> {
        let salt = stored.salt.as_slice();
        let mut hash = vec![0; stored.hash.len()];
        match stored.kind {
            HashKind::Argon2(kind) => self.argon2(kind, pepper, (password, salt), &mut hash)?,
            HashKind::Bcrypt(cost) => hash = bcrypt(cost, password, salt)?,
            HashKind::Pbkdf2(digest, rounds) => {
                aws_lc_rs::pbkdf2::derive(pbkdf2(digest), rounds, salt, password, &mut hash);
            }
            HashKind::Scrypt(log_n, r, p) => {
                let params = scrypt::Params::new(log_n, r, p).ok()?;
                scrypt::scrypt(password, salt, &params, &mut hash).ok()?;
            }
        }
        Some(hash)
    }

    fn argon2(
        &mut self,
        kind: Argon2Kind,
        pepper: Option<&PepperKey>,
        (password, salt): (&[u8], &[u8]),
        hash: &mut [u8],
    ) -> Option<()> {
        let params =
            Params::new(kind.memory_kib, kind.passes, kind.lanes, Some(hash.len())).ok()?;
        let blocks = params.block_count();
        if self.memory.len() < blocks {
            self.memory.resize(blocks, Block::new());
        }
        let memory = self.memory.get_mut(..blocks)?;
        let argon2 = match pepper {
            None => Argon2::new(kind.algorithm, kind.version, params),
            Some(key) => {
                let secret = key.for_hashes().expose();
                Argon2::new_with_secret(secret, kind.algorithm, kind.version, params).ok()?
            }
        };
        argon2
            .hash_password_into_with_memory(password, salt, hash, memory)
            .ok()
    }
}

impl HashKind {
    /// Whether the algorithm tells this password from every other one. bcrypt ends at 72 bytes and
    /// at a NUL; the key of an HMAC, from which PBKDF2 and scrypt begin, is filled up with NULs.
    fn can_hash(self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(_) => true,
            Self::Bcrypt(_) => password.len() <= BCRYPT_KEY_BYTES_MAX && !password.contains(&0),
            Self::Pbkdf2(..) | Self::Scrypt(..) => !password.contains(&0),
        }
    }
}

fn bcrypt(cost: u32, password: &[u8], salt: &[u8]) -> Option<Vec<u8>> {
    let salt: [u8; BCRYPT_SALT_BYTES] = salt.try_into().ok()?;
    let mut key = password.to_vec();
    key.push(0);
    key.truncate(BCRYPT_KEY_BYTES_MAX);
    let key = Secret::new(key);
    // The last byte of the output is not kept by any program.
    let hash = ::bcrypt::bcrypt(cost, salt, key.expose());
    hash.get(..BCRYPT_HASH_BYTES).map(<[u8]>::to_vec)
}

fn pbkdf2(digest: Digest) -> aws_lc_rs::pbkdf2::Algorithm {
    match digest {
        Digest::Sha1 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA1,
        Digest::Sha256 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256,
        Digest::Sha512 => aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA512,
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemEntropy.fill(&mut bytes);
    bytes
}
