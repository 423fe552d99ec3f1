//! Changes that watchers have not been told of yet. A resource with very many watchers is told of in parts, between which the node
//! does what else there is to do: an answer to somebody else does not wait for ten thousand NOTIFYs.

use super::watcher_dialog::WatcherDialogId;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// How many dialogs of one resource are looked at before the next resource has its turn.
const TURN: usize = 64;

/// Resources that changed, each with its dialogs that have not been looked at since.
#[derive(Debug)]
pub(crate) struct Changes<R> {
    /// The dialogs of each resource, the next one last.
    left: HashMap<R, Vec<WatcherDialogId>>,
    /// Whose turn it is: every resource of `left` once.
    turns: VecDeque<R>,
    /// How many dialogs of the first resource in `turns` have been looked at in its present turn.
    looked_at: usize,
}

impl<R: Clone + Eq + Hash> Changes<R> {
    pub(crate) fn new() -> Self {
        Self { left: HashMap::new(), turns: VecDeque::new(), looked_at: 0 }
    }

    /// A resource has changed: all its dialogs are to be looked at, also the dialogs that were looked at for an earlier change a
    /// moment ago. Dialogs that still wait because of an earlier change come first: otherwise the last dialogs of a resource that
    /// changes again and again would never have their turn.
    pub(crate) fn add(&mut self, resource: &R, dialogs: &[WatcherDialogId]) {
        if dialogs.is_empty() {
            return;
        }
        let mut dialogs: Vec<WatcherDialogId> = dialogs.iter().rev().copied().collect();
        match self.left.get_mut(resource) {
            Some(left) => {
                let first: HashSet<WatcherDialogId> = left.iter().copied().collect();
                dialogs.retain(|id| !first.contains(id));
                dialogs.append(left);
                *left = dialogs;
            }
            None => {
                self.left.insert(resource.clone(), dialogs);
                self.turns.push_back(resource.clone());
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// The next dialog to look at. Resources take turns.
    pub(crate) fn next(&mut self) -> Option<(R, WatcherDialogId)> {
        let resource = self.turns.front()?.clone();
        let left = self.left.get_mut(&resource)?;
        let next = left.pop()?;
        let is_last = left.is_empty();
        self.looked_at += 1;
        if is_last {
            self.left.remove(&resource);
        }
        if is_last || self.looked_at >= TURN {
            self.looked_at = 0;
            self.turns.pop_front();
        }
        if !is_last && self.looked_at == 0 {
            self.turns.push_back(resource.clone());
        }
        Some((resource, next))
    }

    /// A resource has another name now.
    pub(crate) fn rename(&mut self, from: &R, to: &R) {
        if let Some(dialogs) = self.left.remove(from) {
            if self.turns.front() == Some(from) {
                self.looked_at = 0;
            }
            self.turns.retain(|resource| resource != from);
            let in_order: Vec<WatcherDialogId> = dialogs.into_iter().rev().collect();
            self.add(to, &in_order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(count: u64) -> Vec<WatcherDialogId> {
        (0..count).map(WatcherDialogId).collect()
    }

    /// The next `count` at most.
    fn next(changes: &mut Changes<&'static str>, count: usize) -> Vec<(&'static str, u64)> {
        let all = std::iter::from_fn(|| changes.next());
        all.take(count).map(|(resource, WatcherDialogId(number))| (resource, number)).collect()
    }

    #[test]
    fn resources_take_turns_and_dialogs_keep_their_order() {
        let mut changes = Changes::new();
        changes.add(&"large", &many(200));
        changes.add(&"small", &many(65));
        let order = next(&mut changes, 1000);
        let turn = |name, from, to| (from..to).map(move |number| (name, number));
        let expected: Vec<(&str, u64)> = turn("large", 0, 64)
            .chain(turn("small", 0, 64))
            .chain(turn("large", 64, 128))
            .chain(turn("small", 64, 65))
            .chain(turn("large", 128, 200))
            .collect();
        assert_eq!((order, changes.is_empty()), (expected, true));
    }

    #[test]
    fn another_change_is_for_everybody_and_begins_with_those_who_wait() {
        let mut changes = Changes::new();
        changes.add(&"one", &many(100));
        next(&mut changes, 64);
        changes.add(&"one", &many(100));
        let waited: Vec<(&str, u64)> = (64..100).chain(0..28).map(|number| ("one", number)).collect();
        assert_eq!(next(&mut changes, 64), waited);
        assert_eq!(next(&mut changes, 64).len(), 36);
        assert!(changes.is_empty());
        // A resource that changes before each part comes to its last watchers all the same.
        let mut seen = HashSet::new();
        for _ in 0..4 {
            changes.add(&"one", &many(200));
            seen.extend(next(&mut changes, 64));
        }
        assert_eq!(seen.len(), 200);
    }
}
