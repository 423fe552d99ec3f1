//! When each transaction has something to do.

use clock::{Mono, room_after_burst};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// Deadlines in order; of equal ones the smaller key comes first.
///
/// Nearly every deadline is one of a few constant times from now (T1, T4, Timers F and J), and those of one kind come in
/// order: each kind finds a queue of its own, where adding and taking cost the same however many there are. A heap alone
/// would be walked from top to bottom, through memory that is in no cache, for each one taken.
///
/// Nearly every deadline is moved before it comes, and only the transaction knows its present one: an entry that is no
/// longer `live` stays until it comes up or until a sweep removes it. A sweep looks at every entry, so the next one
/// happens only after the agenda has doubled: whatever the entries are, each change of a deadline costs a constant
/// number of steps on average.
#[derive(Debug)]
pub(crate) struct Agenda<K> {
    /// Each in order.
    queues: Vec<VecDeque<(Mono, K)>>,
    /// What would need one queue more than [`MAX_QUEUES`].
    rest: BinaryHeap<Reverse<(Mono, K)>>,
    /// The next sweep happens when there are more entries than this.
    sweep_above: usize,
    /// How many entries were looked at since the start.
    steps: u64,
}

/// Entries that are not worth clearing away.
const FEW: usize = 32;

/// Queues at most; there are about so many kinds of deadlines.
const MAX_QUEUES: usize = 16;

impl<K: Ord + Copy> Agenda<K> {
    pub(crate) const fn new() -> Self {
        Self { queues: Vec::new(), rest: BinaryHeap::new(), sweep_above: FEW, steps: 0 }
    }

    pub(crate) fn add(&mut self, at: Mono, key: K) {
        let entry = (at, key);
        let has_room = self.queues.len() < MAX_QUEUES;
        let fits = |queue: &&mut VecDeque<_>| queue.back().is_none_or(|last| *last <= entry);
        // The one whose end is nearest, so that the others stay open for what comes earlier.
        match self.queues.iter_mut().filter(fits).max_by_key(|queue| queue.back().copied()) {
            Some(queue) => queue.push_back(entry),
            None if has_room => self.queues.push(VecDeque::from([entry])),
            None => self.rest.push(Reverse(entry)),
        }
    }

    /// Makes sure that the earliest deadline is live, with `count` transactions there. To be called after every change
    /// of any of them.
    pub(crate) fn tidy(&mut self, count: usize, live: impl Fn(Mono, K) -> bool) {
        if self.len() > self.sweep_above.max(2 * count + FEW) {
            self.steps += self.len() as u64;
            self.queues.iter_mut().for_each(|queue| queue.retain(|(at, key)| live(*at, *key)));
            self.rest.retain(|Reverse((at, key))| live(*at, *key));
            self.sweep_above = 2 * self.len() + FEW;
        } else {
            // What a burst needed is no measure for later.
            self.sweep_above = self.sweep_above.min(4 * self.len() + FEW);
        }
        while self.first().is_some_and(|(at, key)| !live(at, key)) {
            self.pop();
        }
        // What a burst needed is given back.
        for queue in &mut self.queues {
            if let Some(room) = room_after_burst(queue.len(), queue.capacity()) {
                queue.shrink_to(room);
            }
        }
        if let Some(room) = room_after_burst(self.rest.len(), self.rest.capacity()) {
            self.rest.shrink_to(room);
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Mono> {
        self.first().map(|(at, _)| at)
    }

    /// Takes one key whose deadline is `now` or earlier.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<K> {
        self.next().filter(|at| *at <= now)?;
        self.pop()
    }

    fn len(&self) -> usize {
        self.queues.iter().map(VecDeque::len).sum::<usize>() + self.rest.len()
    }

    fn first(&self) -> Option<(Mono, K)> {
        let rest = self.rest.peek().map(|Reverse(entry)| entry);
        self.queues.iter().filter_map(VecDeque::front).chain(rest).min().copied()
    }

    /// How many entries were looked at since the start: the work that the agenda has caused.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    fn pop(&mut self) -> Option<K> {
        let first = self.first()?;
        self.steps += 1;
        match self.queues.iter_mut().find(|queue| queue.front() == Some(&first)) {
            Some(queue) => queue.pop_front().map(|(_, key)| key),
            None => self.rest.pop().map(|Reverse((_, key))| key),
        }
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
    fn the_earliest_live_one_comes_first() {
        let mut agenda = Agenda::new();
        for (ms, key) in [(20, 'a'), (10, 'c'), (10, 'b'), (5, 'd')] {
            agenda.add(at(ms), key);
        }
        agenda.tidy(3, |_, key| key != 'd');
        assert_eq!(agenda.next(), Some(at(10)));
        let due: Vec<char> = std::iter::from_fn(|| agenda.pop_due(at(19))).collect();
        assert_eq!(due, ['b', 'c']);
    }

    #[test]
    fn what_is_not_live_takes_no_room_for_long() {
        let mut agenda = Agenda::new();
        for ms in 0..1000 {
            agenda.add(at(5000 - ms), 'a');
            agenda.tidy(1, |live, _| live == at(5000 - ms));
            assert!(agenda.len() <= 2 + FEW);
        }
    }

    /// Entries that stay live in spite of a sweep (here: one key again and again) must not make every call sweep.
    #[test]
    fn the_work_does_not_grow_with_the_number_of_entries() {
        let mut agenda = Agenda::new();
        for _ in 0..10_000 {
            agenda.add(at(32_000), 'a');
            agenda.tidy(1, |_, _| true);
        }
        assert!(agenda.steps() < 40_000, "{}", agenda.steps());
    }

    #[test]
    fn deadlines_in_no_order_come_in_order() {
        let mut agenda = Agenda::new();
        let times: Vec<u64> = (0..5000).map(|number| number * 7919 % 1009).collect();
        for (key, ms) in times.iter().enumerate() {
            agenda.add(at(*ms), key);
            assert!(agenda.queues.len() <= MAX_QUEUES);
        }
        let mut expected: Vec<(u64, usize)> = times.iter().copied().zip(0..).collect();
        expected.sort_unstable();
        let due: Vec<usize> = std::iter::from_fn(|| agenda.pop_due(at(1009))).collect();
        assert_eq!(due, expected.into_iter().map(|(_, key)| key).collect::<Vec<_>>());
        assert_eq!(agenda.len(), 0);
    }
}
