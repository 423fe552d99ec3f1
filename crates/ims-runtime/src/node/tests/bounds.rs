//! Floods, crowds and silence.

use super::super::connection::{Connection, IDLE, STALLED};
use super::super::driver::Driver;
use super::super::events::SocketEvent;
use super::super::queue::queue;
use super::super::tcp::Connections;
use super::super::{Clock, Operator};
use super::world::{BLUEPRINT, Place, TestRole, message, read_until, soon};
use crate::recording::Ends;
use bytes::Bytes;
use ims_node::{Flow, Listener, ListenerId, Node, Side, Transmit};
use sip_message::Transport;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

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
    assert!(running.done("stats").await.contains("pressure 0\n"));
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let place = Place::new();
    let start = place.prepare("").await;
    let clock = Clock::start();
    let node = Node::new(start.config.node.settings(), TestRole::default(), [1; 32]);
    let operator =
        Operator { ctl: start.ctl, signals: start.signals, file: start.file, blueprint: BLUEPRINT };
    let mut driver = Driver::start((clock, node), None, start.config.node, operator)
        .unwrap_or_else(|failure| panic!("{failure}"));
    driver.tcp.max_from_address = 2;
    let _task = tokio::spawn(driver.run());
    let (mut one, mut two, mut three) = (place.tcp().await, place.tcp().await, place.tcp().await);
    assert_eq!(soon(three.read(&mut [0; 8])).await.unwrap(), 0, "closed");
    for (stream, call_id) in [(&mut one, "one"), (&mut two, "two")] {
        stream.write_all(message("sip:echo@home1.test", call_id, "TCP").as_bytes()).await.unwrap();
        assert!(read_until(stream, "\r\n\r\n").await.starts_with("SIP/2.0 200 "));
    }
    drop(one);
    // There is room again as soon as the node has seen the end of one.
    loop {
        let mut next = place.tcp().await;
        let request = message("sip:echo@home1.test", "next", "TCP");
        if next.write_all(request.as_bytes()).await.is_ok()
            && soon(next.read(&mut [0; 8])).await.is_ok_and(|length| length > 0)
        {
            break;
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_told_of_many_at_once_is_not_taken_for_stuck() {
    let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = Listener { address: "127.0.0.1:0".parse().unwrap(), side: Side::Network };
    let (events, _heard) = mpsc::channel(8);
    let mut connections = Connections::listen(&[listener], &events, None).unwrap();
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

/// Serves one end of a connection; gives the other end, and when and how it was cut off.
async fn cut_off(sent: &[u8]) -> (Instant, Instant) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (stream, remote) = listener.accept().await.unwrap();
    let common = Arc::default();
    let (_queue, queued) = queue(Arc::clone(&common));
    let (events, mut heard) = mpsc::channel(8);
    let ends = Ends { local: listener.local_addr().unwrap(), remote };
    peer.write_all(sent).await.unwrap();
    let began = Instant::now();
    tokio::spawn(Connection { id: 1, ends, queued, events, recorder: None, common }.serve(stream));
    assert!(matches!(heard.recv().await, Some(SocketEvent::Closed(1))));
    (began, Instant::now())
}

#[tokio::test(start_paused = true)]
async fn half_a_message_is_not_waited_for_longer_than_thirty_seconds() {
    let (began, ended) = cut_off(b"MESSAGE sip:a SIP/2.0\r\n").await;
    assert_eq!((ended - began).as_secs(), STALLED.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_connects_and_says_nothing_is_cut_off_after_thirty_seconds() {
    let (began, ended) = cut_off(b"").await;
    assert_eq!((ended - began).as_secs(), STALLED.as_secs());
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_ten_minutes() {
    let (began, ended) = cut_off(b"\r\n").await;
    assert_eq!((ended - began).as_secs(), IDLE.as_secs());
}
