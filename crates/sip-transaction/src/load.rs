//! How much the transactions take, those that wait for an answer apart from those that are finished.

use crate::entry::Standing;
use std::collections::VecDeque;

/// Queue entries that are not worth clearing away.
const FEW: usize = 32;

/// Counts of transactions and of the bytes they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// Client transactions that wait for a final response.
    pub clients: usize,
    /// Server transactions that have not been answered.
    pub servers: usize,
    /// Bytes that both take.
    pub bytes: usize,
    /// Transactions that are finished and only absorb repeats.
    pub finished: usize,
    /// Bytes that these take.
    pub finished_bytes: usize,
}

impl Load {
    /// A transaction of this size is there.
    pub(crate) fn add(&mut self, kind: Kind, standing: Standing, size: usize) {
        let (count, bytes) = self.of(kind, standing);
        *count += 1;
        *bytes += size;
    }

    /// It is gone, or another size or standing is added instead.
    pub(crate) fn remove(&mut self, kind: Kind, standing: Standing, size: usize) {
        let (count, bytes) = self.of(kind, standing);
        *count -= 1;
        *bytes -= size;
    }

    const fn of(&mut self, kind: Kind, standing: Standing) -> (&mut usize, &mut usize) {
        match (standing, kind) {
            (Standing::Open, Kind::Client) => (&mut self.clients, &mut self.bytes),
            (Standing::Open, Kind::Server) => (&mut self.servers, &mut self.bytes),
            (Standing::Finished, Kind::Client | Kind::Server) => {
                (&mut self.finished, &mut self.finished_bytes)
            }
        }
    }
}

/// Which side of a transaction this node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Client,
    Server,
}

/// Finished transactions in the order in which they ended.
#[derive(Debug)]
pub(crate) struct Finished<I> {
    in_order: VecDeque<I>,
}

impl<I: Copy> Finished<I> {
    pub(crate) const fn new() -> Self {
        Self { in_order: VecDeque::new() }
    }

    /// One more has ended, and `count` are held in all; `is_held` tells which of those noted are not forgotten yet.
    pub(crate) fn note(&mut self, id: I, count: usize, is_held: impl Fn(I) -> bool) {
        self.in_order.push_back(id);
        // Nearly all are forgotten in the order in which they ended: those of a slower leg hold up the rest.
        while self.in_order.front().is_some_and(|first| !is_held(*first)) {
            self.in_order.pop_front();
        }
        if self.in_order.len() > 2 * count + FEW {
            self.in_order.retain(|id| is_held(*id));
            self.in_order.shrink_to(2 * count + FEW);
        }
    }

    /// The one that ended first.
    pub(crate) fn pop_oldest(&mut self) -> Option<I> {
        self.in_order.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forgotten_takes_no_room_for_long() {
        let mut finished = Finished::new();
        // The first one is held for ever.
        for id in 0..10_000 {
            finished.note(id, 2, |held| held == 0 || held == id);
            assert!(finished.in_order.len() <= 2 * 2 + FEW + 1);
        }
        assert_eq!(finished.pop_oldest(), Some(0));
    }
}
