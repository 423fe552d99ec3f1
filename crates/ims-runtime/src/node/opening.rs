//! How a node comes by its connections: it opens them, or enters those that it has accepted.

use super::connection::{Connection, Reading};
use super::events::ConnectionId;
use super::one_connection::Origin;
use super::queue::queue;
use super::tcp::{Connections, Open};
use crate::recording::Ends;
use ims_node::{Acquaintance, Flow, Input, ListenerId, Side, Silence};
use sip_message::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

impl Connections {
    /// The connection to this address: one that is there, or a new one; `None` if there is no room.
    pub(super) fn connection_to(
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
        let (id, connection) = self.enter(listener, remote, Origin::Ours)?;
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

    /// A connection with a number, known from now on.
    pub(super) fn enter(
        &mut self,
        listener: ListenerId,
        remote: SocketAddr,
        origin: Origin,
    ) -> Option<(ConnectionId, Connection)> {
        let local = self.settings.listener(listener)?.address;
        self.last_id += 1;
        let id = self.last_id;
        let (queue, queued) = queue(Arc::clone(&self.common));
        let flow = Flow { listener, transport: Transport::Tcp, remote, connection: Some(id) };
        let open = Open {
            flow,
            queue,
            origin,
            is_superseded: false,
            is_counted: false,
            waiting: Vec::new(),
            unsent: Vec::new(),
        };
        self.open.insert(id, open);
        self.by_peer.insert((listener, remote), id);
        let ends = Ends { local, remote };
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
