//! Deadlines in order, at most one a key.

use crate::Mono;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A set of keys, each with one deadline, that gives the earliest first.
///
/// Its size is that of the table whose keys it holds; that table has the bound.
#[derive(Debug, Clone)]
pub struct Deadlines<K> {
    ordered: BTreeSet<(Mono, K)>,
    by_key: HashMap<K, Mono>,
}

impl<K: Ord + Hash + Clone> Deadlines<K> {
    /// No deadline.
    #[must_use]
    pub fn new() -> Self {
        Self { ordered: BTreeSet::new(), by_key: HashMap::new() }
    }

    /// Sets the deadline of `key`, replacing an earlier one.
    pub fn set(&mut self, key: K, at: Mono) {
        if let Some(before) = self.by_key.insert(key.clone(), at) {
            self.ordered.remove(&(before, key.clone()));
        }
        self.ordered.insert((at, key));
    }

    /// Takes the deadline of `key` away, if it has one.
    pub fn cancel(&mut self, key: &K) {
        if let Some(at) = self.by_key.remove(key) {
            self.ordered.remove(&(at, key.clone()));
        }
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Mono> {
        self.ordered.first().map(|(at, _)| *at)
    }

    /// Takes one key whose deadline is `now` or earlier.
    pub fn pop_due(&mut self, now: Mono) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.ordered.pop_first()?;
        self.by_key.remove(&key);
        Some(key)
    }

    /// How many keys have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }
}

impl<K: Ord + Hash + Clone> Default for Deadlines<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    #[test]
    fn a_new_deadline_replaces_the_old_one() {
        let mut deadlines = Deadlines::new();
        deadlines.set("a", at(10));
        deadlines.set("a", at(30));
        deadlines.set("b", at(20));
        assert_eq!(deadlines.pop_due(at(19)), None);
        assert_eq!(deadlines.pop_due(at(30)), Some("b"));
        assert_eq!(deadlines.pop_due(at(30)), Some("a"));
        assert!(deadlines.is_empty());
    }

    #[test]
    fn a_cancelled_deadline_never_comes() {
        let mut deadlines = Deadlines::new();
        deadlines.set(1, at(10));
        deadlines.cancel(&1);
        assert_eq!(deadlines.next(), None);
        assert_eq!(deadlines.pop_due(at(99)), None);
    }
}
