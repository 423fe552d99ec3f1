//! Outputs that tell of state which is not durable yet.

use ims_node::{Output, Seq};
use sip_message::Transport;
use std::collections::BTreeMap;

/// Outputs held back; a datagram that is one more is dropped, as if the network had lost it. Nothing else is: nobody sends it again.
/// Of messages on connections there are no more than transactions have room for, of answers no more than questions are open.
pub(crate) const MAX_HELD: usize = 100_000;

/// The outputs of a node whose role answers `T`, by the record they wait for.
#[derive(Debug)]
pub(crate) struct Held<T> {
    waiting: BTreeMap<Seq, Vec<Output<T>>>,
    count: usize,
    dropped: u64,
    released: Seq,
}

impl<T> Held<T> {
    /// Nothing waits, and everything up to `synced` is durable.
    pub(crate) const fn new(synced: Seq) -> Self {
        Self { waiting: BTreeMap::new(), count: 0, dropped: 0, released: synced }
    }

    /// Whether what waits for `after` has had its turn. That `after` is durable is not enough: an output that asks when
    /// the journal has just come so far would overtake those that wait.
    pub(crate) fn is_released(&self, after: Seq) -> bool {
        after <= self.released
    }

    /// Holds an output back until `after` is durable.
    pub(crate) fn hold(&mut self, after: Seq, output: Output<T>) {
        if self.count >= MAX_HELD && is_datagram(&output) {
            self.dropped += 1;
            return;
        }
        self.count += 1;
        self.waiting.entry(after).or_default().push(output);
    }

    /// Everything up to `synced` is durable: what waited for it, in order.
    pub(crate) fn release(&mut self, synced: Seq) -> impl Iterator<Item = Output<T>> + use<T> {
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

    /// How many found no room.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn is_datagram<T>(output: &Output<T>) -> bool {
    matches!(output, Output::Transmit(transmit) if transmit.flow.transport == Transport::Udp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ims_node::{AskId, Flow, ListenerId, Transmit};

    fn told(number: u64) -> Output<()> {
        Output::Told { id: AskId(number), told: (), after: None }
    }

    fn message(transport: Transport) -> Output<()> {
        let remote = "127.0.0.1:5060".parse().unwrap();
        let flow = Flow { listener: ListenerId(0), transport, remote, connection: None };
        Output::Transmit(Transmit { flow, fallback: None, bytes: Bytes::new(), after: None })
    }

    #[test]
    fn what_waits_is_let_go_in_order_and_not_overtaken() {
        let mut held = Held::new(Seq(6));
        assert!(held.is_released(Seq(6)));
        for (seq, id) in [(7, 1), (8, 2), (7, 3), (9, 4)] {
            assert!(!held.is_released(Seq(seq)));
            held.hold(Seq(seq), told(id));
        }
        // The journal may be as far as 8 by now: until those that wait have gone, what comes goes behind them.
        assert!(!held.is_released(Seq(7)));
        held.hold(Seq(7), told(5));
        let released = held.release(Seq(8)).map(|output| format!("{output:?}"));
        assert_eq!(released.collect::<Vec<_>>(), [1, 3, 5, 2].map(|id| format!("{:?}", told(id))));
        assert_eq!((held.is_released(Seq(8)), held.is_released(Seq(9)), held.count()), (true, false, 1));
    }

    #[test]
    fn design_16_a_datagram_may_be_lost_and_nothing_else() {
        let mut held = Held::new(Seq(0));
        for _ in 0..MAX_HELD {
            held.hold(Seq(1), message(Transport::Udp));
        }
        held.hold(Seq(1), message(Transport::Udp));
        held.hold(Seq(1), message(Transport::Tcp));
        held.hold(Seq(1), told(1));
        assert_eq!((held.count(), held.dropped()), (MAX_HELD + 2, 1));
        assert!(held.release(Seq(1)).any(|output| matches!(output, Output::Told { .. })));
    }
}
