//! Who has just left. For a while the network may still reach the flow, because the phone has to hear by a NOTIFY of its
//! own that it is registered no more; and a phone that has ended its registration itself may still take back what it
//! left behind, for several phones de-register first. In memory alone: a restart ends it.

use crate::bindings::{Binding, Bindings, Claims, Tag};
use clock::{Deadlines, Mono, Now};
use cx_protocol::Impu;
use ims_node::{Flow, InboundRequest};
use sip_message::Method;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Duration;

/// Such flows, and such bindings, at a time; above it one that is left cannot be reached, and may take nothing back.
const MAX_LEAVING: usize = 10_000;

/// Bindings that leave a flow together and are reached there; one more is not.
const MAX_TAGS: usize = 16;

/// A binding that has ended.
#[derive(Debug)]
pub(crate) struct Left {
    /// The flow that it was on.
    pub(crate) flow: Flow,
    pub(crate) by: EndedBy,
    pub(crate) binding: Binding,
}

/// Who ended a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndedBy {
    /// The phone, by a REGISTER.
    Ue,
    /// The network, or nobody refreshed it.
    Network,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    flows: Deadlines<Flow>,
    /// Whose bindings were on them.
    tags: HashMap<Flow, SmallVec<[Tag; 1]>>,
    /// Bindings that the phone itself has ended.
    ended: Bindings,
}

impl Leaving {
    /// A binding has ended. For `timer_f` from now on the phone counts as leaving: within that time every transaction on its flow ends.
    pub(crate) fn begins(&mut self, now: Now, left: Left, timer_f: Duration) {
        let Left { flow, by, binding } = left;
        if self.flows.len() < MAX_LEAVING || self.flows.contains(&flow) {
            self.flows.set(flow, now.mono + timer_f);
            let tags = self.tags.entry(flow).or_default();
            if !tags.contains(&binding.tag) && tags.len() < MAX_TAGS {
                tags.push(binding.tag);
            }
        }
        if by == EndedBy::Ue && self.ended.len() < MAX_LEAVING {
            self.ended.put(now, binding.until(now.wall + timer_f));
        }
    }

    /// The flow is gone, or somebody has registered on it: whoever that is does not speak for who was there.
    pub(crate) fn ends(&mut self, flow: Flow) {
        self.flows.cancel(&flow);
        self.tags.remove(&flow);
        self.ended.remove_flow(flow);
    }

    /// Whether whoever had this binding on the flow is still reached there.
    pub(crate) fn is_reachable(&self, flow: Flow, tag: Tag) -> bool {
        self.tags.get(&flow).is_some_and(|tags| tags.contains(&tag))
    }

    /// The binding that speaks for a request which takes back what a phone left behind; for any other there is none.
    pub(crate) fn speaker(&self, request: &InboundRequest, claims: &Claims) -> Option<(&Binding, &Impu)> {
        let takes_back = request.is_unpublish() || is_unsubscribe(request);
        takes_back.then(|| self.ended.speaker(request.flow(), claims)).flatten()
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.flows.next(), self.ended.deadline()].into_iter().flatten().min()
    }

    pub(crate) fn expire(&mut self, now: Mono) {
        while let Some(flow) = self.flows.pop_due(now) {
            self.tags.remove(&flow);
        }
        while let Some((flow, aor)) = self.ended.pop_expired(now) {
            self.ended.remove(flow, &aor);
        }
    }
}

/// RFC 6665 section 4.1.2.3; one outside of a dialog would be a fetch.
fn is_unsubscribe(request: &InboundRequest) -> bool {
    *request.method() == Method::Subscribe && request.is_in_dialog() && request.message().expires() == Some(0)
}
