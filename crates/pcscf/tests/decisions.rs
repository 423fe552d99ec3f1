//! What a P-CSCF decides (TS 24.229 section 5.2), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

use ims_node::{Input, Listener, Peer, Settings, Side};
use pcscf::Pcscf;
use sip_message::{HeaderName, Message};
use sip_resolve::{DnsAnswer, Kind, Question, Records};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::Desk;

const UE: &str = "198.51.100.7:5080";
const OTHER_UE: &str = "198.51.100.8:5080";
const ICSCF: &str = "127.0.10.13:5060";
const SCSCF: &str = "127.0.10.14:5060";
/// Listeners by number.
const GM: u8 = 0;
const MW: u8 = 1;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn settings() -> Settings {
    let listeners = vec![
        Listener { address: address("127.0.10.11:5060"), side: Side::Ue },
        Listener { address: address("127.0.10.11:5062"), side: Side::Network },
    ];
    let own = Peer { addresses: vec![address(ICSCF).ip(), address(SCSCF).ip()], domains: vec![] };
    Settings::new("pcscf1a.home1.test", listeners, vec![own])
}

fn role() -> Pcscf {
    let name = |text: &str| text.into();
    Pcscf::new(pcscf::Settings {
        name: name("pcscf1a.home1.test"),
        network: name("home1.test"),
        home_domains: vec![name("home1.test")],
        advertised: name("127.0.10.11:5060"),
    })
}

fn desk() -> Desk<Pcscf> {
    let mut desk = Desk::new(settings(), role());
    desk.on_dns = |question: &Question| {
        let ip = match (question.kind(), question.name()) {
            (Kind::A, "home1.test") => "127.0.10.13",
            (Kind::A, "scscf1a.home1.test") => "127.0.10.14",
            _ => return DnsAnswer::NoRecords(None),
        };
        DnsAnswer::Records(Records::Addresses(vec![ip.parse().unwrap()]), Duration::from_secs(30))
    };
    desk
}

fn request(method: &str, uri: &str, number: u32, headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@home1.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: c-{method}\r\nCSeq: {number} {method}\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

fn register(number: u32, headers: &str) -> String {
    request("REGISTER", "sip:home1.test", number, headers)
        .replace("To: <sip:home1.test>", "To: <sip:alice@home1.test>")
}

const CONTACT: &str = "Contact: <sip:alice@198.51.100.7:5080>";
const SERVICE_ROUTE: &str = "Service-Route: <sip:orig@scscf1a.home1.test;lr>\r\n";

/// Alice registers from `UE`, granted for so many seconds.
fn register_alice(desk: &mut Desk<Pcscf>, number: u32, seconds: u32) {
    desk.receive(GM, address(UE), register(number, &format!("{CONTACT}\r\n")));
    let (_, forwarded) = desk.sent().unwrap();
    let headers = format!(
        "{CONTACT};expires={seconds}\r\n{SERVICE_ROUTE}P-Associated-URI: <sip:alice@home1.test>, <sip:alias@home1.test>\r\n"
    );
    desk.respond((MW, address(ICSCF)), &forwarded, 200, &headers);
    assert_eq!(desk.status(), Some(200));
}

fn registered() -> Desk<Pcscf> {
    let mut desk = desk();
    register_alice(&mut desk, 1, 3600);
    desk
}

fn forwarded(desk: &mut Desk<Pcscf>) -> (SocketAddr, Message) {
    let (to, message) = desk.sent().expect("something sent");
    assert!(message.status().is_none(), "{:?}", message.bytes());
    (to, message)
}

#[test]
fn reg_p_01_to_05_what_is_added_to_register_and_what_is_taken_off() {
    let mut desk = desk();
    let forged = "Route: <sip:evil.test;lr>\r\nP-Asserted-Identity: <sip:bob@home2.test>\r\nP-Charging-Vector: icid-value=ue\r\n\
        Path: <sip:forged;lr>\r\nP-Visited-Network-ID: \"elsewhere\"\r\n\
        Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"\", uri=\"u\", response=\"\", integrity-protected=\"yes\"\r\n";
    desk.receive(GM, address(UE), register(1, forged));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), ICSCF, "REG-P-05: by the domain in the Request-URI");
    let path: Vec<&str> = message.list(HeaderName::Path).collect();
    assert!(path.len() == 1 && path[0].ends_with("@pcscf1a.home1.test;lr;ob>"), "{path:?}");
    assert_eq!(message.value(HeaderName::Require), Some("path"));
    assert_eq!(message.value(HeaderName::PVisitedNetworkId), Some("\"home1.test\""));
    let icid = message.value(HeaderName::PChargingVector).unwrap();
    assert!(icid.starts_with("icid-value=") && !icid.ends_with("=ue"));
    let authorization = message.value(HeaderName::Authorization).unwrap();
    assert!(authorization.ends_with("integrity-protected=\"no\"") && !authorization.contains("yes"));
    assert_eq!(message.value(HeaderName::PAssertedIdentity), None, "REG-P-04");
    assert_eq!(message.list(HeaderName::Route).count(), 0);
}

#[test]
fn reg_p_05_a_home_network_that_does_not_answer_is_504() {
    let mut desk = desk();
    desk.receive(GM, address(UE), register(1, CONTACT));
    let (_, message) = forwarded(&mut desk);
    let flow = Desk::<Pcscf>::flow(MW, address(ICSCF));
    desk.input(Input::SendFailed { flow });
    assert_eq!(desk.status(), Some(504), "{:?}", message.branch());
}

#[test]
fn reg_p_06_only_a_200_registers_and_expires_0_ends_it() {
    for status in [401, 403, 423, 500] {
        let mut desk = desk();
        desk.receive(GM, address(UE), register(1, &format!("{CONTACT}\r\n")));
        let (_, message) = forwarded(&mut desk);
        desk.respond(
            (MW, address(ICSCF)),
            &message,
            status,
            &format!("{CONTACT};expires=3600\r\n{SERVICE_ROUTE}"),
        );
        assert_eq!((desk.status(), desk.node.role().registered()), (Some(status), 0));
    }
    let mut desk = registered();
    assert_eq!(desk.node.role().registered(), 1);
    desk.receive(GM, address(UE), register(2, &format!("{CONTACT};expires=0\r\n")));
    let (_, message) = forwarded(&mut desk);
    desk.respond((MW, address(ICSCF)), &message, 200, "");
    assert_eq!((desk.status(), desk.node.role().registered(), desk.records().len()), (Some(200), 0, 1));
}

#[test]
fn reg_p_06_a_binding_ends_when_it_expires() {
    let mut desk = desk();
    register_alice(&mut desk, 1, 60);
    desk.pass(Duration::from_millis(59_999));
    assert_eq!(desk.node.role().registered(), 1);
    desk.pass(Duration::from_millis(1));
    assert_eq!((desk.node.role().registered(), desk.records().len()), (0, 1), "the flow key alone is kept");
}

#[test]
fn rt_p_01_nobody_registered_on_the_flow_is_403() {
    let mut desk = registered();
    desk.receive(GM, address(OTHER_UE), request("PUBLISH", "sip:alice@home1.test", 1, ""));
    assert_eq!(desk.status(), Some(403));
}

#[test]
fn rt_p_02_the_identity_is_the_registered_one_whatever_the_ue_claims() {
    for (headers, asserted) in [
        ("", "<sip:alice@home1.test>"),
        ("P-Preferred-Identity: <sip:alias@home1.test>\r\n", "<sip:alias@home1.test>"),
        ("P-Preferred-Identity: <sip:bob@home2.test>\r\n", "<sip:alice@home1.test>"),
        ("P-Asserted-Identity: <sip:bob@home2.test>\r\n", "<sip:alice@home1.test>"),
    ] {
        let mut desk = registered();
        desk.receive(GM, address(UE), request("PUBLISH", "sip:alice@home1.test", 1, headers));
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.list(HeaderName::PAssertedIdentity).collect::<Vec<_>>(), [asserted], "{headers}");
        assert_eq!(message.value(HeaderName::PPreferredIdentity), None);
    }
}

#[test]
fn rt_p_03_and_04_initial_requests_go_by_the_service_route() {
    for (method, recorded) in [("SUBSCRIBE", 2), ("PUBLISH", 0), ("MESSAGE", 0)] {
        let mut desk = registered();
        let route = "Route: <sip:127.0.10.11:5060;lr>, <sip:orig@elsewhere.test;lr>\r\n";
        desk.receive(GM, address(UE), request(method, "sip:bob@home2.test", 1, route));
        let (to, message) = forwarded(&mut desk);
        assert_eq!(to.to_string(), SCSCF);
        assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ["<sip:orig@scscf1a.home1.test;lr>"]);
        assert_eq!(message.list(HeaderName::RecordRoute).count(), recorded, "{method}");
    }
}

/// Alice's SUBSCRIBE as it leaves towards the network: its Record-Route entries are the way back.
fn subscribe(desk: &mut Desk<Pcscf>) -> Vec<String> {
    desk.receive(GM, address(UE), request("SUBSCRIBE", "sip:bob@home2.test", 1, "Event: presence\r\n"));
    let (_, message) = forwarded(desk);
    desk.respond((MW, address(SCSCF)), &message, 200, "");
    assert_eq!(desk.status(), Some(200));
    message.list(HeaderName::RecordRoute).map(str::to_owned).collect()
}

fn in_dialog(method: &str, number: u32, routes: &[String]) -> String {
    let headers = format!("Route: {}\r\nEvent: presence\r\n", routes.join(", "));
    request(method, "sip:alice@198.51.100.7:5080", number, &headers)
        .replace("To: <sip:alice@198.51.100.7:5080>", "To: <sip:alice@home1.test>;tag=ue")
        .replace("c-NOTIFY", "c-SUBSCRIBE")
}

#[test]
fn figure_1_the_notify_comes_back_on_the_flow_that_subscribed() {
    let mut desk = registered();
    let routes = subscribe(&mut desk);
    assert!(routes[0].ends_with("@pcscf1a.home1.test;lr>") && routes[1].contains("@127.0.10.11:5060;lr"));
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), UE);
    assert_eq!(message.list(HeaderName::Route).count(), 0);
    let again: Vec<&str> = message.list(HeaderName::RecordRoute).collect();
    assert!(again.len() == 2 && again[0].contains("127.0.10.11:5060"), "{again:?}");
    desk.respond((GM, address(UE)), &message, 200, "P-Asserted-Identity: <sip:bob@home2.test>\r\n");
    let (to, response) = desk.sent().unwrap();
    assert_eq!((to.ip(), response.value(HeaderName::PAssertedIdentity)), (address(SCSCF).ip(), None));
}

#[test]
fn rt_p_08_a_flow_that_is_gone_is_430() {
    let mut desk = registered();
    let routes = subscribe(&mut desk);
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    forwarded(&mut desk);
    let flow = Desk::<Pcscf>::flow(GM, address(UE));
    desk.input(Input::SendFailed { flow });
    assert_eq!(desk.status(), Some(430));
}

#[test]
fn rt_p_06_charging_data_is_not_for_ues_and_privacy_is_enforced() {
    for (privacy, shown) in [("", true), ("Privacy: id\r\n", false), ("Privacy: none\r\n", true)] {
        let mut desk = registered();
        let routes = subscribe(&mut desk);
        let headers = format!(
            "{privacy}P-Charging-Vector: icid-value=1\r\nP-Asserted-Identity: <sip:bob@home2.test>\r\n"
        );
        let text = in_dialog("NOTIFY", 1, &routes).replace("Event: presence\r\n", &headers);
        desk.receive(MW, address(SCSCF), text);
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.value(HeaderName::PChargingVector), None);
        assert_eq!(message.value(HeaderName::PAssertedIdentity).is_some(), shown, "{privacy}");
    }
}

#[test]
fn rt_p_07_a_request_in_a_dialog_of_somebody_else_is_481() {
    let mut desk = registered();
    let mut routes = subscribe(&mut desk);
    routes.reverse();
    routes.push("<sip:rr-o@scscf1a.home1.test;lr>".into());
    let refresh = in_dialog("SUBSCRIBE", 2, &routes);
    desk.receive(GM, address(UE), refresh.clone());
    assert_eq!(forwarded(&mut desk).1.list(HeaderName::PAssertedIdentity).count(), 1);
    let other_call = refresh.replace("c-SUBSCRIBE", "c-other").replace("SUBSCRIBE2", "x1");
    let without_route = request("SUBSCRIBE", "sip:bob@home2.test", 3, "")
        .replace("To: <sip:bob@home2.test>", "To: <sip:bob@home2.test>;tag=2");
    let elsewhere = refresh.replace("rr-o@scscf1a.home1.test", "rr-o@evil.test").replace("SUBSCRIBE2", "x4");
    let cases =
        [("another Call-ID", other_call), ("no entry of ours", without_route), ("another way on", elsewhere)];
    for (what, text) in cases {
        desk.receive(GM, address(UE), text);
        assert_eq!(desk.status(), Some(481), "{what}");
    }
}

#[test]
fn network_requests_are_believed_by_address_and_need_a_token_of_ours() {
    let mut desk = registered();
    let routes = subscribe(&mut desk);
    let forged: Vec<String> = routes.iter().map(|route| route.replace("<sip:ft0", "<sip:ft1")).collect();
    let rows = [
        (address("203.0.113.1:5060"), routes, 403),
        (address(SCSCF), forged, 403),
        (address(SCSCF), vec!["<sip:pcscf1a.home1.test;lr>".into()], 404),
    ];
    for (number, (from, routes, status)) in (10..).zip(rows) {
        desk.receive(MW, from, in_dialog("NOTIFY", number, &routes));
        assert_eq!(desk.status(), Some(status), "{routes:?}");
    }
}

#[test]
fn design_6_udp_flows_live_on_after_a_restart() {
    let mut desk = registered();
    let routes = subscribe(&mut desk);
    desk.restart(settings(), role());
    assert_eq!(desk.node.role().registered(), 1);
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 5, &routes));
    assert_eq!(forwarded(&mut desk).0.to_string(), UE, "the flow token is still good");
    desk.receive(GM, address(UE), request("PUBLISH", "sip:alice@home1.test", 6, ""));
    assert_eq!(forwarded(&mut desk).0.to_string(), SCSCF);
}

#[test]
fn design_8_nobody_is_registered_by_a_registrar_of_its_own() {
    let rows = [
        ("sip:203.0.113.9:5090", "sip:alice@home1.test"),
        ("sip:home1.test:5090", "sip:alice@home1.test"),
        ("sip:home1.test;maddr=203.0.113.9", "sip:alice@home1.test"),
        ("sip:home2.test", "sip:bob@home2.test"),
        ("sip:home1.test", "sip:bob@home2.test"),
        ("sip:127.0.10.11:5060", "sip:alice@home1.test"),
    ];
    for (number, (uri, to)) in (1..).zip(rows) {
        let mut desk = desk();
        let text = request("REGISTER", uri, number, CONTACT)
            .replace(&format!("To: <{uri}>"), &format!("To: <{to}>"));
        desk.receive(GM, address(UE), text);
        assert_eq!(desk.status(), Some(403), "{uri} {to}");
    }
}

#[test]
fn reg_p_06_a_phone_that_comes_from_another_port_leaves_its_old_flow() {
    let mut desk = registered();
    desk.receive(GM, address("198.51.100.7:6000"), register(2, &format!("{CONTACT}\r\n")));
    let (_, forwarded) = forwarded(&mut desk);
    desk.respond((MW, address(ICSCF)), &forwarded, 200, &format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}"));
    assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), 1));
    desk.receive(GM, address(UE), request("PUBLISH", "sip:alice@home1.test", 3, ""));
    assert_eq!(desk.status(), Some(403), "whoever is on the old flow now");
}
