//! Writes a backup.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use regain_types::KeyRing;
use sha2::{Digest as _, Sha256};

use super::{End, Head, Line, Record};

/// A backup that is being written.
pub(crate) struct Writer {
    file: GzEncoder<BufWriter<File>>,
    digest: Sha256,
    records: u64,
}

impl Writer {
    /// Begins a new file, which only its owner can read.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::AlreadyExists`] when there is such a file.
    pub(crate) fn create(path: &Path, head: Head) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let mut writer = Self {
            file: GzEncoder::new(BufWriter::new(file), Compression::fast()),
            digest: Sha256::new(),
            records: 0,
        };
        writer.line(&Line::Head(head))?;
        Ok(writer)
    }

    /// Writes one record.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn write(&mut self, record: Record) -> io::Result<()> {
        self.records += 1;
        self.line(&Line::Record(Box::new(record)))
    }

    /// Ends the file and waits until it is on the disk.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn end(mut self, keys: &KeyRing) -> io::Result<u64> {
        let digest = self.digest.clone().finalize();
        self.line(&Line::End(End::new(self.records, &digest, keys)))?;
        let file = self
            .file
            .finish()?
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(self.records)
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        self.file.write_all(&bytes)
    }
}
