//! SIP over TCP: the listeners, and which connection a message takes (RFC 3261 section 18).

use super::NodeError;
use super::connection::{self, Connection, Reading};
use super::events::{ConnectionId, SocketEvent};
use super::queue::{NotQueued, Outgoing, Queue, queue};
use super::share::Common;
use super::strangers::Strangers;
use crate::Clock;
use crate::open_files;
use crate::recording::Recorder;
use bytes::Bytes;
use ims_node::{
    Acquaintance, Flow, Input, ListenerId, Loss, NodeSettings, Peer, Side, Silence, Transmit, site,
};
use sip_message::Transport;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Connections at a time, in both directions. One more takes the place of one that nobody has a claim to, the idlest one of
/// the address that holds most of these; where all have a claim it is closed as soon as it is accepted, or not opened.
pub const MAX_CONNECTIONS: usize = 10_000;
/// Connections with one address, or one IPv6 prefix ([`site`]), at a time, but for those that we have opened to peers: one more
/// takes the place of the idlest one of them that nobody has a claim to, or is closed as soon as it is accepted, or not opened.
pub const MAX_FROM_ADDRESS: usize = 2_000;
/// Flows by which one peer that is being connected may be meant; what comes by another one has failed.
const MAX_WAITING: usize = 256;
/// Responses that wait for the news that their connection has ended, to go on another one; what is more is lost with it, and counted.
const MAX_REROUTED: usize = 10_000;
/// Connections that the system may hold before we accept them.
const BACKLOG: u32 = 1024;
/// How long accepting rests when the system refuses: out of file descriptors, most likely.
const REST: Duration = Duration::from_millis(100);

/// The connections of a node.
#[derive(Debug)]
pub(crate) struct Connections {
    settings: NodeSettings,
    clock: Clock,
    open: HashMap<ConnectionId, Open>,
    by_peer: HashMap<(ListenerId, SocketAddr), ConnectionId>,
    /// How many connections a site has, but for those that we have opened to peers.
    from: HashMap<IpAddr, usize>,
    strangers: Strangers,
    refused: u64,
    /// How many gave way to others.
    displaced: u64,
    /// Responses that could go nowhere.
    lost: u64,
    pub(super) max: usize,
    pub(super) max_from_address: usize,
    common: Arc<Common>,
    last_id: ConnectionId,
    events: mpsc::Sender<SocketEvent>,
    recorder: Option<Recorder>,
    /// The tasks of connections; they end by themselves when their queue is dropped.
    tasks: JoinSet<()>,
    acceptors: JoinSet<()>,
}

/// One connection as the node sees it.
#[derive(Debug)]
struct Open {
    flow: Flow,
    queue: Queue,
    /// Whether it counts for its site.
    is_counted: bool,
    /// Flows of messages that wait for it to be connected, each once; at most [`MAX_WAITING`].
    waiting: Vec<Flow>,
    /// Responses that came after its end; at most [`MAX_REROUTED`].
    unsent: Vec<Transmit>,
}

impl Connections {
    /// Listens on every address.
    pub(crate) fn listen(
        settings: &NodeSettings,
        events: &mpsc::Sender<SocketEvent>,
        recorder: Option<Recorder>,
    ) -> Result<Self, NodeError> {
        let max = open_files::room_for(MAX_CONNECTIONS);
        let mut acceptors = JoinSet::new();
        for (listener, id) in settings.listeners.iter().zip(0_u8..) {
            let refused = |error| NodeError::Socket(listener.address, error);
            let socket = listen(listener.address).map_err(refused)?;
            acceptors.spawn(accept(socket, ListenerId(id), events.clone()));
        }
        Ok(Self {
            settings: settings.clone(),
            clock: Clock::start(),
            open: HashMap::new(),
            by_peer: HashMap::new(),
            from: HashMap::new(),
            strangers: Strangers::default(),
            refused: 0,
            displaced: 0,
            lost: 0,
            max,
            // The same part of them, however many there are.
            max_from_address: (max * MAX_FROM_ADDRESS / MAX_CONNECTIONS).max(1),
            common: Arc::default(),
            last_id: 0,
            events: events.clone(),
            recorder,
            tasks: JoinSet::new(),
            acceptors,
        })
    }

    /// Believes these from now on; connections that are open stay what they were.
    pub(crate) fn set_peers(&mut self, peers: Vec<Peer>) {
        self.settings.peers = peers;
    }

    /// The flow of a connection that is open.
    pub(crate) fn flow(&self, id: ConnectionId) -> Option<Flow> {
        self.open.get(&id).map(|open| open.flow)
    }

    /// Takes a connection that a peer has opened.
    pub(crate) fn accepted(
        &mut self,
        listener: ListenerId,
        remote: SocketAddr,
        stream: TcpStream,
        inputs: &mut VecDeque<Input>,
    ) {
        if !self.admit(remote.ip(), inputs) {
            self.refused += 1;
            return tracing::debug!(%remote, "too many connections, closed");
        }
        if let Some((id, connection)) = self.enter(listener, remote) {
            self.count(id);
            if !self.is_peer(listener, remote.ip()) {
                self.strangers.insert(id, remote.ip());
            }
            self.tasks.spawn(connection.serve(stream));
        }
    }

    /// Whether there is room for one more connection with this address; others may have given way to it.
    fn admit(&mut self, ip: IpAddr, inputs: &mut VecDeque<Input>) -> bool {
        if self.from(ip) >= self.max_from_address {
            self.displace(self.strangers.first_of(ip), inputs);
        }
        if self.from(ip) >= self.max_from_address {
            // Nobody else gives way in vain.
            return false;
        }
        self.make_room(inputs);
        self.open.len() < self.max
    }

    fn count(&mut self, id: ConnectionId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.is_counted = true;
            *self.from.entry(site(open.flow.remote.ip())).or_default() += 1;
        }
    }

    /// Something has come on this connection; its flow, if it is open.
    pub(crate) fn heard(&mut self, id: ConnectionId) -> Option<Flow> {
        self.strangers.used(id);
        self.flow(id)
    }

    /// Whether somebody has a claim to the connection of this flow: who has, gives way to nobody.
    pub(crate) fn claim(&mut self, flow: Flow, is_claimed: bool) {
        let Some(id) = flow.connection else { return };
        if self.open.get(&id).is_none_or(|open| open.flow != flow) {
            return;
        }
        if is_claimed {
            self.strangers.remove(id);
        } else if !self.is_peer(flow.listener, flow.remote.ip()) {
            self.strangers.insert(id, flow.remote.ip());
        }
    }

    fn is_peer(&self, listener: ListenerId, ip: IpAddr) -> bool {
        self.settings.side(listener) == Side::Network && self.settings.is_peer(ip)
    }

    fn from(&self, ip: IpAddr) -> usize {
        self.from.get(&site(ip)).copied().unwrap_or_default()
    }

    fn make_room(&mut self, inputs: &mut VecDeque<Input>) {
        if self.open.len() >= self.max {
            self.displace(self.strangers.first_to_go(), inputs);
        }
    }

    fn displace(&mut self, id: Option<ConnectionId>, inputs: &mut VecDeque<Input>) {
        if let Some(id) = id {
            self.displaced += 1;
            self.ended(id, Loss::Ended, inputs);
        }
    }

    /// By name, for the operator.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let own = [
            ("connections", self.open.len() as u64),
            ("connections_refused", self.refused),
            ("connections_displaced", self.displaced),
            ("responses_lost", self.lost),
        ];
        own.into_iter().chain(self.common.metrics())
    }

    fn left(&mut self, ip: IpAddr) {
        let left = self.from(ip).saturating_sub(1);
        if left == 0 {
            self.from.remove(&site(ip));
        } else {
            self.from.insert(site(ip), left);
        }
    }

    /// Sends a message on its connection, on one that is open to the same peer, or on a new one. What fails is
    /// reported in `inputs`.
    pub(crate) fn send(&mut self, transmit: Transmit, inputs: &mut VecDeque<Input>) {
        let Transmit { flow, fallback, ref bytes, .. } = transmit;
        // A flow token may be older than this process: its number must still mean the same peer.
        let is_same = |open: &Open| open.flow.remote == flow.remote && open.flow.listener == flow.listener;
        let same = flow.connection.filter(|id| self.open.get(id).is_some_and(is_same));
        let target = match (flow.connection, fallback) {
            (None, _) => Some(flow.remote),
            (Some(_), fallback) => fallback,
        };
        let id = same.or_else(|| self.connection_to(flow.listener, target?, inputs));
        let Some((id, open)) = id.and_then(|id| Some((id, self.open.get_mut(&id)?))) else {
            return inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
        };
        let must_wait = open.flow.connection.is_none() && !open.waiting.contains(&flow);
        if must_wait && open.waiting.len() >= MAX_WAITING {
            return inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
        }
        match open.queue.push(Outgoing { bytes: bytes.clone(), fallback }) {
            Ok(()) if must_wait => open.waiting.push(flow),
            Ok(()) => {}
            Err(NotQueued::Full) => {
                inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
                self.ended(id, Loss::Ended, inputs);
                // Nobody sends a response again.
                if let Some(fallback) = fallback {
                    self.undelivered(flow.listener, fallback, transmit.bytes, inputs);
                }
            }
            // The news of its end is on its way, behind what has come on it. Then the node looks at every request on it, this one
            // too; a response is nobody's but ours.
            Err(NotQueued::Gone) if must_wait => open.waiting.push(flow),
            Err(NotQueued::Gone) if fallback.is_some() && open.unsent.len() < MAX_REROUTED => {
                open.unsent.push(transmit);
            }
            Err(NotQueued::Gone) => self.lost += u64::from(fallback.is_some()),
        }
    }

    /// A response met nobody on its connection: it goes by another one.
    pub(crate) fn undelivered(
        &mut self,
        listener: ListenerId,
        fallback: SocketAddr,
        bytes: Bytes,
        inputs: &mut VecDeque<Input>,
    ) {
        let flow = Flow { listener, transport: Transport::Tcp, remote: fallback, connection: None };
        self.send(Transmit { flow, fallback: None, bytes, after: None }, inputs);
    }

    /// A connection that was asked for is there.
    pub(crate) fn connected(&mut self, id: ConnectionId) {
        if let Some(open) = self.open.get_mut(&id) {
            open.flow.connection = Some(id);
            open.waiting = Vec::new();
        }
    }

    /// A connection has ended, could not be had, or is ended now: what is queued is still written, and nothing more is
    /// heard of it.
    pub(crate) fn ended(&mut self, id: ConnectionId, loss: Loss, inputs: &mut VecDeque<Input>) {
        while self.tasks.try_join_next().is_some() {}
        let Some(Open { flow, waiting, is_counted, unsent, .. }) = self.open.remove(&id) else { return };
        self.strangers.remove(id);
        if is_counted {
            self.left(flow.remote.ip());
        }
        let peer = (flow.listener, flow.remote);
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
        inputs.extend(waiting.into_iter().map(|flow| Input::SendFailed { flow, loss }));
        if flow.connection.is_some() {
            inputs.push_back(Input::Closed { flow, loss });
        }
        unsent.into_iter().for_each(|transmit| self.send(transmit, inputs));
    }

    /// Ends the connection of this flow, as [`Connections::ended`] does; without a number any to the same peer.
    pub(crate) fn close_flow(&mut self, flow: Flow, inputs: &mut VecDeque<Input>) {
        let of_peer = || self.by_peer.get(&(flow.listener, flow.remote)).copied();
        if let Some(id) = flow.connection.or_else(of_peer) {
            self.ended(id, Loss::Ended, inputs);
        }
    }

    /// Accepts no more, and ends every connection when what is queued on it has been written, or `patience` is over.
    pub(crate) async fn close(mut self, patience: Duration) {
        self.acceptors.abort_all();
        self.open.clear();
        let written = async { while self.tasks.join_next().await.is_some() {} };
        // What a peer does not take in time is lost with the connection.
        let _ = tokio::time::timeout(patience, written).await;
    }

    fn connection_to(
        &mut self,
        listener: ListenerId,
        remote: SocketAddr,
        inputs: &mut VecDeque<Input>,
    ) -> Option<ConnectionId> {
        if let Some(id) = self.by_peer.get(&(listener, remote)) {
            return Some(*id);
        }
        // Whoever is no peer has made us open it, by the address in its Via, and has no better claim than on one of its own.
        let is_peer = self.is_peer(listener, remote.ip());
        let is_room = if is_peer {
            self.make_room(inputs);
            self.open.len() < self.max
        } else {
            self.admit(remote.ip(), inputs)
        };
        if !is_room {
            return None;
        }
        let (id, connection) = self.enter(listener, remote)?;
        if !is_peer {
            self.count(id);
            self.strangers.insert(id, remote.ip());
        }
        if let Some(open) = self.open.get_mut(&id) {
            open.flow.connection = None;
        }
        self.tasks.spawn(connection.connect());
        Some(id)
    }

    fn enter(&mut self, listener: ListenerId, remote: SocketAddr) -> Option<(ConnectionId, Connection)> {
        let local = self.settings.listener(listener)?.address;
        self.last_id += 1;
        let id = self.last_id;
        let (queue, queued) = queue(Arc::clone(&self.common));
        let flow = Flow { listener, transport: Transport::Tcp, remote, connection: Some(id) };
        self.open
            .insert(id, Open { flow, queue, is_counted: false, waiting: Vec::new(), unsent: Vec::new() });
        self.by_peer.insert((listener, remote), id);
        let ends = crate::recording::Ends { local, remote };
        let (events, recorder) = (self.events.clone(), self.recorder.clone());
        let common = Arc::clone(&self.common);
        let acquaintance = self.settings.acquaintance(remote.ip());
        // A phone need not answer our keep-alives (RFC 5626 section 4.4.1 has it ask, not us).
        let silence = match self.settings.side(listener) {
            Side::Network => Some(Silence::new(acquaintance, self.settings.timers.timer_f())),
            Side::Ue => None,
        };
        let reading = match (self.settings.side(listener), acquaintance) {
            (Side::Network, Acquaintance::Own) => Reading::Always,
            (Side::Network | Side::Ue, _) => Reading::WhileItReads,
        };
        let clock = self.clock;
        let connection =
            Connection { id, listener, ends, queued, events, recorder, common, reading, silence, clock };
        Some((id, connection))
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = connection::socket(address)?;
    // Connections of a process that has just ended do not keep its successor from listening.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    TcpSocket::listen(socket, BACKLOG)
}

async fn accept(listener: TcpListener, id: ListenerId, events: mpsc::Sender<SocketEvent>) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if events.send(SocketEvent::Accepted(id, remote, stream)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(REST).await;
            }
        }
    }
}
