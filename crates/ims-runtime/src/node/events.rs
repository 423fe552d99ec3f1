//! What the tasks around the sockets tell the node.

use bytes::Bytes;
use ims_node::{Flow, ListenerId, Loss};
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Events of the sockets that wait for the node; above it the connections are not read until it takes some.
pub(super) const SOCKET_EVENTS: usize = 1024;

/// Number of a connection, never used twice.
pub(crate) type ConnectionId = u64;

/// What the tasks around the sockets tell the node.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// A peer has connected.
    Accepted(ListenerId, SocketAddr, TcpStream),
    /// A connection that we asked for is there.
    Connected(ConnectionId),
    /// A connection that we asked for cannot be had.
    NotConnected(ConnectionId, Loss),
    /// A whole message.
    Message(ConnectionId, Bytes),
    /// The answer to a keep-alive of ours.
    Pong(ConnectionId),
    /// The head of a message without a usable length; nothing more is read.
    Unframed(ConnectionId, Bytes),
    /// A connection has ended.
    Closed(ConnectionId, Loss),
    /// A response was written on a connection whose peer had ended it, and this is where it goes instead (RFC 3261 section
    /// 18.2.2). It may have arrived all the same; who gets it twice takes no notice.
    Undelivered(ListenerId, SocketAddr, Bytes),
    /// A datagram to this peer did not arrive.
    Refused(Flow),
}
