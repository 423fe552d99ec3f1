//! As many peers as a large network has, and what comes of it when the node starts again.

use super::world::{Place, message, read_until, soon};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Each with an address of its own.
const PEERS: u8 = 200;

fn addresses(node: SocketAddr) -> Vec<IpAddr> {
    let IpAddr::V4(ip) = node.ip() else { panic!("{node}") };
    let [_, a, b, _] = ip.octets();
    // Networks with an even second octet have no nodes of other tests.
    (1..=PEERS).map(|host| Ipv4Addr::new(127, a ^ 1, b, host).into()).collect()
}

/// Connects and has a request answered.
async fn ask(from: IpAddr, node: SocketAddr, call_id: String) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let mut stream = socket.connect(node).await.unwrap();
    stream.write_all(message("sip:who@home1.test", &call_id, "TCP").as_bytes()).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    stream
}

/// All at the same time.
async fn ask_all(peers: &[IpAddr], node: SocketAddr, round: &str) -> Vec<TcpStream> {
    let tasks: JoinSet<_> =
        peers.iter().map(|peer| soon(ask(*peer, node, format!("{round}-{peer}")))).collect();
    tasks.join_all().await
}

#[tokio::test]
async fn design_16_two_hundred_peers_come_back_at_once_to_a_node_that_was_killed() {
    let place = Place::new();
    let peers = addresses(place.address);
    let listed: Vec<_> = peers.iter().map(|peer| format!("\"{peer}\"")).collect();
    let listed = format!("peers = [{{ addresses = [{}] }}]", listed.join(", "));
    for round in ["first", "second"] {
        let running = place.start(&listed).await;
        let mut streams = ask_all(&peers, place.address, round).await;
        let stats = running.done("stats").await;
        let count = |name: &str| {
            let line = stats.lines().find(|line| line.split_whitespace().next() == Some(name));
            line.and_then(|line| line.split_whitespace().last()).unwrap_or_default().to_owned()
        };
        assert_eq!(count("connections"), PEERS.to_string(), "{stats}");
        for none in ["connections_refused", "connections_displaced", "dropped_in"] {
            assert_eq!(count(none), "0", "{none}: {stats}");
        }
        running.kill().await;
        for stream in &mut streams {
            assert!(matches!(soon(stream.read(&mut [0; 64])).await, Ok(0) | Err(_)), "it was told");
        }
    }
}
