//! All transactions of a node, matched by what stands in the messages (RFC 3261 sections 17.1.3 and 17.2.3).

use crate::agenda::Agenda;
use crate::arena::Arena;
use crate::client::{Client, ClientEvent};
use crate::entry::{ClientEntry, Kept, ServerEntry, Standing};
use crate::exchange::{Arrival, ClientId, Event, Lookup, Request, Response, ServerId, Transmit};
use crate::key::{Keys, client_key, server_key, server_key_of};
use crate::load::{Finished, Kind, Load};
use crate::server::{Repeat, Server, ServerEvent};
use crate::timers::Timers;
use bytes::Bytes;
use clock::Mono;
use sip_message::{Message, StatusCode};
use std::collections::VecDeque;

/// Methods of transactions that a CANCEL may name.
const CANCELLABLE: [&str; 11] = [
    "SUBSCRIBE",
    "NOTIFY",
    "PUBLISH",
    "REGISTER",
    "MESSAGE",
    "OPTIONS",
    "INFO",
    "REFER",
    "BYE",
    "UPDATE",
    "PRACK",
];

/// Client transactions that wait for their final response, at one time; above it a request is not sent.
pub const MAX_CLIENTS: usize = 200_000;

/// Server transactions that have not been answered, at one time; above it a new request is answered 503 without keeping
/// anything.
pub const MAX_SERVERS: usize = 400_000;

/// Bytes that the transactions which wait for an answer take together; above it they are full as well. Only messages far
/// longer than usual come to this before the numbers do.
pub const MAX_OPEN_BYTES: usize = 192 * 1024 * 1024;

/// Bytes that finished transactions take together; above it the ones that ended first are forgotten before their Timer J
/// or K. A repeat of such a request is then taken for a new one: whoever answers it must give the same answer to the
/// same request (RFC 3261 section 8.2.2.2). A repeat of such a response is dropped as one that matches nothing.
pub const MAX_FINISHED_BYTES: usize = 64 * 1024 * 1024;

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
    load: Load,
    finished: Finished<Id>,
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
            load: Load::default(),
            finished: Finished::new(),
        }
    }

    /// Whether there is a transaction that this CANCEL is for: of the same branch and sent-by, with any other method (RFC 3261
    /// section 9.2).
    #[must_use]
    pub fn has_cancelled(&self, cancel: &Message) -> bool {
        CANCELLABLE.iter().any(|method| {
            let key = server_key_of(cancel, method);
            self.server_by_key.get(&key, |id| self.servers.get(id.0).map(|entry| &*entry.key)).is_some()
        })
    }

    /// A request came: is it new?
    pub fn on_request(
        &mut self,
        now: Mono,
        request: &Message,
        path: P,
        timers: Timers,
        reliable: bool,
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
        if self.load.servers >= MAX_SERVERS || self.load.bytes >= MAX_OPEN_BYTES {
            return Lookup::Full;
        }
        let machine = Server::start(now, timers, reliable);
        let kept = Kept::Request(Arrival { path, bytes: request.bytes().clone(), reliable });
        let entry = ServerEntry { machine, standing: Standing::Open, key, kept };
        self.load.add(Kind::Server, Standing::Open, entry.size());
        let id = ServerId(self.servers.insert(entry));
        if let Some(entry) = self.servers.get(id.0) {
            self.server_by_key.insert(&entry.key, id);
        }
        self.set_deadline(Id::Server(id), machine.deadline());
        Lookup::New(id)
    }

    /// Whether a request is a repeat of one that came before.
    #[must_use]
    pub fn is_known(&self, request: &Message) -> bool {
        let key = server_key(request);
        self.server_by_key.get(&key, |id| self.servers.get(id.0).map(|entry| &*entry.key)).is_some()
    }

    /// Sends a provisional response, which repeats of the request get until the final one; `None` when that one has been sent
    /// already.
    pub fn provisional(&mut self, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        self.servers.get(server.0).filter(|entry| entry.standing == Standing::Open)?;
        self.replace_kept(server, Kept::Response(transmit.clone()))?;
        Some(transmit)
    }

    /// Keeps this in place of what was kept, and gives that.
    fn replace_kept(&mut self, server: ServerId, kept: Kept<P>) -> Option<Kept<P>> {
        let entry = self.servers.get_mut(server.0)?;
        self.load.remove(Kind::Server, entry.standing, entry.size());
        let before = std::mem::replace(&mut entry.kept, kept);
        self.load.add(Kind::Server, entry.standing, entry.size());
        Some(before)
    }

    /// Sends the final response; `None` when the transaction has ended or was answered before, so that nothing must be
    /// sent (RFC 4320 section 4.2).
    pub fn respond(&mut self, now: Mono, server: ServerId, transmit: Transmit<P>) -> Option<Transmit<P>> {
        let entry = self.servers.get_mut(server.0)?;
        if !entry.machine.on_final(now) {
            return None;
        }
        self.load.remove(Kind::Server, entry.standing, entry.size());
        entry.kept = Kept::Response(transmit.clone());
        entry.standing = Standing::Finished;
        self.load.add(Kind::Server, entry.standing, entry.size());
        let deadline = entry.machine.deadline();
        self.finish(Id::Server(server), deadline);
        Some(transmit)
    }

    /// Sends a request in a new client transaction; `None` when there is no room.
    pub fn send(&mut self, now: Mono, request: Request<'_, P>) -> Option<(ClientId, Transmit<P>)> {
        if self.load.clients >= MAX_CLIENTS || self.load.bytes >= MAX_OPEN_BYTES {
            return None;
        }
        let key = client_key(request.branch, request.method);
        let machine = Client::start(now, request.timers, request.reliable, request.patience);
        let transmit = Transmit { path: request.path, bytes: request.bytes };
        let entry = ClientEntry { machine, standing: Standing::Open, key, transmit: transmit.clone() };
        self.load.add(Kind::Client, Standing::Open, entry.size());
        let id = ClientId(self.clients.insert(entry));
        if let Some(entry) = self.clients.get(id.0) {
            self.client_by_key.insert(&entry.key, id);
        }
        self.set_deadline(Id::Client(id), machine.deadline());
        Some((id, transmit))
    }

    /// A response came; `None` when it is a repeat or belongs to nothing, so that it is dropped.
    pub fn on_response(&mut self, now: Mono, response: &Message) -> Option<Response> {
        let key = client_key(response.branch()?, response.cseq_method());
        let id = self.client_by_key.get(&key, |id| self.clients.get(id.0).map(|entry| &*entry.key))?;
        let provisional = response.status().is_some_and(StatusCode::is_provisional);
        let entry = self.clients.get_mut(id.0)?;
        let before = entry.machine.deadline();
        match entry.machine.on_response(now, provisional) {
            ClientEvent::PassUp if provisional => self.note_deadline(id, before),
            ClientEvent::PassUp => {
                self.load.remove(Kind::Client, entry.standing, entry.size());
                // From here on it is never sent again.
                entry.transmit.bytes = Bytes::new();
                entry.standing = Standing::Finished;
                self.load.add(Kind::Client, entry.standing, entry.size());
                let deadline = entry.machine.deadline();
                self.finish(Id::Client(id), deadline);
            }
            ClientEvent::Nothing
            | ClientEvent::Resend
            | ClientEvent::Silent
            | ClientEvent::TimedOut
            | ClientEvent::Failed
            | ClientEvent::Ended => return None,
        }
        Some(Response { client: id, provisional })
    }

    /// The other side of this transaction may be silent until then.
    pub fn wait_until(&mut self, client: ClientId, silent: Mono) {
        let Some(entry) = self.clients.get_mut(client.0) else { return };
        let before = entry.machine.deadline();
        entry.machine.wait_until(silent);
        self.note_deadline(client, before);
    }

    /// The request of this transaction could not be sent, or its other side is given up; whether it was still waiting for
    /// its answer.
    pub fn on_transport_error(&mut self, client: ClientId) -> bool {
        let Some(entry) = self.clients.get_mut(client.0) else { return false };
        let before = entry.machine.deadline();
        let waiting = entry.machine.on_transport_error() == ClientEvent::Failed;
        self.note_deadline(client, before);
        waiting
    }

    /// A transaction has its final response, and is kept until `deadline` for repeats.
    fn finish(&mut self, id: Id, deadline: Option<Mono>) {
        match deadline {
            Some(at) => {
                self.agenda.add(at, id);
                let (clients, servers) = (&self.clients, &self.servers);
                self.finished.note(id, self.load.finished, |id| match id {
                    Id::Client(id) => clients.get(id.0).is_some(),
                    Id::Server(id) => servers.get(id.0).is_some(),
                });
            }
            None => self.forget(id),
        }
        while self.load.finished_bytes > MAX_FINISHED_BYTES
            && let Some(oldest) = self.finished.pop_oldest()
        {
            self.forget(oldest);
        }
        self.tidy_agenda();
    }

    /// After an event: a deadline that has moved since `before` stands in the agenda once more, one that has not moved
    /// stands there already, and a transaction without a deadline has ended.
    fn note_deadline(&mut self, id: ClientId, before: Option<Mono>) {
        match self.clients.get(id.0).and_then(|entry| entry.machine.deadline()) {
            Some(at) if before == Some(at) => {}
            Some(at) => self.agenda.add(at, Id::Client(id)),
            None => self.forget(Id::Client(id)),
        }
        self.tidy_agenda();
    }

    fn forget(&mut self, id: Id) {
        match id {
            Id::Client(id) => {
                if let Some(entry) = self.clients.remove(id.0) {
                    self.load.remove(Kind::Client, entry.standing, entry.size());
                    self.client_by_key.remove(&entry.key, id);
                }
            }
            Id::Server(id) => {
                if let Some(entry) = self.servers.remove(id.0) {
                    self.load.remove(Kind::Server, entry.standing, entry.size());
                    self.server_by_key.remove(&entry.key, id);
                }
            }
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
            ClientEvent::Silent => self.events.push_back(Event::Silent(id)),
            ClientEvent::TimedOut => self.events.push_back(Event::TimedOut(id)),
            ClientEvent::Nothing | ClientEvent::PassUp | ClientEvent::Failed | ClientEvent::Ended => {}
        }
        // Its entry has just been taken off the agenda.
        self.note_deadline(id, None);
    }

    fn server_deadline(&mut self, now: Mono, id: ServerId) {
        let Some(entry) = self.servers.get_mut(id.0) else { return };
        let is_answered = entry.standing == Standing::Finished;
        match entry.machine.on_deadline(now) {
            ServerEvent::SendTrying if matches!(entry.kept, Kept::Request(_)) => {
                if let Some(Kept::Request(request)) = self.replace_kept(id, Kept::Nothing) {
                    self.events.push_back(Event::TryingDue { server: id, request });
                }
            }
            ServerEvent::RepeatTrying => {
                if let Kept::Response(trying) = &entry.kept {
                    self.events.push_back(Event::Transmit(trying.clone()));
                }
            }
            ServerEvent::Ended if !is_answered => self.events.push_back(Event::Unanswered(id)),
            ServerEvent::SendTrying | ServerEvent::Ended | ServerEvent::Nothing => {}
        }
        match self.servers.get(id.0).and_then(|entry| entry.machine.deadline()) {
            Some(at) => self.agenda.add(at, Id::Server(id)),
            None => self.forget(Id::Server(id)),
        }
    }

    /// The next event a timer brought.
    pub fn poll_event(&mut self) -> Option<Event<P>> {
        self.events.pop_front()
    }

    /// How many transactions there are of each kind, and how many bytes they take.
    #[must_use]
    pub const fn load(&self) -> Load {
        self.load
    }

    /// How many entries of the agenda were looked at since the start: a measure of work that no loaded machine changes.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.agenda.steps()
    }

    /// Whether there is no transaction at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.len() + self.servers.len() == 0
    }
}
