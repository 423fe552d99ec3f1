//! Changes that watchers have not been told of yet. A resource with very many watchers is told of in parts, between which the node
//! does what else there is to do: an answer to somebody else does not wait for ten thousand NOTIFYs.

use super::watch::WatchId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Resources that changed, each with its watches that have not been looked at since.
#[derive(Debug)]
pub(crate) struct Changes<R> {
    /// The watches of each resource, the next one last.
    left: HashMap<R, Vec<WatchId>>,
    /// Whose turn it is: every resource of `left` once.
    turns: VecDeque<R>,
}

impl<R: Clone + Eq + Hash> Changes<R> {
    pub(crate) fn new() -> Self {
        Self { left: HashMap::new(), turns: VecDeque::new() }
    }

    /// Something changed about a resource: these watches are to be looked at, also those that were looked at for an earlier
    /// change a moment ago. Those that were not come first, or a resource that changes again and again would never come to its
    /// last watchers.
    pub(crate) fn add(&mut self, resource: &R, watches: &[WatchId]) {
        if watches.is_empty() {
            return;
        }
        let mut watches: Vec<WatchId> = watches.iter().rev().copied().collect();
        match self.left.get_mut(resource) {
            Some(left) => {
                let first: HashSet<WatchId> = left.iter().copied().collect();
                watches.retain(|own| !first.contains(own));
                watches.append(left);
                *left = watches;
            }
            None => {
                self.left.insert(resource.clone(), watches);
                self.turns.push_back(resource.clone());
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The next watches, `room` at most: of the resource that has waited longest. What is left of it waits behind the others.
    pub(crate) fn next(&mut self, room: usize) -> Option<(R, Vec<WatchId>)> {
        let resource = self.turns.pop_front()?;
        let mut left = self.left.remove(&resource)?;
        let mut part = left.split_off(left.len().saturating_sub(room));
        part.reverse();
        if !left.is_empty() {
            self.left.insert(resource.clone(), left);
            self.turns.push_back(resource.clone());
        }
        Some((resource, part))
    }

    /// A resource has another name now.
    pub(crate) fn rename(&mut self, from: &R, to: &R) {
        if let Some(watches) = self.left.remove(from) {
            self.turns.retain(|own| own != from);
            let in_order: Vec<WatchId> = watches.into_iter().rev().collect();
            self.add(to, &in_order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: u64) -> Vec<WatchId> {
        (0..count).map(WatchId).collect()
    }

    #[test]
    fn resources_take_turns_and_watches_keep_their_order() {
        let mut changes = Changes::new();
        changes.add(&"large", &many(200));
        changes.add(&"small", &many(65));
        let mut order = Vec::new();
        while let Some((resource, part)) = changes.next(64) {
            order.push((resource, part.first().copied(), part.len()));
        }
        let row = |name, first, count| (name, Some(WatchId(first)), count);
        let expected = [
            row("large", 0, 64),
            row("small", 0, 64),
            row("large", 64, 64),
            row("small", 64, 1),
            row("large", 128, 64),
            row("large", 192, 8),
        ];
        assert_eq!((order.as_slice(), changes.is_empty()), (&expected[..], true));
    }

    #[test]
    fn another_change_is_for_everybody_and_begins_with_those_who_wait() {
        let mut changes = Changes::new();
        changes.add(&"one", &many(100));
        changes.next(64);
        changes.add(&"one", &many(100));
        let waited = (64..100).chain(0..28).map(WatchId).collect::<Vec<_>>();
        assert_eq!(changes.next(64), Some(("one", waited)));
        assert_eq!(changes.next(64).map(|(_, part)| part.len()), Some(36));
        assert!(changes.is_empty());
        // A resource that changes before each part comes to its last watchers all the same.
        let mut seen = HashSet::new();
        for _ in 0..4 {
            changes.add(&"one", &many(200));
            seen.extend(changes.next(64).unwrap().1);
        }
        assert_eq!(seen.len(), 200);
    }
}
