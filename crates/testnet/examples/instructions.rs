//! What `scripts/guard` counts the instructions of: one operation, many times, in a process without sockets.
//!
//!   instructions hop|PUBLISH|SUBSCRIBE TIMES
//!
//! Callgrind counts in `measured` alone. Requests and answers are made outside.

#![allow(
    clippy::expect_used,
    reason = "a program for one script: it ends when anything is not as it should be"
)]

use ims_node::{
    AskId, Decision, Effects, ForwardPlan, InboundRequest, Listener, NoAsk, NodeSettings, Peer, Role, Side,
};
use presence_server::{PresenceServer, PresenceServerSettings, RuleBook};
use sip_message::{Response, StatusCode};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use testnet::Desk;

/// As often before anything is counted: tables have their size, and code its place.
const WARM_UP: usize = 200;

/// The node that requests come from and answers go to.
const FROM: ([u8; 4], u16) = ([127, 0, 10, 14], 5060);

/// A SUBSCRIBE as it goes from one CSCF to the next.
static SUBSCRIBE: &str = include_str!("../../sip-message/benches/subscribe-976.sip");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let times = arguments.get(1).and_then(|times| times.parse().ok());
    match (arguments.first().map(String::as_str), times) {
        (Some("hop"), Some(times)) => hop(times),
        (Some("PUBLISH"), Some(times)) => repeat(times, &mut presence_server(), publish),
        (Some("SUBSCRIBE"), Some(times)) => repeat(times, &mut presence_server(), subscribe),
        _ => {
            eprintln!("usage: instructions hop|PUBLISH|SUBSCRIBE TIMES");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

/// A request of `text`, and whatever comes of it until everybody is content: `answered` of it by the other side.
fn repeat<R: Role>(times: usize, desk: &mut Desk<R>, text: impl Fn(usize) -> String) {
    for number in 0..WARM_UP + times {
        let is_counted = number >= WARM_UP;
        take(desk, text(number).into_bytes(), is_counted);
        // A response is for us, a request is answered.
        while let Some((_, message)) = desk.sent() {
            match message.status() {
                None => take(desk, Response::to(&message, StatusCode::OK, "t").to_bytes().into(), is_counted),
                Some(status) => assert!(status.is_success(), "{:?}", message.bytes()),
            }
        }
        desk.pass(Duration::from_millis(1));
    }
}

fn take<R: Role>(desk: &mut Desk<R>, bytes: Vec<u8>, is_counted: bool) {
    if is_counted { measured(desk, bytes) } else { desk.receive(0, FROM.into(), bytes) }
}

/// The part that is counted.
#[inline(never)]
fn measured<R: Role>(desk: &mut Desk<R>, bytes: Vec<u8>) {
    desk.receive(0, FROM.into(), bytes);
}

/// A role that sends everything on.
struct Forwarder;

impl Role for Forwarder {
    type Waiting = Infallible;
    type Own = Infallible;
    type Ask = NoAsk;
    type Told = NoAsk;

    fn on_request(
        &mut self,
        _: clock::Now,
        _: &InboundRequest,
        _: &mut Effects<Infallible>,
    ) -> Decision<Infallible> {
        let mut plan = ForwardPlan::by_route();
        plan.routes = vec!["<sip:127.0.10.14;lr>".into()];
        plan.record_routes = vec!["<sip:rr-o@scscf1a.home1.test;lr>".into()];
        plan.decide()
    }

    fn on_ask(&mut self, _: clock::Now, _: AskId, ask: NoAsk, _: &mut Effects<Infallible>) -> Option<NoAsk> {
        match ask {}
    }
}

fn hop(times: usize) {
    let mut desk = Desk::new(settings("scscf1a.home1.test"), Forwarder);
    let branch = "z9hG4bKq3hx7m2p9k4w.8f3a6c1d2e5b7f90";
    repeat(times, &mut desk, |number| SUBSCRIBE.replacen(branch, &format!("z9hG4bK{number:029x}"), 1));
}

fn settings(name: &str) -> NodeSettings {
    let listener = Listener { address: SocketAddr::from(([127, 0, 10, 17], 5060)), side: Side::Network };
    let peer = Peer { addresses: vec![SocketAddr::from(FROM).ip()], domains: Vec::new() };
    NodeSettings::new(name, vec![listener], vec![peer])
}

fn presence_server() -> Desk<PresenceServer> {
    let own = PresenceServerSettings {
        default_action: presence_document::SubHandling::Allow,
        ..PresenceServerSettings::new("ps1.home1.test", "home1.test")
    };
    Desk::new(settings("ps1.home1.test"), PresenceServer::new(own, RuleBook::default()))
}

/// The first publication of a user.
fn publish(number: usize) -> String {
    let user = format!("sip:u{number:05}@home1.test");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"{user}\">\
         <tuple id=\"phone\"><status><basic>open</basic></status><contact>{user}</contact><note>at my desk</note>\
         </tuple></presence>\r\n"
    );
    let headers =
        format!("Content-Type: application/pidf+xml\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    request("PUBLISH", &user, (number, &user), &headers)
}

/// A subscription of a user to the next one, with its NOTIFY.
fn subscribe(number: usize) -> String {
    let (user, watched) =
        (format!("sip:u{number:05}@home1.test"), format!("sip:u{:05}@home1.test", number + 1));
    let headers = "Record-Route: <sip:rr-t@127.0.10.14;lr>, <sip:rr@127.0.10.13;lr>\r\nContact: <sip:u@127.0.10.14:5060>\r\n\
                   Accept: application/pidf+xml\r\nContent-Length: 0\r\n\r\n";
    request("SUBSCRIBE", &watched, (number, &user), headers)
}

fn request(method: &str, uri: &str, (number, from): (usize, &str), headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.14:5060;branch=z9hG4bK{number:016x}\r\nMax-Forwards: 66\r\n\
         From: <{from}>;tag={number:08x}\r\nTo: <{uri}>\r\nCall-ID: {number:032x}@127.0.0.1\r\nCSeq: 1 {method}\r\n\
         P-Asserted-Identity: <{from}>\r\nEvent: presence\r\nExpires: 3600\r\n{headers}"
    )
}
