//! The next address when one says nothing (rule SIP-15, RFC 3263 section 4.3).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, CLIENT, Fake, request_to};
use ims_node::{ForwardPlan, Input, Output};
use sip_message::Transport;
use sip_resolve::{DnsAnswer, Kind, Records};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(5);

/// Forwards to a name with two addresses, and waits for an answer as long as an S-CSCF for an application server.
fn bench() -> Bench {
    Bench::new(Fake {
        decide: |_, _| ForwardPlan { patience: Some(PATIENCE), ..ForwardPlan::by_route() }.decide(),
        ..Fake::forwarding()
    })
}

/// A new request comes from the client, and DNS answers.
fn ask(bench: &mut Bench, number: u32, length: usize) {
    let headers = format!("X: {}\r\n", "x".repeat(length));
    let text = request_to("MESSAGE", "sip:bob@two.home1.test:5060", &headers);
    bench.receive(CLIENT, text.replace("z9hG4bKclient", &format!("z9hG4bK{number}")));
    while let Some(at) = bench.outputs.iter().position(|output| matches!(output, Output::AskDns(_))) {
        let Output::AskDns(question) = bench.outputs.remove(at) else { unreachable!() };
        assert_eq!(question.kind(), Kind::A);
        let addresses = [9, 10].map(|last| [192, 0, 2, last].into());
        let answer = DnsAnswer::Records(Records::Addresses(addresses.to_vec()), TTL);
        bench.input(Input::Dns { question, answer });
    }
}

/// Where requests went, in order.
fn tried(bench: &mut Bench) -> Vec<(String, Transport)> {
    let sent = bench.sent();
    let requests = sent.iter().filter(|one| one.bytes.starts_with(b"MESSAGE"));
    let mut ways: Vec<_> =
        requests.map(|one| (one.flow.remote.ip().to_string(), one.flow.transport)).collect();
    ways.dedup();
    ways
}

fn way(last: u8, transport: Transport) -> (String, Transport) {
    (format!("192.0.2.{last}"), transport)
}

#[test]
fn sip_15_each_address_has_its_part_of_a_short_patience() {
    let mut bench = bench();
    ask(&mut bench, 1, 1);
    bench.pass(PATIENCE / 2);
    let both = tried(&mut bench);
    assert_eq!((both.len(), both[0].0 == both[1].0), (2, false), "{both:?}");
    // Until then it is remembered who was silent.
    ask(&mut bench, 2, 1);
    assert_eq!(tried(&mut bench), [both[1].clone()]);
}

#[test]
fn sip_15_who_is_silent_by_one_transport_comes_last_by_both() {
    let mut bench = bench();
    ask(&mut bench, 1, 1400);
    bench.pass(PATIENCE);
    let [(silent, Transport::Tcp)] = &tried(&mut bench)[..] else { panic!("one address by TCP") };
    let spoken_to = if silent == "192.0.2.9" { 10 } else { 9 };
    for (number, length, transport) in [(2, 1400, Transport::Tcp), (3, 1, Transport::Udp)] {
        ask(&mut bench, number, length);
        assert_eq!(tried(&mut bench), [way(spoken_to, transport)], "{length}");
    }
}
