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

use common::{Bench, CLIENT, Fake, Fate, NEXT, answer, fate_in, read, refused, request, request_to};
use ims_node::{Flow, ForwardPlan, Input, Loss, Next, NodeCause, Output};
use sip_message::{Message, Transport};
use sip_resolve::{DnsAnswer, Kind, Records};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(300);
/// How long an address may say nothing.
const SILENCE: Duration = Duration::from_millis(4500);
const LATER: Duration = Duration::from_millis(1);

/// Forwards to a name with two addresses.
fn bench() -> Bench {
    Bench::forwarding()
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

type Way = (String, Transport);

/// Where requests went, in order, and what the client was answered.
fn seen(bench: &mut Bench) -> (Vec<Way>, Vec<Fate>) {
    let sent = bench.sent();
    let (requests, responses): (Vec<_>, Vec<_>) =
        sent.iter().partition(|one| one.bytes.starts_with(b"MESSAGE"));
    let mut ways: Vec<Way> =
        requests.iter().map(|one| (one.flow.remote.ip().to_string(), one.flow.transport)).collect();
    ways.dedup();
    let mut answers: Vec<Fate> = responses.iter().map(|one| fate_in(&read(&one.bytes))).collect();
    // A 100 is sent twice.
    answers.dedup();
    (ways, answers)
}

const TRYING: Fate = (100, None);
const SILENT: Fate = (504, Some(NodeCause::NextHopSilent.reason()));
const UNREACHABLE: Fate = (504, Some(NodeCause::NextHopUnreachable.reason()));

fn tried(bench: &mut Bench) -> Vec<Way> {
    seen(bench).0
}

fn way(last: u8, transport: Transport) -> Way {
    (format!("192.0.2.{last}"), transport)
}

/// The other one of the two addresses.
fn other((address, _): &Way) -> u8 {
    if address == "192.0.2.9" { 10 } else { 9 }
}

#[test]
fn sip_15_each_silent_address_is_given_up_before_five_seconds_and_then_the_client_hears_504() {
    let mut bench = bench();
    ask(&mut bench, 1, 1);
    bench.pass(SILENCE - LATER);
    let (first, answers) = seen(&mut bench);
    assert_eq!((first.len(), answers), (1, vec![TRYING]), "RFC 4320 section 4.1");
    bench.pass(LATER);
    assert_eq!(seen(&mut bench), (vec![way(other(&first[0]), Transport::Udp)], vec![]));
    // Until then it is remembered who was silent.
    ask(&mut bench, 2, 1);
    assert_eq!(tried(&mut bench), [way(other(&first[0]), Transport::Udp)]);
    bench.pass(SILENCE);
    assert_eq!(seen(&mut bench).1, [TRYING, SILENT]);
}

#[test]
fn sip_15_whoever_says_100_has_until_the_client_stops_waiting() {
    let mut bench = bench();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let (next, forwarded) = bench.sent_one();
    bench.pass(Duration::from_millis(3500));
    bench.receive(&next.to_string(), answer(&forwarded, 100, ""));
    bench.sent();
    bench.pass(Duration::from_millis(26_499));
    assert_eq!(seen(&mut bench).1, [TRYING], "once more, in case the first one was lost");
    // Two seconds before its Timer F.
    bench.pass(LATER);
    assert_eq!(seen(&mut bench).1, [SILENT]);
}

#[test]
fn sip_15_who_is_silent_by_one_transport_is_not_tried_by_the_other() {
    let mut bench = bench();
    ask(&mut bench, 1, 1400);
    let [silent @ (_, Transport::Tcp)] = &tried(&mut bench)[..] else { panic!("one address by TCP") };
    let silent = silent.clone();
    bench.pass(SILENCE);
    assert_eq!(tried(&mut bench), [way(other(&silent), Transport::Tcp)]);
    for (number, length, transport) in [(2, 1400, Transport::Tcp), (3, 1, Transport::Udp)] {
        ask(&mut bench, number, length);
        assert_eq!(tried(&mut bench), [way(other(&silent), transport)], "{length}");
    }
}

/// A request to the client's peer goes by TCP; the connection that carries it.
fn on_a_connection(bench: &mut Bench, branch: &str) -> (Flow, Flow) {
    let text = request_to("MESSAGE", "sip:bob@192.0.2.9;transport=tcp", "");
    bench.receive(CLIENT, text.replace("z9hG4bKclient", branch));
    let sent = bench.sent();
    let asked_for = sent[0].flow;
    assert_eq!((sent.len(), asked_for.transport, asked_for.connection), (1, Transport::Tcp, None));
    (asked_for, Flow { connection: Some(7), ..asked_for })
}

#[test]
fn sip_15_an_ended_connection_is_opened_anew_once_before_its_address_is_suspect() {
    let mut bench = bench();
    let (asked_for, connection) = on_a_connection(&mut bench, "z9hG4bK1");
    bench.input(Input::Closed { flow: connection, loss: Loss::Ended });
    let again = bench.sent();
    assert_eq!((again.len(), again[0].flow), (1, asked_for));
    let anew = Flow { connection: Some(8), ..connection };
    bench.input(Input::Closed { flow: anew, loss: Loss::Ended });
    assert_eq!(seen(&mut bench).1, [UNREACHABLE]);
    // Its address is tried all the same where it is the only one, and anew.
    assert_eq!(on_a_connection(&mut bench, "z9hG4bK2").0, asked_for);
}

#[test]
fn sip_15_a_silent_connection_and_one_that_cannot_be_had_are_not_opened_anew() {
    for silent in [true, false] {
        let mut bench = bench();
        let (asked_for, connection) = on_a_connection(&mut bench, "z9hG4bK1");
        bench.input(if silent {
            Input::Closed { flow: connection, loss: Loss::Silent }
        } else {
            Input::SendFailed { flow: asked_for, loss: Loss::Refused }
        });
        let fate = if silent { SILENT } else { UNREACHABLE };
        assert_eq!(seen(&mut bench), (vec![], vec![fate]), "silent: {silent}");
    }
}

#[test]
fn a_way_that_is_lost_again_and_again_costs_nothing_more_for_what_has_failed() {
    let mut bench = bench();
    for number in 0..500 {
        let text = request_to("MESSAGE", "sip:bob@192.0.2.9:5060", "");
        bench.receive(CLIENT, text.replace("z9hG4bKclient", &format!("z9hG4bK{number}")));
    }
    bench.sent();
    let refused = Bench::flow(0, NEXT);
    bench.input(Input::SendFailed { flow: refused, loss: Loss::Refused });
    // A URI with a port has no other address to try.
    let answers: Vec<Fate> = bench.sent().iter().map(|one| fate_in(&read(&one.bytes))).collect();
    assert_eq!(answers, [UNREACHABLE; 500]);
    let before = bench.node.steps();
    for _ in 0..500 {
        bench.input(Input::SendFailed { flow: refused, loss: Loss::Refused });
    }
    assert_eq!((bench.node.steps() - before, bench.sent().len()), (0, 0));
}

/// Two UEs; the first one is asked something.
fn to_a_ue() -> (Bench, Flow) {
    const PHONE: &str = "198.51.100.7:5062";
    let mut bench = Bench::new(Fake {
        decide: |_, _| {
            let mut plan = ForwardPlan::by_route();
            plan.next = Next::Flow(Bench::flow(1, PHONE));
            plan.decide()
        },
        ..Fake::forwarding()
    });
    bench.receive(CLIENT, request("MESSAGE", ""));
    assert_eq!(bench.sent()[0].flow, Bench::flow(1, PHONE));
    (bench, Bench::flow(1, PHONE))
}

#[test]
fn a_phone_is_given_up_after_refusals_over_some_seconds_and_never_after_one() {
    let (mut bench, phone) = to_a_ue();
    // What was sent at 0, 0.5 and 1.5 s.
    for pause in [0, 500, 1000] {
        bench.pass(Duration::from_millis(pause));
        bench.input(Input::SendFailed { flow: phone, loss: Loss::Refused });
        assert_eq!((seen(&mut bench).1, bench.node.role().closed), (vec![], None));
    }
    bench.pass(Duration::from_millis(2000));
    bench.input(Input::SendFailed { flow: phone, loss: Loss::Refused });
    assert_eq!(bench.node.role().closed, Some(phone));
    assert_eq!(seen(&mut bench).1, [TRYING, UNREACHABLE]);
}

#[test]
fn nobody_is_given_up_by_refusals_of_what_was_not_sent() {
    let (mut bench, phone) = to_a_ue();
    let stranger = Bench::flow(1, "198.51.100.8:5062");
    for _ in 0..20 {
        bench.pass(Duration::from_millis(500));
        bench.input(Input::SendFailed { flow: stranger, loss: Loss::Refused });
    }
    // Whoever speaks is there.
    bench.input(Input::SendFailed { flow: phone, loss: Loss::Refused });
    bench.receive_on(phone, "\r\n");
    bench.input(Input::SendFailed { flow: phone, loss: Loss::Refused });
    assert_eq!(bench.node.role().closed, None);
}

/// Two requests were sent on this way at the start: the answer to the second one comes late, and all that was said to the first
/// one is lost.
fn says_other_things(mut bench: Bench, way: Flow, second: &Message) {
    bench.pass(Duration::from_secs(3));
    bench.receive_on(way, answer(second, 200, ""));
    assert_eq!(seen(&mut bench).1, [(200, None)]);
    bench.pass(SILENCE - LATER);
    assert_eq!(seen(&mut bench).1, [TRYING]);
    bench.pass(LATER);
    assert_eq!(seen(&mut bench).1, [SILENT]);
}

#[test]
fn sip_15_an_address_that_says_other_things_lives_and_is_waited_for() {
    let mut bench = bench();
    for number in [1, 2] {
        let text = request("MESSAGE", "").replace("z9hG4bKclient", &format!("z9hG4bK{number}"));
        bench.receive(CLIENT, text);
    }
    let second = read(&bench.sent()[1].bytes);
    says_other_things(bench, Bench::flow(0, NEXT), &second);
}

#[test]
fn sip_15_a_connection_that_says_other_things_lives_and_is_waited_for() {
    let mut bench = bench();
    let (_, connection) = on_a_connection(&mut bench, "z9hG4bK1");
    let text =
        request_to("MESSAGE", "sip:bob@192.0.2.9;transport=tcp", "").replace("z9hG4bKclient", "z9hG4bK2");
    bench.receive(CLIENT, text);
    let second = read(&bench.sent()[0].bytes);
    says_other_things(bench, connection, &second);
}

#[test]
fn isc_06_a_node_that_was_stopped_hears_what_came_meanwhile_before_it_blames_anybody() {
    let mut bench = bench();
    ask(&mut bench, 1, 1);
    let (next, forwarded) = bench.sent().first().map(|one| (one.flow.remote, read(&one.bytes))).unwrap();
    // Its process stood still; the clock did not. The timer comes first, and then the answer is read.
    bench.now = bench.now + Duration::from_secs(10);
    bench.input(Input::Timeout);
    bench.receive(&next.to_string(), answer(&forwarded, 200, ""));
    let (tried, answers) = seen(&mut bench);
    assert!(tried.iter().all(|(address, _)| *address == next.ip().to_string()), "{tried:?}");
    assert_eq!(answers.last(), Some(&(200, None)));
}

#[test]
fn rfc3263_4_1_a_transport_that_is_not_spoken_says_nothing_about_the_servers_of_a_domain() {
    let not_spoken = refused(504, NodeCause::NoCommonTransport);
    for (uri, expected) in [
        ("sip:bob@two.home1.test;transport=wss", Ok(Kind::Naptr)),
        ("sip:bob@two.home1.test;transport=tls-sctp", Ok(Kind::Naptr)),
        ("sip:bob@two.home1.test;transport=udp", Ok(Kind::Srv)),
        // One place, which speaks that and nothing else.
        ("sip:bob@two.home1.test:5061;transport=wss", Err(not_spoken)),
        ("sip:bob@192.0.2.9;transport=wss", Err(not_spoken)),
    ] {
        let mut bench = bench();
        bench.receive(CLIENT, request_to("MESSAGE", uri, ""));
        let asked = bench.outputs.iter().find_map(|output| match output {
            Output::AskDns(question) => Some(question.kind()),
            _ => None,
        });
        let outcome = asked.ok_or_else(|| bench.fate());
        assert_eq!(outcome, expected, "{uri}");
    }
}
