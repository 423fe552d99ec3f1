//! Requests that were sent and wait for their final response, found by transaction and by the way that they went.

use crate::errand::Errand;
use crate::flow::Flow;
use crate::role::Role;
use clock::Mono;
use hashbrown::HashMap;
use sip_transaction::ClientId;
use smallvec::SmallVec;
use std::time::Duration;

type Hasher = foldhash::fast::RandomState;

/// One way, for as long as there are requests on it.
#[derive(Debug, Default)]
struct Way {
    /// The requests, in no order.
    clients: SmallVec<[ClientId; 2]>,
    /// When something last came from there.
    heard: Option<Mono>,
}

/// See the module. Its size is that of the table of client transactions, which has the bound.
///
/// When a way is lost, exactly the requests on it are looked at, and each of them once: a way that fails again and
/// again costs nothing more for what has failed before.
#[derive(Debug)]
pub(crate) struct UnderWay<R: Role> {
    sent: HashMap<ClientId, Sent<R>, Hasher>,
    by_way: HashMap<Flow, Way, Hasher>,
}

#[derive(Debug)]
struct Sent<R: Role> {
    errand: Errand<R>,
    way: Flow,
    /// Its place among the requests of its way.
    place: usize,
}

impl<R: Role> UnderWay<R> {
    pub(crate) fn new() -> Self {
        Self { sent: HashMap::default(), by_way: HashMap::default() }
    }

    /// A request has been sent on `way`.
    pub(crate) fn insert(&mut self, client: ClientId, way: Flow, errand: Errand<R>) {
        let clients = &mut self.by_way.entry(way).or_default().clients;
        let place = clients.len();
        clients.push(client);
        self.sent.insert(client, Sent { errand, way, place });
    }

    /// Its final response has come, or will not come.
    pub(crate) fn remove(&mut self, client: ClientId) -> Option<Errand<R>> {
        let Sent { errand, way, place } = self.sent.remove(&client)?;
        let clients = self.by_way.get_mut(&way).map(|way| &mut way.clients);
        if let Some(clients) = clients.filter(|clients| place < clients.len()) {
            clients.swap_remove(place);
            match clients.get(place).and_then(|moved| self.sent.get_mut(moved)) {
                Some(moved) => moved.place = place,
                None if clients.is_empty() => drop(self.by_way.remove(&way)),
                None => {}
            }
        }
        Some(errand)
    }

    /// The requests on this way, in the order in which they were sent. A request may be sent to an address without naming a
    /// connection: it is on every connection to that address.
    pub(crate) fn on(&self, way: Flow) -> Vec<ClientId> {
        let any = Flow { connection: None, ..way };
        let also = way.connection.and_then(|_| self.by_way.get(&any));
        let ways = self.by_way.get(&way).into_iter().chain(also);
        let mut clients: Vec<ClientId> = ways.flat_map(|way| way.clients.iter().copied()).collect();
        clients.sort_unstable();
        clients
    }

    /// Something has come from there: also for what any connection to that end would do for.
    pub(crate) fn heard(&mut self, now: Mono, way: Flow) {
        let any = way.connection.map(|_| Flow { connection: None, ..way });
        for way in [Some(way), any].into_iter().flatten() {
            if let Some(way) = self.by_way.get_mut(&way) {
                way.heard = Some(now);
            }
        }
    }

    /// When something last came from where this request was sent, since there has been a request on that way.
    pub(crate) fn last_heard(&self, client: ClientId) -> Option<Mono> {
        self.by_way.get(&self.sent.get(&client)?.way)?.heard
    }

    /// The way that this request has gone.
    pub(crate) fn way(&self, client: ClientId) -> Option<Flow> {
        self.sent.get(&client).map(|sent| sent.way)
    }

    /// How long this request's present address may say nothing.
    pub(crate) fn silence(&self, client: ClientId) -> Option<Duration> {
        self.sent.get(&client).map(|sent| sent.errand.silence)
    }

    /// Takes all of them, in no order.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Errand<R>> {
        self.by_way.clear();
        self.sent.drain().map(|(_, sent)| sent.errand)
    }

    pub(crate) fn len(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }
}
