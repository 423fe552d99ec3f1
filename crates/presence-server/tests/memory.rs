//! What is kept of every live subscription and every stored document, in bytes of the allocator.
//!
//! Measured after Timer J, when no transaction lingers. The messages are as long as those of two domains (figure 2).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may fail its test")]

mod support;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use support::{Ps, SCSCF, book, code, ruleset};
use testnet::bytes_of_each;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many of each.
const MANY: usize = 10_000;

/// Watchers of one presentity.
const WATCHERS: usize = 10;

/// Bytes that one may cost, the allocator's own included.
const MOST: usize = 1000;

/// Everybody may watch everybody.
///
/// It has been at work: its tables of transactions are as large as this traffic makes them.
fn server() -> Ps {
    let all = "<cp:rule id='r'><cp:conditions/><cp:actions><pr:sub-handling>allow</pr:sub-handling></cp:actions></cp:rule>";
    let uris: Vec<String> = (0..MANY / WATCHERS).map(presentity).collect();
    let rules = ruleset(all);
    let rules: Vec<_> = uris.iter().map(|uri| (&**uri, rules.clone())).collect();
    let mut ps = Ps::new(support::settings(), book(&rules));
    for number in 0..2000 {
        handle(&mut ps, subscribe(number).replace("Expires: 3600", "Expires: 0"));
    }
    ps.pass_s(40);
    ps
}

fn presentity(number: usize) -> String {
    format!("sip:presentity{number:05}@home1.test")
}

/// A request as the S-CSCF hands it on; its answer, and a NOTIFY that follows it is confirmed.
fn handle(ps: &mut Ps, text: String) {
    ps.pass(Duration::from_millis(50));
    ps.receive(SCSCF, text.into());
    let sent = ps.sent();
    assert_eq!(code(&sent[0]), 200);
    sent.iter().skip(1).for_each(|notify| ps.answer(notify, 200));
    // What the test itself remembers: the disk and the questions to DNS.
    ps.journal.clear();
    ps.dns_asked = Vec::new();
}

fn subscribe(number: usize) -> String {
    let watcher = format!("watcher{number:05}@home2.test");
    let uri = presentity(number % (MANY / WATCHERS));
    let token = format!("{number:012}");
    format!(
        "SUBSCRIBE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.14:5060;branch=z9hG4bK{token}\r\nMax-Forwards: 65\r\n\
         From: <sip:{watcher}>;tag={token}\r\nTo: <{uri}>\r\nCall-ID: {token}{token}\r\nCSeq: 1 SUBSCRIBE\r\n\
         P-Asserted-Identity: <sip:{watcher}>\r\nEvent: presence\r\nExpires: 3600\r\nAccept: application/pidf+xml\r\n\
         Contact: <sip:{watcher};gr=urn:uuid:a72373e1-f14d-8a04-b85b-80b4{number:08}>\r\n\
         Record-Route: <sip:rr-t@scscf1a.home1.test;lr>, <sip:rr@icscf1.home1.test;lr>, <sip:rr-o@scscf2a.home2.test;lr>\r\n\
         Record-Route: <sip:ft000013c47f000a1f656fd68e91{number:012}@pcscf2a.home2.test;lr>\r\n\
         Record-Route: <sip:ft000013c47f000a1f656fd68e91{number:012}@127.0.10.21:5060;lr;d=ec7424a54d1590{number:08}>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// One test, because all threads share the allocator.
#[test]
fn subscriptions_and_documents_take_less_than_a_thousand_bytes() {
    of_a_live_subscription();
    of_a_stored_document_beside_its_text();
}

fn of_a_live_subscription() {
    let mut ps = server();
    let region = Region::new(ALLOCATOR);
    (0..MANY).for_each(|number| handle(&mut ps, subscribe(number)));
    ps.pass_s(40);
    assert_eq!(ps.node.role().watches(), MANY);
    assert!(bytes_of_each("a live subscription", &region, MANY) < MOST);
}

fn document(number: usize) -> String {
    let uri = presentity(number);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{uri}\">\
         <tuple id=\"t1\"><status><basic>open</basic></status><note>in a meeting</note></tuple></presence>"
    )
}

fn publish(number: usize) -> String {
    let (uri, body) = (presentity(number), document(number));
    let token = format!("{number:012}");
    format!(
        "PUBLISH {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.14:5060;branch=z9hG4bK{token}\r\nMax-Forwards: 65\r\n\
         From: <{uri}>;tag={token}\r\nTo: <{uri}>\r\nCall-ID: {token}{token}\r\nCSeq: 1 PUBLISH\r\n\
         P-Asserted-Identity: <{uri}>\r\nEvent: presence\r\nExpires: 3600\r\nContent-Type: application/pidf+xml\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn of_a_stored_document_beside_its_text() {
    let mut ps = server();
    let region = Region::new(ALLOCATOR);
    (0..MANY).for_each(|number| handle(&mut ps, publish(number)));
    ps.pass_s(40);
    assert_eq!(ps.node.role().presentities(), MANY);
    let text = document(0).len();
    assert!(
        bytes_of_each("a stored document with its text", &region, MANY) - text < MOST,
        "of which text {text}"
    );
}
