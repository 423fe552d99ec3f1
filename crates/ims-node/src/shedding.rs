//! A node that has more to do than it can leaves requests out (`overload`).

use crate::cause::NodeCause;
use crate::flow::Flow;
use crate::node::Node;
use crate::output::{Event, Output};
use crate::overload::FULL;
use crate::pressure::{Class, Pressure};
use crate::refusal::Refusal;
use crate::role::Role;
use clock::Now;
use sip_message::{Message, Transport};

/// The longest time after which whoever is turned away may come again, in seconds.
const LONGEST_PAUSE_S: u32 = 20;

impl<R: Role> Node<R> {
    pub(crate) fn assess(&mut self, now: Now) {
        let full = self.fullness();
        if let Some(pressure) = self.overload.assess(now.mono, full) {
            self.push(Output::Log(Event::Pressure(pressure)));
        }
    }

    /// Whether this request is left out. A repeat of one that was taken is not: it has its answer, or will have it.
    pub(crate) fn is_shed(&mut self, now: Now, flow: Flow, request: &Message) -> bool {
        self.assess(now);
        let pressure = self.overload.pressure();
        pressure > Pressure::None
            && pressure.sheds(Class::of(request))
            && !self.transactions.is_known(request)
            && (self.is_full() || !self.shares.take(now.mono, flow.remote))
    }

    /// Whether what has come on this flow is read at all: of a flood, what is more than is answered is not even looked at. A peer is
    /// always heard, and so is whoever has a connection of its own, or answers.
    #[must_use]
    pub fn hears(&mut self, now: Now, flow: Flow, bytes: &[u8]) -> bool {
        let is_drowned = !bytes.starts_with(b"SIP/2.0 ")
            && self.overload.pressure() > Pressure::None
            && flow.transport == Transport::Udp
            && self.shares.is_deaf(now.mono, flow.remote)
            && !self.settings.is_peer(flow.remote.ip());
        if is_drowned {
            self.counters.dropped(NodeCause::SourceTooBusy);
        }
        !is_drowned
    }

    /// Whether the tables are what is too full: there is no more room, however fairly it is shared.
    fn is_full(&self) -> bool {
        FULL.first().is_some_and(|high| self.fullness() >= *high)
    }

    /// Answers 503 and keeps nothing. There is no log line for each: they would be part of the load.
    pub(crate) fn shed(&mut self, now: Now, flow: Flow, request: &Message) {
        self.overload.count(Class::of(request));
        let refusal = Refusal::unavailable(NodeCause::Overloaded, self.pause(now));
        self.transmit_stateless(flow, request, &refusal);
    }

    /// A value for Retry-After, in seconds: as long as the pressure has lasted so far, up to twice that. A burst is over
    /// soon, and what has lasted will last; each comes back at another time, so that they do not all come at once.
    pub(crate) fn pause(&mut self, now: Now) -> u32 {
        let lasted = self.overload.lasted(now.mono).as_secs();
        let first = u32::try_from(lasted).unwrap_or(u32::MAX).clamp(1, LONGEST_PAUSE_S / 2);
        let spread = self.fx.random.bits() % (u64::from(first) + 1);
        first + u32::try_from(spread).unwrap_or_default()
    }
}
