//! One connection for each pair of nodes (design: TCP first).

use super::super::events::SocketEvent;
use super::super::sockets::{Happened, Sockets};
use super::world::{Place, read_until, soon};
use bytes::Bytes;
use ims_node::{Flow, Input, Listener, ListenerId, Loss, NodeSettings, Peer, Side, Transmit};
use sip_message::Transport;
use std::net::{IpAddr, SocketAddr};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A connection to this node from this address.
async fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// A request that makes the node send one of its own to `uri`.
fn follow(uri: SocketAddr, sent_by: SocketAddr) -> String {
    format!(
        "MESSAGE sip:follow@{uri};transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP {sent_by};branch=z9hG4bK1\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@home1.test>;tag=1\r\nTo: <sip:b@home1.test>\r\nCall-ID: 1\r\n\
         CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Whom the Via names, whether that is a peer, whether the node uses the connection that is there.
#[tokio::test]
async fn design_16_a_peer_that_has_connected_is_sent_to_on_its_connection_and_a_stranger_is_not() {
    for (names_itself, is_peer, is_used) in [(true, true, true), (false, true, false), (true, false, false)] {
        let place = Place::new();
        let node = place.address;
        let peers =
            if is_peer { format!("peers = [{{ addresses = [\"{}\"] }}]", node.ip()) } else { String::new() };
        let _running = place.start(&peers).await;
        let listens_at = TcpListener::bind((node.ip(), 0)).await.unwrap();
        let own = listens_at.local_addr().unwrap();
        let sent_by = if names_itself { own } else { SocketAddr::from(([127, 0, 0, 9], own.port())) };
        let mut stream = connect(node.ip(), node).await;
        let echo = follow(own, sent_by).replace("sip:follow", "sip:echo");
        stream.write_all(echo.as_bytes()).await.unwrap();
        assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("SIP/2.0 200 "));
        // Somebody else makes the node send a request there.
        let client = place.udp().await;
        client.send(&follow(own, own).replace("SIP/2.0/TCP", "SIP/2.0/UDP")).await;
        let request = if is_used {
            read_until(&mut stream, "\r\n\r\n").await
        } else {
            let (mut other, _) = soon(listens_at.accept()).await.unwrap();
            read_until(&mut other, "\r\n\r\n").await
        };
        assert!(request.starts_with("OPTIONS "), "{names_itself} {is_peer}: {request}");
    }
}

/// A node's sockets, without the node.
struct Node {
    sockets: Sockets,
    address: SocketAddr,
}

impl Node {
    /// At this address, with a peer at that.
    fn new(ip: [u8; 4], peer: [u8; 4]) -> Self {
        let free = std::net::TcpListener::bind((IpAddr::from(ip), 0)).unwrap().local_addr().unwrap();
        let peer = Peer { addresses: vec![peer.into()], domains: Vec::new() };
        let listener = Listener { address: free, side: Side::Network };
        let settings = NodeSettings::new("node.home1.test", vec![listener], vec![peer]);
        Self { sockets: Sockets::open(&settings, None).unwrap(), address: free }
    }

    /// Sends a request to another node, by any connection to it.
    fn send(&mut self, to: SocketAddr) {
        let flow = Flow { listener: ListenerId(0), transport: Transport::Tcp, remote: to, connection: None };
        let bytes = Bytes::from(follow(to, self.address));
        self.sockets.transmit(Transmit { flow, fallback: None, bytes, after: None });
    }

    /// The flow of the next message that comes in.
    async fn receive(&mut self) -> Flow {
        loop {
            if let Input::Message { flow, .. } = self.next().await {
                return flow;
            }
        }
    }

    async fn next(&mut self) -> Input {
        loop {
            if let Some(input) = self.sockets.next_input() {
                return input;
            }
            let Happened::Events(events) = soon(self.sockets.next()).await else { continue };
            let inputs: Vec<Input> =
                events.into_iter().filter_map(|event: SocketEvent| self.sockets.on_event(event)).collect();
            if let Some(input) = inputs.into_iter().next() {
                return input;
            }
        }
    }
}

#[tokio::test]
async fn design_16_two_that_have_connected_to_each_other_agree_on_one_connection() {
    let (low, high) = ([127, 3, 7, 1], [127, 3, 7, 2]);
    let (mut low, mut high) = (Node::new(low, high), Node::new(high, low));
    let (at_low, at_high) = (low.address, high.address);
    low.send(at_high);
    high.send(at_low);
    let (first_at_low, first_at_high) = (low.receive().await, high.receive().await);
    assert_eq!((first_at_low.remote != at_high, first_at_high.remote), (true, at_low));
    // What is new goes both ways by the connection that the lower one has opened.
    for _ in 0..2 {
        low.send(at_high);
        high.send(at_low);
        let (answered_on, heard) = (low.receive().await, high.receive().await);
        assert_eq!(heard, first_at_high);
        assert_eq!(answered_on.remote, at_high);
        assert_ne!(answered_on.connection, first_at_low.connection);
    }
    // When it ends, what is under way on it is looked at.
    drop(high);
    let is_its_end =
        |input: &Input| matches!(input, Input::Closed { flow, loss: Loss::Ended } if flow.remote == at_high);
    while !is_its_end(&low.next().await) {}
}
