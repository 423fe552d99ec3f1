//! Ways to peers.

use sip_message::Transport;
use std::net::SocketAddr;

/// Index of a listener in [`crate::NodeSettings::listeners`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u8);

/// A way to a peer: one of our sockets, and the other end. For TCP a connection, once there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Our side.
    pub listener: ListenerId,
    /// UDP or TCP.
    pub transport: Transport,
    /// The other end.
    pub remote: SocketAddr,
    /// The connection; `None` on UDP, and on TCP where any connection to `remote` will do.
    pub connection: Option<u64>,
}

/// How a way to a peer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Nothing was sent: there is no route or no room, or the peer's system refuses.
    Refused,
    /// One end has closed a connection, as after a time without traffic, or the process at the other end has ended: its
    /// address may be all right.
    Ended,
    /// The other end has said nothing for too long: its address leads nowhere now.
    Silent,
}
