//! Nodes of a small role on real sockets of 127.0.0.0/8. Every step waits for its event.

mod bounds;
mod crowd;
mod gone;
mod link;
mod one_connection;
mod operators;
mod world;

use super::driver::Driver;
use super::{NodeError, Operator};
use crate::Clock;
use crate::cli::{Failure, Start};
use crate::ctl::CtlAnswer;
use crate::journal::tests::forgetful::Forgetful;
use crate::journal::{Journal, JournalError};
use ims_node::Node;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::Instant;
use world::{BLUEPRINT, Place, TestRole, answer_next, free_address, ignorant_dns, message, read_until, soon};

#[tokio::test]
async fn a_request_by_udp_is_answered_by_udp() {
    let place = Place::new();
    let running = place.start("").await;
    let client = place.udp().await;
    client.send("\r\n\r\n").await;
    let answer = client.answer_to(&message("sip:echo@home1.test", "one", "UDP")).await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    let stats = running.done("stats").await;
    assert!(stats.contains("udp_in 1\nudp_out 1\n"), "{stats}");
}

#[tokio::test]
async fn a_stream_is_cut_into_messages_and_pings_are_answered() {
    let place = Place::new();
    let running = place.start("").await;
    let mut stream = place.tcp().await;
    let (one, two) =
        (message("sip:echo@home1.test", "one", "TCP"), message("sip:echo@home1.test", "two", "TCP"));
    let (half, rest) = two.split_at(70);
    stream.write_all(b"\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n").await, "\r\n");
    stream.write_all(format!("{one}{half}").as_bytes()).await.unwrap();
    let first = read_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(rest.as_bytes()).await.unwrap();
    let second = read_until(&mut stream, "\r\n\r\n").await;
    assert!(first.contains("Call-ID: one\r\n") && second.contains("Call-ID: two\r\n"));
    let stats = running.done("stats").await;
    assert!(stats.contains("tcp_in 2\n") && stats.contains("connections 1\n"), "{stats}");
}

#[tokio::test]
async fn sip_11_without_a_length_the_answer_is_400_and_the_end() {
    let place = Place::new();
    let _running = place.start("").await;
    let mut stream = place.tcp().await;
    let unframed = message("sip:echo@home1.test", "one", "TCP").replace("Content-Length: 0\r\n", "");
    stream.write_all(unframed.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("SIP/2.0 400 "), "{answer}");
}

#[tokio::test]
async fn a_datagram_does_not_overtake_the_answer_on_a_connection_that_it_follows() {
    let place = Place::new();
    let running = place.start("recording = { file = \"recording.jsonl\" }").await;
    let far = UdpSocket::bind(free_address()).await.unwrap();
    let mut stream = place.tcp().await;
    let request = message(&format!("sip:follow@{}", far.local_addr().unwrap()), "one", "TCP");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 65_535];
    soon(far.recv_from(&mut buffer)).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    // Each is recorded as it is handed to the system.
    running.done("stats").await;
    let text = std::fs::read_to_string(place.path("recording.jsonl")).unwrap();
    let place_of = |start: &str| text.lines().position(|line| line.contains(start)).unwrap();
    assert!(place_of("\"text\":\"SIP/2.0 200 ") < place_of("\"text\":\"OPTIONS "), "{text}");
}

#[tokio::test]
async fn a_connection_to_a_peer_is_used_again_and_made_anew_when_it_is_gone() {
    let place = Place::new();
    let running = place.start("").await;
    let peer = TcpListener::bind(free_address()).await.unwrap();
    let uri = format!("sip:far@{};transport=tcp", peer.local_addr().unwrap());
    let client = place.udp().await;
    client.send(&message(&uri, "one", "UDP")).await;
    let (mut first, from) = soon(peer.accept()).await.unwrap();
    assert_eq!(from.ip(), place.address.ip(), "by which the peer believes us");
    answer_next(&mut first).await;
    assert!(client.receive().await.contains("Call-ID: one\r\n"));
    client.send(&message(&uri, "two", "UDP")).await;
    answer_next(&mut first).await;
    assert!(client.receive().await.contains("Call-ID: two\r\n"));

    drop(first);
    while !running.done("stats").await.contains("connections 0\n") {}
    client.send(&message(&uri, "three", "UDP")).await;
    let (mut second, _) = soon(peer.accept()).await.unwrap();
    answer_next(&mut second).await;
    assert!(client.receive().await.contains("Call-ID: three\r\n"));

    // The peer dies over a request: it is not waited for.
    client.send(&message(&uri, "four", "UDP")).await;
    read_until(&mut second, "\r\n\r\n").await;
    drop((second, peer));
    let answer = client.receive().await;
    assert!(answer.starts_with("SIP/2.0 50") && answer.contains("Call-ID: four\r\n"), "{answer}");
}

#[tokio::test]
async fn a_response_whose_connection_is_gone_goes_to_sent_by() {
    let place = Place::new();
    let running = place.start("").await;
    let far = UdpSocket::bind(free_address()).await.unwrap();
    let uri = format!("sip:far@{}", far.local_addr().unwrap());
    let sent_by = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let request =
        message(&uri, "one", "TCP").replace("client.test;rport", &sent_by.local_addr().unwrap().to_string());
    let mut stream = place.tcp().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 65_535];
    let (length, node) = soon(far.recv_from(&mut buffer)).await.unwrap();
    drop(stream);
    while !running.done("stats").await.contains("connections 0\n") {}
    let forwarded = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let (_, headers) = forwarded.split_once("\r\n").unwrap();
    far.send_to(format!("SIP/2.0 200 OK\r\n{headers}").as_bytes(), node).await.unwrap();
    let (mut back, _) = soon(sent_by.accept()).await.unwrap();
    let answer = read_until(&mut back, "\r\n\r\n").await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
}

/// The peer has closed the connection, and its responses are under way: some are queued before the end is noticed.
#[tokio::test]
async fn sip_09_responses_that_cross_the_end_of_their_connection_go_to_sent_by() {
    const CALLS: usize = 20;
    let place = Place::new();
    let _running = place.start("").await;
    let far = UdpSocket::bind(free_address()).await.unwrap();
    let uri = format!("sip:far@{}", far.local_addr().unwrap());
    let sent_by = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let via = sent_by.local_addr().unwrap().to_string();
    let mut stream = place.tcp().await;
    let mut answers = Vec::new();
    let mut buffer = vec![0; 65_535];
    for call in 0..CALLS {
        let request = message(&uri, &format!("call{call}"), "TCP").replace("client.test;rport", &via);
        stream.write_all(request.as_bytes()).await.unwrap();
        let (length, node) = soon(far.recv_from(&mut buffer)).await.unwrap();
        let forwarded = String::from_utf8(buffer[..length].to_vec()).unwrap();
        let (_, headers) = forwarded.split_once("\r\n").unwrap();
        answers.push((format!("SIP/2.0 200 OK\r\n{headers}"), node));
    }
    drop(stream);
    for (answer, node) in &answers {
        far.try_send_to(answer.as_bytes(), *node).unwrap();
    }
    let (mut back, _) = soon(sent_by.accept()).await.unwrap();
    let mut said = String::new();
    let is_missing = |said: &str| (0..CALLS).any(|call| !said.contains(&format!("Call-ID: call{call}\r\n")));
    while is_missing(&said) {
        let length = soon(back.read(&mut buffer)).await.unwrap();
        assert!(length > 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
}

#[tokio::test]
async fn a_peer_without_a_process_is_known_at_once() {
    let place = Place::new();
    let running = place.start("").await;
    let client = place.udp().await;
    for (call_id, transport) in [("one", "udp"), ("two", "tcp"), ("three", "udp")] {
        let uri = format!("sip:far@{};transport={transport}", free_address());
        let answer = client.answer_to(&message(&uri, call_id, "UDP")).await;
        assert!(answer.starts_with("SIP/2.0 50"), "{transport}: {answer}");
        assert!(answer.contains(&format!("Call-ID: {call_id}\r\n")), "{answer}");
    }
    // The refused datagrams do not stand in the way of others.
    let answer = client.answer_to(&message("sip:echo@home1.test", "four", "UDP")).await;
    assert!(answer.starts_with("SIP/2.0 200 "), "{answer}");
    assert!(running.done("stats").await.contains("send_failed 3\n"));
}

#[tokio::test]
async fn a_datagram_that_the_system_refuses_fails_at_once() {
    let place = Place::new();
    let _running = place.start("").await;
    // Broadcasting is not allowed to this socket: EACCES.
    let client = place.udp().await;
    let answer = client.answer_to(&message("sip:far@255.255.255.255", "one", "UDP")).await;
    assert!(answer.starts_with("SIP/2.0 50"), "{answer}");
}

#[tokio::test]
async fn an_acknowledgement_is_held_until_its_record_is_durable() {
    let place = Place::new();
    let disk = Forgetful::default();
    let (journal, _) = Journal::on(disk.clone()).unwrap();
    let start = place.prepare("").await;
    let clock = Clock::start();
    let node = Node::new(start.config.node.settings(), TestRole::default(), [1; 32]);
    let read = start.config.node.clone();
    let Start { config, file, signals, ctl } = start;
    let operator = Operator { ctl, signals, file, config, blueprint: BLUEPRINT };
    let driver = Driver::start(clock, node, Some(journal), read, operator, super::inquiries().1);
    let task = tokio::spawn(driver.unwrap_or_else(|failure| panic!("{failure}")).run());
    let client = place.udp().await;

    let stopped = disk.stop();
    client.send(&message("sip:keep@home1.test", "kept", "UDP")).await;
    let call = message("sip:echo@home1.test", "call", "UDP").replace("MESSAGE", "INVITE");
    let answer = client.answer_to(&call).await;
    assert!(answer.starts_with("SIP/2.0 405 "), "what tells of no state is not held: {answer}");
    drop(stopped);
    let answer = client.receive().await;
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("Call-ID: kept\r\n"), "{answer}");

    disk.break_down();
    client.send(&message("sip:keep@home1.test", "lost", "UDP")).await;
    let ended = soon(task).await.unwrap();
    assert!(matches!(ended, Err(Failure::Failed(_))), "{ended:?}");
    let (_, replay) = Journal::on(disk.crash(|_| 0)).unwrap();
    assert_eq!(replay.live.len(), 1, "what was acknowledged, and no more");
}

#[tokio::test]
async fn state_survives_a_killed_process() {
    let place = Place::new();
    let running = place.start("").await;
    let client = place.udp().await;
    assert!(client.answer_to(&message("sip:keep@home1.test", "one", "UDP")).await.contains(" 200 "));
    running.kill().await;
    let running = loop {
        let running = place.spawn("").await;
        // Until the old journal's thread has let go of the directory, a moment after its node, this one is refused.
        if running.try_ask("stats").await.is_ok() {
            break running;
        }
        let refused = soon(running.task).await.unwrap().unwrap_err();
        assert!(refused.to_string().ends_with("another process uses this state directory"), "{refused}");
    };
    assert_eq!(running.done("kept").await, "one\n");
}

#[tokio::test]
async fn a_node_without_an_hss_is_told_so() {
    let place = Place::new();
    let _running = place.start("").await;
    let client = place.udp().await;
    let answer = client.answer_to(&message("sip:ask@home1.test", "one", "UDP")).await;
    assert!(answer.starts_with("SIP/2.0 504 "), "{answer}");
}

#[tokio::test]
async fn ready_after_the_first_dns_answer() {
    let place = Place::new();
    let running = place.start("").await;
    let waiting = "not ready, waiting for: first DNS answer";
    assert_eq!(running.ask("health").await, CtlAnswer::Refused(waiting.to_owned()));
    tokio::spawn(ignorant_dns(place.dns));
    while running.ask("health").await != CtlAnswer::Done("ready\n".to_owned()) {}
}

#[tokio::test]
async fn a_drain_lets_what_runs_finish_and_answers_the_rest_within_five_seconds() {
    let place = Place::new();
    let running = place.start("").await;
    let (silent, slow) =
        (UdpSocket::bind(free_address()).await.unwrap(), UdpSocket::bind(free_address()).await.unwrap());
    let client = place.udp().await;
    for (peer, call_id) in [(&silent, "never"), (&slow, "late")] {
        let uri = format!("sip:far@{}", peer.local_addr().unwrap());
        client.send(&message(&uri, call_id, "UDP")).await;
    }
    let mut buffer = vec![0; 65_535];
    let (length, node) = soon(slow.recv_from(&mut buffer)).await.unwrap();
    let began = Instant::now();
    running.done("drain").await;
    let forwarded = String::from_utf8(buffer[..length].to_vec()).unwrap();
    let (_, headers) = forwarded.split_once("\r\n").unwrap();
    slow.send_to(format!("SIP/2.0 200 OK\r\n{headers}").as_bytes(), node).await.unwrap();
    let answer = client.receive().await;
    assert!(answer.starts_with("SIP/2.0 200 ") && answer.contains("Call-ID: late\r\n"), "{answer}");
    let answer = client.final_answer().await;
    assert!(answer.starts_with("SIP/2.0 503 ") && answer.contains("Call-ID: never\r\n"), "{answer}");
    assert!(soon(running.task).await.unwrap().is_ok());
    assert!(began.elapsed() >= super::DRAIN && began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_drain_with_nothing_running_ends_at_once() {
    let place = Place::new();
    let running = place.start("").await;
    let began = Instant::now();
    running.done("drain").await;
    assert!(soon(running.task).await.unwrap().is_ok());
    assert!(began.elapsed() < super::DRAIN);
}

#[tokio::test]
async fn a_socket_that_is_not_to_be_had_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind(place.address).unwrap();
    let failure = super::run(place.prepare("").await, BLUEPRINT).await.unwrap_err().to_string();
    assert!(failure.contains(&format!("a socket at {} cannot be opened", place.address)), "{failure}");
    drop(taken);
}

#[tokio::test]
async fn what_is_read_and_written_is_recorded() {
    let place = Place::new();
    let running = place.start("recording = { file = \"recording.jsonl\" }").await;
    let client = place.udp().await;
    let request = message("sip:echo@home1.test", "one", "UDP");
    let answer = client.answer_to(&request).await;
    let by_tcp = message("sip:echo@home1.test", "two", "TCP");
    let mut stream = place.tcp().await;
    stream.write_all(by_tcp.as_bytes()).await.unwrap();
    let answer_by_tcp = read_until(&mut stream, "\r\n\r\n").await;
    running.done("drain").await;
    assert!(soon(running.task).await.unwrap().is_ok());
    let text = std::fs::read_to_string(place.path("recording.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let seen: Vec<_> = lines
        .iter()
        .map(|line| ["direction", "transport", "text"].map(|key| line[key].as_str().unwrap()))
        .collect();
    let expected = [
        ["in", "UDP", &request],
        ["out", "UDP", &answer],
        ["in", "TCP", &by_tcp],
        ["out", "TCP", &answer_by_tcp],
    ];
    assert_eq!(seen, expected);
    assert_eq!(lines[0]["local"], place.address.to_string());
    assert_eq!(lines[0]["node"], "node1.home1.test");
    assert!(lines[0]["wall_ns"].as_u64() <= lines[3]["wall_ns"].as_u64());
}

#[tokio::test]
async fn a_second_process_on_the_same_state_is_refused() {
    let place = Place::new();
    let _running = place.start("").await;
    let other = Place::new();
    let mut start = other.prepare("").await;
    start.config.node.state_dir = Some(place.path("state"));
    let Err(Failure::Failed(error)) = super::run(start, BLUEPRINT).await else { panic!("accepted") };
    assert!(matches!(error.downcast_ref::<NodeError>(), Some(NodeError::Journal(_, JournalError::InUse))));
}
