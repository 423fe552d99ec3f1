//! SIP over TCP: the listeners, and which connection a message takes (RFC 3261 section 18).

use super::NodeError;
use super::acceptor::{accept, listen};
use super::events::{ConnectionId, SocketEvent};
use super::one_connection::Origin;
use super::queue::{NotQueued, Outgoing, Queue};
use super::share::Common;
use super::strangers::Strangers;
use crate::Clock;
use crate::open_files;
use crate::recording::Recorder;
use bytes::Bytes;
use ims_node::{Flow, Input, ListenerId, Loss, NodeSettings, Peer, Side, Transmit, site};
use sip_message::Transport;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
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
/// The connections of a node.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(super) settings: NodeSettings,
    pub(super) clock: Clock,
    pub(super) open: HashMap<ConnectionId, Open>,
    pub(super) by_peer: HashMap<(ListenerId, SocketAddr), ConnectionId>,
    /// How many connections a site has, but for those that we have opened to peers.
    from: HashMap<IpAddr, usize>,
    pub(super) strangers: Strangers,
    refused: u64,
    /// How many gave way to others.
    displaced: u64,
    /// Responses that could go nowhere.
    lost: u64,
    pub(super) max: usize,
    pub(super) max_from_address: usize,
    pub(super) common: Arc<Common>,
    pub(super) last_id: ConnectionId,
    pub(super) events: mpsc::Sender<SocketEvent>,
    pub(super) recorder: Option<Recorder>,
    /// The tasks of connections; they end by themselves when their queue is dropped.
    pub(super) tasks: JoinSet<()>,
    acceptors: JoinSet<()>,
}

/// One connection as the node sees it.
#[derive(Debug)]
pub(super) struct Open {
    /// Its remote address is where the peer takes new connections, once that is known.
    pub(super) flow: Flow,
    pub(super) queue: Queue,
    pub(super) origin: Origin,
    /// Whether another connection to the same peer has taken its place: what is new goes there.
    pub(super) is_superseded: bool,
    /// Whether it counts for its site.
    pub(super) is_counted: bool,
    /// Flows of messages that wait for it to be connected, each once; at most [`MAX_WAITING`].
    pub(super) waiting: Vec<Flow>,
    /// Responses that came after its end; at most [`MAX_REROUTED`].
    pub(super) unsent: Vec<Transmit>,
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
        let is_peer = self.is_peer(listener, remote.ip());
        let origin = if is_peer { Origin::Peers } else { Origin::Known };
        if let Some((id, connection)) = self.enter(listener, remote, origin) {
            self.count(id);
            if !is_peer {
                self.strangers.insert(id, remote.ip());
            }
            self.tasks.spawn(connection.serve(stream));
        }
    }

    /// Whether there is room for one more connection with this address; others may have given way to it.
    pub(super) fn admit(&mut self, ip: IpAddr, inputs: &mut VecDeque<Input>) -> bool {
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

    pub(super) fn count(&mut self, id: ConnectionId) {
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

    pub(super) fn is_peer(&self, listener: ListenerId, ip: IpAddr) -> bool {
        self.settings.side(listener) == Side::Network && self.settings.is_peer(ip)
    }

    fn from(&self, ip: IpAddr) -> usize {
        self.from.get(&site(ip)).copied().unwrap_or_default()
    }

    pub(super) fn make_room(&mut self, inputs: &mut VecDeque<Input>) {
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
        let counted = [
            ("connections", self.open.len() as u64),
            ("connections_refused", self.refused),
            ("connections_displaced", self.displaced),
            ("responses_lost", self.lost),
        ];
        counted.into_iter().chain(self.common.metrics())
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
        let Some(Open { flow, waiting, is_superseded, is_counted, unsent, .. }) = self.open.remove(&id)
        else {
            return;
        };
        self.strangers.remove(id);
        if is_counted {
            self.left(flow.remote.ip());
        }
        let peer = (flow.listener, flow.remote);
        if self.by_peer.get(&peer) == Some(&id) {
            self.by_peer.remove(&peer);
        }
        inputs.extend(waiting.into_iter().map(|flow| Input::SendFailed { flow, loss }));
        // Requests name no connection: those that are under way are on the one that has taken its place.
        if flow.connection.is_some() && !is_superseded {
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
}
