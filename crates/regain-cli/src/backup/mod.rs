//! A backup: one stream of JSON lines, compressed, that no store's form shows in. So it is also the
//! way from SQLite to PostgreSQL and back.
//!
//! The first line is the [`Head`], the last the [`End`], and between them are the records. The end
//! carries a MAC under the master key over all that comes before: a file that is cut, damaged or
//! written by somebody else is refused before anything is written.
//!
//! What lives for minutes is not in it: flows, codes, sessions and grants, mails, limits. So nothing
//! of that comes back to life with a restore.

mod reading;
mod records;
mod writing;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_types::{KeyRing, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use reading::Reader;
pub(crate) use records::Record;
pub(crate) use writing::Writer;

/// The version of the form that this program writes and reads.
pub(crate) const VERSION: u32 = 1;
/// Longest line, in bytes.
const LINE_BYTES_MAX: u64 = 1 << 22;

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// The version of the form.
    pub(crate) regain_backup: u32,
    /// The program that wrote it.
    pub(crate) written_by: String,
    /// The org.
    pub(crate) org: String,
    /// The store's time at the beginning.
    pub(crate) begun_at: Timestamp,
    /// Shows whether a master key is the one of this deployment (K-03).
    key_check: String,
}

impl Head {
    /// A new one.
    pub(crate) fn new(org: &str, begun_at: Timestamp, keys: &KeyRing) -> Self {
        Self {
            regain_backup: VERSION,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            org: org.to_owned(),
            begun_at,
            key_check: URL_SAFE_NO_PAD
                .encode(keys.backup.mac(&key_check_of(org, begun_at).parts())),
        }
    }

    /// Whether it was written with this master key.
    pub(crate) fn is_of(&self, keys: &KeyRing) -> bool {
        URL_SAFE_NO_PAD.decode(&self.key_check).is_ok_and(|tag| {
            let checked = key_check_of(&self.org, self.begun_at);
            keys.backup.verify(&checked.parts(), &tag)
        })
    }
}

struct KeyCheck<'a>(&'a str, [u8; 8]);

fn key_check_of(org: &str, begun_at: Timestamp) -> KeyCheck<'_> {
    KeyCheck(org, begun_at.as_millis().to_be_bytes())
}

impl KeyCheck<'_> {
    fn parts(&self) -> [&[u8]; 3] {
        [b"key check", self.0.as_bytes(), &self.1]
    }
}

/// The last line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    /// How many records there are.
    records: u64,
    /// The MAC under the master key over the SHA-256 of all lines before.
    mac: String,
}

impl End {
    fn new(records: u64, digest: &[u8], keys: &KeyRing) -> Self {
        Self {
            records,
            mac: URL_SAFE_NO_PAD.encode(keys.backup.mac(&end_of(records, digest).parts())),
        }
    }

    fn is_of(&self, records: u64, digest: &[u8], keys: &KeyRing) -> bool {
        self.records == records
            && URL_SAFE_NO_PAD
                .decode(&self.mac)
                .is_ok_and(|tag| keys.backup.verify(&end_of(records, digest).parts(), &tag))
    }
}

struct EndOf<'a>([u8; 8], &'a [u8]);

fn end_of(records: u64, digest: &[u8]) -> EndOf<'_> {
    EndOf(records.to_be_bytes(), digest)
}

impl EndOf<'_> {
    fn parts(&self) -> [&[u8]; 3] {
        [b"end", &self.0, self.1]
    }
}

/// One line of the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Head(Head),
    Record(Box<Record>),
    End(End),
}
