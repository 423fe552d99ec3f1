//! Connections: in order, without loss, and at times broken.

use crate::connection::{Connection, ConnectionId, End, Side, State};
use crate::event::Event;
use crate::link::Fate;
use crate::process::{Gone, Place, ProcessId};
use crate::recorder::is_keepalive;
use crate::world::World;
use bytes::Bytes;
use clock::Mono;
use figure::Wire;
use ims_node::{Flow, Heard, Input, ListenerId, Loss, Suspicion, Transmit, UNACKNOWLEDGED};
use sip_message::{Message, PING, PONG, Transport, Via};
use std::net::SocketAddr;
use std::time::Duration;

/// How long an opening that nobody answers is waited for.
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);

/// Where outgoing connections get their ports from.
const FIRST_EPHEMERAL_PORT: u16 = 49_152;

impl World {
    /// Breaks every connection between two nodes; both ends learn it at once.
    pub fn cut(&mut self, one: &str, other: &str) {
        let (Some(one), Some(other)) = (self.place(one), self.place(other)) else { return };
        let between = self.tcp.connections.iter().filter(|(_, connection)| {
            let ends = (connection.dialer.process.place, connection.acceptor.process.place);
            ends == (one, other) || ends == (other, one)
        });
        let broken: Vec<ConnectionId> = between.map(|(id, _)| *id).collect();
        for id in broken {
            self.tell_end(id, Side::Dialer, Duration::ZERO, Loss::Ended);
            self.tell_end(id, Side::Acceptor, Duration::ZERO, Loss::Ended);
        }
    }

    pub(crate) fn send_stream(&mut self, place: Place, transmit: Transmit) {
        let process = self.process(place);
        if let Some((id, side)) = self.tcp.find(process, transmit.flow) {
            return self.write(id, side, transmit);
        }
        let flow = transmit.flow;
        // A connection that is named and gone: RFC 3261 section 18.2.2 has a response try another one.
        let target = if flow.connection.is_some() { transmit.fallback } else { Some(flow.remote) };
        match target {
            Some(remote) if Flow { remote, connection: None, ..flow } != flow => {
                let retry = Flow { remote, connection: None, ..flow };
                self.send_stream(place, Transmit { flow: retry, fallback: None, ..transmit });
            }
            Some(remote) => self.dial(process, remote, transmit),
            None => self.after(Duration::ZERO, Event::SendFailed { process, flow }),
        }
    }

    fn dial(&mut self, process: ProcessId, remote: SocketAddr, transmit: Transmit) {
        let flow = transmit.flow;
        let from = self.slots.get(process.place).and_then(|slot| slot.listener(flow.listener));
        let Some(from) = from else {
            return self.after(Duration::ZERO, Event::SendFailed { process, flow });
        };
        self.tcp.opened += 1;
        let id = ConnectionId(self.tcp.opened);
        let port = u16::try_from(id.0 % 16_384).unwrap_or_default().saturating_add(FIRST_EPHEMERAL_PORT);
        let end = |process, listener, address| End {
            process,
            listener,
            address,
            listens_at: None,
            is_superseded: false,
            open: true,
            ending: false,
            last_arrival: Mono::ZERO,
            silence: None,
        };
        let target = self.addresses.get(&remote).copied();
        let (place, listener) = target.unwrap_or((usize::MAX, ListenerId(0)));
        let mut acceptor = end(self.process(place), listener, remote);
        let mut dialer = end(process, flow.listener, SocketAddr::new(from.ip(), port));
        dialer.silence = self.slots.get(process.place).and_then(|slot| slot.silence(flow.listener, remote));
        acceptor.silence =
            self.slots.get(place).and_then(|slot| slot.silence(acceptor.listener, dialer.address));
        let state = State::Opening(vec![transmit]);
        self.tcp.connections.insert(id, Connection { dialer, acceptor, state });
        if target.is_none() || self.is_severed(process.place, place) {
            return self.after(CONNECT_PATIENCE, Event::ConnectFailed(id, Loss::Silent));
        }
        let link = self.link(process.place, place);
        self.after(link.latency, Event::Connect(id));
    }

    /// An opening reaches its listener.
    pub(crate) fn connect(&mut self, id: ConnectionId) {
        let Some(connection) = self.tcp.connections.get(&id) else { return };
        let (from, to) = (connection.dialer.process.place, connection.acceptor.process.place);
        let back = self.link(from, to).latency;
        if !self.is_alive(to) {
            let silent = self.slots.get(to).is_some_and(|slot| slot.gone == Gone::Silent);
            let (news, loss) = if silent { (CONNECT_PATIENCE, Loss::Silent) } else { (back, Loss::Refused) };
            return self.after(news, Event::ConnectFailed(id, loss));
        }
        let accepted_by = self.process(to);
        if let Some(connection) = self.tcp.connections.get_mut(&id) {
            connection.acceptor.process = accepted_by;
        }
        self.recorder.counters.connections_opened += 1;
        self.after(back, Event::Connected(id));
    }

    /// The dialer learns that it may write.
    pub(crate) fn connected(&mut self, id: ConnectionId) {
        let accepted_by = self.tcp.connections.get(&id).map(|connection| connection.acceptor.process);
        if accepted_by.is_some_and(|process| !self.still_lives(process)) {
            return self.connect_failed(id, Loss::Refused);
        }
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        let State::Opening(queue) = std::mem::replace(&mut connection.state, State::Open) else { return };
        for transmit in queue {
            self.write(id, Side::Dialer, transmit);
        }
    }

    /// The dialer learns that nobody listens.
    pub(crate) fn connect_failed(&mut self, id: ConnectionId, loss: Loss) {
        let Some(connection) = self.tcp.connections.remove(&id) else { return };
        let State::Opening(queue) = connection.state else { return };
        self.recorder.counters.connections_refused += 1;
        for transmit in queue {
            let input = Input::SendFailed { flow: transmit.flow, loss };
            self.handle_process(connection.dialer.process, input);
        }
    }

    fn write(&mut self, id: ConnectionId, side: Side, transmit: Transmit) {
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        if let State::Opening(queue) = &mut connection.state {
            return queue.push(transmit);
        }
        let (near, far) = (connection.end(side), connection.end(side.other()));
        let (from, to, earliest) = (near.process.place, far.process.place, far.last_arrival);
        let (heard, remote) = (far.open, far.address);
        let bytes = transmit.bytes;
        // The other end may be the one with a port of its own, which only its process can be named by.
        let listener = self.slots.get(to).and_then(|slot| slot.listener(far.listener)).unwrap_or(remote);
        if !is_keepalive(&bytes) {
            self.record(from, listener, Wire::Sip(bytes.clone()));
        }
        let now = self.now;
        let near = self.tcp.connections.get_mut(&id).map(|connection| connection.end_mut(side));
        if let Some(silence) = near.and_then(|near| near.silence.as_mut()).filter(|_| !is_keepalive(&bytes)) {
            silence.wrote(now, &bytes);
        }
        let lost = self.fate(from, Some(to), Transport::Tcp, &bytes) == Fate::Lost;
        if lost || !heard || self.is_severed(from, to) {
            self.tell_end(id, side, UNACKNOWLEDGED, Loss::Silent);
            return self.tell_end(id, side.other(), UNACKNOWLEDGED, Loss::Silent);
        }
        let link = self.link(from, to);
        let arrives = (self.now + link.latency + self.network.up_to(link.jitter)).max(earliest);
        if let Some(connection) = self.tcp.connections.get_mut(&id) {
            connection.end_mut(side.other()).last_arrival = arrives;
        }
        self.at(arrives, Event::Stream { connection: id, side: side.other(), bytes });
    }

    /// A message arrives at one end.
    pub(crate) fn stream(&mut self, id: ConnectionId, side: Side, bytes: Bytes) {
        let Some(connection) = self.tcp.connections.get(&id) else { return };
        let end = connection.end(side);
        if !end.open || !self.still_lives(end.process) {
            return;
        }
        let (process, address) = (end.process, end.address);
        self.recorder.trace(self.now, "stream", (id.0, address, &bytes));
        let now = self.now;
        let silence = self
            .tcp
            .connections
            .get_mut(&id)
            .and_then(|connection| connection.end_mut(side).silence.as_mut());
        if let Some(silence) = silence {
            silence.heard(now, if bytes == PONG { Heard::Pong } else { Heard::Message(&bytes) });
        }
        if side == Side::Acceptor {
            self.learn_listener(id, &bytes);
        }
        let Some(flow) = self.tcp.connections.get(&id).map(|connection| connection.flow(id, side)) else {
            return;
        };
        if is_keepalive(&bytes) {
            return self.keepalive(id, side, process, flow, &bytes);
        }
        self.recorder.counters.messages_delivered += 1;
        if self.still_lives(process) {
            self.receive(process.place, flow, bytes);
        }
    }

    /// As the runtime does: a peer that has connected is sent to on its connection, once the Via of a request has said where it listens.
    fn learn_listener(&mut self, id: ConnectionId, bytes: &Bytes) {
        let Some(Connection { dialer, acceptor, .. }) = self.tcp.connections.get(&id) else { return };
        let slot = self.slots.get(acceptor.process.place);
        let Some(settings) = slot.and_then(|slot| slot.settings.as_ref()) else { return };
        let ip = dialer.address.ip();
        let is_peer = settings.side(acceptor.listener) == ims_node::Side::Network && settings.is_peer(ip);
        let Some(listens_at) = listener_of(bytes).filter(|listens_at| is_peer && listens_at.ip() == ip)
        else {
            return;
        };
        if dialer.listens_at.is_some() {
            return;
        }
        let (process, own) = (acceptor.process, acceptor.address);
        let to_peer = Flow {
            listener: acceptor.listener,
            transport: Transport::Tcp,
            remote: listens_at,
            connection: None,
        };
        let former = self.tcp.find(process, to_peer);
        if let Some((former, side)) = former {
            if side == Side::Dialer && own < listens_at {
                return;
            }
            if let Some(former) = self.tcp.connections.get_mut(&former) {
                former.end_mut(side).is_superseded = true;
            }
        }
        if let Some(connection) = self.tcp.connections.get_mut(&id) {
            connection.dialer.listens_at = Some(listens_at);
        }
    }

    /// One end has heard nothing for a while, as in the runtime.
    pub(crate) fn suspect(&mut self, id: ConnectionId, side: Side) {
        let now = self.now;
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        let flow = connection.flow(id, side);
        let suspicion = connection.end_mut(side).silence.as_mut().map(|silence| silence.on_deadline(now));
        match suspicion {
            None | Some(Suspicion::None) => {}
            Some(Suspicion::Ask) => {
                let bytes = Bytes::from_static(PING);
                self.write(id, side, Transmit { flow, fallback: None, bytes, after: None });
            }
            Some(Suspicion::Gone) => {
                let (near, far) =
                    (connection.end(side).process.place, connection.end(side.other()).process.place);
                self.closed(id, side, Loss::Silent);
                if !self.is_severed(near, far) {
                    let latency = self.link(near, far).latency;
                    self.tell_end(id, side.other(), latency, Loss::Ended);
                }
            }
        }
    }

    /// As the runtime does: a ping is answered, the node learns of an answer (RFC 5626 section 4.4.1).
    fn keepalive(&mut self, id: ConnectionId, side: Side, process: ProcessId, flow: Flow, bytes: &[u8]) {
        if bytes == PONG {
            return self.handle_process(process, Input::Pong { flow });
        }
        let pong = Transmit { flow, fallback: None, bytes: Bytes::from_static(PONG), after: None };
        self.write(id, side, pong);
    }

    /// One end learns that the connection is over.
    pub(crate) fn closed(&mut self, id: ConnectionId, side: Side, loss: Loss) {
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        let end = connection.end_mut(side);
        if !std::mem::replace(&mut end.open, false) {
            return;
        }
        let (process, is_superseded) = (end.process, end.is_superseded);
        let flow = connection.flow(id, side);
        if !connection.end(side.other()).open {
            self.tcp.connections.remove(&id);
        }
        self.recorder.counters.connections_broken += 1;
        // What is under way names no connection: it is on the one that has taken its place.
        if !is_superseded {
            self.handle_process(process, Input::Closed { flow, loss });
        }
    }

    /// A process closes a connection: what it wrote before still arrives.
    pub(crate) fn close(&mut self, place: Place, flow: Flow) {
        let Some((id, side)) = self.tcp.find(self.process(place), flow) else { return };
        let far = self.tcp.connections.get(&id).map(|c| c.end(side.other()).process.place);
        let latency = far.map_or(Duration::ZERO, |far| self.link(place, far).latency);
        self.tell_end(id, side, Duration::ZERO, Loss::Ended);
        self.tell_end(id, side.other(), latency, Loss::Ended);
    }

    /// Lets one end learn, after a while and not before all that is under way to it, that the connection is over.
    fn tell_end(&mut self, id: ConnectionId, side: Side, delay: Duration, loss: Loss) {
        let now = self.now;
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        let end = connection.end_mut(side);
        if std::mem::replace(&mut end.ending, true) {
            return;
        }
        let when = (now + delay).max(end.last_arrival);
        self.at(when, Event::Closed { connection: id, side, loss });
    }

    /// A process has died: its ends are gone at once, the others learn it if its host can still say so.
    pub(crate) fn end_connections(&mut self, place: Place, gone: Gone) {
        let ids: Vec<ConnectionId> = self.tcp.connections.keys().copied().collect();
        for id in ids {
            for side in [Side::Dialer, Side::Acceptor] {
                self.end_connection(id, side, place, gone);
            }
        }
    }

    fn end_connection(&mut self, id: ConnectionId, side: Side, place: Place, gone: Gone) {
        let Some(connection) = self.tcp.connections.get_mut(&id) else { return };
        let unanswered = matches!(connection.state, State::Opening(_));
        if connection.end(side).process.place != place || (unanswered && side == Side::Acceptor) {
            // A listener that dies before the dialer has heard of it is found dead then.
            return;
        }
        let (far_is_open, other) =
            (connection.end(side.other()).open, connection.end(side.other()).process.place);
        let end = connection.end_mut(side);
        (end.open, end.ending) = (false, true);
        if unanswered || !far_is_open {
            self.tcp.connections.remove(&id);
        } else if gone == Gone::Refusing {
            let latency = self.link(place, other).latency;
            self.tell_end(id, side.other(), latency, Loss::Ended);
        }
    }
}

/// Where the sender of a request takes new connections, if the Via says so by an address.
fn listener_of(bytes: &Bytes) -> Option<SocketAddr> {
    let message = Message::parse(bytes.clone()).ok().filter(|message| message.status().is_none())?;
    let via = Via::parse(message.top_via()?).ok()?;
    Some(SocketAddr::new(via.address()?, via.port().unwrap_or(5060)))
}
