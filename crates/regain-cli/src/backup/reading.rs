//! Reads a backup, and refuses one that is not whole.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;

use flate2::bufread::GzDecoder;
use regain_types::KeyRing;
use sha2::{Digest as _, Sha256};

use super::{End, Head, LINE_BYTES_MAX, Line, Record, VERSION};
use crate::failure::reason;

const CUT: &str =
    "is not whole: it was cut off or its writing was interrupted; take another backup";
const DAMAGED: &str = "is damaged, or was changed after it was written; take another backup";

/// A backup that is being read.
pub(crate) struct Reader {
    lines: BufReader<GzDecoder<BufReader<File>>>,
    digest: Sha256,
    head: Head,
    records: u64,
}

impl Reader {
    /// Opens a file and reads its head.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the file's name.
    pub(crate) fn open(path: &Path, keys: &KeyRing) -> Result<Self, String> {
        let file = File::open(path).map_err(|error| unreadable(&error))?;
        let mut lines = BufReader::new(GzDecoder::new(BufReader::new(file)));
        let mut digest = Sha256::new();
        let first = line(&mut lines, &mut digest).map_err(|_| NO_BACKUP.to_owned())?;
        let Some((Line::Head(head), _)) = first else {
            return Err(NO_BACKUP.to_owned());
        };
        if head.regain_backup != VERSION {
            return Err(format!(
                "has version {} of the form, and this program reads {VERSION}: take the program that wrote it ({})",
                head.regain_backup, head.written_by
            ));
        }
        if !head.is_of(keys) {
            return Err(
                "was written with another master key: put that deployment's master.key in the place of this one's, the passwords and keys in the backup are worth nothing without it"
                    .to_owned(),
            );
        }
        Ok(Self {
            lines,
            digest,
            head,
            records: 0,
        })
    }

    /// The head.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// The next record; `None` after the last one, when the file is whole and as it was written.
    ///
    /// # Errors
    /// The rest of a sentence that begins with the file's name.
    pub(crate) fn next(&mut self, keys: &KeyRing) -> Result<Option<Record>, String> {
        match line(&mut self.lines, &mut self.digest)? {
            Some((Line::Record(record), _)) => {
                self.records += 1;
                Ok(Some(*record))
            }
            Some((Line::End(end), digest)) => self.ends(&end, &digest, keys).map(|()| None),
            Some((Line::Head(_), _)) => Err(DAMAGED.to_owned()),
            None => Err(CUT.to_owned()),
        }
    }

    fn ends(&mut self, end: &End, digest: &[u8], keys: &KeyRing) -> Result<(), String> {
        let mut more = [0];
        // The checksum of the compression is behind the last line.
        let follows = self.lines.read(&mut more).map_err(|error| broken(&error))?;
        if follows == 0 && end.is_of(self.records, digest, keys) {
            Ok(())
        } else {
            Err(DAMAGED.to_owned())
        }
    }
}

const NO_BACKUP: &str = "is no backup of Regain";

/// A line, and the digest of all lines before it.
fn line(
    lines: &mut BufReader<GzDecoder<BufReader<File>>>,
    digest: &mut Sha256,
) -> Result<Option<(Line, Vec<u8>)>, String> {
    let mut bytes = Vec::new();
    let read = lines
        .by_ref()
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', &mut bytes);
    read.map_err(|error| broken(&error))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !bytes.ends_with(b"\n") {
        return Err(CUT.to_owned());
    }
    let before = digest.clone().finalize().to_vec();
    digest.update(&bytes);
    serde_json::from_slice(&bytes)
        .map(|line| Some((line, before)))
        .map_err(|_| DAMAGED.to_owned())
}

fn broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CUT.to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DAMAGED.to_owned(),
        _ => unreadable(error),
    }
}

fn unreadable(error: &io::Error) -> String {
    format!("cannot be read: {}", reason(error))
}
