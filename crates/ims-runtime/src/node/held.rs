//! Outputs that tell of state which is not durable yet.

use ims_node::{Output, Seq};
use std::collections::BTreeMap;

/// Outputs held back; with one more an output is dropped, as if the network had lost it.
pub(crate) const MAX_HELD: usize = 100_000;

/// The outputs, by the record they wait for.
#[derive(Debug)]
pub(crate) struct Held {
    waiting: BTreeMap<Seq, Vec<Output>>,
    count: usize,
    released: Seq,
}

impl Held {
    /// Nothing waits, and everything up to `synced` is durable.
    pub(crate) const fn new(synced: Seq) -> Self {
        Self { waiting: BTreeMap::new(), count: 0, released: synced }
    }

    /// Whether what waits for `after` has had its turn. That `after` is durable is not enough: an output that asks when
    /// the journal has just come so far would overtake those that wait.
    pub(crate) fn is_released(&self, after: Seq) -> bool {
        after <= self.released
    }

    /// Holds an output back until `after` is durable; false if there is no room.
    #[must_use]
    pub(crate) fn hold(&mut self, after: Seq, output: Output) -> bool {
        if self.count >= MAX_HELD {
            return false;
        }
        self.count += 1;
        self.waiting.entry(after).or_default().push(output);
        true
    }

    /// Everything up to `synced` is durable: what waited for it, in order.
    pub(crate) fn release(&mut self, synced: Seq) -> impl Iterator<Item = Output> + use<> {
        let later = self.waiting.split_off(&Seq(synced.0.saturating_add(1)));
        let released = std::mem::replace(&mut self.waiting, later);
        self.released = synced;
        self.count -= released.values().map(Vec::len).sum::<usize>();
        released.into_values().flatten()
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ims_node::CommandId;

    fn output(number: u64) -> Output {
        Output::CommandDone { id: CommandId(number), answer: Err("none".to_owned()) }
    }

    #[test]
    fn what_waits_is_let_go_in_order_and_not_overtaken() {
        let mut held = Held::new(Seq(6));
        assert!(held.is_released(Seq(6)));
        for (seq, id) in [(7, 1), (8, 2), (7, 3), (9, 4)] {
            assert!(!held.is_released(Seq(seq)));
            assert!(held.hold(Seq(seq), output(id)));
        }
        // The journal may be as far as 8 by now: until those that wait have gone, what comes goes behind them.
        assert!(!held.is_released(Seq(7)));
        assert!(held.hold(Seq(7), output(5)));
        let released = held.release(Seq(8)).map(|output| format!("{output:?}"));
        assert_eq!(released.collect::<Vec<_>>(), [1, 3, 5, 2].map(|id| format!("{:?}", output(id))));
        assert_eq!((held.is_released(Seq(8)), held.is_released(Seq(9)), held.count()), (true, false, 1));
    }
}
