//! Reads users from a file, one at a time: a file may be larger than the memory.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Format;
use super::record::{COLUMNS, NO_PLAIN_TEXT, PLAIN_TEXT, Record};
use crate::failure::reason;

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: usize = 65_536;
/// Read from the file at once.
const BUFFER_BYTES: usize = 1 << 16;

/// Most that one user of a CSV may take, in bytes, read-ahead included. A quote that is not closed
/// would take the rest of the file into memory.
const RECORD_BYTES_MAX: u64 = 1 << 20;

/// Counts what is read of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    bytes: Arc<AtomicU64>,
    /// Up to here the file may be read for now.
    until: Arc<AtomicU64>,
}

impl Meter {
    /// How much was read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    fn allow(&self, more: u64) {
        self.until
            .store(self.bytes().saturating_add(more), Ordering::Relaxed);
    }

    /// The file, metered.
    fn wrap(&self, file: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        Box::new(Metered {
            file,
            meter: self.clone(),
        })
    }
}

struct Metered {
    file: Box<dyn Read + Send>,
    meter: Meter,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.meter.bytes() > self.meter.until.load(Ordering::Relaxed) {
            return Err(io::Error::other(
                "one user is longer than 1 MiB: is a quote not closed?",
            ));
        }
        let read = self.file.read(buffer)?;
        self.meter.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A line's number in the file, and the user in it or what is wrong with it.
pub(super) type Line = (u64, Result<Record, String>);

/// The users of a file.
pub(super) enum Reader {
    Csv(CsvReader),
    Jsonl(JsonlReader),
}

impl Reader {
    /// Begins to read. The columns of a CSV are read at once.
    ///
    /// # Errors
    /// A sentence, when the columns cannot be used.
    pub(super) fn open(
        file: Box<dyn Read + Send>,
        format: Format,
        meter: &Meter,
    ) -> Result<Self, String> {
        let file = meter.wrap(file);
        match format {
            Format::Csv => CsvReader::open(file, meter.clone()).map(Self::Csv),
            Format::Jsonl => Ok(Self::Jsonl(JsonlReader {
                file: BufReader::with_capacity(BUFFER_BYTES, file),
                line: 0,
                meter: meter.clone(),
            })),
        }
    }

    /// The next user; `None` at the end.
    ///
    /// # Errors
    /// A sentence, when the file cannot be read on.
    pub(super) fn next(&mut self) -> Result<Option<Line>, String> {
        match self {
            Self::Csv(reader) => reader.next(),
            Self::Jsonl(reader) => reader.next(),
        }
    }
}

/// Comma-separated values (RFC 4180) with a header.
pub(super) struct CsvReader {
    file: csv::Reader<Box<dyn Read + Send>>,
    columns: Vec<&'static str>,
    row: csv::StringRecord,
    meter: Meter,
}

impl CsvReader {
    fn open(file: Box<dyn Read + Send>, meter: Meter) -> Result<Self, String> {
        meter.allow(RECORD_BYTES_MAX);
        let mut file = csv::ReaderBuilder::new()
            .buffer_capacity(BUFFER_BYTES)
            .flexible(true)
            .from_reader(file);
        let header = file
            .headers()
            .map_err(|error| format!("the first line cannot be read: {}", unreadable(&error)))?;
        let columns = columns(header)?;
        Ok(Self {
            file,
            columns,
            row: csv::StringRecord::new(),
            meter,
        })
    }

    fn next(&mut self) -> Result<Option<Line>, String> {
        self.meter.allow(RECORD_BYTES_MAX);
        let begins = self.file.position().line();
        match self.file.read_record(&mut self.row) {
            Ok(false) => Ok(None),
            Ok(true) => {
                let line = self.row.position().map_or(begins, csv::Position::line);
                Ok(Some((line, self.record())))
            }
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { pos, .. } => {
                    let line = pos.as_ref().map_or(begins, csv::Position::line);
                    Ok(Some((
                        line,
                        Err("is no UTF-8: save the file as UTF-8".to_owned()),
                    )))
                }
                _ => Err(format!(
                    "line {begins} cannot be read: {}",
                    unreadable(&error)
                )),
            },
        }
    }

    fn record(&self) -> Result<Record, String> {
        if self.row.len() != self.columns.len() {
            return Err(format!(
                "has {} cells where the first line has {}: put cells that hold commas or line breaks in quotes",
                self.row.len(),
                self.columns.len()
            ));
        }
        let mut record = Record::default();
        for (column, cell) in self.columns.iter().zip(self.row.iter()) {
            record.set(column, cell)?;
        }
        Ok(record)
    }
}

fn columns(header: &csv::StringRecord) -> Result<Vec<&'static str>, String> {
    let mut columns = Vec::new();
    let mut seen = BTreeSet::new();
    for named in header {
        let named = named.trim_start_matches('\u{feff}').trim();
        if PLAIN_TEXT.contains(&named) {
            return Err(format!("the column {named}: {NO_PLAIN_TEXT}"));
        }
        let known = COLUMNS.iter().find(|column| **column == named);
        let column = known.ok_or_else(|| {
            format!(
                "there is no column {named:?}: rename it or leave it out; the columns are {}",
                COLUMNS.join(", ")
            )
        })?;
        if !seen.insert(column) {
            return Err(format!("the column {column} is there twice: leave one out"));
        }
        columns.push(*column);
    }
    if !seen.contains(&"login") && !seen.contains(&"email") {
        return Err("neither login nor email is among the columns of the first line".to_owned());
    }
    Ok(columns)
}

fn unreadable(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => reason(error),
        csv::ErrorKind::Utf8 { .. } => "it is no UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

/// One JSON object per line.
pub(super) struct JsonlReader {
    file: BufReader<Box<dyn Read + Send>>,
    line: u64,
    meter: Meter,
}

impl JsonlReader {
    fn next(&mut self) -> Result<Option<Line>, String> {
        loop {
            self.meter.allow(u64::MAX);
            let mut bytes = Vec::new();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let read = self.file.by_ref().take(limit).read_until(b'\n', &mut bytes);
            read.map_err(|error| self.broken(&error))?;
            if bytes.is_empty() {
                return Ok(None);
            }
            self.line += 1;
            if bytes.len() > LINE_BYTES_MAX {
                if !bytes.ends_with(b"\n") {
                    self.file
                        .skip_until(b'\n')
                        .map_err(|error| self.broken(&error))?;
                }
                let said = format!("is longer than {LINE_BYTES_MAX} bytes");
                return Ok(Some((self.line, Err(said))));
            }
            let line = bytes.trim_ascii();
            if !line.is_empty() {
                return Ok(Some((self.line, object(line))));
            }
        }
    }

    fn broken(&self, error: &io::Error) -> String {
        format!(
            "after line {} the file cannot be read: {}",
            self.line,
            reason(error)
        )
    }
}

fn object(line: &[u8]) -> Result<Record, String> {
    serde_json::from_slice(line).map_err(|error| {
        let said = error.to_string();
        let plain = PLAIN_TEXT
            .iter()
            .any(|name| said.starts_with(&format!("unknown field `{name}`")));
        if plain {
            return NO_PLAIN_TEXT.to_owned();
        }
        // The message quotes names of members and types, and no value: a value may be a hash.
        let said = said.split(" at line ").next().unwrap_or_default();
        if said.starts_with("invalid type") || said.starts_with("invalid value") {
            "a value has the wrong type: all values are text, password_nfc is true or false"
                .to_owned()
        } else {
            format!("is no user as JSON: {said}")
        }
    })
}
