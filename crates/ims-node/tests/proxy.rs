//! The proxy steps of RFC 3261 section 16, on a node around a role that forwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, CLIENT, Fake, Fate, NEXT, answer, fate_in, read, refused, request, request_to};
use ims_node::{Flow, ForwardPlan, Input, Loss, NodeCause, Output, Refusal};
use sip_message::{Defect, Field, HeaderName, StatusCode, Transport};
use std::time::Duration;

#[test]
fn sip_03_max_forwards_is_lowered_added_or_ends_the_way() {
    for (headers, expected) in
        [("Max-Forwards: 70\r\n", Some(69)), ("", Some(70)), ("Max-Forwards: 1\r\n", Some(0))]
    {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, request("MESSAGE", headers));
        assert_eq!(bench.sent_one().1.max_forwards(), expected, "{headers}");
    }
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", "Max-Forwards: 0\r\n"));
    assert_eq!(bench.fate(), refused(483, NodeCause::NoHopLeft));
}

#[test]
fn sip_02_what_every_node_refuses() {
    let unknown_scheme = refused(416, NodeCause::UnknownScheme);
    let proxy_require = request("OPTIONS", "Proxy-Require: noProxiesSupportThis\r\n");
    let malformed = refused(400, Defect::Malformed(Field::MaxForwards));
    let cases = [
        (request_to("OPTIONS", "nobodyKnowsThisScheme:totallyopaquecontent", ""), unknown_scheme),
        (request_to("OPTIONS", "soap.beep://192.0.2.103:3002", ""), unknown_scheme),
        (proxy_require, refused(420, NodeCause::UnknownProxyRequire)),
        (request("INVITE", ""), refused(405, NodeCause::NoCalls)),
        (request("CANCEL", ""), refused(481, NodeCause::NothingToCancel)),
        (request("MESSAGE", "Max-Forwards: x\r\n"), malformed),
    ];
    for (text, expected) in cases {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, text.clone());
        assert_eq!(bench.fate(), expected, "{text}");
    }
}

#[test]
fn rfc3261_9_2_a_cancel_of_a_transaction_that_is_there_is_200_and_changes_nothing() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let (_, forwarded) = bench.sent_one();
    let cancel = request("CANCEL", "");
    assert!(cancel.contains(request("MESSAGE", "").lines().nth(1).unwrap()), "of the same branch");
    bench.receive(CLIENT, cancel.clone());
    assert_eq!(bench.status(), 200);
    bench.receive(CLIENT, cancel.replace("branch=z9hG4bK", "branch=z9hG4bKother"));
    assert_eq!(bench.fate(), refused(481, NodeCause::NothingToCancel));
    bench.receive(NEXT, answer(&forwarded, 200, ""));
    assert_eq!(bench.status(), 200, "the answer of the MESSAGE");
}

#[test]
fn rfc3261_18_1_2_a_response_to_another_sent_by_is_not_for_us() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let (_, forwarded) = bench.sent_one();
    let genuine = answer(&forwarded, 200, "");
    let own = forwarded.sent_by().to_owned();
    bench.receive(NEXT, genuine.replacen(&own, "192.0.2.99:5060", 1));
    assert!(bench.sent().is_empty());
    bench.receive(NEXT, genuine);
    assert_eq!(bench.status(), 200);
}

#[test]
fn rfc3261_21_5_14_what_the_next_hop_would_not_read_is_refused_and_nobody_else_suffers() {
    let padded = |head: usize, body: usize| {
        let headers = format!("X: {}\r\nContent-Length: {body}\r\n", "x".repeat(head));
        let text = request("MESSAGE", &headers).replace("Content-Length: 0\r\n", "");
        text + &"b".repeat(body)
    };
    // Head, body: as long as is read, and with our Via too long for a datagram, or its head for a stream.
    for (head, body) in [(1, 65_000), (32_000, 1), (32_000, 33_000)] {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, padded(head, body));
        assert_eq!(bench.sent_one().0.to_string(), NEXT, "{head}, {body}");
    }
    let grown = refused(513, NodeCause::RequestTooLong);
    let too_large = refused(413, Defect::TooLarge);
    for (head, body, expected) in
        [(1, 65_250, grown), (32_500, 1, grown), (32_700, 1, too_large), (40_000, 25_000, too_large)]
    {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, padded(head, body));
        assert_eq!(bench.fate(), expected, "{head}, {body}");
    }
}

#[test]
fn sip_22_every_refusal_says_why() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("INVITE", ""));
    let (_, response) = bench.sent_one();
    let warning = response.value(HeaderName::Warning).unwrap();
    assert!(warning.starts_with("399 node.home1.test \""), "{warning}");
    assert!(response.value(HeaderName::Allow).unwrap().contains("SUBSCRIBE"));
}

#[test]
fn rfc3261_17_1_1_3_an_ack_is_absorbed() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("ACK", ""));
    assert!(bench.sent().is_empty());
}

#[test]
fn rfc3261_11_options_to_the_node_itself_is_answered() {
    for uri in ["sip:node.home1.test", "sip:192.0.2.5", "sip:192.0.2.5:5070;transport=udp"] {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, request_to("OPTIONS", uri, ""));
        assert_eq!(bench.status(), 200, "{uri}");
    }
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request_to("OPTIONS", "sip:192.0.2.9", ""));
    assert_eq!(bench.sent_one().0.to_string(), NEXT);
}

#[test]
fn sip_17_own_route_entries_are_removed_and_the_next_is_followed() {
    let rows = [
        ("Route: <sip:node.home1.test;lr>, <sip:192.0.2.9;lr>\r\n", 1),
        (
            "Route: <sip:orig@node.home1.test;lr>\r\nRoute: <sip:192.0.2.5:5070;lr>\r\nRoute: <sip:192.0.2.9;lr>\r\n",
            1,
        ),
        ("Route: <sip:node.home1.test;lr>\r\n", 0),
        ("Route: <sip:192.0.2.9;lr>,<sip:node.home1.test;lr>\r\n", 2),
    ];
    for (headers, left) in rows {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, request("MESSAGE", headers));
        let (to, message) = bench.sent_one();
        assert_eq!(to.to_string(), NEXT, "{headers}");
        assert_eq!(message.list(HeaderName::Route).count(), left, "{headers}");
        assert_eq!(message.request_uri_text(), "sip:bob@192.0.2.9", "{headers}");
    }
}

#[test]
fn rfc3261_16_12_1_2_a_strict_router_before_and_behind_us() {
    // Behind us: it wants itself in the Request-URI and the target as the last Route.
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request_to("MESSAGE", "sip:bob@x", "Route: <sip:192.0.2.9>, <sip:y;lr>\r\n"));
    let (to, message) = bench.sent_one();
    assert_eq!((to.to_string().as_str(), message.request_uri_text()), (NEXT, "sip:192.0.2.9"));
    let routes: Vec<&str> = message.list(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:y;lr>", "<sip:bob@x>"]);
    // Before us: it put our Record-Route entry into the Request-URI.
    let mut bench = Bench::forwarding();
    let headers = "Route: <sip:192.0.2.9;lr>, <sip:bob@x>\r\n";
    bench.receive(CLIENT, request_to("MESSAGE", "sip:rr@node.home1.test;lr", headers));
    let (to, message) = bench.sent_one();
    assert_eq!((to.to_string().as_str(), message.request_uri_text()), (NEXT, "sip:bob@x"));
    assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ["<sip:192.0.2.9;lr>"]);
}

#[test]
fn rfc5393_a_loop_is_refused_and_a_spiral_is_not() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", "Max-Forwards: 9\r\n"));
    let (_, first) = bench.sent_one();
    bench.receive(NEXT, first.bytes().clone());
    assert_eq!(bench.fate(), refused(482, NodeCause::Loop), "the same request again");
    let text = String::from_utf8(first.bytes().to_vec()).unwrap();
    let changed = [
        text.replace("MESSAGE sip:bob@192.0.2.9 ", "MESSAGE sip:bob@192.0.2.9;other "),
        text.replace("\r\nFrom:", "\r\nRoute: <sip:node.home1.test;lr>\r\nFrom:"),
    ];
    for spiral in changed {
        bench.receive(NEXT, spiral.clone());
        assert_eq!(bench.sent_one().0.to_string(), NEXT, "{spiral}");
    }
}

#[test]
fn rfc3261_16_7_the_response_goes_back_without_our_via() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let (_, forwarded) = bench.sent_one();
    assert_eq!(forwarded.list(HeaderName::Via).count(), 2);
    bench.receive(NEXT, answer(&forwarded, 100, ""));
    assert!(bench.sent().is_empty(), "100 is not passed on");
    bench.receive(NEXT, answer(&forwarded, 202, "X-Kept: yes\r\n"));
    let (to, response) = bench.sent_one();
    assert_eq!(to.to_string(), CLIENT);
    assert_eq!((response.status().unwrap().code(), response.list(HeaderName::Via).count()), (202, 1));
    bench.receive(NEXT, answer(&forwarded, 202, ""));
    assert!(bench.sent().is_empty(), "a late response is dropped");
    bench.receive(CLIENT, request("MESSAGE", ""));
    assert_eq!(bench.status(), 202, "a repeat gets the same answer");
}

#[test]
fn sip_07_nobody_is_told_408_and_a_slow_answer_is_announced_by_100() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    bench.sent();
    bench.pass(Duration::from_millis(3499));
    assert!(bench.sent().iter().all(|transmit| transmit.flow.remote.to_string() == NEXT));
    bench.pass(Duration::from_millis(1));
    assert_eq!(told_the_client(&mut bench), [(100, None)]);
    // The next hop has said nothing at all.
    bench.pass(Duration::from_secs(60));
    assert_eq!(
        told_the_client(&mut bench),
        [(100, None), refused(504, NodeCause::NextHopSilent)],
        "the 100 once more, in case the first one was lost"
    );
    assert!(bench.node.is_quiet());
}

fn told_the_client(bench: &mut Bench) -> Vec<Fate> {
    let sent = bench.sent();
    let to_client = sent.iter().filter(|transmit| transmit.flow.remote.to_string() == CLIENT);
    to_client.map(|transmit| fate_in(&read(&transmit.bytes))).collect()
}

#[test]
fn sip_15_and_16_failures_of_the_next_hop() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let flow = bench.sent()[0].flow;
    bench.input(Input::SendFailed { flow, loss: Loss::Refused });
    assert_eq!(bench.fate(), refused(504, NodeCause::NextHopUnreachable));

    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    let (_, forwarded) = bench.sent_one();
    bench.receive(NEXT, answer(&forwarded, 503, "Retry-After: 9\r\n"));
    let unavailable = refused(500, NodeCause::NextHopUnavailable);
    assert_eq!(bench.fate(), unavailable, "503 of another is no 503 of ours");
    bench.receive(CLIENT, request("MESSAGE", "").replace("z9hG4bKclient", "z9hG4bKtwo"));
    assert_eq!(bench.fate(), refused(500, NodeCause::AllServersOverloaded));
    bench.pass(Duration::from_millis(9001));
    bench.sent();
    bench.receive(CLIENT, request("MESSAGE", "").replace("z9hG4bKclient", "z9hG4bKthree"));
    assert_eq!(bench.sent_one().0.to_string(), NEXT);
}

#[test]
fn sip_10_a_long_request_goes_over_tcp_and_over_udp_if_that_is_refused() {
    let long = format!("X-Filler: {}\r\n", "x".repeat(1000));
    for (filler, transports) in
        [(long.as_str(), vec![Transport::Tcp, Transport::Udp]), ("", vec![Transport::Udp])]
    {
        let mut bench = Bench::forwarding();
        bench.receive(CLIENT, request("MESSAGE", filler));
        for transport in transports {
            let sent = bench.sent();
            assert_eq!(sent[0].flow.transport, transport);
            let via = read(&sent[0].bytes);
            assert!(via.value(HeaderName::Via).unwrap().contains(transport.via_token()));
            bench.input(Input::SendFailed { flow: sent[0].flow, loss: Loss::Refused });
        }
        assert_eq!(bench.fate(), refused(504, NodeCause::NextHopUnreachable));
    }
}

#[test]
fn rfc3581_the_answer_goes_to_the_source_where_rport_asks_for_it() {
    let nat = "203.0.113.7:40000";
    for (rport, to) in [(";rport", nat), ("", "203.0.113.7:5060")] {
        let mut bench = Bench::forwarding();
        let text = request("INVITE", "").replace(";branch", &format!("{rport};branch"));
        bench.receive(nat, text);
        let (destination, response) = bench.sent_one();
        assert_eq!(destination.to_string(), to);
        assert!(response.value(HeaderName::Via).unwrap().contains(";received=203.0.113.7"));
    }
}

#[test]
fn reg_p_04_and_rt_i_01_identities_are_believed_only_from_whom_they_belong_to() {
    let identities =
        "P-Asserted-Identity: <sip:a@home1.test>, <sip:b@home2.test>\r\nP-Charging-Vector: icid-value=1\r\n";
    let rows = [
        ("own node", 0, CLIENT, 2, true),
        ("peer network", 0, "198.51.100.1:5060", 1, true),
        ("stranger", 0, "203.0.113.7:5060", 0, false),
        ("UE", 1, "203.0.113.7:5060", 0, false),
    ];
    for (who, listener, from, kept, charging) in rows {
        let mut bench = Bench::forwarding();
        bench.receive_on(Bench::flow(listener, from), request("MESSAGE", identities));
        let (_, message) = bench.sent_one();
        assert_eq!(message.list(HeaderName::PAssertedIdentity).count(), kept, "{who}");
        assert_eq!(message.value(HeaderName::PChargingVector).is_some(), charging, "{who}");
    }
}

#[test]
fn design_6_an_answer_waits_for_what_it_acknowledges() {
    let fake = Fake {
        decide: |request, fx| {
            fx.persist(*b"k", *b"v");
            ims_node::Decision::Reply(fx.response(request, StatusCode::OK))
        },
        ..Fake::forwarding()
    };
    let mut bench = Bench::new(fake);
    bench.receive(CLIENT, request("PUBLISH", ""));
    let held = bench.sent();
    assert_eq!(held[0].after, Some(ims_node::Seq(1)));
    bench.receive(CLIENT, request("PUBLISH", ""));
    assert_eq!(bench.sent()[0].after, Some(ims_node::Seq(1)), "a repeat waits as well");
    bench.input(Input::Synced(ims_node::Seq(1)));
    bench.receive(CLIENT, request("PUBLISH", ""));
    assert_eq!(bench.sent()[0].after, None);
}

#[test]
fn draining_answers_what_still_waits() {
    let mut bench = Bench::forwarding();
    bench.receive(CLIENT, request("MESSAGE", ""));
    bench.sent();
    bench.input(Input::GiveUp);
    assert_eq!(bench.fate(), refused(503, NodeCause::Draining));
    assert!(bench.node.is_idle());
}

#[test]
fn a_plan_is_carried_out_in_full() {
    let fake = Fake {
        decide: |_, _| {
            let mut plan = ForwardPlan::by_route();
            plan.discard_routes = true;
            plan.routes = vec!["<sip:192.0.2.9;lr>".into(), "<sip:z;lr>".into()];
            plan.record_routes =
                vec!["<sip:top@node.home1.test;lr>".into(), "<sip:low@node.home1.test;lr>".into()];
            plan.headers = vec![(HeaderName::Subject, Some("new".into())), (HeaderName::Event, None)];
            plan.pushes = vec![(HeaderName::Path, "<sip:p;lr>".into())];
            plan.decide()
        },
        ..Fake::forwarding()
    };
    let mut bench = Bench::new(fake);
    let headers = "Route: <sip:node.home1.test;lr>, <sip:q;lr>\r\nRecord-Route: <sip:old;lr>\r\nSubject: old\r\nEvent: x\r\n";
    bench.receive(CLIENT, request_to("SUBSCRIBE", "sip:bob@x", headers));
    let (to, message) = bench.sent_one();
    assert_eq!(to.to_string(), NEXT);
    let list = |name| message.list(name).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(list(HeaderName::Route), ["<sip:192.0.2.9;lr>", "<sip:z;lr>"]);
    let recorded = ["<sip:top@node.home1.test;lr>", "<sip:low@node.home1.test;lr>", "<sip:old;lr>"];
    assert_eq!(list(HeaderName::RecordRoute), recorded);
    assert_eq!((message.value(HeaderName::Subject), message.value(HeaderName::Event)), (Some("new"), None));
    assert_eq!(list(HeaderName::Path), ["<sip:p;lr>"]);
}

#[test]
fn a_refusal_carries_what_its_status_asks_for() {
    let fake = Fake {
        decide: |_, _| {
            Refusal::new(StatusCode::INTERVAL_TOO_BRIEF, NodeCause::ExpiresTooShort)
                .with(HeaderName::MinExpires, 60)
                .into()
        },
        ..Fake::forwarding()
    };
    let mut bench = Bench::new(fake);
    bench.receive(CLIENT, request("SUBSCRIBE", ""));
    let (_, response) = bench.sent_one();
    assert_eq!(fate_in(&response), refused(423, NodeCause::ExpiresTooShort));
    assert_eq!(response.value(HeaderName::MinExpires), Some("60"));
}

#[test]
fn sip_11_nobody_waits_on_a_stream_for_the_answer_to_what_is_no_message() {
    for (text, is_waited_for) in [
        ("hello there\r\nl: 0\r\n\r\n", true),
        // To a response nobody waits for an answer.
        ("SIP/2.0 200 OK\r\nl: 0\r\n\r\n", false),
    ] {
        for (transport, connection) in [(Transport::Udp, None), (Transport::Tcp, Some(3))] {
            let mut bench = Bench::forwarding();
            let flow = Flow { transport, connection, ..Bench::flow(1, "203.0.113.7:5060") };
            bench.receive_on(flow, text);
            let is_closed = bench.outputs.iter().any(|output| matches!(output, Output::Close(_)));
            assert!(bench.sent().is_empty(), "{transport:?} {text}");
            assert_eq!(is_closed, is_waited_for && connection.is_some(), "{transport:?} {text}");
        }
    }
}
