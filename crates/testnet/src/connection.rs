//! Connections as data.

use crate::process::ProcessId;
use clock::Mono;
use ims_node::{Flow, ListenerId, Silence, Transmit};
use sip_message::Transport;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A connection; its two ends have numbers of their own, so that a node may connect to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ConnectionId(pub(crate) u64);

/// An end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Dialer,
    Acceptor,
}

impl Side {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Acceptor,
            Self::Acceptor => Self::Dialer,
        }
    }
}

#[derive(Debug)]
pub(crate) struct End {
    pub(crate) process: ProcessId,
    pub(crate) listener: ListenerId,
    pub(crate) address: SocketAddr,
    /// Where a process with a port of its own takes new connections, once its peer has learnt that.
    pub(crate) listens_at: Option<SocketAddr>,
    /// Whether this process sends what is new by another connection to the same peer.
    pub(crate) is_superseded: bool,
    pub(crate) open: bool,
    /// The news of its end is under way.
    pub(crate) ending: bool,
    /// Nothing may arrive here before this.
    pub(crate) last_arrival: Mono,
    /// As in the runtime: whether the node at the other end is still there.
    pub(crate) silence: Option<Silence>,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) dialer: End,
    pub(crate) acceptor: End,
    pub(crate) state: State,
}

#[derive(Debug)]
pub(crate) enum State {
    /// What is to be sent once it is open.
    Opening(Vec<Transmit>),
    Open,
}

#[derive(Debug, Default)]
pub(crate) struct Tcp {
    pub(crate) connections: BTreeMap<ConnectionId, Connection>,
    pub(crate) opened: u64,
}

impl Connection {
    pub(crate) const fn end(&self, side: Side) -> &End {
        match side {
            Side::Dialer => &self.dialer,
            Side::Acceptor => &self.acceptor,
        }
    }

    pub(crate) const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Dialer => &mut self.dialer,
            Side::Acceptor => &mut self.acceptor,
        }
    }

    pub(crate) fn flow(&self, id: ConnectionId, side: Side) -> Flow {
        let connection = match side {
            Side::Dialer => id.0 * 2,
            Side::Acceptor => id.0 * 2 + 1,
        };
        Flow {
            listener: self.end(side).listener,
            transport: Transport::Tcp,
            remote: self.end(side.other()).listens_at.unwrap_or_else(|| self.end(side.other()).address),
            connection: Some(connection),
        }
    }
}

impl Tcp {
    /// The end that is the next to ask itself whether the other one is there, of those that `may`, and when it does.
    pub(crate) fn next_silence(&self, may: impl Fn(&End) -> bool) -> Option<(Mono, ConnectionId, Side)> {
        let ends = self.connections.iter().filter(|(_, connection)| matches!(connection.state, State::Open));
        let ends = ends.flat_map(|(id, connection)| {
            [Side::Dialer, Side::Acceptor].map(|side| (*id, side, connection.end(side)))
        });
        let due = ends.filter(|(_, _, end)| end.open && may(end));
        due.filter_map(|(id, side, end)| Some((end.silence.as_ref()?.deadline()?, id, side))).min()
    }

    /// The end that a process means by a flow: that connection, or any to that address.
    pub(crate) fn find(&self, process: ProcessId, flow: Flow) -> Option<(ConnectionId, Side)> {
        let of_process = self.connections.iter().flat_map(|(id, connection)| {
            [Side::Dialer, Side::Acceptor].map(|side| (*id, connection, side)).into_iter().filter(
                move |(_, connection, side)| {
                    let end = connection.end(*side);
                    end.open && end.process == process
                },
            )
        });
        let fitting = of_process.filter(|(id, connection, side)| {
            let end_flow = connection.flow(*id, *side);
            match flow.connection {
                Some(number) => end_flow.connection == Some(number),
                None => end_flow.remote == flow.remote,
            }
        });
        let first = fitting.min_by_key(|(_, connection, side)| connection.end(*side).is_superseded);
        first.map(|(id, _, side)| (id, side))
    }
}
