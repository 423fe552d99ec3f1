//! Changes that watchers have not been told of yet. A presentity with very many watchers is told of in parts, between which the node does
//! what else there is to do: an answer to somebody else does not wait for ten thousand NOTIFYs.

use crate::watch::WatchId;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// Watches that are looked at in one part. Those of nearly every presentity are looked at in the turn of the change itself.
pub(crate) const PART: usize = 64;

/// Presentities that changed, each with its watches that have not been looked at since, in turn.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    waiting: VecDeque<(Arc<str>, Vec<WatchId>)>,
}

impl Changes {
    /// Something changed about a presentity: these watches are to be looked at, also those that were looked at for an earlier
    /// change a moment ago. Those that were not come first, or a presentity that changes again and again would never come to its last
    /// watchers.
    pub(crate) fn add(&mut self, presentity: &Arc<str>, mut watches: Vec<WatchId>) {
        // The next one is taken from the end.
        watches.reverse();
        match self.waiting.iter_mut().find(|(own, _)| own == presentity) {
            Some((_, left)) => {
                let first: HashSet<WatchId> = left.iter().copied().collect();
                watches.retain(|own| !first.contains(own));
                watches.append(left);
                *left = watches;
            }
            None => self.waiting.push_back((Arc::clone(presentity), watches)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next part: of the presentity that has waited longest. What is left of it waits behind the others.
    pub(crate) fn next(&mut self) -> Option<(Arc<str>, Vec<WatchId>)> {
        let (presentity, left) = self.waiting.pop_front()?;
        Some((Arc::clone(&presentity), self.part_of(presentity, left)))
    }

    /// The first part of this presentity, whoever else waits.
    pub(crate) fn first_of(&mut self, presentity: &Arc<str>) -> Vec<WatchId> {
        let at = self.waiting.iter().position(|(own, _)| own == presentity);
        match at.and_then(|at| self.waiting.remove(at)) {
            Some((presentity, left)) => self.part_of(presentity, left),
            None => Vec::new(),
        }
    }

    fn part_of(&mut self, presentity: Arc<str>, mut left: Vec<WatchId>) -> Vec<WatchId> {
        let mut part = left.split_off(left.len().saturating_sub(PART));
        part.reverse();
        if !left.is_empty() {
            self.waiting.push_back((presentity, left));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: u64) -> Vec<WatchId> {
        (0..count).map(WatchId).collect()
    }

    #[test]
    fn presentities_take_turns_and_watches_keep_their_order() {
        let (large, small): (Arc<str>, Arc<str>) = ("large".into(), "small".into());
        let mut changes = Changes::default();
        changes.add(&large, many(200));
        assert_eq!(changes.first_of(&large), many(64));
        changes.add(&small, many(65));
        let mut order = Vec::new();
        while let Some((presentity, part)) = changes.next() {
            order.push((presentity.to_string(), part.first().copied(), part.len()));
        }
        let row = |name: &str, first, count| (name.to_owned(), Some(WatchId(first)), count);
        let expected = [
            row("large", 64, 64),
            row("small", 0, 64),
            row("large", 128, 64),
            row("small", 64, 1),
            row("large", 192, 8),
        ];
        assert_eq!((order.as_slice(), changes.is_empty()), (&expected[..], true));
    }

    #[test]
    fn another_change_is_for_everybody_and_begins_with_those_who_wait() {
        let one: Arc<str> = "one".into();
        let mut changes = Changes::default();
        changes.add(&one, many(100));
        changes.first_of(&one);
        changes.add(&one, many(100));
        let part = changes.first_of(&one);
        let waited = (64..100).chain(0..28).map(WatchId).collect::<Vec<_>>();
        assert_eq!(part, waited);
        assert_eq!(changes.next().map(|(_, part)| part.len()), Some(36));
        assert!(changes.is_empty());
        // A presentity that changes before each part comes to its last watchers all the same.
        let mut seen = HashSet::new();
        for _ in 0..4 {
            changes.add(&one, many(200));
            seen.extend(changes.first_of(&one));
        }
        assert_eq!(seen.len(), 200);
    }
}
