//! Accepts connections.

use super::connection;
use super::events::SocketEvent;
use ims_node::ListenerId;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

/// Connections that the system may hold before we accept them.
const BACKLOG: u32 = 1024;
/// How long accepting rests when the system refuses: out of file descriptors, most likely.
const REST: Duration = Duration::from_millis(100);

/// Listens on this address.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = connection::socket(address)?;
    // Connections of a process that has just ended do not keep its successor from listening.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    TcpSocket::listen(socket, BACKLOG)
}

/// Tells of every connection until nobody listens.
pub(super) async fn accept(listener: TcpListener, id: ListenerId, events: mpsc::Sender<SocketEvent>) {
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
