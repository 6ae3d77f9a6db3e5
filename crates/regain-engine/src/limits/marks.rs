//! Points in time that something happened at, as many as a window needs.

use regain_types::Timestamp;
use serde::{Deserialize, Serialize};

/// Points in time, oldest first. One counts for as long as it is younger than the window that is
/// asked about, to the millisecond.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(Vec<Timestamp>);

impl Marks {
    /// How many are younger than `seconds`.
    #[must_use]
    pub fn within(&self, seconds: i64, now: Timestamp) -> u32 {
        let young = self.young(seconds, now).count();
        u32::try_from(young).unwrap_or(u32::MAX)
    }

    /// `None` when fewer than `limit` are younger than `seconds`; else the moment from which on
    /// there is room for one more.
    #[must_use]
    pub fn room_at(&self, limit: u32, seconds: i64, now: Timestamp) -> Option<Timestamp> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let young: Vec<Timestamp> = self.young(seconds, now).collect();
        let over = young.len().checked_sub(limit)?;
        match young.get(over) {
            Some(leaves) => Some(leaves.plus_seconds(seconds)),
            // Nothing at all is allowed.
            None => Some(now.plus_seconds(seconds)),
        }
    }

    /// When the first of those that are younger than `seconds` will not be any more.
    #[must_use]
    pub fn first_leaves(&self, seconds: i64, now: Timestamp) -> Option<Timestamp> {
        let leaves = self.young(seconds, now).min()?;
        Some(leaves.plus_seconds(seconds))
    }

    /// Adds one, and forgets what is older than `seconds` or more than `most`.
    pub fn add(&mut self, now: Timestamp, seconds: i64, most: u32) {
        self.0.retain(|mark| now < mark.plus_seconds(seconds));
        self.0.push(now);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let surplus = self.0.len().saturating_sub(most);
        self.0.drain(..surplus);
    }

    /// From when on none is younger than `seconds`.
    #[must_use]
    pub fn end(&self, seconds: i64) -> Option<Timestamp> {
        self.0.iter().max().map(|mark| mark.plus_seconds(seconds))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn young(&self, seconds: i64, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let marks = self.0.iter().copied();
        marks.filter(move |mark| now < mark.plus_seconds(seconds))
    }
}
