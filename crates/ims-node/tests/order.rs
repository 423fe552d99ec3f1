//! What a node begins on its own beside an answer does not overtake it (rule SUB-N-17).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, Fake, request};
use ims_node::{Decision, Effects, Flow, InboundRequest, Input, Loss, Next, Output, OwnRequest, Transmit};
use sip_message::{Draft, HeaderName, Method, StatusCode, Transport, Uri};
use sip_resolve::{DnsAnswer, Kind, Question, Records};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(60);

/// Answers and sends a NOTIFY to this target.
fn answer_and_notify(target: &str, request: &InboundRequest, fx: &mut Effects<()>) -> Decision<()> {
    let draft = Draft::new(Method::Notify, Uri::parse(target).unwrap())
        .header(HeaderName::From, "<sip:bob@home1.test>;tag=t")
        .header(HeaderName::To, "<sip:a@home1.test>;tag=1")
        .header(HeaderName::CallId, "c1")
        .header(HeaderName::CSeq, "1 NOTIFY");
    fx.send(OwnRequest { draft, next: Next::Route, then: () });
    Decision::Reply(fx.response(request, StatusCode::OK))
}

/// Its NOTIFY goes to the client's host.
fn notifier() -> Bench {
    Bench::new(Fake {
        decide: |request, fx| answer_and_notify("sip:a@192.0.2.1", request, fx),
        ..Fake::forwarding()
    })
}

fn connection() -> Flow {
    Flow { transport: Transport::Tcp, connection: Some(7), ..Bench::flow(0, "192.0.2.1:40000") }
}

fn notifies(sent: &[Transmit]) -> Vec<Flow> {
    sent.iter().filter(|t| t.bytes.starts_with(b"NOTIFY")).map(|t| t.flow).collect()
}

#[test]
fn sub_n_17_the_notify_follows_the_answer_on_its_connection() {
    let mut bench = notifier();
    bench.receive_on(connection(), request("SUBSCRIBE", "Event: presence\r\n"));
    let sent = bench.sent();
    assert!(sent[0].bytes.starts_with(b"SIP/2.0 200"), "{sent:?}");
    assert_eq!(notifies(&sent), [connection()]);
}

#[test]
fn sub_n_17_it_takes_its_own_way_when_the_connection_has_ended() {
    let mut bench = notifier();
    bench.receive_on(connection(), request("SUBSCRIBE", "Event: presence\r\n"));
    bench.sent();
    bench.input(Input::Closed { flow: connection(), loss: Loss::Ended });
    let sent = bench.sent();
    assert_eq!(notifies(&sent), [Bench::flow(0, "192.0.2.1:5060")]);
}

#[test]
fn sub_n_17_another_node_on_the_same_host_is_not_taken_for_its_peer() {
    let mut bench = notifier();
    let from_another =
        request("SUBSCRIBE", "Event: presence\r\n").replace("192.0.2.1:5060", "192.0.2.1:5070");
    bench.receive_on(connection(), from_another);
    assert_eq!(notifies(&bench.sent()), [Bench::flow(0, "192.0.2.1:5060")]);
}

#[test]
fn sub_n_17_without_a_connection_it_goes_by_its_route() {
    let mut bench = notifier();
    bench.receive("192.0.2.1:5060", request("SUBSCRIBE", "Event: presence\r\n"));
    let sent = bench.sent();
    assert_eq!(notifies(&sent), [Bench::flow(0, "192.0.2.1:5060")]);
}

#[test]
fn sub_n_17_it_follows_the_answer_also_where_dns_is_asked_first() {
    let mut bench = Bench::new(Fake {
        decide: |request, fx| answer_and_notify("sip:a@client.home1.test:5060", request, fx),
        ..Fake::forwarding()
    });
    bench.receive_on(connection(), request("SUBSCRIBE", "Event: presence\r\n"));
    let asked: Vec<Question> = bench.outputs.iter().filter_map(question).collect();
    assert!(notifies(&bench.sent()).is_empty());
    for question in asked {
        let answer = match question.kind() {
            Kind::A => DnsAnswer::Records(Records::Addresses(vec!["192.0.2.1".parse().unwrap()]), TTL),
            _ => DnsAnswer::NoRecords(Some(TTL)),
        };
        bench.input(Input::Dns { question, answer });
    }
    assert_eq!(notifies(&bench.sent()), [connection()]);
}

fn question(output: &Output) -> Option<Question> {
    match output {
        Output::AskDns(question) => Some(question.clone()),
        _ => None,
    }
}
