//! Entries found by where they lie.

use slab::Slab;

/// Where an entry lies, and its number among all there ever were: a key never finds a later entry in the same place.
/// Keys are in the order in which they were given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    number: u64,
    place: usize,
}

/// Places in one part of a table.
const PART: usize = 1024;

/// A table whose free places are used again at once, the last one first: it is still in the cache.
///
/// It grows and shrinks by parts: what a burst needed is given back after it, because new entries go into the first part
/// with a free place, and the last parts become empty.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    parts: Vec<Slab<Numbered<T>>>,
    /// No part before this one has a free place.
    open: usize,
    length: usize,
    given: u64,
}

/// An entry, and its number among all there ever were.
#[derive(Debug)]
struct Numbered<T> {
    number: u64,
    entry: T,
}

impl<T> Arena<T> {
    pub(crate) const fn new() -> Self {
        Self { parts: Vec::new(), open: 0, length: 0, given: 0 }
    }

    pub(crate) fn insert(&mut self, entry: T) -> Key {
        while self.parts.get(self.open).is_some_and(|part| part.len() >= PART) {
            self.open += 1;
        }
        if self.open >= self.parts.len() {
            self.parts.push(Slab::new());
        }
        self.given += 1;
        self.length += 1;
        let entry = Numbered { number: self.given, entry };
        // The part is there: it has just been pushed if it was not.
        let place = self.parts.get_mut(self.open).map_or(0, |part| part.insert(entry));
        Key { number: self.given, place: self.open * PART + place }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let found = self.parts.get(key.place / PART)?.get(key.place % PART);
        found.filter(|found| found.number == key.number).map(|found| &found.entry)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let found = self.parts.get_mut(key.place / PART)?.get_mut(key.place % PART);
        found.filter(|found| found.number == key.number).map(|found| &mut found.entry)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        let at = key.place / PART;
        let Numbered { entry, .. } = self.parts.get_mut(at)?.try_remove(key.place % PART)?;
        self.open = self.open.min(at);
        self.length -= 1;
        // One empty part stays, so that a number around its boundary does not allocate it again and again.
        while let [.., last, end] = &*self.parts
            && last.is_empty()
            && end.is_empty()
        {
            self.parts.pop();
        }
        Some(entry)
    }

    pub(crate) const fn len(&self) -> usize {
        self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_does_not_find_who_took_the_place() {
        let mut arena = Arena::new();
        let first = arena.insert("a");
        assert_eq!(arena.remove(first), Some("a"));
        let second = arena.insert("b");
        assert_eq!(first.place, second.place);
        assert_eq!(arena.remove(first), None);
        assert_eq!((arena.get(first), arena.get(second)), (None, Some(&"b")));
        assert!(first < second && arena.len() == 1);
    }

    #[test]
    fn after_a_burst_the_table_is_small_again() {
        let mut arena = Arena::new();
        let burst: Vec<Key> = (0..10 * PART).map(|number| arena.insert(number)).collect();
        assert_eq!((arena.len(), arena.parts.len()), (10 * PART, 10));
        assert!(burst.iter().enumerate().all(|(number, key)| arena.get(*key) == Some(&number)));
        let mut later = Vec::new();
        for (number, key) in burst.iter().enumerate() {
            assert_eq!(arena.remove(*key), Some(number));
            // The traffic goes on meanwhile.
            if number % 100 == 0 {
                later.push(arena.insert(number));
            }
        }
        assert!(later.iter().enumerate().all(|(at, key)| arena.get(*key) == Some(&(at * 100))));
        assert_eq!((arena.len(), arena.parts.len()), (later.len(), 2));
    }
}
