//! A request of a node's own or of somebody else is sent: resolution, a transaction for each address tried (RFC 3263 section 4.3, RFC 3261
//! section 18.1.1).

use crate::cause::NodeCause;
use crate::decision::Next;
use crate::errand::{Errand, Purpose};
use crate::flow::Flow;
use crate::loop_check::BRANCH;
use crate::node::{Node, Path};
use crate::own::{Outcome, OwnRequest};
use crate::pressure::Class;
use crate::refusal::Refusal;
use crate::role::Role;
use clock::Now;
use sip_message::{Draft, Host, Scheme, StatusCode, Transport, Uri};
use sip_resolve::{Hop, LookupId, Query, Resolution, ResolveError, Target};
use sip_transaction::{Patience, Request, Transmit};
use std::collections::VecDeque;

/// RFC 3261 section 18.1.1: a request longer than this goes over a transport with congestion control.
const UDP_LIMIT: usize = 1300;

impl<R: Role> Node<R> {
    pub(crate) fn send_own(&mut self, now: Now, request: OwnRequest<R::Own>) {
        let OwnRequest { draft, next, then } = request;
        let target = draft.first_route().unwrap_or_else(|| draft.request_uri().clone());
        let flow = match next {
            Next::Flow(flow) => Some(flow),
            Next::Route => None,
        };
        if let Some(slice) = self.slice {
            self.window.sent(slice, draft.length_with(0));
        }
        let purpose = Purpose::Own(then, self.slice);
        let fingerprint = self.fx.random.bits();
        let hops = VecDeque::new();
        let draft = Some(draft);
        let timers = flow.map_or(self.settings.timers, |flow| self.timers(flow));
        let errand = Errand {
            draft,
            target,
            flow,
            beside: self.answering,
            hops,
            fingerprint,
            until: now.mono + timers.timer_f(),
            silence: self.settings.failover_after,
            reopened: false,
            purpose,
        };
        self.start(now, errand);
    }

    pub(crate) fn start(&mut self, now: Now, errand: Errand<R>) {
        let via = self.via_heads.longest();
        if errand.draft.as_ref().is_some_and(|draft| !draft.fits_with(via)) {
            // The next hop would close the connection, which carries the requests of others.
            let refusal = Refusal::new(StatusCode::MESSAGE_TOO_LARGE, NodeCause::RequestTooLong);
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
    pub(crate) fn send_next(&mut self, now: Now, mut errand: Errand<R>) {
        if errand.until <= now.mono {
            // Its address was looked for so long that nobody waits for the answer.
            return self.finish(now, errand.purpose, &Outcome::TimedOut);
        }
        let flow = self.next_flow(&errand);
        let head = flow.and_then(|flow| self.via_heads.of(flow));
        let (Some(flow), Some(head), Some(draft)) = (flow, head, errand.draft.take()) else {
            return self.finish(now, errand.purpose, &Outcome::Unreachable);
        };
        let mut via = String::with_capacity(head.len() + BRANCH);
        via.push_str(head);
        self.loops.put_branch(&mut via, &mut self.fx.random, errand.fingerprint);
        let timers = self.timers(flow);
        let is_last = errand.hops.len() <= usize::from(errand.flow.is_none());
        let timer_f = timers.timer_f().min(errand.until.saturating_since(now.mono));
        // On the flow of a UE there is nowhere else to go, and hardly any phone says 100: it has all the time there is.
        let silence = if errand.hops.is_empty() { timer_f } else { errand.silence };
        // A connection that ends is opened once more; a last address by UDP is tried once.
        let again = (!is_last || flow.transport.is_reliable()).then(|| draft.clone());
        let method = draft.method().clone();
        let after = match &errand.purpose {
            Purpose::Forward { request, .. } => request.after,
            Purpose::Own(..) => self.after_everything(),
        };
        let request = Request {
            branch: via.get(head.len()..).unwrap_or_default(),
            method: method.as_str(),
            path: Path { flow, fallback: None, after },
            bytes: crate::trust::leaving(&self.settings, flow, draft).into_bytes(&via),
            reliable: flow.transport.is_reliable(),
            timers,
            patience: Patience { silence, timer_f },
        };
        match self.transactions.send(now.mono, request) {
            Some((client, Transmit { path, bytes })) => {
                errand.draft = again;
                self.under_way.insert(client, path.flow, errand);
                self.transmit(path, bytes);
            }
            None => {
                let pause = self.pause(now);
                let refusal = Refusal::unavailable(NodeCause::TooManyRequests, pause);
                self.give_back(now, errand.purpose, &refusal);
            }
        }
    }

    /// It is not sent at all.
    fn give_back(&mut self, now: Now, purpose: Purpose<R>, refusal: &Refusal) {
        match purpose {
            Purpose::Forward { request, .. } => self.refuse(now, &request, refusal),
            purpose @ Purpose::Own(..) => self.finish(now, purpose, &Outcome::Unreachable),
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
    let host = maddr.or_else(|| uri.host()).ok_or(ResolveError::NoRecords)?;
    let transport = match uri.params().get("transport").map(Transport::from_token) {
        // How somebody was reached once says nothing about the way to the servers of a domain, which DNS knows. An address or
        // a port is one place that speaks that and nothing else.
        Some(None) if uri.port().is_some() || host.address().is_some() => {
            return Err(ResolveError::Unsupported);
        }
        Some(transport) => transport,
        None => None,
    };
    Ok(Query::Sip(Target { host, port: uri.port(), transport, secure: uri.scheme() == Scheme::Sips }))
}
