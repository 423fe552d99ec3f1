//! Flows on which a REGISTER waits for its answer.

use clock::{Mono, Now};
use ims_node::Flow;
use std::collections::HashMap;
use std::time::Duration;

/// Flows on which a REGISTER is under way that are remembered. A request for a flow beyond them is answered 430 until its REGISTER is
/// answered.
const MAX_REGISTERING: usize = 20_000;

/// The registrar binds a contact before its 200 comes back here, so a request for the UE may come first; and the UE's
/// connection may be gone before it.
#[derive(Debug, Default)]
pub(crate) struct Registering(HashMap<Flow, UnderWay>);

#[derive(Debug)]
struct UnderWay {
    count: usize,
    until: Mono,
    way: Way,
}

/// Whether the answer finds anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As far as we know.
    Open,
    /// The connection has ended.
    Closed,
}

impl Registering {
    /// It is remembered for `timer_f` at most (RFC 3261 section 17.1.2.2), after which the UE waits no more either.
    pub(crate) fn begins(&mut self, now: Now, flow: Flow, timer_f: Duration) {
        if self.0.len() >= MAX_REGISTERING {
            self.0.retain(|_, under_way| under_way.until > now.mono);
        }
        let until = now.mono + timer_f;
        if self.0.len() < MAX_REGISTERING || self.0.contains_key(&flow) {
            let under_way = self.0.entry(flow).or_insert(UnderWay { count: 0, until, way: Way::Open });
            (under_way.count, under_way.until) = (under_way.count + 1, until);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_over(&mut self, flow: Flow) -> Way {
        let Some(under_way) = self.0.get_mut(&flow) else { return Way::Open };
        let way = under_way.way;
        under_way.count = under_way.count.saturating_sub(1);
        if under_way.count == 0 {
            self.0.remove(&flow);
        }
        way
    }

    pub(crate) fn closed(&mut self, flow: Flow) {
        if let Some(under_way) = self.0.get_mut(&flow) {
            under_way.way = Way::Closed;
        }
    }

    pub(crate) fn has(&self, now: Now, flow: Flow) -> bool {
        self.0.get(&flow).is_some_and(|under_way| under_way.until > now.mono && under_way.way == Way::Open)
    }
}
