//! What is wrong with a configuration: every problem at once, each in one line.

use std::fmt;
use std::ops::RangeInclusive;

use crate::failure::one_line;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where the value came from: a file, a variable, an option.
    pub(crate) origin: String,
    /// `password.min_length`; empty when the whole file is meant.
    pub(crate) key: String,
    /// What is wrong with it, as the rest of a sentence that begins with the key.
    pub(crate) message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            origin,
            key,
            message,
        } = self;
        let message = one_line(message);
        if key.is_empty() {
            write!(f, "{origin}: {message}")
        } else {
            write!(f, "{origin}: {key} {message}")
        }
    }
}

/// Collects problems while values are checked.
pub(crate) struct Problems<'a> {
    found: Vec<Problem>,
    origin: &'a dyn Fn(&str) -> String,
}

impl fmt::Debug for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problems")
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

impl<'a> Problems<'a> {
    /// Begins with those found while reading; `origin` says where a key's value came from.
    pub(crate) fn new(found: Vec<Problem>, origin: &'a dyn Fn(&str) -> String) -> Self {
        Self { found, origin }
    }

    /// Adds a problem, unless the key has one already: one mistake, one line.
    pub(crate) fn add(&mut self, key: &str, message: impl Into<String>) {
        if self.found.iter().all(|known| known.key != key) {
            let origin = (self.origin)(key);
            self.found.push(Problem {
                origin,
                key: key.to_owned(),
                message: message.into(),
            });
        }
    }

    /// The value if it lies within the bounds of security.md §3; otherwise a problem, and the
    /// nearest bound.
    pub(crate) fn within<T: TryFrom<i64>>(
        &mut self,
        key: &str,
        value: i64,
        bounds: RangeInclusive<i64>,
    ) -> Option<T> {
        if !bounds.contains(&value) {
            let (low, high) = (bounds.start(), bounds.end());
            self.add(key, format!("must be {low} to {high}, not {value}"));
            return None;
        }
        T::try_from(value).ok()
    }

    /// The problems, in the order in which they were found.
    pub(crate) fn into_found(self) -> Vec<Problem> {
        self.found
    }
}
