//! Request-URI and Route of what is sent on (RFC 3261 sections 16.4, 16.6 and 16.12).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::{Bench, CLIENT, Fake, request_to};
use ims_node::{Decision, Effects, ForwardPlan, InboundRequest};
use sip_message::HeaderName;

/// A plan that puts these routes on top.
fn pushing(routes: &[&str]) -> ForwardPlan<()> {
    let mut plan = ForwardPlan::by_route();
    plan.routes = routes.iter().map(ToString::to_string).collect();
    plan
}

fn discarding(routes: &[&str]) -> Decision<()> {
    let mut plan = pushing(routes);
    plan.discard_routes = true;
    plan.decide()
}

const STRICT: &str = "<sip:192.0.2.9>";
const LOOSE: &str = "<sip:192.0.2.8;lr>";
const TARGET: &str = "sip:bob@192.0.2.7";

/// What the role decides, the Route received, and what is sent: where to, with which Request-URI and Route.
type Row = (
    fn(&InboundRequest, &mut Effects<()>) -> Decision<()>,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const ROWS: [Row; 9] = [
    (|_, _| pushing(&[]).decide(), "", "192.0.2.7", TARGET, &[]),
    (|_, _| pushing(&[]).decide(), "<sip:192.0.2.8;lr>", "192.0.2.8", TARGET, &[LOOSE]),
    (
        |_, _| pushing(&[]).decide(),
        "<sip:192.0.2.9>, <sip:x;lr>",
        "192.0.2.9",
        "sip:192.0.2.9",
        &["<sip:x;lr>", "<sip:bob@192.0.2.7>"],
    ),
    (|_, _| pushing(&[LOOSE]).decide(), "<sip:192.0.2.9>", "192.0.2.8", TARGET, &[LOOSE, STRICT]),
    (|_, _| pushing(&[STRICT]).decide(), "", "192.0.2.9", "sip:192.0.2.9", &["<sip:bob@192.0.2.7>"]),
    (
        |_, _| pushing(&[STRICT]).decide(),
        "<sip:node.home1.test;lr>, <sip:192.0.2.8;lr>",
        "192.0.2.9",
        "sip:192.0.2.9",
        &[LOOSE, "<sip:bob@192.0.2.7>"],
    ),
    (
        |_, _| pushing(&[STRICT, LOOSE]).decide(),
        "<sip:x;lr>",
        "192.0.2.9",
        "sip:192.0.2.9",
        &[LOOSE, "<sip:x;lr>", "<sip:bob@192.0.2.7>"],
    ),
    (
        |_, _| discarding(&[STRICT, LOOSE]),
        "<sip:x;lr>",
        "192.0.2.9",
        "sip:192.0.2.9",
        &[LOOSE, "<sip:bob@192.0.2.7>"],
    ),
    (|_, _| discarding(&[]), "<sip:x;lr>", "192.0.2.7", TARGET, &[]),
];

#[test]
fn sip_17_request_uri_and_routes_follow_from_all_the_routes_there_are() {
    for (row, (decide, received, to, uri, routes)) in ROWS.into_iter().enumerate() {
        let mut bench = Bench::new(Fake { decide, ..Fake::forwarding() });
        let headers = if received.is_empty() { String::new() } else { format!("Route: {received}\r\n") };
        bench.receive(CLIENT, request_to("MESSAGE", TARGET, &headers));
        let (address, message) = bench.sent_one();
        assert_eq!(address.ip().to_string(), to, "row {row}");
        assert_eq!(message.request_uri_text(), uri, "row {row}");
        assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), routes, "row {row}");
    }
}
