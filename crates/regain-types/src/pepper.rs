//! The pepper of password hashes: keys that go into each hash and are in no database (P-02).

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::expand;
use crate::{Entropy, Secret, random_array};

/// Most versions in one file.
const VERSIONS_MAX: usize = 32;
/// What the two keys of a version are for; neither says anything about the other (K-01).
const HASH_LABEL: &str = "password-pepper/hash/1";
const CHECK_LABEL: &str = "password-pepper/check/1";
/// Bytes of a check value: enough to tell any two keys apart, and of no use to who has it.
const CHECK_BYTES: usize = 12;

/// Which pepper went into a hash: 1, 2, 3, …
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperVersion(NonZeroU32);

impl PepperVersion {
    /// The first one.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// The version with this number; 0 is none.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    /// The one after this; `None` after four billion rotations.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

impl fmt::Display for PepperVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is no version of a pepper.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be a number from 1 on")]
pub struct NoPepperVersion;

impl FromStr for PepperVersion {
    type Err = NoPepperVersion;

    /// One spelling per version: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, NoPepperVersion> {
        let number: u32 = text.parse().map_err(|_| NoPepperVersion)?;
        Self::new(number)
            .filter(|version| version.to_string() == text)
            .ok_or(NoPepperVersion)
    }
}

/// One version of the pepper.
#[derive(Clone, Debug)]
pub struct PepperKey {
    version: PepperVersion,
    secret: Secret<[u8; 32]>,
    for_hashes: Secret<[u8; 32]>,
}

impl PepperKey {
    fn new(version: PepperVersion, secret: [u8; 32]) -> Self {
        let secret = Secret::new(secret);
        Self {
            version,
            for_hashes: expand(secret.expose(), HASH_LABEL),
            secret,
        }
    }

    /// Which one it is.
    #[must_use]
    pub fn version(&self) -> PepperVersion {
        self.version
    }

    /// The key that goes into hashes.
    #[must_use]
    pub fn for_hashes(&self) -> &Secret<[u8; 32]> {
        &self.for_hashes
    }

    /// Tells this key from every other one, and tells nothing of it: for the database (K-03).
    #[must_use]
    pub fn check(&self) -> String {
        let check = expand(self.secret.expose(), CHECK_LABEL);
        let shown = check.expose().get(..CHECK_BYTES).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(shown)
    }
}

/// Every version that there is here, as its file holds them; with none, hashes have no pepper.
#[derive(Clone, Debug, Default)]
pub struct Pepper {
    /// Ascending.
    keys: Vec<PepperKey>,
}

/// Why a text holds no pepper. It never quotes the text.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PepperRefused {
    /// There is no line in it.
    #[error("holds no version of the pepper")]
    Empty,
    /// A line that is none; counted from 1.
    #[error(
        "line {0} is no version of the pepper: it must be a number, a space, and 43 characters of A-Z a-z 0-9 _ -"
    )]
    Line(usize),
    /// Two lines have one version.
    #[error("version {0} of the pepper is there twice")]
    Twice(PepperVersion),
    /// More versions than anybody needs.
    #[error(
        "there are more than {VERSIONS_MAX} versions of the pepper: take out those that are used no more"
    )]
    TooMany,
}

impl Pepper {
    /// Reads what [`Pepper::encode`] wrote: a line per version, such as `1 kCM…` with 43 characters
    /// of base64url. A comma ends a line too, for variables of the environment; what begins with #
    /// is a comment.
    ///
    /// # Errors
    /// [`PepperRefused`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PepperRefused> {
        let mut keys: Vec<PepperKey> = Vec::new();
        for (index, line) in text.split(['\n', ',']).enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = key(line).ok_or(PepperRefused::Line(index + 1))?;
            if keys.iter().any(|known| known.version == key.version) {
                return Err(PepperRefused::Twice(key.version));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(PepperRefused::Empty);
        }
        if keys.len() > VERSIONS_MAX {
            return Err(PepperRefused::TooMany);
        }
        keys.sort_unstable_by_key(|key| key.version);
        Ok(Self { keys })
    }

    /// All versions as text, for their file.
    #[must_use]
    pub fn encode(&self) -> Secret<String> {
        let mut text = String::with_capacity(self.keys.len() * 64);
        for key in &self.keys {
            let secret = Secret::new(URL_SAFE_NO_PAD.encode(key.secret.expose()));
            text.push_str(&key.version.to_string());
            text.push(' ');
            text.push_str(secret.expose());
            text.push('\n');
        }
        Secret::new(text)
    }

    /// These versions, and a new one.
    ///
    /// # Errors
    /// [`PepperRefused`] when the version is there already, or there would be too many.
    pub fn with_new(
        &self,
        version: PepperVersion,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, PepperRefused> {
        if self.find(version).is_some() {
            return Err(PepperRefused::Twice(version));
        }
        if self.keys.len() >= VERSIONS_MAX {
            return Err(PepperRefused::TooMany);
        }
        let mut keys = self.keys.clone();
        keys.push(PepperKey::new(version, random_array(entropy)));
        keys.sort_unstable_by_key(|key| key.version);
        Ok(Self { keys })
    }

    /// The first version of a new deployment.
    pub fn random(entropy: &mut dyn Entropy) -> Self {
        let first = PepperKey::new(PepperVersion::FIRST, random_array(entropy));
        Self { keys: vec![first] }
    }

    /// The key of a version.
    #[must_use]
    pub fn find(&self, version: PepperVersion) -> Option<&PepperKey> {
        self.keys.iter().find(|key| key.version == version)
    }

    /// All keys, the oldest first.
    #[must_use]
    pub fn keys(&self) -> &[PepperKey] {
        &self.keys
    }

    /// The key with the highest version.
    #[must_use]
    pub fn newest(&self) -> Option<&PepperKey> {
        self.keys.last()
    }
}

impl From<PepperKey> for Pepper {
    /// One version alone.
    fn from(key: PepperKey) -> Self {
        Self { keys: vec![key] }
    }
}

fn key(line: &str) -> Option<PepperKey> {
    let (version, secret) = line.split_once(char::is_whitespace)?;
    let secret = Secret::new(URL_SAFE_NO_PAD.decode(secret.trim_start()).ok()?);
    let bytes = secret.expose().as_slice().try_into().ok()?;
    Some(PepperKey::new(version.parse().ok()?, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemEntropy;

    /// 43 characters.
    const A: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const B: &str = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA";

    fn version(number: u32) -> PepperVersion {
        PepperVersion::new(number).unwrap()
    }

    #[test]
    fn a_pepper_survives_its_file() {
        let first = Pepper::random(&mut SystemEntropy);
        let both = first.with_new(version(2), &mut SystemEntropy).unwrap();
        let back = Pepper::parse(both.encode().expose()).unwrap();
        assert_eq!(back.encode().expose(), both.encode().expose());
        assert_eq!(back.newest().unwrap().version(), version(2));
        let kept = back.find(PepperVersion::FIRST).unwrap();
        let made = first.newest().unwrap();
        assert_eq!(kept.for_hashes().expose(), made.for_hashes().expose());
        assert_eq!(kept.check(), made.check());
        assert_eq!(
            both.with_new(version(2), &mut SystemEntropy).unwrap_err(),
            PepperRefused::Twice(version(2))
        );
    }

    #[test]
    fn lines_may_be_in_any_order_and_commas_end_them_too() {
        for text in [
            format!("10 {B}\n# the old one\n\n  9\t{A} \r\n"),
            format!("9 {A},10 {B}"),
        ] {
            let pepper = Pepper::parse(&text).unwrap();
            let versions: Vec<u32> = pepper.keys().iter().map(|k| k.version().number()).collect();
            assert_eq!(versions, [9, 10], "by number, not by letter");
        }
    }

    #[test]
    fn what_is_no_pepper_is_said_with_its_line_and_never_quoted() {
        for (text, why) in [
            (String::new(), PepperRefused::Empty),
            ("# nothing\n".to_owned(), PepperRefused::Empty),
            (A.to_owned(), PepperRefused::Line(1)),
            (format!("1 {A}\n0 {B}"), PepperRefused::Line(2)),
            (format!("01 {A}"), PepperRefused::Line(1)),
            (format!("+1 {A}"), PepperRefused::Line(1)),
            (format!("1 {A}A"), PepperRefused::Line(1)),
            (format!("1 {} {A}", &A[1..]), PepperRefused::Line(1)),
            (format!("4294967296 {A}"), PepperRefused::Line(1)),
            (format!("1 {A}\n1 {B}"), PepperRefused::Twice(version(1))),
        ] {
            let refused = Pepper::parse(&text).unwrap_err();
            assert_eq!(refused, why, "{text}");
            assert!(!refused.to_string().contains("AAA"), "{refused}");
        }
        let many = (1..=33).fold(String::new(), |text, n| text + &format!("{n} {A}\n"));
        assert_eq!(Pepper::parse(&many).unwrap_err(), PepperRefused::TooMany);
    }

    /// T-K3, K-01: what the database knows of a version is not what goes into hashes, and no two
    /// versions share either.
    #[test]
    fn a_check_value_is_another_key_than_the_one_of_hashes() {
        let pepper = Pepper::parse(&format!("1 {A}\n2 {B}")).unwrap();
        let [one, two] = pepper.keys() else {
            panic!("two versions")
        };
        assert_ne!(one.check(), two.check());
        assert_ne!(one.for_hashes().expose(), two.for_hashes().expose());
        let in_hashes = URL_SAFE_NO_PAD.encode(one.for_hashes().expose());
        assert!(!in_hashes.starts_with(&one.check()));
        assert_ne!(one.for_hashes().expose(), &[0; 32], "never the bare key");
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        let pepper = Pepper::parse(&format!("1 {B}")).unwrap();
        let shown = format!("{pepper:?}");
        assert!(!shown.contains("BBB") && !shown.contains('4'), "{shown}");
    }
}
