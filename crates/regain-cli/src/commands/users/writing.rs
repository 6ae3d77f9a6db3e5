//! Writes users to a file.

use std::io::{self, Write};

use super::Format;
use super::record::{COLUMNS, PASSWORD_COLUMNS_FROM, Record};

/// A file that takes users.
pub(super) enum Writer<W: Write> {
    Csv(Box<csv::Writer<W>>, &'static [&'static str]),
    Jsonl(W),
}

impl<W: Write> Writer<W> {
    /// Begins the file; a CSV with its header.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn begin(file: W, format: Format, with_hashes: bool) -> io::Result<Self> {
        match format {
            Format::Jsonl => Ok(Self::Jsonl(file)),
            Format::Csv => {
                let all = COLUMNS.as_slice();
                let plain = all.get(..PASSWORD_COLUMNS_FROM).unwrap_or_default();
                let columns = if with_hashes { all } else { plain };
                let mut file = csv::Writer::from_writer(file);
                file.write_record(columns)?;
                Ok(Self::Csv(Box::new(file), columns))
            }
        }
    }

    /// Writes one user.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn write(&mut self, record: &Record) -> io::Result<()> {
        match self {
            Self::Csv(file, columns) => {
                file.write_record(columns.iter().map(|column| record.cell(column)))?;
                Ok(())
            }
            Self::Jsonl(file) => {
                serde_json::to_writer(&mut *file, record)?;
                file.write_all(b"\n")
            }
        }
    }

    /// Writes what is buffered, and gives the file back.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn end(self) -> io::Result<W> {
        match self {
            Self::Csv(file, _) => file
                .into_inner()
                .map_err(|error| io::Error::other(error.error().to_string())),
            Self::Jsonl(mut file) => file.flush().map(|()| file),
        }
    }
}
