//! Deadlines in order, at most one a key.

use crate::Mono;
use crate::room::room_after_burst;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::Hash;

/// A set of keys, each with one deadline, that gives the earliest first; of equal ones the smaller key.
///
/// Its size is that of the table whose keys it holds; that table has the bound. A deadline that was replaced or
/// cancelled stays in the heap until it comes up or until half of the heap is of that kind, which is cheaper than to
/// look for it at once: nearly every deadline is cancelled.
#[derive(Debug, Clone)]
pub struct Deadlines<K> {
    /// The first one is never stale.
    heap: BinaryHeap<Reverse<(Mono, K)>>,
    by_key: HashMap<K, Mono, foldhash::fast::RandomState>,
}

/// Stale entries that are not worth clearing away.
const FEW: usize = 32;

impl<K: Ord + Hash + Clone> Deadlines<K> {
    /// No deadline.
    #[must_use]
    pub fn new() -> Self {
        Self { heap: BinaryHeap::new(), by_key: HashMap::default() }
    }

    /// Sets the deadline of `key`, replacing an earlier one.
    pub fn set(&mut self, key: K, at: Mono) {
        let before = self.by_key.insert(key.clone(), at);
        if before == Some(at) {
            return;
        }
        self.heap.push(Reverse((at, key)));
        if before.is_some() {
            self.clear_stale();
        }
    }

    /// Takes the deadline of `key` away, if it has one.
    pub fn cancel(&mut self, key: &K) {
        if self.by_key.remove(key).is_some() {
            self.clear_stale();
        }
    }

    /// Whether `key` has a deadline.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.by_key.contains_key(key)
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Mono> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one key whose deadline is `now` or earlier.
    pub fn pop_due(&mut self, now: Mono) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, key)) = self.heap.pop()?;
        self.by_key.remove(&key);
        self.clear_stale();
        Some(key)
    }

    fn clear_stale(&mut self) {
        if self.heap.len() > 2 * self.by_key.len() + FEW {
            self.heap = self.by_key.iter().map(|(key, at)| Reverse((*at, key.clone()))).collect();
        }
        while let Some(Reverse((at, key))) = self.heap.peek()
            && self.by_key.get(key) != Some(at)
        {
            self.heap.pop();
        }
        // What a burst needed is given back.
        if let Some(room) = room_after_burst(self.by_key.len(), self.by_key.capacity()) {
            self.by_key.shrink_to(room);
        }
        if let Some(room) = room_after_burst(self.heap.len(), self.heap.capacity()) {
            self.heap.shrink_to(room);
        }
    }

    /// How many keys have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
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

    #[test]
    fn what_was_replaced_or_cancelled_takes_no_room_for_long() {
        let mut deadlines = Deadlines::new();
        for round in 0..1000 {
            deadlines.set("a", at(round % 2));
            deadlines.set("b", at(5000 - round));
            deadlines.set("c", at(round));
            deadlines.cancel(&"c");
        }
        assert_eq!(deadlines.len(), 2);
        assert!(deadlines.heap.len() <= 2 * 2 + FEW + 1);
    }

    #[test]
    fn after_a_burst_the_tables_are_small_again() {
        let mut deadlines = Deadlines::new();
        (0..100_000).for_each(|key| deadlines.set(key, at(key)));
        while deadlines.len() > 10 {
            deadlines.pop_due(at(u64::MAX / 1_000_000));
        }
        assert!(deadlines.heap.capacity() <= 2000 && deadlines.by_key.capacity() <= 2000);
    }

    /// Against a plain list, over steps that follow from a small generator.
    #[test]
    fn the_earliest_comes_first_and_of_equal_ones_the_smaller_key() {
        let mut deadlines = Deadlines::new();
        let mut plain: Vec<(Mono, u64)> = Vec::new();
        let mut state = 1_u64;
        for _ in 0..10_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (key, time, what) = (state >> 60, at(state >> 40 & 31), state >> 33 & 3);
            match what {
                0 | 1 => {
                    deadlines.set(key, time);
                    plain.retain(|(_, known)| *known != key);
                    plain.push((time, key));
                }
                2 => {
                    deadlines.cancel(&key);
                    plain.retain(|(_, known)| *known != key);
                }
                _ => {
                    let due = plain.iter().copied().min().filter(|(at, _)| *at <= time);
                    plain.retain(|entry| Some(*entry) != due);
                    assert_eq!(deadlines.pop_due(time), due.map(|(_, key)| key));
                }
            }
            assert_eq!(
                (deadlines.next(), deadlines.len()),
                (plain.iter().min().map(|(at, _)| *at), plain.len())
            );
        }
    }
}
