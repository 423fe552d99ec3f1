//! Which peers have refused our datagrams: the error queue of a socket (ip(7), `IP_RECVERR`).
//!
//! A socket that is not connected is otherwise never told of an ICMP error, and a request to a process that has died
//! would wait for Timer F.

use super::events::SocketEvent;
use ims_node::{Flow, ListenerId};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{Ipv4RecvErr, Ipv6RecvErr},
};
use sip_message::Transport;
use std::collections::HashSet;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// Asks the system to keep the errors of this socket, which is bound to `address`.
pub(super) fn report(socket: &impl AsFd, address: SocketAddr) -> io::Result<()> {
    match address {
        SocketAddr::V4(_) => setsockopt(socket, Ipv4RecvErr, &true)?,
        SocketAddr::V6(_) => setsockopt(socket, Ipv6RecvErr, &true)?,
    }
    Ok(())
}

/// Errors that are taken off the queue at once; all that concern one peer are one event.
const BATCH: usize = 256;

/// Tells of every peer that has refused something until nobody listens.
pub(super) async fn watch(socket: Arc<UdpSocket>, listener: ListenerId, events: mpsc::Sender<SocketEvent>) {
    while socket.ready(Interest::ERROR).await.is_ok() {
        let mut peers = HashSet::new();
        for _ in 0..BATCH {
            match socket.try_io(Interest::ERROR, || next(&socket)) {
                Ok(refused) => peers.extend(refused),
                Err(_) => break,
            }
        }
        for remote in peers {
            let flow = Flow { listener, transport: Transport::Udp, remote, connection: None };
            if events.send(SocketEvent::Refused(flow)).await.is_err() {
                return;
            }
        }
    }
}

/// Takes one error off the queue: whose datagram it was, if it did not arrive.
fn next(socket: &UdpSocket) -> io::Result<Option<SocketAddr>> {
    let mut space = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let mut start_of_datagram = [0; 64];
    let mut parts = [IoSliceMut::new(&mut start_of_datagram)];
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let lost = message.cmsgs()?.any(|control| is_loss(&control));
    let remote = message.address.filter(|_| lost).and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
    });
    Ok(remote)
}

/// An error from the network. One from our own side was returned by the call that sent, and "too long" is only news of
/// the path's MTU: the next try is cut into fragments.
#[expect(clippy::wildcard_enum_match_arm, reason = "the list of control messages is the system's")]
fn is_loss(control: &ControlMessageOwned) -> bool {
    match control {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
            let from_network = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&error.ee_origin);
            let errno = i32::try_from(error.ee_errno).map_or(Errno::UnknownErrno, Errno::from_raw);
            from_network && errno != Errno::EMSGSIZE
        }
        _ => false,
    }
}
