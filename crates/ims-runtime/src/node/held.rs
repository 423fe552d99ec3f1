//! Outputs that tell of state which is not durable yet.

use ims_node::{Output, Seq};
use std::collections::BTreeMap;

/// Outputs held back; with one more an output is dropped, as if the network had lost it.
pub(crate) const MAX_HELD: usize = 100_000;

/// The outputs, by the record they wait for.
#[derive(Debug, Default)]
pub(crate) struct Held {
    waiting: BTreeMap<Seq, Vec<Output>>,
    count: usize,
}

impl Held {
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
        self.count -= released.values().map(Vec::len).sum::<usize>();
        released.into_values().flatten()
    }

    /// How many there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }
}
