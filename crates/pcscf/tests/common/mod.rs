//! A P-CSCF on a desk, and alice's phone.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use ims_node::{Listener, NodeSettings, Peer, Reason, Side};
use pcscf::{Pcscf, SharedFlows, SubscribeReg};
use sip_message::{HeaderName, Message};
use sip_resolve::{DnsAnswer, Kind, Question, Records};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::Desk;

pub const UE: &str = "198.51.100.7:5080";
pub const OTHER_UE: &str = "198.51.100.8:5080";
pub const ICSCF: &str = "127.0.10.13:5060";
pub const SCSCF: &str = "127.0.10.14:5060";
pub const OTHER_SCSCF: &str = "127.0.10.15:5060";
/// Listeners by number.
pub const GM: u8 = 0;
pub const MW: u8 = 1;

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn settings() -> NodeSettings {
    let listeners = vec![
        Listener { address: address("127.0.10.11:5060"), side: Side::Ue },
        Listener { address: address("127.0.10.11:5062"), side: Side::Network },
    ];
    let addresses = [ICSCF, SCSCF, OTHER_SCSCF].map(|own| address(own).ip()).to_vec();
    let own = Peer { addresses, domains: vec![] };
    NodeSettings::new("pcscf1a.home1.test", listeners, vec![own])
}

pub fn role(subscribe_reg: SubscribeReg) -> Pcscf {
    role_that(subscribe_reg, SharedFlows::Ended)
}

pub fn role_that(subscribe_reg: SubscribeReg, shared_flows: SharedFlows) -> Pcscf {
    let name = |text: &str| text.into();
    Pcscf::new(pcscf::PcscfSettings {
        name: name("pcscf1a.home1.test"),
        network: name("home1.test"),
        home_domains: vec![name("home1.test")],
        advertised: name("127.0.10.11:5060"),
        subscribe_reg,
        shared_flows,
        t1: settings().timers.t1,
        ue_timer_f: settings().ue_timers.timer_f(),
    })
}

pub fn desk_with(subscribe_reg: SubscribeReg) -> Desk<Pcscf> {
    desk_that(subscribe_reg, SharedFlows::Ended)
}

pub fn desk_that(subscribe_reg: SubscribeReg, shared_flows: SharedFlows) -> Desk<Pcscf> {
    let mut desk = Desk::new(settings(), role_that(subscribe_reg, shared_flows));
    desk.on_dns = |question: &Question| {
        let ip = match (question.kind(), question.name()) {
            (Kind::A, "home1.test") => "127.0.10.13",
            (Kind::A, "scscf1a.home1.test") => "127.0.10.14",
            (Kind::A, "scscf1b.home1.test") => "127.0.10.15",
            _ => return DnsAnswer::NoRecords(None),
        };
        DnsAnswer::Records(Records::Addresses(vec![ip.parse().unwrap()]), Duration::from_secs(30))
    };
    desk
}

pub fn request(method: &str, uri: &str, number: u32, headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@home1.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: c-{method}\r\nCSeq: {number} {method}\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

pub fn register(number: u32, headers: &str) -> String {
    request("REGISTER", "sip:home1.test", number, headers)
        .replace("To: <sip:home1.test>", "To: <sip:alice@home1.test>")
}

pub const CONTACT: &str = "Contact: <sip:alice@198.51.100.7:5080>";
pub const SERVICE_ROUTE: &str = "Service-Route: <sip:orig@scscf1a.home1.test;lr>\r\n";

/// Alice registers from `UE`, granted for so many seconds.
pub fn register_alice(desk: &mut Desk<Pcscf>, number: u32, seconds: u32) {
    register_alice_at(desk, number, seconds, SERVICE_ROUTE);
}

/// As [`register_alice`], with this Service-Route.
pub fn register_alice_at(desk: &mut Desk<Pcscf>, number: u32, seconds: u32, service_route: &str) {
    desk.receive(GM, address(UE), register(number, &format!("{CONTACT}\r\n")));
    let (_, forwarded) = desk.sent().unwrap();
    let headers = format!(
        "{CONTACT};expires={seconds}\r\n{service_route}P-Associated-URI: <sip:alice@home1.test>, <sip:alias@home1.test>\r\n"
    );
    desk.respond(MW, address(ICSCF), &forwarded, 200, &headers);
    assert_eq!(desk.status(), Some(200));
}

/// Alice's phone ends its registration on `UE`.
pub fn leave(desk: &mut Desk<Pcscf>, number: u32) {
    desk.receive(GM, address(UE), register(number, &format!("{CONTACT};expires=0\r\n")));
    let (_, message) = forwarded(desk);
    desk.respond(MW, address(ICSCF), &message, 200, "");
    assert_eq!(desk.status(), Some(200));
}

/// The status and the reason of a refusal.
pub fn refused(status: u16, cause: impl Into<Reason>) -> Option<(u16, Reason)> {
    Some((status, cause.into()))
}

/// How the request is refused of which this message says what has become: `None` when it is sent on.
pub fn refusal_in(desk: &Desk<Pcscf>, message: &Message) -> Option<(u16, Reason)> {
    let status = message.status()?.code();
    Some((status, desk.reason(message).expect("an error answer of our own")))
}

/// How a request of a phone at this address is refused: `None` when it passes.
pub fn refusal_of(desk: &mut Desk<Pcscf>, from: &str, text: String) -> Option<(u16, Reason)> {
    desk.clear();
    desk.receive(GM, address(from), text);
    let (_, message) = desk.sent().unwrap();
    refusal_in(desk, &message)
}

pub fn forwarded(desk: &mut Desk<Pcscf>) -> (SocketAddr, Message) {
    let (to, message) = desk.sent().expect("something sent");
    assert!(message.status().is_none(), "{:?}", message.bytes());
    (to, message)
}

/// The ways of a dialog, as its two sides have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// The route set of the notifier, from us on.
    pub network: Vec<String>,
    /// The route set of the phone.
    pub phone: Vec<String>,
}

/// What the proxies behind us put into Record-Route.
pub const BEHIND: &str = "<sip:rr@icscf2.home2.test;lr>, <sip:rr-o@scscf1a.home1.test;lr>";

/// Alice's phone subscribes, and the answer has the entries of [`BEHIND`].
pub fn subscribe(desk: &mut Desk<Pcscf>) -> Ways {
    desk.receive(GM, address(UE), request("SUBSCRIBE", "sip:bob@home2.test", 1, "Event: presence\r\n"));
    let (_, message) = forwarded(desk);
    accept(desk, &message, BEHIND)
}

/// The SUBSCRIBE that was sent on is accepted, where the proxies behind us put these entries on top of ours.
pub fn accept(desk: &mut Desk<Pcscf>, message: &Message, behind: &str) -> Ways {
    let network: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    let behind = if behind.is_empty() { String::new() } else { format!("{behind}, ") };
    let recorded = format!("Record-Route: {behind}{}\r\n", network.join(", "));
    desk.respond(MW, address(SCSCF), message, 200, &recorded);
    let (_, answer) = desk.sent().unwrap();
    assert_eq!(answer.status().map(|status| status.code()), Some(200));
    let mut phone: Vec<String> = answer.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    phone.reverse();
    Ways { network, phone }
}

pub fn in_dialog(method: &str, number: u32, routes: &[String]) -> String {
    let headers = format!("Route: {}\r\nEvent: presence\r\n", routes.join(", "));
    // In a NOTIFY the tag is the phone's, in a SUBSCRIBE the one of the answer.
    let tag = if method == "NOTIFY" { "ue" } else { "answered" };
    request(method, "sip:alice@198.51.100.7:5080", number, &headers)
        .replace("To: <sip:alice@198.51.100.7:5080>", &format!("To: <sip:alice@home1.test>;tag={tag}"))
        .replace("c-NOTIFY", "c-SUBSCRIBE")
}
