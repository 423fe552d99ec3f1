//! Floods, crowds and silence.

use super::super::connection::Reading;
use super::super::events::SocketEvent;
use super::super::queue::{MAX_QUEUED, Outgoing};
use super::super::stream::{IDLE, STALLED};
use super::super::tcp::Connections;
use super::link::{End, Link, between_nodes};
use super::world::{Place, message, read_until, soon};
use bytes::Bytes;
use ims_node::{
    Acquaintance, CLOSE_AFTER, Flow, Input, Listener, ListenerId, Loss, NodeSettings, PROBE_AFTER, Peer,
    Side, Silence, Transmit,
};
use sip_message::Transport;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

fn outgoing(bytes: &'static [u8]) -> Outgoing {
    Outgoing { bytes: Bytes::from_static(bytes), fallback: None }
}

/// Sends new requests without a pause until one of them is answered 503.
fn flood(node: std::net::SocketAddr) {
    let socket = std::net::UdpSocket::bind((node.ip(), 0)).unwrap();
    socket.connect(node).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2048];
    for number in 0_u64.. {
        // What finds the node's buffer full is lost, and does not matter.
        let _ = socket.send(message("sip:echo@home1.test", &format!("flood{number}"), "UDP").as_bytes());
        while let Ok(length) = socket.recv(&mut buffer) {
            if buffer[..length].starts_with(b"SIP/2.0 503 ") {
                return;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_node_that_is_flooded_sheds_new_requests_and_takes_them_again_afterwards() {
    let place = Place::new();
    let running = place.start("").await;
    let node = place.address;
    soon(tokio::task::spawn_blocking(move || flood(node))).await.unwrap();
    assert!(!running.done("stats").await.contains("shed_new 0\n"));
    // Each answer is waited for, on a stream, where none is lost.
    let mut stream = place.tcp().await;
    let mut number = 0;
    soon(async {
        loop {
            number += 1;
            let request = message("sip:echo@home1.test", &format!("after{number}"), "TCP");
            stream.write_all(request.as_bytes()).await.unwrap();
            if read_until(&mut stream, "\r\n\r\n").await.starts_with("SIP/2.0 200 ") {
                break;
            }
        }
    })
    .await;
    // Whoever asks for little is served before that.
    soon(async { while !running.done("stats").await.contains("pressure 0\n") {} }).await;
}

fn settings(side: Side, peers: &[&str]) -> NodeSettings {
    let listener = Listener { address: "127.0.0.1:0".parse().unwrap(), side };
    let peer = |text: &&str| Peer { addresses: vec![text.parse().unwrap()], domains: Vec::new() };
    NodeSettings::new("node.home1.test", vec![listener], peers.iter().map(peer).collect())
}

/// What newcomers meet with.
struct Door {
    listener: TcpListener,
    connections: Connections,
    inputs: VecDeque<Input>,
    _events: mpsc::Receiver<SocketEvent>,
}

impl Door {
    async fn open(settings: &NodeSettings) -> Self {
        let (events, heard) = mpsc::channel(1024);
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            connections: Connections::listen(settings, &events, None).unwrap(),
            inputs: VecDeque::new(),
            _events: heard,
        }
    }

    /// Somebody comes in from this address.
    async fn enter(&mut self, from: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(std::net::SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let stream = socket.connect(self.listener.local_addr().unwrap()).await.unwrap();
        let (accepted, remote) = self.listener.accept().await.unwrap();
        self.connections.accepted(ListenerId(0), remote, accepted, &mut self.inputs);
        stream
    }

    /// The flow on which this one came in; `None` when it did not.
    fn flow_of(&self, stream: &TcpStream) -> Option<Flow> {
        let remote = stream.local_addr().unwrap();
        let flows = (1..100).filter_map(|id| self.connections.flow(id));
        flows.into_iter().find(|flow| flow.remote == remote)
    }
}

#[tokio::test]
async fn a_newcomer_takes_the_place_of_the_idlest_stranger_of_the_address_that_holds_most() {
    let mut door = Door::open(&settings(Side::Ue, &[])).await;
    door.connections.max = 4;
    let alone = door.enter("127.0.0.9").await;
    let (mut first, second) = (door.enter("127.0.0.8").await, door.enter("127.0.0.8").await);
    let third = door.enter("127.0.0.8").await;
    let newcomer = door.enter("127.0.0.7").await;
    assert!(door.flow_of(&newcomer).is_some());
    assert_eq!(soon(first.read(&mut [0; 8])).await.unwrap(), 0, "closed");
    // Who is registered stays; when everybody is, nobody else comes in.
    for stream in [&alone, &second, &third, &newcomer] {
        let flow = door.flow_of(stream).unwrap();
        door.connections.claim(flow, true);
    }
    let mut late = door.enter("127.0.0.6").await;
    assert!(door.flow_of(&late).is_none());
    assert_eq!(soon(late.read(&mut [0; 8])).await.unwrap(), 0, "closed");
    door.connections.claim(door.flow_of(&third).unwrap(), false);
    let later = door.enter("127.0.0.6").await;
    assert!(door.flow_of(&later).is_some() && door.flow_of(&third).is_none());
}

#[tokio::test]
async fn a_peer_gives_way_to_nobody() {
    let mut door = Door::open(&settings(Side::Network, &["127.0.0.9"])).await;
    door.connections.max = 2;
    let peer = door.enter("127.0.0.9").await;
    let stranger = door.enter("127.0.0.8").await;
    let newcomer = door.enter("127.0.0.7").await;
    assert!(door.flow_of(&peer).is_some() && door.flow_of(&newcomer).is_some());
    assert!(door.flow_of(&stranger).is_none());
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let mut door = Door::open(&settings(Side::Ue, &[])).await;
    door.connections.max_from_address = 2;
    let other = door.enter("127.0.0.9").await;
    let (first, second) = (door.enter("127.0.0.8").await, door.enter("127.0.0.8").await);
    door.connections.heard(door.flow_of(&first).unwrap().connection.unwrap());
    let third = door.enter("127.0.0.8").await;
    let there = [&other, &first, &second, &third].map(|stream| door.flow_of(stream).is_some());
    assert_eq!(there, [true, true, false, true]);
}

#[tokio::test]
async fn what_is_opened_because_a_phone_named_an_address_gives_way_like_the_phones_own() {
    let named = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut door = Door::open(&settings(Side::Ue, &[])).await;
    door.connections.max = 2;
    // Two answers whose connections are gone; nobody is registered on what is opened for them.
    for last in [8, 9] {
        let gone = format!("127.0.0.{last}:1").parse().unwrap();
        let flow =
            Flow { listener: ListenerId(0), transport: Transport::Tcp, remote: gone, connection: Some(77) };
        let fallback =
            Some(std::net::SocketAddr::new([127, 0, 0, last].into(), named.local_addr().unwrap().port()));
        let transmit = Transmit { flow, fallback, bytes: Bytes::from_static(b"x"), after: None };
        door.connections.send(transmit, &mut door.inputs);
    }
    let newcomers = [door.enter("127.0.0.7").await, door.enter("127.0.0.6").await];
    assert!(newcomers.iter().all(|newcomer| door.flow_of(newcomer).is_some()));
}

#[tokio::test]
async fn what_meets_a_connection_that_has_just_ended_is_looked_at_when_that_is_known() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (events, mut heard) = mpsc::channel(8);
    let mut connections =
        Connections::listen(&settings(Side::Network, &["127.0.0.1"]), &events, None).unwrap();
    let remote = peer.local_addr().unwrap();
    let flow = Flow { listener: ListenerId(0), transport: Transport::Tcp, remote, connection: None };
    let send = |flow, fallback| Transmit { flow, fallback, bytes: Bytes::from_static(b"hello"), after: None };
    let mut inputs = VecDeque::new();
    connections.send(send(flow, None), &mut inputs);
    let (mut stream, _) = soon(peer.accept()).await.unwrap();
    soon(stream.read_exact(&mut [0; 5])).await.unwrap();
    let Some(SocketEvent::Connected(id)) = soon(heard.recv()).await else { panic!("it is connected") };
    connections.connected(id);
    drop(stream);
    // Its end is known to its task, and not to the node yet.
    let Some(SocketEvent::Closed(_, loss)) = soon(heard.recv()).await else { panic!("it has ended") };
    let numbered = Flow { connection: Some(id), ..flow };
    connections.send(send(flow, None), &mut inputs);
    connections.send(send(numbered, None), &mut inputs);
    connections.send(send(numbered, Some(remote)), &mut inputs);
    assert!(inputs.is_empty() && connections.flow(id).is_some(), "what has come on it is still heard");
    // One input for all requests; the response goes on a new connection.
    connections.ended(id, loss, &mut inputs);
    let is_its_end =
        |input: &Input| matches!(input, Input::Closed { flow, loss: Loss::Ended } if *flow == numbered);
    assert!(inputs.len() == 1 && inputs.iter().all(is_its_end), "{inputs:?}");
    let (mut stream, _) = soon(peer.accept()).await.unwrap();
    soon(stream.read_exact(&mut [0; 5])).await.unwrap();
}

#[tokio::test]
async fn design_16_a_response_for_which_its_connection_has_no_room_goes_by_another() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (events, mut heard) = mpsc::channel(8);
    let mut connections =
        Connections::listen(&settings(Side::Network, &["127.0.0.1"]), &events, None).unwrap();
    let remote = peer.local_addr().unwrap();
    let flow = Flow { listener: ListenerId(0), transport: Transport::Tcp, remote, connection: None };
    let mut inputs = VecDeque::new();
    let first = Transmit { flow, fallback: None, bytes: Bytes::from_static(b"hello"), after: None };
    connections.send(first, &mut inputs);
    let (_stuck, _) = soon(peer.accept()).await.unwrap();
    let Some(SocketEvent::Connected(id)) = soon(heard.recv()).await else { panic!("it is connected") };
    connections.connected(id);
    let numbered = Flow { connection: Some(id), ..flow };
    let large = Bytes::from(vec![b'x'; MAX_QUEUED / 8]);
    while inputs.is_empty() {
        let response = Transmit { flow: numbered, fallback: Some(remote), bytes: large.clone(), after: None };
        connections.send(response, &mut inputs);
    }
    let (mut other, _) = soon(peer.accept()).await.unwrap();
    soon(other.read_exact(&mut vec![0; large.len()])).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_told_of_many_at_once_is_not_taken_for_stuck() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (events, _heard) = mpsc::channel(8);
    let mut connections = Connections::listen(&settings(Side::Network, &[]), &events, None).unwrap();
    let remote = peer.local_addr().unwrap();
    let flow = Flow { listener: ListenerId(0), transport: Transport::Tcp, remote, connection: None };
    let (bytes, mut inputs) = (Bytes::from_static(&[b'x'; 2000]), VecDeque::new());
    for _ in 0..1000 {
        let transmit = Transmit { flow, fallback: None, bytes: bytes.clone(), after: None };
        connections.send(transmit, &mut inputs);
    }
    assert!(inputs.is_empty(), "{inputs:?}");
    let (mut stream, _) = soon(peer.accept()).await.unwrap();
    soon(stream.read_exact(&mut vec![0; 1000 * bytes.len()])).await.unwrap();
}

/// Serves one end of a connection with a peer that sends this and nothing more, and writes what is `queued`; when it was
/// cut off, and how.
async fn cut_off(sent: &[u8], written: &'static [u8]) -> (Duration, Loss) {
    let Link { mut peer, stream, connection, queue, mut heard } =
        Link::new(8, Some(Silence::new(Acquaintance::Own, Duration::from_secs(32)))).await;
    peer.write_all(sent).await.unwrap();
    if !written.is_empty() {
        queue.push(outgoing(written)).unwrap();
    }
    let began = Instant::now();
    tokio::spawn(connection.serve(stream));
    let Some(SocketEvent::Closed(1, loss)) = heard.recv().await else { panic!("something else") };
    (began.elapsed(), loss)
}

#[tokio::test(start_paused = true)]
async fn design_16_a_peer_that_owes_an_answer_and_says_nothing_is_cut_off_after_three_seconds() {
    let (after, loss) = cut_off(b"\r\n", b"OPTIONS sip:a SIP/2.0\r\n\r\n").await;
    assert_eq!((after.as_secs(), loss), ((PROBE_AFTER + CLOSE_AFTER).as_secs(), Loss::Silent));
}

#[tokio::test]
async fn design_16_a_node_that_is_busy_still_answers_keep_alives_and_writes() {
    let Link { mut peer, stream, connection, queue, mut heard } =
        Link::new(1, Some(Silence::new(Acquaintance::Own, Duration::from_secs(32)))).await;
    tokio::spawn(connection.serve(stream));
    // The node takes none of these yet.
    let message = |number: u8| format!("MESSAGE sip:{number} SIP/2.0\r\nContent-Length: 0\r\n\r\n");
    for number in 0..5 {
        peer.write_all(message(number).as_bytes()).await.unwrap();
    }
    peer.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    soon(peer.read_exact(&mut pong)).await.unwrap();
    assert_eq!(&pong, b"\r\n");
    queue.push(outgoing(b"written")).unwrap();
    soon(peer.read_exact(&mut [0; 7])).await.unwrap();
    // What came is there, in order, also when the peer has gone.
    drop(peer);
    for number in 0..5 {
        let Some(SocketEvent::Message(1, bytes)) = soon(heard.recv()).await else {
            panic!("message {number}")
        };
        assert_eq!(bytes, message(number).as_bytes());
    }
    assert!(matches!(soon(heard.recv()).await, Some(SocketEvent::Closed(1, Loss::Ended))));
}

/// Puts so many long messages in and takes as many out, both as fast as it goes.
async fn talk(end: &mut End, count: usize) {
    let body = "x".repeat(32 * 1024);
    let text = message("sip:echo@home1.test", "much", "TCP");
    let text =
        text.replace("Content-Length: 0\r\n\r\n", &format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    let long = Outgoing { bytes: text.into(), fallback: None };
    let (mut put, mut heard) = (0, 0);
    while heard < count {
        if put < count && end.queue.push(long.clone()).is_ok() {
            put += 1;
            continue;
        }
        assert!(matches!(end.heard.recv().await, Some(SocketEvent::Message(..))));
        heard += 1;
    }
}

#[tokio::test]
async fn design_16_two_nodes_that_have_much_to_say_to_each_other_do_not_wait_for_each_other() {
    let [mut one, mut other] = between_nodes(16, Reading::Always).await;
    let both = async { tokio::join!(talk(&mut one, 640), talk(&mut other, 640)) };
    tokio::time::timeout(STALLED, both).await.expect("20 MiB each way");
}

#[tokio::test]
async fn a_peer_whose_news_the_node_has_no_room_for_is_read_no_further() {
    let Link { mut peer, stream, connection, queue: _queue, mut heard } = Link::new(1, None).await;
    tokio::spawn(connection.serve(stream));
    // The shortest message there is, and what looks like answers to keep-alives, until the system takes no more.
    let flood = b"A\r\nl:0\r\n\r\n\r\n\0".repeat(1000);
    let mut sent = 0;
    while tokio::time::timeout(Duration::from_millis(500), peer.write_all(&flood)).await.is_ok() {
        sent += flood.len();
        assert!(sent < 64 << 20, "everything is read");
    }
    // All of it comes, in order, as soon as there is room.
    let first = soon(heard.recv()).await;
    assert!(matches!(first, Some(SocketEvent::Message(1, _))), "{first:?}");
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_not_waited_for_longer_than_thirty_seconds() {
    let (after, loss) = cut_off(b"MESSAGE sip:a SIP/2.0\r\n", b"").await;
    assert_eq!((after.as_secs(), loss), (STALLED.as_secs(), Loss::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_connects_and_says_nothing_is_cut_off_after_thirty_seconds() {
    assert_eq!(cut_off(b"", b"").await.0.as_secs(), STALLED.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_ten_minutes() {
    assert_eq!(cut_off(b"\r\n", b"").await.0.as_secs(), IDLE.as_secs());
}

/// What waits on a stranger's connection is nobody else's concern: the node goes on with what no input asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_who_does_not_read_stops_no_work() {
    let place = Place::new();
    let running = place.start("").await;
    let (_unread, mut writer) = place.tcp().await.into_split();
    let flood = tokio::spawn(async move {
        // Each answer is as long as its request.
        let via = format!("Via: SIP/2.0/TCP a.test;branch=z9hG4bK{}\r\nVia: ", "x".repeat(4000));
        for number in 0_u64.. {
            let request = message("sip:echo@home1.test", &format!("flood{number}"), "TCP");
            if writer.write_all(request.replacen("Via: ", &via, 1).as_bytes()).await.is_err() {
                return;
            }
        }
    });
    let queued = |stats: &str| {
        let line = stats.lines().find_map(|line| line.strip_prefix("queued_bytes "));
        line.and_then(|count| count.parse::<usize>().ok()).unwrap()
    };
    while queued(&running.done("stats").await) < 1_500_000 {}
    let client = place.udp().await;
    client.answer_to(&message("sip:work@home1.test", "work", "UDP")).await;
    assert_eq!(running.done("worked").await.trim(), "1");
    flood.abort();
}
