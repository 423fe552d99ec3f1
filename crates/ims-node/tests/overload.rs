//! A node with more to do than it can, and one that is asked to leave another alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, CLIENT, Fake, NEXT, answer, fate_in, read, refused, request};
use cx_protocol::{Impu, Leg, Lir, LirType, MAX_OUTSTANDING, Request};
use ims_node::{Decision, Event, ForwardPlan, Input, NodeCause, Output, Pressure};
use sip_message::{HeaderName, Method};
use std::collections::BTreeSet;
use std::time::Duration;

/// SUBSCRIBE waits for the HSS, which says nothing; the rest goes on.
fn waiting() -> Bench {
    let decide = |request: &ims_node::InboundRequest, _: &mut ims_node::Effects<()>| {
        if *request.method() == Method::Subscribe {
            let impu = Impu::new("sip:bob@home1.test").unwrap();
            return Decision::AskHss(
                Request::Lir(Lir { impu, leg: Leg::Terminating, kind: LirType::Location }),
                (),
            );
        }
        ForwardPlan::by_route().decide()
    };
    Bench::new(Fake { decide, ..Fake::forwarding() })
}

/// A request in a transaction of its own.
fn numbered(method: &str, number: usize, in_dialog: bool) -> String {
    let text = request(method, "").replace("z9hG4bKclient", &format!("z9hG4bK{number}"));
    if in_dialog { text.replace("To: <sip:bob@home1.test>", "To: <sip:bob@home1.test>;tag=2") } else { text }
}

fn metric(bench: &Bench, name: &str) -> u64 {
    bench.node.metrics().into_iter().find(|(own, _)| own == name).map_or(0, |(_, value)| value)
}

fn pressures(bench: &mut Bench) -> Vec<Pressure> {
    let pressure = |output: &Output| match output {
        Output::Log(Event::Pressure(pressure)) => Some(*pressure),
        _ => None,
    };
    let seen = bench.outputs.iter().filter_map(pressure).collect();
    bench.outputs.clear();
    seen
}

#[test]
fn the_fuller_the_tables_the_more_is_shed_and_notify_last() {
    let mut bench = waiting();
    let high = MAX_OUTSTANDING * 75 / 100;
    for number in 0..high {
        bench.receive(CLIENT, numbered("SUBSCRIBE", number, false));
    }
    assert_eq!(metric(&bench, "requests_at_hss"), high as u64);
    assert_eq!(pressures(&mut bench), []);
    bench.receive(CLIENT, numbered("SUBSCRIBE", high, false));
    assert_eq!(pressures(&mut bench), [Pressure::High]);

    // A repeat of one that was taken is absorbed, not refused.
    bench.receive(CLIENT, numbered("SUBSCRIBE", 7, false));
    assert_eq!(bench.sent(), []);
    for (method, in_dialog, taken) in [
        ("MESSAGE", false, false),
        ("PUBLISH", false, true),
        ("MESSAGE", true, false),
        ("NOTIFY", true, true),
    ] {
        bench.receive(CLIENT, numbered(method, 100_000, in_dialog));
        let (remote, message) = bench.sent_one();
        assert_eq!(remote.to_string() == NEXT, taken, "{method}");
        let fate = message.status().map(|_| fate_in(&message));
        let expected = (!taken).then(|| refused(503, NodeCause::Overloaded));
        assert_eq!(fate, expected, "{method}");
    }

    let mut number = high;
    while metric(&bench, "pressure") < 2 {
        number += 1;
        bench.receive(CLIENT, numbered("SUBSCRIBE", number, true));
    }
    assert_eq!(pressures(&mut bench), [Pressure::Extreme]);
    for (method, in_dialog, taken) in [
        ("MESSAGE", false, false),
        ("PUBLISH", false, false),
        ("MESSAGE", true, false),
        ("NOTIFY", true, true),
    ] {
        bench.receive(CLIENT, numbered(method, 200_000, in_dialog));
        assert_eq!(bench.sent_one().0.to_string() == NEXT, taken, "{method}");
    }
    let shed = ["shed_new", "shed_known", "shed_notify"].map(|name| metric(&bench, name));
    assert_eq!(shed, [5, 2, 0], "with the two that raised the pressure");
}

#[test]
fn whoever_is_turned_away_is_told_when_to_come_again_and_not_all_at_once() {
    let mut bench = waiting();
    bench.input(Input::Behind(Duration::from_secs(1)));
    // As long as it has lasted, up to twice that: after which time, between which seconds.
    for (pass, from, to) in [(0, 1, 2), (5, 5, 10), (60, 10, 20)] {
        bench.pass(Duration::from_secs(pass));
        bench.input(Input::Behind(Duration::from_secs(1)));
        let mut pauses = BTreeSet::new();
        for number in 0..200 {
            bench.receive(CLIENT, numbered("REGISTER", number, false));
            // Some are within the share of their source and taken.
            let sent = bench.sent();
            let turned_away = sent.last().filter(|one| one.bytes.starts_with(b"SIP/2.0 503"));
            if let Some(answer) = turned_away.map(|one| read(&one.bytes)) {
                assert_eq!(fate_in(&answer), refused(503, NodeCause::Overloaded));
                pauses.insert(answer.retry_after().unwrap());
            }
        }
        assert_eq!(pauses, (from..=to).collect());
    }
    assert!(metric(&bench, "server_transactions") <= 24, "nothing is kept of them");
}

#[test]
fn a_node_that_has_caught_up_takes_everything_again_a_second_later() {
    let mut bench = waiting();
    bench.input(Input::Behind(Duration::from_secs(2)));
    bench.input(Input::Behind(Duration::ZERO));
    assert_eq!(pressures(&mut bench), [Pressure::Extreme]);
    bench.pass(Duration::from_millis(999));
    assert_eq!(pressures(&mut bench), []);
    bench.pass(Duration::from_millis(1));
    assert_eq!(pressures(&mut bench), [Pressure::High]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(pressures(&mut bench), [Pressure::None]);
    bench.receive(CLIENT, numbered("MESSAGE", 1, false));
    assert_eq!(bench.sent_one().0.to_string(), NEXT);
}

#[test]
fn sip_15_a_server_that_asks_for_it_is_spared_what_is_new_and_nothing_else() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, numbered("MESSAGE", 1, false));
    let (_, forwarded) = bench.sent_one();
    bench.receive(NEXT, answer(&forwarded, 503, "Retry-After: 20\r\n"));
    let (_, answered) = bench.sent_one();
    // Rule SIP-16: it is not us who are overloaded; the phone may come again then.
    assert_eq!(fate_in(&answered), refused(500, NodeCause::NextHopUnavailable));
    assert_eq!(answered.value(HeaderName::RetryAfter), Some("20"));
    bench.pass(Duration::from_secs(8));
    for (number, method, in_dialog, spared) in [
        (2, "SUBSCRIBE", false, true),
        (3, "SUBSCRIBE", true, false),
        (4, "NOTIFY", true, false),
        (5, "PUBLISH", false, false),
    ] {
        bench.receive(CLIENT, numbered(method, number, in_dialog));
        let sent = bench.sent();
        let [one] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(one.flow.remote.to_string() == NEXT, !spared, "{method}");
        if spared {
            let answered = read(&one.bytes);
            assert_eq!(fate_in(&answered), refused(500, NodeCause::AllServersOverloaded));
            assert_eq!(answered.value(HeaderName::RetryAfter), Some("13"));
        }
    }
}

#[test]
fn whoever_asks_for_little_is_served_while_another_one_asks_for_too_much() {
    const FLOOD: &str = "198.51.100.66:5060";
    const PHONE: &str = "198.51.100.67:5060";
    let mut bench = Bench::forwarding();
    bench.input(Input::Behind(Duration::from_secs(3)));
    assert_eq!(pressures(&mut bench), [Pressure::Extreme]);
    let mut number = 0;
    let mut receive = |bench: &mut Bench, from: &str, method: &str| {
        number += 1;
        bench.receive_on(Bench::flow(1, from), numbered(method, number, false));
        let sent = bench.sent();
        sent.first().map(|one| one.flow.remote.to_string() == NEXT)
    };
    let mut fates = [0; 3];
    for _ in 0..1000 {
        match receive(&mut bench, FLOOD, "REGISTER") {
            Some(true) => fates[0] += 1,
            Some(false) => fates[1] += 1,
            None => fates[2] += 1,
        }
    }
    assert_eq!(fates, [8, 65, 927], "taken, refused, not even looked at");
    for method in ["REGISTER", "SUBSCRIBE", "PUBLISH"] {
        assert_eq!(receive(&mut bench, PHONE, method), Some(true), "{method}");
    }
    assert_eq!(metric(&bench, "dropped_source_too_busy"), 927);
    // The flood is over: it has a share again like everybody else.
    bench.pass(Duration::from_millis(250));
    assert_eq!(receive(&mut bench, FLOOD, "REGISTER"), Some(true));
}
