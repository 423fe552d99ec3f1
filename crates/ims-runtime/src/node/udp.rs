//! SIP over UDP: one socket a listener, for both directions.

use super::NodeError;
use super::events::SocketEvent;
use super::refused;
use bytes::Bytes;
use ims_node::{Flow, Listener, ListenerId};
use nix::errno::Errno;
use sip_message::Transport;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Socket buffers asked for, in bytes; the system may give less.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// Datagrams that wait for a socket whose buffer is full; another one is dropped, as the network would.
pub(crate) const MAX_UNSENT: usize = 1024;
/// The longest datagram there is.
const MAX_DATAGRAM: usize = 65_535;
/// A datagram is tried this often when an error comes back that may be an earlier datagram's.
const TRIES: usize = 3;

/// What became of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The system has it, or will have it soon.
    Taken,
    /// It cannot be sent.
    Failed,
    /// [`MAX_UNSENT`] wait already, or it is longer than the way takes.
    Dropped,
}

/// The UDP sockets of a node.
#[derive(Debug)]
pub(crate) struct UdpSockets {
    sockets: Vec<One>,
    /// Whose turn it is to be read.
    turn: usize,
    buffer: Box<[u8]>,
    /// Watch for refused datagrams; gone with the sockets.
    _watchers: JoinSet<()>,
}

#[derive(Debug)]
struct One {
    id: ListenerId,
    socket: Arc<UdpSocket>,
    unsent: VecDeque<(SocketAddr, Bytes)>,
}

impl UdpSockets {
    /// Opens a socket for each listener; which peers have refused datagrams is told through `events`.
    pub(crate) fn bind(
        listeners: &[Listener],
        events: &mpsc::Sender<SocketEvent>,
    ) -> Result<Self, NodeError> {
        let mut sockets = Vec::new();
        let mut watchers = JoinSet::new();
        for (listener, id) in listeners.iter().zip(0_u8..) {
            let socket =
                Arc::new(open(listener.address).map_err(|error| NodeError::Socket(listener.address, error))?);
            let id = ListenerId(id);
            watchers.spawn(refused::watch(Arc::clone(&socket), id, events.clone()));
            sockets.push(One { id, socket, unsent: VecDeque::new() });
        }
        Ok(Self { sockets, turn: 0, buffer: vec![0; MAX_DATAGRAM].into(), _watchers: watchers })
    }

    /// Waits until there may be a datagram; dropping the future loses nothing.
    pub(crate) async fn readable(&self) {
        std::future::poll_fn(|cx| {
            let ready = self.sockets.iter().filter(|one| one.socket.poll_recv_ready(cx).is_ready()).count();
            if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Takes a datagram, from each socket in its turn; `None` when there is none.
    pub(crate) fn receive(&mut self) -> Option<(Flow, Bytes)> {
        for _ in 0..self.sockets.len() {
            self.turn = (self.turn + 1) % self.sockets.len();
            let one = self.sockets.get(self.turn)?;
            for _ in 0..TRIES {
                match one.socket.try_recv_from(&mut self.buffer) {
                    Ok((length, remote)) => {
                        let bytes = Bytes::copy_from_slice(self.buffer.get(..length)?);
                        return Some((one.flow(remote), bytes));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // Of an earlier datagram of ours: the error queue says which.
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// Sends a datagram from this listener's address.
    pub(crate) fn send(&mut self, from: ListenerId, remote: SocketAddr, bytes: Bytes) -> Sent {
        let Some(one) = self.sockets.get_mut(usize::from(from.0)) else { return Sent::Failed };
        if !one.unsent.is_empty() {
            return one.hold_back(remote, bytes);
        }
        match one.try_send(remote, &bytes) {
            Ok(()) => Sent::Taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => one.hold_back(remote, bytes),
            Err(error) if is_too_long(&error) => Sent::Dropped,
            Err(error) => {
                tracing::debug!(%remote, %error, "datagram not sent");
                Sent::Failed
            }
        }
    }

    /// Tries the datagrams that wait; gives the flows of those that cannot be sent.
    pub(crate) fn flush(&mut self) -> Vec<Flow> {
        let mut failed = Vec::new();
        for one in &mut self.sockets {
            while let Some((remote, bytes)) = one.unsent.front() {
                match one.try_send(*remote, bytes) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if is_too_long(&error) => {}
                    Err(_) => failed.push(one.flow(*remote)),
                }
                one.unsent.pop_front();
            }
        }
        failed
    }

    /// Tells whether any datagram is still unsent because the send buffer of its socket was full.
    pub(crate) fn has_unsent(&self) -> bool {
        self.sockets.iter().any(|one| !one.unsent.is_empty())
    }
}

impl One {
    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { listener: self.id, transport: Transport::Udp, remote, connection: None }
    }

    fn hold_back(&mut self, remote: SocketAddr, bytes: Bytes) -> Sent {
        if self.unsent.len() >= MAX_UNSENT {
            return Sent::Dropped;
        }
        self.unsent.push_back((remote, bytes));
        Sent::Taken
    }

    /// Writes to the socket past tokio: after the system has refused a datagram, tokio believes that the socket cannot be written.
    fn try_send(&self, remote: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let socket = SockRef::from(&*self.socket);
        let mut outcome = Ok(());
        for _ in 0..TRIES {
            outcome = socket.send_to(bytes, &remote.into()).map(|_| ());
            match &outcome {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // Either this datagram's, then it comes again, or an earlier one's, then this one was not tried.
                Err(_) => {}
            }
        }
        outcome
    }
}

/// It is this message's fault: nothing is wrong with the way, on which others are.
fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EMSGSIZE as i32)
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    // Best effort: a burst then finds less room.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    refused::report(&socket, address)?;
    UdpSocket::from_std(socket.into())
}
