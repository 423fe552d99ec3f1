//! A TCP connection without a node: a test has the peer's end, and hears what the connection tells its node.

use super::super::connection::Connection;
use super::super::events::SocketEvent;
use super::super::queue::{Queue, queue};
use crate::Clock;
use crate::recording::Ends;
use ims_node::{ListenerId, Silence};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The listener of the connection.
pub(super) const LISTENER: ListenerId = ListenerId(3);

/// Both ends; `connection.serve(stream)` begins.
pub(super) struct Link {
    pub(super) peer: TcpStream,
    pub(super) stream: TcpStream,
    pub(super) connection: Connection,
    /// What is to be written to the peer.
    pub(super) queue: Queue,
    /// What the node is told.
    pub(super) heard: mpsc::Receiver<SocketEvent>,
}

impl Link {
    /// A connection whose node has room for so many events.
    pub(super) async fn new(room: usize, silence: Option<Silence>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, remote) = listener.accept().await.unwrap();
        let common = Arc::default();
        let (queue, queued) = queue(Arc::clone(&common));
        let (events, heard) = mpsc::channel(room);
        let ends = Ends { local: listener.local_addr().unwrap(), remote };
        let (listener, clock) = (LISTENER, Clock::start());
        let connection =
            Connection { id: 1, listener, ends, queued, events, recorder: None, common, silence, clock };
        Self { peer, stream, connection, queue, heard }
    }
}
