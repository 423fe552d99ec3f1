//! All transactions of a node, matched by what stands in the messages (RFC 3261 sections 17.1.3 and 17.2.3).

use crate::agenda::Agenda;
use crate::arena::Arena;
use crate::client::{Client, ClientEvent};
use crate::exchange::{Arrival, ClientId, Event, Lookup, Request, Response, ServerId, Transmit};
use crate::key::{Keys, client_key, server_key};
use crate::server::{Repeat, Server, ServerEvent};
use crate::timers::Timers;
use clock::Mono;
use sip_message::{Message, StatusCode};
use std::collections::VecDeque;

/// Client transactions at one time; above it a request is not sent and its sender is told 503.
pub const MAX_CLIENTS: usize = 200_000;

/// Server transactions at one time; above it a new request is answered 503 without keeping anything.
pub const MAX_SERVERS: usize = 400_000;

/// Bytes of messages that all transactions keep; above it they are full as well. Only messages far longer than usual come to
/// this before the numbers do.
pub const MAX_KEPT_BYTES: usize = 192 * 1024 * 1024;

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

impl<P> Kept<P> {
    fn len(&self) -> usize {
        match self {
            Self::Request(arrival) => arrival.bytes.len(),
            Self::Nothing => 0,
            Self::Response(transmit) => transmit.bytes.len(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Id {
    Client(ClientId),
    Server(ServerId),
}

/// The transactions of one node.
#[derive(Debug)]
pub struct Transactions<P> {
    clients: Arena<ClientEntry<P>>,
    client_by_key: Keys<ClientId>,
    servers: Arena<ServerEntry<P>>,
    server_by_key: Keys<ServerId>,
    agenda: Agenda<Id>,
    events: VecDeque<Event<P>>,
    kept_bytes: usize,
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
            clients: Arena::new(),
            client_by_key: Keys::default(),
            servers: Arena::new(),
            server_by_key: Keys::default(),
            agenda: Agenda::new(),
            events: VecDeque::new(),
            kept_bytes: 0,
        }
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
        let held = self.server_by_key.get(&key, |id| self.servers.get(id.0).map(|entry| &*entry.key));
        if let Some(id) = held {
            let again = self.servers.get(id.0).and_then(|entry| match entry.machine.on_repeat() {
                Repeat::Resend => match &entry.kept {
                    Kept::Response(last) => Some(last.clone()),
                    Kept::Request(_) | Kept::Nothing => None,
                },
                Repeat::Absorb => None,
            });
            return Lookup::Repeat(again);
        }
        if self.servers.len() >= MAX_SERVERS || self.kept_bytes >= MAX_KEPT_BYTES {
            return Lookup::Full;
        }
        let machine = Server::start(now, timers, reliable);
        let deadline = machine.deadline();
        let kept = Kept::Request(Arrival { path, bytes: request.bytes().clone(), reliable });
        self.kept_bytes += kept.len();
        let id = ServerId(self.servers.insert(ServerEntry { machine, key, kept }));
        if let Some(entry) = self.servers.get(id.0) {
            self.server_by_key.insert(&entry.key, id);
        }
        self.set_deadline(Id::Server(id), deadline);
        Lookup::New(id)
    }

    /// Whether a request is a repeat of one that came before.
    #[must_use]
    pub fn is_known(&self, request: &Message) -> bool {
        let key = server_key(request);
        self.server_by_key.get(&key, |id| self.servers.get(id.0).map(|entry| &*entry.key)).is_some()
    }

    /// Sends a provisional response, which repeats of the request get until the final one.
    pub fn provisional(&mut self, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        self.keep(server, Kept::Response(transmit.clone()))?;
        Some(transmit)
    }

    /// Keeps this in place of what was kept, and gives that.
    fn keep(&mut self, server: ServerId, kept: Kept<P>) -> Option<Kept<P>> {
        let entry = self.servers.get_mut(server.0)?;
        self.kept_bytes += kept.len();
        let before = std::mem::replace(&mut entry.kept, kept);
        self.kept_bytes -= before.len();
        Some(before)
    }

    /// Sends the final response; `None` when the transaction has ended or was answered before, so that nothing must be
    /// sent (RFC 4320 section 4.2).
    pub fn respond(&mut self, now: Mono, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        let entry = self.servers.get_mut(server.0)?;
        if !entry.machine.on_final(now) {
            return None;
        }
        match entry.machine.deadline() {
            Some(at) => {
                self.keep(server, Kept::Response(transmit.clone()));
                self.agenda.add(at, Id::Server(server));
            }
            None => self.forget_server(server),
        }
        self.tidy_agenda();
        Some(transmit)
    }

    /// Sends a request in a new client transaction; `None` when there is no room.
    pub fn send(&mut self, now: Mono, request: Request<'_, P>) -> Option<(ClientId, Transmit<P>)> {
        if self.clients.len() >= MAX_CLIENTS || self.kept_bytes >= MAX_KEPT_BYTES {
            return None;
        }
        let key = client_key(request.branch, request.method);
        let machine = Client::start(now, request.timers, request.reliable, request.give_up);
        let transmit = Transmit { path: request.path, bytes: request.bytes };
        let deadline = machine.deadline();
        self.kept_bytes += transmit.bytes.len();
        let id = ClientId(self.clients.insert(ClientEntry { machine, key, transmit: transmit.clone() }));
        if let Some(entry) = self.clients.get(id.0) {
            self.client_by_key.insert(&entry.key, id);
        }
        self.set_deadline(Id::Client(id), deadline);
        Some((id, transmit))
    }

    /// A response came; `None` when it is a repeat or belongs to nothing, so that it is dropped.
    pub fn on_response(&mut self, now: Mono, response: &Message) -> Option<Response> {
        let key = client_key(response.branch()?, response.cseq_method());
        let id = self.client_by_key.get(&key, |id| self.clients.get(id.0).map(|entry| &*entry.key))?;
        let provisional = response.status().is_some_and(StatusCode::is_provisional);
        let entry = self.clients.get_mut(id.0)?;
        match entry.machine.on_response(now, provisional) {
            ClientEvent::PassUp => {
                if !provisional {
                    // From here on it is never sent again.
                    self.kept_bytes -= std::mem::take(&mut entry.transmit.bytes).len();
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
        let Some(entry) = self.clients.get_mut(client.0) else { return false };
        let waiting = entry.machine.on_transport_error() == ClientEvent::Failed;
        let deadline = entry.machine.deadline();
        self.settle_client(client, deadline);
        waiting
    }

    /// The client transactions still waiting on a path, after that path was lost.
    #[must_use]
    pub fn waiting_on(&self, lost: impl Fn(&P) -> bool) -> Vec<ClientId> {
        self.clients
            .iter()
            .filter(|(_, entry)| lost(&entry.transmit.path))
            .map(|(id, _)| ClientId(id))
            .collect()
    }

    fn settle_client(&mut self, id: ClientId, deadline: Option<Mono>) {
        match deadline {
            Some(at) => self.agenda.add(at, Id::Client(id)),
            None => self.forget_client(id),
        }
        self.tidy_agenda();
    }

    fn forget_client(&mut self, id: ClientId) {
        if let Some(entry) = self.clients.remove(id.0) {
            self.kept_bytes -= entry.transmit.bytes.len();
            self.client_by_key.remove(&entry.key, id);
        }
    }

    fn forget_server(&mut self, id: ServerId) {
        if let Some(entry) = self.servers.remove(id.0) {
            self.kept_bytes -= entry.kept.len();
            self.server_by_key.remove(&entry.key, id);
        }
    }

    fn set_deadline(&mut self, id: Id, at: Option<Mono>) {
        if let Some(at) = at {
            self.agenda.add(at, id);
        }
    }

    fn tidy_agenda(&mut self) {
        let (clients, servers) = (&self.clients, &self.servers);
        self.agenda.tidy(clients.len() + servers.len(), |at, id| {
            let present = match id {
                Id::Client(id) => clients.get(id.0).and_then(|entry| entry.machine.deadline()),
                Id::Server(id) => servers.get(id.0).and_then(|entry| entry.machine.deadline()),
            };
            present == Some(at)
        });
    }

    /// When [`Transactions::on_deadline`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        self.agenda.next()
    }

    /// Lets every passed deadline have its effect; the events are drained by [`Transactions::poll_event`].
    pub fn on_deadline(&mut self, now: Mono) {
        while let Some(id) = self.agenda.pop_due(now) {
            match id {
                Id::Client(id) => self.client_deadline(now, id),
                Id::Server(id) => self.server_deadline(now, id),
            }
            self.tidy_agenda();
        }
    }

    fn client_deadline(&mut self, now: Mono, id: ClientId) {
        let Some(entry) = self.clients.get_mut(id.0) else { return };
        match entry.machine.on_deadline(now) {
            ClientEvent::Resend => self.events.push_back(Event::Transmit(entry.transmit.clone())),
            ClientEvent::TimedOut => self.events.push_back(Event::TimedOut(id)),
            ClientEvent::Nothing | ClientEvent::PassUp | ClientEvent::Failed | ClientEvent::Ended => {}
        }
        let deadline = entry.machine.deadline();
        self.settle_client(id, deadline);
    }

    fn server_deadline(&mut self, now: Mono, id: ServerId) {
        let Some(entry) = self.servers.get_mut(id.0) else { return };
        let answered = matches!(entry.kept, Kept::Response(_));
        match entry.machine.on_deadline(now) {
            ServerEvent::SendTrying if matches!(entry.kept, Kept::Request(_)) => {
                if let Some(Kept::Request(request)) = self.keep(id, Kept::Nothing) {
                    self.events.push_back(Event::TryingDue { server: id, request });
                }
            }
            ServerEvent::Ended if !answered => self.events.push_back(Event::Unanswered(id)),
            ServerEvent::SendTrying | ServerEvent::Ended | ServerEvent::Nothing => {}
        }
        match self.servers.get(id.0).and_then(|entry| entry.machine.deadline()) {
            Some(at) => self.agenda.add(at, Id::Server(id)),
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

    /// How many bytes of messages they keep.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Whether there is no transaction at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == (0, 0)
    }
}
