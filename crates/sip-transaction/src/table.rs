//! All transactions of a node, matched by what stands in the messages (RFC 3261 sections 17.1.3 and 17.2.3).

use crate::client::{Client, ClientEvent};
use crate::key::{Keys, client_key, server_key};
use crate::server::{Repeat, Server, ServerEvent};
use crate::timers::Timers;
use bytes::Bytes;
use clock::{Deadlines, Mono};
use hashbrown::HashMap;
use sip_message::{Message, StatusCode};
use std::collections::VecDeque;
use std::time::Duration;

/// Client transactions at one time; above it a request is not sent and its sender is told 503.
pub const MAX_CLIENTS: usize = 200_000;

/// Server transactions at one time; above it a new request is answered 503 without keeping anything.
pub const MAX_SERVERS: usize = 400_000;

/// A client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

/// A server transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(u64);

/// Bytes to send, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit<P> {
    /// Where to: the caller's own type.
    pub path: P,
    /// The message.
    pub bytes: Bytes,
}

/// What a timer brought, drained by [`Transactions::poll_event`].
#[derive(Debug, PartialEq, Eq)]
pub enum Event<P> {
    /// Send this (again).
    Transmit(Transmit<P>),
    /// A request has waited so long that its client may be told 100 (RFC 4320).
    TryingDue {
        /// The transaction.
        server: ServerId,
        /// The request as it came in.
        request: Arrival<P>,
    },
    /// No final response came within Timer F.
    TimedOut(ClientId),
    /// A server transaction ended without having been answered.
    Unanswered(ServerId),
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival<P> {
    /// Where from.
    pub path: P,
    /// The message.
    pub bytes: Bytes,
    /// Whether the transport loses nothing.
    pub reliable: bool,
}

/// What a request is to the table.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<P> {
    /// New: whoever decides answers with this id.
    New(ServerId),
    /// Seen before; the answer is sent again if there is one.
    Repeat(Option<Transmit<P>>),
    /// No room: answer 503 without state.
    Full,
}

/// A request about to be sent.
#[derive(Debug)]
pub struct Request<'a, P> {
    /// The branch in its topmost Via: unique for every request and every address tried.
    pub branch: &'a str,
    /// Its method.
    pub method: &'a str,
    /// Where it goes.
    pub path: P,
    /// The whole message.
    pub bytes: Bytes,
    /// Whether the transport loses nothing.
    pub reliable: bool,
    /// The timers of that leg.
    pub timers: Timers,
    /// How long to wait for a final response.
    pub give_up: Duration,
}

/// A response that belongs to a client transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The transaction.
    pub client: ClientId,
    /// Whether more may follow.
    pub provisional: bool,
}

#[derive(Debug)]
struct ClientEntry<P> {
    machine: Client,
    key: Box<str>,
    transmit: Transmit<P>,
}

#[derive(Debug)]
struct ServerEntry<P> {
    machine: Server,
    key: Box<str>,
    kept: Kept<P>,
}

/// What a server transaction keeps of its messages.
#[derive(Debug)]
enum Kept<P> {
    /// The request, until the first response.
    Request(Arrival<P>),
    /// Nothing: the request was handed out for a first response.
    Nothing,
    /// The last response, for repeats of the request.
    Response(Transmit<P>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Id {
    Client(ClientId),
    Server(ServerId),
}

type Table<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// The transactions of one node.
#[derive(Debug)]
pub struct Transactions<P> {
    clients: Table<ClientId, ClientEntry<P>>,
    client_by_key: Keys<ClientId>,
    servers: Table<ServerId, ServerEntry<P>>,
    server_by_key: Keys<ServerId>,
    deadlines: Deadlines<Id>,
    events: VecDeque<Event<P>>,
    next: u64,
}

impl<P: Clone> Default for Transactions<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Clone> Transactions<P> {
    /// No transaction.
    #[must_use]
    pub fn new() -> Self {
        Self {
            clients: Table::default(),
            client_by_key: Keys::default(),
            servers: Table::default(),
            server_by_key: Keys::default(),
            deadlines: Deadlines::new(),
            events: VecDeque::new(),
            next: 0,
        }
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// A request came: is it new?
    pub fn on_request(
        &mut self,
        now: Mono,
        request: &Message,
        path: P,
        (timers, reliable): (Timers, bool),
    ) -> Lookup<P> {
        let key = server_key(request);
        let held = self.server_by_key.get(&key, |id| self.servers.get(&id).map(|entry| &*entry.key));
        if let Some(id) = held {
            let again = self.servers.get(&id).and_then(|entry| match entry.machine.on_repeat() {
                Repeat::Resend => match &entry.kept {
                    Kept::Response(last) => Some(last.clone()),
                    Kept::Request(_) | Kept::Nothing => None,
                },
                Repeat::Absorb => None,
            });
            return Lookup::Repeat(again);
        }
        if self.servers.len() >= MAX_SERVERS {
            return Lookup::Full;
        }
        let id = ServerId(self.fresh());
        let machine = Server::start(now, timers, reliable);
        self.set_deadline(Id::Server(id), machine.deadline());
        self.server_by_key.insert(&key, id);
        let kept = Kept::Request(Arrival { path, bytes: request.bytes().clone(), reliable });
        self.servers.insert(id, ServerEntry { machine, key, kept });
        Lookup::New(id)
    }

    /// Sends a provisional response, which repeats of the request get until the final one.
    pub fn provisional(&mut self, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        let entry = self.servers.get_mut(&server)?;
        entry.kept = Kept::Response(transmit.clone());
        Some(transmit)
    }

    /// Sends the final response; `None` when the transaction has ended or was answered before, so that nothing must be
    /// sent (RFC 4320 section 4.2).
    pub fn respond(&mut self, now: Mono, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        let entry = self.servers.get_mut(&server)?;
        if !entry.machine.on_final(now) {
            return None;
        }
        match entry.machine.deadline() {
            Some(at) => {
                entry.kept = Kept::Response(transmit.clone());
                self.deadlines.set(Id::Server(server), at);
            }
            None => self.forget_server(server),
        }
        Some(transmit)
    }

    /// Sends a request in a new client transaction; `None` when there is no room.
    pub fn send(&mut self, now: Mono, request: Request<'_, P>) -> Option<(ClientId, Transmit<P>)> {
        if self.clients.len() >= MAX_CLIENTS {
            return None;
        }
        let id = ClientId(self.fresh());
        let key = client_key(request.branch, request.method);
        let machine = Client::start(now, request.timers, request.reliable, request.give_up);
        let transmit = Transmit { path: request.path, bytes: request.bytes };
        self.set_deadline(Id::Client(id), machine.deadline());
        self.client_by_key.insert(&key, id);
        self.clients.insert(id, ClientEntry { machine, key, transmit: transmit.clone() });
        Some((id, transmit))
    }

    /// A response came; `None` when it is a repeat or belongs to nothing, so that it is dropped.
    pub fn on_response(&mut self, now: Mono, response: &Message) -> Option<Response> {
        let key = client_key(response.branch()?, response.cseq_method());
        let id = self.client_by_key.get(&key, |id| self.clients.get(&id).map(|entry| &*entry.key))?;
        let provisional = response.status().is_some_and(StatusCode::is_provisional);
        let entry = self.clients.get_mut(&id)?;
        match entry.machine.on_response(now, provisional) {
            ClientEvent::PassUp => {
                if !provisional {
                    // From here on it is never sent again.
                    entry.transmit.bytes = Bytes::new();
                }
                let deadline = entry.machine.deadline();
                self.settle_client(id, deadline);
                Some(Response { client: id, provisional })
            }
            ClientEvent::Nothing
            | ClientEvent::Resend
            | ClientEvent::TimedOut
            | ClientEvent::Failed
            | ClientEvent::Ended => None,
        }
    }

    /// The request of this transaction could not be sent; whether it was still waiting for its answer.
    pub fn on_transport_error(&mut self, client: ClientId) -> bool {
        let Some(entry) = self.clients.get_mut(&client) else { return false };
        let waiting = entry.machine.on_transport_error() == ClientEvent::Failed;
        let deadline = entry.machine.deadline();
        self.settle_client(client, deadline);
        waiting
    }

    /// The client transactions still waiting on a path, after that path was lost.
    #[must_use]
    pub fn waiting_on(&self, lost: impl Fn(&P) -> bool) -> Vec<ClientId> {
        self.clients.iter().filter(|(_, entry)| lost(&entry.transmit.path)).map(|(id, _)| *id).collect()
    }

    fn settle_client(&mut self, id: ClientId, deadline: Option<Mono>) {
        match deadline {
            Some(at) => self.deadlines.set(Id::Client(id), at),
            None => self.forget_client(id),
        }
    }

    fn forget_client(&mut self, id: ClientId) {
        self.deadlines.cancel(&Id::Client(id));
        if let Some(entry) = self.clients.remove(&id) {
            self.client_by_key.remove(&entry.key, id);
        }
    }

    fn forget_server(&mut self, id: ServerId) {
        self.deadlines.cancel(&Id::Server(id));
        if let Some(entry) = self.servers.remove(&id) {
            self.server_by_key.remove(&entry.key, id);
        }
    }

    fn set_deadline(&mut self, id: Id, at: Option<Mono>) {
        if let Some(at) = at {
            self.deadlines.set(id, at);
        }
    }

    /// When [`Transactions::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// Lets every passed deadline have its effect; the events are drained by [`Transactions::poll_event`].
    pub fn on_deadline(&mut self, now: Mono) {
        while let Some(id) = self.deadlines.pop_due(now) {
            match id {
                Id::Client(id) => self.client_deadline(now, id),
                Id::Server(id) => self.server_deadline(now, id),
            }
        }
    }

    fn client_deadline(&mut self, now: Mono, id: ClientId) {
        let Some(entry) = self.clients.get_mut(&id) else { return };
        match entry.machine.on_deadline(now) {
            ClientEvent::Resend => self.events.push_back(Event::Transmit(entry.transmit.clone())),
            ClientEvent::TimedOut => self.events.push_back(Event::TimedOut(id)),
            ClientEvent::Nothing | ClientEvent::PassUp | ClientEvent::Failed | ClientEvent::Ended => {}
        }
        let deadline = entry.machine.deadline();
        self.settle_client(id, deadline);
    }

    fn server_deadline(&mut self, now: Mono, id: ServerId) {
        let Some(entry) = self.servers.get_mut(&id) else { return };
        let answered = matches!(entry.kept, Kept::Response(_));
        match entry.machine.on_deadline(now) {
            ServerEvent::SendTrying => match std::mem::replace(&mut entry.kept, Kept::Nothing) {
                Kept::Request(request) => self.events.push_back(Event::TryingDue { server: id, request }),
                kept @ (Kept::Nothing | Kept::Response(_)) => entry.kept = kept,
            },
            ServerEvent::Ended if !answered => self.events.push_back(Event::Unanswered(id)),
            ServerEvent::Ended | ServerEvent::Nothing => {}
        }
        match entry.machine.deadline() {
            Some(at) => self.deadlines.set(Id::Server(id), at),
            None => self.forget_server(id),
        }
    }

    /// The next event a timer brought.
    pub fn poll_event(&mut self) -> Option<Event<P>> {
        self.events.pop_front()
    }

    /// How many client and server transactions there are.
    #[must_use]
    pub fn len(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    /// Whether there is no transaction at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty()
    }
}
