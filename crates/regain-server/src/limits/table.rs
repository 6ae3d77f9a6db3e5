//! A map that forgets what was not asked for lately, so that no attack makes it grow.

use std::collections::HashMap;
use std::hash::Hash;

/// Holds between `half` and twice `half` of the entries that were asked for last.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    half: usize,
    recent: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K: Eq + Hash, V: Default> Table<K, V> {
    /// An empty one.
    pub(crate) fn new(half: usize) -> Self {
        Self {
            half,
            recent: HashMap::new(),
            older: HashMap::new(),
        }
    }

    /// The entry, made if it is missing.
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        if !self.recent.contains_key(&key) && self.recent.len() >= self.half {
            self.older = std::mem::take(&mut self.recent);
        }
        let older = &mut self.older;
        self.recent
            .entry(key)
            .or_insert_with_key(|key| older.remove(key).unwrap_or_default())
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.recent.len() + self.older.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_grows_beyond_its_bound_and_keeps_what_is_used() {
        let mut table: Table<u32, u32> = Table::new(100);
        for key in 0..100_000 {
            *table.entry(key) += 1;
            *table.entry(7) += 1;
            assert!(table.len() <= 200);
        }
        assert_eq!(*table.entry(7), 100_001);
        assert_eq!(*table.entry(1), 0);
    }
}
