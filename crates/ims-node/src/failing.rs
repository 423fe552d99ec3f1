//! When a way or an address fails a request: the next address, or the end (RFC 3263 section 4.3).

use crate::errand::Errand;
use crate::flow::{Flow, Loss};
use crate::node::{Node, Path};
use crate::own::Outcome;
use crate::respond::reply_path;
use crate::role::Role;
use crate::settings::Side;
use crate::trust;
use clock::Now;
use sip_message::{Message, Response, StatusCode, Transport};
use sip_resolve::Hop;
use sip_transaction::{Arrival, ClientId, Event, ServerId, Transmit};
use std::time::Duration;

/// Longest that a server may ask to be left alone, in seconds; a larger Retry-After is taken as this.
pub(crate) const MAX_RETRY_AFTER_S: u32 = 600;

impl<R: Role> Node<R> {
    /// The present address of a request is of no use: the next one is tried.
    fn hop_failed(&mut self, now: Now, mut errand: Errand<R>, outcome: &Outcome, cause: &'static str) {
        // A connection that a request of the peer had come on may end, and its address may still take a new one. But whoever
        // says nothing on it says nothing at that address.
        let may_be_there = errand.flow.is_some() && !matches!(outcome, Outcome::TimedOut);
        let failed = if may_be_there { None } else { errand.hops.pop_front() };
        if let Some(hop) = failed {
            self.suspect(now, hop, outcome);
            if let Outcome::TimedOut = outcome {
                // Whoever says nothing by one transport will hardly speak by the other.
                errand.hops.retain(|other| other.address != hop.address);
            }
            let call_id = errand.call_id().to_owned();
            self.log_hop(hop.address, cause, &call_id);
        }
        if errand.hops.is_empty() || errand.until <= now.mono {
            return self.finish(now, errand.purpose, outcome);
        }
        (errand.flow, errand.reopened) = (None, false);
        self.send_next(now, errand);
    }

    /// Whoever says nothing is suspect by both transports; whoever refuses one may have the other.
    fn suspect(&mut self, now: Now, hop: Hop, outcome: &Outcome) {
        let until = now.mono + self.settings.suspicion;
        self.resolver.suspect(now.mono, hop, until);
        if let Outcome::TimedOut = outcome {
            let other = if hop.transport.is_reliable() { Transport::Udp } else { Transport::Tcp };
            self.resolver.suspect(now.mono, Hop { transport: other, ..hop }, until);
        }
    }

    pub(crate) fn on_final_response(&mut self, now: Now, client: ClientId, response: Message) {
        let way = self.under_way.way(client);
        let Some((way, mut errand)) = way.zip(self.under_way.remove(client)) else { return };
        let Some(response) = trust::believed(&self.settings, way, response) else {
            return self.finish(now, errand.purpose, &Outcome::Unreachable);
        };
        if response.status() != Some(StatusCode::SERVICE_UNAVAILABLE) {
            if let Some(hop) = errand.hops.front() {
                self.resolver.reachable(hop);
            }
            return self.finish(now, errand.purpose, &Outcome::Response(Box::new(response)));
        }
        // RFC 3261 section 21.5.4: leave that server alone for as long as it asks.
        if let (Some(hop), Some(seconds)) = (errand.hops.front(), response.retry_after()) {
            let until = now.mono + Duration::from_secs(seconds.min(MAX_RETRY_AFTER_S).into());
            self.resolver.unavailable(now.mono, hop.address, until);
        }
        errand.flow = None;
        self.hop_failed(now, errand, &Outcome::Response(Box::new(response)), "503 from the next hop");
    }

    /// Nothing comes or goes on a way any more: every request that waits on it is looked at once.
    pub(crate) fn on_way_lost(&mut self, now: Now, way: Flow, loss: Loss) {
        for client in self.under_way.on(way) {
            let was_waiting = self.transactions.on_transport_error(client);
            let Some(mut errand) = self.under_way.remove(client).filter(|_| was_waiting) else { continue };
            let is_on_known_connection = errand.flow.is_some();
            match loss {
                // The address of that peer has not been tried yet.
                Loss::Ended | Loss::Refused if is_on_known_connection && !errand.hops.is_empty() => {
                    errand.flow = None;
                    self.send_next(now, errand);
                }
                // A connection may end because it was idle, and the peer may take a new one.
                Loss::Ended if !errand.reopened && !errand.hops.is_empty() => {
                    errand.reopened = true;
                    self.send_next(now, errand);
                }
                Loss::Ended | Loss::Refused => {
                    self.hop_failed(now, errand, &Outcome::Unreachable, "cannot be reached");
                }
                Loss::Silent => {
                    self.hop_failed(now, errand, &Outcome::TimedOut, "says nothing on its connection");
                }
            }
        }
    }

    /// Something could not be sent or, as the network says, did not arrive. A node has other addresses to try; a phone has
    /// this flow alone, so that by UDP it takes more than one such word to give the flow up.
    pub(crate) fn on_send_failed(&mut self, now: Now, flow: Flow, loss: Loss) {
        if flow.transport == Transport::Tcp || self.settings.side(flow.listener) == Side::Network {
            return self.on_way_lost(now, flow, loss);
        }
        let is_awaited = !self.under_way.on(flow).is_empty();
        if is_awaited && self.refusals.count(now.mono, flow) {
            self.on_way_lost(now, flow, loss);
            self.role.on_flow_closed(now, flow, &mut self.fx);
        }
    }

    /// What the transactions' timers brought.
    pub(crate) fn drain_transactions(&mut self, now: Now) {
        while let Some(event) = self.transactions.poll_event() {
            match event {
                Event::Transmit(Transmit { path, bytes }) => self.transmit(path, bytes),
                Event::Silent(client) => self.on_silent(now, client),
                // Nobody is to blame: whoever says nothing at all has been given up before as silent. This one has said 100,
                // or whoever asked waits no longer.
                Event::TimedOut(client) => {
                    if let Some(errand) = self.under_way.remove(client) {
                        self.finish(now, errand.purpose, &Outcome::TimedOut);
                    }
                }
                Event::TryingDue { server, request } => self.send_trying(server, &request),
                Event::Unanswered(_) => {}
            }
        }
    }

    /// An address has said nothing to a request for as long as it may be silent. If it has said something else meanwhile, it
    /// lives, and what is missing was lost on the way: it has as much time again from then on.
    fn on_silent(&mut self, now: Now, client: ClientId) {
        let Some(silence) = self.under_way.silence(client) else { return };
        let until = self.under_way.last_heard(client).map(|heard| heard + silence);
        if let Some(until) = until.filter(|until| *until > now.mono) {
            return self.transactions.wait_until(client, until);
        }
        self.transactions.on_transport_error(client);
        if let Some(errand) = self.under_way.remove(client) {
            self.hop_failed(now, errand, &Outcome::TimedOut, "says nothing");
        }
    }

    /// RFC 4320 section 4.1: 100 tells whoever waits that somebody is there and works.
    fn send_trying(&mut self, server: ServerId, arrival: &Arrival<Path>) {
        let flow = arrival.path.flow;
        let Ok(mut message) = Message::parse(arrival.bytes.clone()) else { return };
        message.stamp_source(flow.remote);
        let path = reply_path(self.settings.side(flow.listener), flow, message.top_via(), None);
        let bytes = Response::to(&message, StatusCode::TRYING, "").to_bytes();
        if let Some(Transmit { path, bytes }) =
            self.transactions.provisional(server, Transmit { path, bytes })
        {
            self.transmit(path, bytes);
        }
    }
}
