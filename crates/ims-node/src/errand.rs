//! A request on its way: resolution, a transaction for each address tried, the next address on failure.
//!
//! RFC 3263 section 4.3 and RFC 3261 section 18.1.1, in one place for forwarded requests and for those of the node's
//! own.

use crate::decision::{Next, Refusal};
use crate::inbound::InboundRequest;
use crate::input::Flow;
use crate::loop_check::BRANCH;
use crate::node::{Node, Path};
use crate::overload::Class;
use crate::own::{Outcome, OwnRequest};
use crate::respond::reply_path;
use crate::role::Role;
use clock::{Mono, Now};
use sip_message::{Draft, Host, Message, Method, Response, Scheme, StatusCode, Transport, Uri};
use sip_resolve::{Hop, LookupId, Query, Resolution, ResolveError, Target};
use sip_transaction::{Arrival, ClientId, Event, Request, ServerId, Transmit};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

/// RFC 3261 section 18.1.1: a request longer than this goes over a transport with congestion control.
const UDP_LIMIT: usize = 1300;

/// Longest that a server may ask to be left alone, in seconds; a larger Retry-After is taken as this.
pub(crate) const MAX_RETRY_AFTER_S: u32 = 600;

/// Why a request is sent.
#[derive(Debug)]
pub(crate) enum Purpose<R: Role> {
    Forward { request: Box<InboundRequest>, then: Option<R::Waiting> },
    Own(R::Own),
}

/// The connection on which a request came, and where its sender takes new ones: the address in its Via (RFC 3261 section
/// 18.2.2). Several nodes may share a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) connection: Flow,
    pub(crate) listens_at: SocketAddr,
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Errand<R: Role> {
    /// The request, for as long as it may have to be sent to yet another address.
    pub(crate) draft: Option<Draft>,
    /// The URI that says where it goes.
    pub(crate) target: Uri,
    /// A flow to use instead of resolving the target, or before any of `hops`.
    pub(crate) flow: Option<Flow>,
    /// The way of the answer that this one begins beside.
    pub(crate) beside: Option<Beside>,
    /// Addresses still to try; the first one is being tried once the request is sent.
    pub(crate) hops: VecDeque<Hop>,
    pub(crate) fingerprint: u64,
    /// When whoever asked has waited long enough, however many addresses are left.
    pub(crate) until: Mono,
    pub(crate) purpose: Purpose<R>,
}

impl<R: Role> Errand<R> {
    pub(crate) fn into_request(self) -> Option<Box<InboundRequest>> {
        match self.purpose {
            Purpose::Forward { request, .. } => Some(request),
            Purpose::Own(_) => None,
        }
    }

    /// The connection of the request that is being answered, if this one goes to the same peer: on another way it might
    /// overtake the answer, and not every watcher bears a NOTIFY before the 200 to its SUBSCRIBE (RFC 6665 section
    /// 4.1.2.4).
    fn same_connection(&self) -> Option<Flow> {
        let hop = self.hops.front()?;
        self.beside.filter(|beside| beside.listens_at == hop.address).map(|beside| beside.connection)
    }

    fn class(&self) -> Class {
        match &self.purpose {
            Purpose::Forward { request, .. } => Class::of(request.message()),
            Purpose::Own(_) => match self.draft.as_ref().map(Draft::method) {
                Some(Method::Notify) => Class::Notify,
                Some(_) | None => Class::New,
            },
        }
    }

    /// For the log; a request of our own is found by the role's lines.
    fn call_id(&self) -> &str {
        match &self.purpose {
            Purpose::Forward { request, .. } => request.message().call_id(),
            Purpose::Own(_) => "",
        }
    }
}

impl<R: Role> Node<R> {
    pub(crate) fn send_own(&mut self, now: Now, request: OwnRequest<R::Own>) {
        let OwnRequest { draft, next, then } = request;
        let target = draft.first_route().unwrap_or_else(|| draft.request_uri().clone());
        let flow = match next {
            Next::Flow(flow) => Some(flow),
            Next::Route => None,
        };
        let purpose = Purpose::Own(then);
        let fingerprint = self.fx.random.bits();
        let hops = VecDeque::new();
        let draft = Some(draft);
        let until = self.patience_ends(now, flow);
        let beside = self.answering;
        self.start(now, Errand { draft, target, flow, beside, hops, fingerprint, until, purpose });
    }

    /// After Timer F nobody upstream waits: if every node of a way began again then, at another address, its copies of the
    /// request would only multiply.
    pub(crate) fn patience_ends(&self, now: Now, flow: Option<Flow>) -> Mono {
        let timers = flow.map_or(self.settings.timers, |flow| self.timers(flow));
        now.mono + timers.timer_f()
    }

    pub(crate) fn start(&mut self, now: Now, errand: Errand<R>) {
        let via = self.via_heads.longest();
        if errand.draft.as_ref().is_some_and(|draft| !draft.fits_with(via)) {
            // The next hop would close the connection, which carries the requests of others.
            let refusal = Refusal::new(StatusCode::MESSAGE_TOO_LARGE, "the request has grown too long");
            return self.give_back(now, errand.purpose, &refusal);
        }
        if errand.flow.is_some() {
            return self.send_next(now, errand);
        }
        let query = match query_of(&errand.target) {
            Ok(query) => query,
            Err(error) => return self.finish(now, errand.purpose, &Outcome::Unresolved(error)),
        };
        let seed = self.fx.random.bits();
        match self.resolver.resolve(now.mono, &query, seed) {
            Resolution::Done(Ok(hops)) => self.send_to(now, errand, hops),
            Resolution::Done(Err(error)) => self.unresolved(now, errand, error),
            Resolution::Waiting(lookup) => {
                self.resolving.insert(lookup, errand);
            }
        }
    }

    pub(crate) fn on_resolved(&mut self, now: Now, lookup: LookupId, hops: Result<Vec<Hop>, ResolveError>) {
        let Some(errand) = self.resolving.remove(&lookup) else { return };
        match hops {
            Ok(hops) => self.send_to(now, errand, hops),
            Err(error) => self.unresolved(now, errand, error),
        }
    }

    /// A server that wants to be left alone is spared what is new (RFC 3261 section 21.5.4). What belongs to something that
    /// is there already no other server could do, and it is shed last.
    fn unresolved(&mut self, now: Now, errand: Errand<R>, error: ResolveError) {
        if let (ResolveError::AllUnavailable(_), true, Ok(query)) =
            (error, errand.class() > Class::New, query_of(&errand.target))
            && let Some(hops) = self.resolver.hops_regardless(now.mono, &query, self.fx.random.bits())
        {
            return self.send_to(now, errand, hops);
        }
        self.finish(now, errand.purpose, &Outcome::Unresolved(error));
    }

    fn send_to(&mut self, now: Now, mut errand: Errand<R>, hops: Vec<Hop>) {
        let mut hops = by_length(errand.draft.as_ref(), self.via_heads.longest(), hops);
        self.resolver.put_suspects_last(now.mono, &mut hops);
        errand.hops = hops.into();
        errand.flow = errand.same_connection();
        self.send_next(now, errand);
    }

    /// Sends to the first address left; with none left the errand has failed.
    fn send_next(&mut self, now: Now, mut errand: Errand<R>) {
        let flow = self.next_flow(&errand);
        let head = flow.and_then(|flow| self.via_heads.of(flow));
        let (Some(flow), Some(head), Some(draft)) = (flow, head, errand.draft.take()) else {
            return self.finish(now, errand.purpose, &Outcome::Unreachable);
        };
        let mut via = String::with_capacity(head.len() + BRANCH);
        via.push_str(head);
        self.loops.put_branch(&mut via, &mut self.fx.random, errand.fingerprint);
        let timers = self.timers(flow);
        // While another address is left, a silent one is not waited for until Timer F: by then nobody upstream waits. On a
        // stream silence means nothing: who is there sends no 100 (RFC 4320), who is gone breaks the connection.
        let reliable = flow.transport.is_reliable();
        let is_last = errand.hops.len() <= usize::from(errand.flow.is_none());
        let left = errand.until.saturating_since(now.mono);
        let silence = if is_last || reliable {
            timers.timer_f()
        } else {
            // Where patience is short, each address has its part of it.
            self.settings.failover_after.min(left / u32::try_from(errand.hops.len()).unwrap_or(u32::MAX))
        };
        let again = (!is_last).then(|| draft.clone());
        let method = draft.method().clone();
        let after = match &errand.purpose {
            Purpose::Forward { request, .. } => request.after,
            Purpose::Own(_) => self.after_everything(),
        };
        let request = Request {
            branch: via.get(head.len()..).unwrap_or_default(),
            method: method.as_str(),
            path: Path { flow, fallback: None, after },
            bytes: crate::trust::leaving(&self.settings, flow, draft).into_bytes(&via),
            reliable,
            timers,
            give_up: left.min(silence),
        };
        match self.transactions.send(now.mono, request) {
            Some((client, Transmit { path, bytes })) => {
                errand.draft = again;
                self.sent.insert(client, errand);
                self.transmit(path, bytes);
            }
            None => {
                let pause = self.pause();
                let refusal = Refusal::unavailable("too many requests under way", pause);
                self.give_back(now, errand.purpose, &refusal);
            }
        }
    }

    /// It is not sent at all.
    fn give_back(&mut self, now: Now, purpose: Purpose<R>, refusal: &Refusal) {
        match purpose {
            Purpose::Forward { request, .. } => self.refuse(now, &request, refusal),
            own @ Purpose::Own(_) => self.finish(now, own, &Outcome::Unreachable),
        }
    }

    fn next_flow(&self, errand: &Errand<R>) -> Option<Flow> {
        if let Some(flow) = errand.flow {
            return Some(flow);
        }
        let hop = errand.hops.front()?;
        let listener = self.settings.listener_towards(hop.address)?;
        Some(Flow { listener, transport: hop.transport, remote: hop.address, connection: None })
    }

    /// The way to this address is of no use: the next one is tried.
    fn hop_failed(&mut self, now: Now, mut errand: Errand<R>, outcome: &Outcome, cause: &'static str) {
        // What a connection that was there already did says nothing about an address that has not been tried.
        let failed = if errand.flow.is_some() { None } else { errand.hops.pop_front() };
        if let Some(hop) = failed {
            self.suspect(now, hop, outcome);
            let call_id = errand.call_id().to_owned();
            self.log_hop(hop.address, cause, &call_id);
        }
        if errand.hops.is_empty() || errand.until <= now.mono {
            return self.finish(now, errand.purpose, outcome);
        }
        errand.flow = None;
        self.send_next(now, errand);
    }

    /// Who says nothing by one transport will hardly speak by the other; who refuses one may have the other.
    fn suspect(&mut self, now: Now, hop: Hop, outcome: &Outcome) {
        let until = now.mono + self.settings.suspicion;
        self.resolver.suspect(now.mono, hop, until);
        if let Outcome::TimedOut = outcome {
            let other = if hop.transport.is_reliable() { Transport::Udp } else { Transport::Tcp };
            self.resolver.suspect(now.mono, Hop { transport: other, ..hop }, until);
        }
    }

    pub(crate) fn on_final_response(&mut self, now: Now, client: ClientId, response: Message) {
        let Some(mut errand) = self.sent.remove(&client) else { return };
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

    pub(crate) fn on_send_failed(&mut self, now: Now, flow: Flow) {
        let lost = |path: &Path| {
            let own = path.flow;
            own == flow || (own.connection.is_none() && Flow { connection: None, ..flow } == own)
        };
        let mut waiting = self.transactions.waiting_on(lost);
        // The table has no order of its own; a run must follow from its seed.
        waiting.sort_unstable();
        for client in waiting {
            let was_waiting = self.transactions.on_transport_error(client);
            let Some(mut errand) = self.sent.remove(&client).filter(|_| was_waiting) else { continue };
            if errand.flow.take().is_some() && !errand.hops.is_empty() {
                // That this connection has ended says nothing about the address.
                self.send_next(now, errand);
            } else {
                self.hop_failed(now, errand, &Outcome::Unreachable, "cannot be reached");
            }
        }
    }

    /// What the transactions' timers brought.
    pub(crate) fn drain_transactions(&mut self, now: Now) {
        while let Some(event) = self.transactions.poll_event() {
            match event {
                Event::Transmit(Transmit { path, bytes }) => self.transmit(path, bytes),
                Event::TimedOut(client) => {
                    if let Some(errand) = self.sent.remove(&client) {
                        self.hop_failed(now, errand, &Outcome::TimedOut, "did not answer in time");
                    }
                }
                Event::TryingDue { server, request } => self.send_trying(server, &request),
                Event::Unanswered(_) => {}
            }
        }
    }

    /// RFC 4320 section 4.1: 100 once the client's retransmissions have slowed down, so that they stay slow.
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

/// A request too long for a datagram with a Via of `via` bytes goes over TCP, and over UDP after all where TCP is refused
/// (RFC 3261 section 18.1.1).
fn by_length(draft: Option<&Draft>, via: usize, hops: Vec<Hop>) -> Vec<Hop> {
    if draft.is_none_or(|draft| draft.length_with(via) <= UDP_LIMIT) {
        return hops;
    }
    let both = |hop: Hop| {
        let over_tcp = (hop.transport == Transport::Udp).then_some(Hop { transport: Transport::Tcp, ..hop });
        over_tcp.into_iter().chain([hop])
    };
    hops.into_iter().flat_map(both).collect()
}

/// What RFC 3263 section 4 looks at in a URI.
fn query_of(uri: &Uri) -> Result<Query, ResolveError> {
    if !uri.is_sip() {
        return Err(ResolveError::Unsupported);
    }
    let maddr = uri.params().get("maddr").and_then(|text| Host::parse(text).ok());
    let transport = match uri.params().get("transport") {
        Some(token) => Some(Transport::from_token(token).ok_or(ResolveError::Unsupported)?),
        None => None,
    };
    let host = maddr.or_else(|| uri.host()).ok_or(ResolveError::NoRecords)?;
    Ok(Query::Sip(Target { host, port: uri.port(), transport, secure: uri.scheme() == Scheme::Sips }))
}
