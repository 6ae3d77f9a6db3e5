//! Reading rows. What makes no sense is [`StoreError::Corrupt`] and names the row; nothing is
//! guessed and nothing has a default.

use regain_store::StoreError;
use regain_types::{IdError, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::error::Fault;

/// The columns of one row, read from left to right in the order of the `SELECT`.
pub(crate) struct Cells<'r> {
    row: &'r Row,
    table: &'static str,
    id: String,
    next: usize,
}

impl<'r> Cells<'r> {
    /// Starts at column `first`. `id` names the row in errors.
    pub(crate) fn new(
        row: &'r Row,
        table: &'static str,
        id: impl Into<String>,
        first: usize,
    ) -> Self {
        Self {
            row,
            table,
            id: id.into(),
            next: first,
        }
    }

    /// Says that `column` makes no sense.
    pub(crate) fn corrupt(&self, column: &'static str) -> Fault {
        Fault::Store(StoreError::Corrupt {
            table: self.table,
            column,
            id: self.id.clone(),
        })
    }

    /// The next column as it is: text, number, flag, or one of them that may be missing.
    pub(crate) fn plain<T: FromSql<'r>>(&mut self, column: &'static str) -> Result<T, Fault> {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|_| self.corrupt(column))
    }

    /// The next column as a count that fits a smaller type than the column.
    pub(crate) fn count<T: TryFrom<i64>>(&mut self, column: &'static str) -> Result<T, Fault> {
        let number: i64 = self.plain(column)?;
        T::try_from(number).map_err(|_| self.corrupt(column))
    }

    /// The next column as a point in time.
    pub(crate) fn time(&mut self, column: &'static str) -> Result<Timestamp, Fault> {
        self.plain(column).map(Timestamp::from_millis)
    }

    /// The next column as a point in time that may be missing.
    pub(crate) fn time_if_any(&mut self, column: &'static str) -> Result<Option<Timestamp>, Fault> {
        let millis: Option<i64> = self.plain(column)?;
        Ok(millis.map(Timestamp::from_millis))
    }

    /// The next column as an id.
    pub(crate) fn id<T>(
        &mut self,
        column: &'static str,
        parse: fn(String) -> Result<T, IdError>,
    ) -> Result<T, Fault> {
        parse(self.plain(column)?).map_err(|_| self.corrupt(column))
    }

    /// The next column as an id that may be missing.
    pub(crate) fn id_if_any<T>(
        &mut self,
        column: &'static str,
        parse: fn(String) -> Result<T, IdError>,
    ) -> Result<Option<T>, Fault> {
        let text: Option<String> = self.plain(column)?;
        text.map(parse)
            .transpose()
            .map_err(|_| self.corrupt(column))
    }

    /// The next column as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&mut self, column: &'static str) -> Result<T, Fault> {
        let text: &str = self.plain(column)?;
        serde_json::from_str(text).map_err(|_| self.corrupt(column))
    }
}

/// A value as JSON text for its column.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::unwritable(&error))
}

/// A limit as the database takes it.
pub(crate) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Whether a statement changed the one row that it had to change.
pub(crate) fn exactly_one(rows: &[Row]) -> Result<(), Fault> {
    if rows.len() == 1 {
        Ok(())
    } else {
        Err(Fault::CONFLICT)
    }
}
