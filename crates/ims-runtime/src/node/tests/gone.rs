//! Responses whose connection has ended (RFC 3261 section 18.2.2).

use super::super::events::SocketEvent;
use super::super::queue::Outgoing;
use super::link::{LISTENER, Link};
use bytes::Bytes;
use ims_node::Loss;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a connection tells the node whose peer has left, entirely or with an open ear, when a response is queued.
async fn told_of_a_response(
    peer_leaves: impl AsyncFnOnce(TcpStream) -> Option<String>,
) -> (Option<String>, usize) {
    let Link { peer, stream, connection, queue, mut heard } = Link::new(8, None).await;
    let fallback = "127.0.0.1:5060".parse().unwrap();
    let response = Bytes::from_static(b"a response");
    queue.push(Outgoing { bytes: response.clone(), fallback: Some(fallback) }).unwrap();
    queue.push(Outgoing { bytes: Bytes::from_static(b"a request"), fallback: None }).unwrap();
    let serves = async move |stream| tokio::spawn(connection.serve(stream)).await.unwrap();
    let (read, ()) = tokio::join!(peer_leaves(peer), serves(stream));
    assert!(matches!(heard.recv().await, Some(SocketEvent::Closed(1, Loss::Ended))));
    let mut undelivered = 0;
    while let Some(event) = heard.recv().await {
        let SocketEvent::Undelivered(LISTENER, to, bytes) = event else { panic!("{event:?}") };
        assert_eq!((to, &bytes), (fallback, &response));
        undelivered += 1;
    }
    (read, undelivered)
}

#[tokio::test]
async fn sip_09_a_response_that_is_written_to_a_peer_that_has_gone_is_given_back() {
    let gone = async |peer: TcpStream| {
        drop(peer);
        None
    };
    assert_eq!(told_of_a_response(gone).await, (None, 1));
}

#[tokio::test]
async fn sip_09_a_response_that_is_written_to_a_peer_that_still_reads_has_arrived() {
    let listens = async |mut peer: TcpStream| {
        peer.shutdown().await.unwrap();
        let mut read = String::new();
        peer.read_to_string(&mut read).await.unwrap();
        Some(read)
    };
    let expected = Some("a responsea request".to_owned());
    assert_eq!(told_of_a_response(listens).await, (expected, 0));
}
