//! A TCP connection without a node: a test has the peer's end, and hears what the connection tells its node.

use super::super::connection::{Connection, Reading};
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

/// One end of a connection between two nodes.
pub(super) struct End {
    pub(super) queue: Queue,
    pub(super) heard: mpsc::Receiver<SocketEvent>,
}

impl Link {
    /// A connection whose node has room for so many events.
    pub(super) async fn new(room: usize, silence: Option<Silence>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, remote) = listener.accept().await.unwrap();
        let ends = Ends { local: listener.local_addr().unwrap(), remote };
        let (connection, End { queue, heard }) = end(room, ends, silence, Reading::WhileItReads);
        Self { peer, stream, connection, queue, heard }
    }
}

fn end(room: usize, ends: Ends, silence: Option<Silence>, reading: Reading) -> (Connection, End) {
    let common = Arc::default();
    let (queue, queued) = queue(Arc::clone(&common));
    let (events, heard) = mpsc::channel(room);
    let (listener, clock, recorder) = (LISTENER, Clock::start(), None);
    let connection =
        Connection { id: 1, listener, ends, queued, events, recorder, common, reading, silence, clock };
    (connection, End { queue, heard })
}

/// Both ends of a connection between two nodes, at work.
pub(super) async fn between_nodes(room: usize, reading: Reading) -> [End; 2] {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let opened = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    [opened, accepted].map(|stream| {
        let ends = Ends { local: stream.local_addr().unwrap(), remote: stream.peer_addr().unwrap() };
        let (connection, end) = end(room, ends, None, reading);
        tokio::spawn(connection.serve(stream));
        end
    })
}
