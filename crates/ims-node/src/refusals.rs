//! Phones whose datagrams the network says do not arrive.
//!
//! An ICMP error is not signed, and one may come of a moment's trouble on the way. A phone's flow is given up only after
//! several of them over some seconds during which the phone itself said nothing, and while it owes an answer: a phone
//! that is there answers, and that takes back what was said of it.

use crate::flow::Flow;
use clock::Mono;
use hashbrown::HashMap;
use std::time::Duration;

/// So many refusals at least before a flow is given up.
const ENOUGH: u32 = 3;

/// Over at least this time. A request that is not answered is sent after 0.5, 1.5 and 3.5 s again.
const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// A refusal that came so long after the last one has nothing to do with it.
const FORGOTTEN: Duration = Duration::from_secs(16);

/// Flows of which refusals are counted; those of one more are not, so that its requests wait for Timer F.
pub(crate) const MAX_REFUSED: usize = 10_000;

/// A full table is looked through for old refusals no more often than this.
const SWEEP: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    flows: HashMap<Flow, Refused, foldhash::fast::RandomState>,
    next_sweep: Mono,
}

#[derive(Debug, Clone, Copy)]
struct Refused {
    first: Mono,
    last: Mono,
    count: u32,
}

impl Refusals {
    /// One more refusal on this flow; whether the flow is given up.
    pub(crate) fn count(&mut self, now: Mono, flow: Flow) -> bool {
        let is_old = |refused: &Refused| now.saturating_since(refused.last) >= FORGOTTEN;
        if self.flows.len() >= MAX_REFUSED && !self.flows.contains_key(&flow) {
            if now >= self.next_sweep {
                self.next_sweep = now + SWEEP;
                self.flows.retain(|_, refused| !is_old(refused));
            }
            if self.flows.len() >= MAX_REFUSED {
                return false;
            }
        }
        let fresh = Refused { first: now, last: now, count: 0 };
        let refused = self.flows.entry(flow).or_insert(fresh);
        if is_old(refused) {
            *refused = fresh;
        }
        (refused.last, refused.count) = (now, refused.count + 1);
        let is_given_up = refused.count >= ENOUGH && now.saturating_since(refused.first) >= LONG_ENOUGH;
        if is_given_up {
            self.flows.remove(&flow);
        }
        is_given_up
    }

    /// Something came from there.
    pub(crate) fn heard(&mut self, flow: Flow) {
        if !self.flows.is_empty() {
            self.flows.remove(&flow);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::ListenerId;
    use sip_message::Transport;
    use std::net::SocketAddr;

    fn flow(port: u16) -> Flow {
        let remote = SocketAddr::from(([192, 0, 2, 1], port));
        Flow { listener: ListenerId(0), transport: Transport::Udp, remote, connection: None }
    }

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    /// Refusals at these times, in milliseconds; which of them ended the flow.
    fn ends(times: &[u64]) -> Vec<u64> {
        let mut refusals = Refusals::default();
        times.iter().copied().filter(|ms| refusals.count(at(*ms), flow(1))).collect()
    }

    #[test]
    fn a_flow_is_given_up_after_several_refusals_over_some_seconds() {
        let rows: [(&[u64], &[u64]); 5] = [
            (&[0, 500, 1500, 3500], &[3500]),
            (&[0, 1, 2, 3, 2999], &[]),
            (&[0, 3500], &[]),
            (&[0, 500, 1500, 17_500, 18_000], &[]),
            (&[0, 1500, 3000, 3001, 4500, 6001], &[3000, 6001]),
        ];
        for (times, expected) in rows {
            assert_eq!(ends(times), expected, "{times:?}");
        }
    }

    #[test]
    fn a_phone_that_speaks_is_there() {
        let mut refusals = Refusals::default();
        for ms in [0, 500, 1500] {
            assert!(!refusals.count(at(ms), flow(1)));
        }
        refusals.heard(flow(1));
        assert!(!refusals.count(at(3500), flow(1)));
    }

    #[test]
    fn a_full_table_counts_no_others_until_there_is_room() {
        let mut refusals = Refusals::default();
        let many = u16::try_from(MAX_REFUSED).unwrap();
        assert!(!(0..many).any(|port| refusals.count(at(0), flow(port))));
        for ms in [1, 1000, 4000] {
            assert!(!refusals.count(at(ms), flow(many)));
        }
        assert!(!refusals.count(at(20_000), flow(many)));
        assert_eq!(refusals.flows.len(), 1);
    }
}
