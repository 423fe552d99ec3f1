//! Dialogs through the P-CSCF (rule RT-P-07), and flows that are somebody else's by now (RFC 5626), without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use ims_node::{Flow, Input};
use pcscf::{Cause, Pcscf, SharedFlows, SubscribeReg};
use sip_message::{HeaderName, Transport, Uri};
use testnet::Desk;

fn registered() -> Desk<Pcscf> {
    let mut desk = desk_with(SubscribeReg::Off);
    register_alice(&mut desk, 1, 3600);
    desk
}

#[test]
fn figure_1_the_notify_comes_back_on_the_flow_that_subscribed() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    assert!(routes[0].ends_with("@pcscf1a.home1.test;lr>") && routes[1].contains("@127.0.10.11:5060;lr"));
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), UE);
    assert_eq!(message.list(HeaderName::Route).count(), 0);
    let again: Vec<&str> = message.list(HeaderName::RecordRoute).collect();
    assert!(again.len() == 2 && again[0].contains("127.0.10.11:5060"), "{again:?}");
    desk.respond(GM, address(UE), &message, 200, "P-Asserted-Identity: <sip:bob@home2.test>\r\n");
    let (to, response) = desk.sent().unwrap();
    assert_eq!((to.ip(), response.value(HeaderName::PAssertedIdentity)), (address(SCSCF).ip(), None));
}

#[test]
fn rfc3261_16_6_the_way_back_names_the_transport_of_the_phones_flow() {
    for (transport, parameter) in [(Transport::Udp, None), (Transport::Tcp, Some("tcp"))] {
        let mut desk = desk_with(SubscribeReg::Off);
        let connection = (transport == Transport::Tcp).then_some(1);
        let flow = Flow { transport, connection, ..Desk::<Pcscf>::flow(GM, address(UE)) };
        let write = |text: String| {
            let text = if connection.is_some() { text.replace("/UDP", "/TCP") } else { text };
            Input::message(flow, text)
        };
        desk.input(write(register(1, &format!("{CONTACT}\r\n"))));
        let (_, message) = forwarded(&mut desk);
        let granted = format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}");
        desk.respond(MW, address(ICSCF), &message, 200, &granted);
        assert_eq!(desk.status(), Some(200));
        // What the phone subscribes to, and what it is notified of: both have an entry to come back by.
        desk.input(write(request("SUBSCRIBE", "sip:bob@home2.test", 1, "Event: presence\r\n")));
        let (_, message) = forwarded(&mut desk);
        let routes: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
        let is_named = |route: &str| {
            let uri = Uri::parse(route.trim_matches(['<', '>'])).unwrap();
            uri.params().get("transport").map(str::to_owned).as_deref() == parameter
        };
        assert!(routes[1].contains("@127.0.10.11:5060;") && is_named(&routes[1]), "{routes:?}");
        desk.respond(MW, address(SCSCF), &message, 200, "");
        assert_eq!(desk.status(), Some(200));
        desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
        let (_, notify) = forwarded(&mut desk);
        let again = notify.list(HeaderName::RecordRoute).next().unwrap();
        assert!(is_named(again), "{again}");
        // RFC 3581: its answer comes to the port where it is sent from.
        assert!(notify.value(HeaderName::Via).unwrap().contains(";rport"));
    }
}

#[test]
fn rt_p_07_a_request_in_a_dialog_of_somebody_else_is_481() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).phone;
    let refresh = in_dialog("SUBSCRIBE", 2, &routes);
    desk.receive(GM, address(UE), refresh.clone());
    assert_eq!(forwarded(&mut desk).1.list(HeaderName::PAssertedIdentity).count(), 1);
    let with = |from: &str, to: &str| refresh.replace(from, to);
    let without_route = request("SUBSCRIBE", "sip:bob@home2.test", 3, "")
        .replace("To: <sip:bob@home2.test>", "To: <sip:bob@home2.test>;tag=answered");
    let farther =
        with("<sip:rr@icscf2.home2.test;lr>", "<sip:rr@icscf2.home2.test;lr>, <sip:10.0.0.9:6379;lr>");
    let cases = [
        ("another Call-ID", with("c-SUBSCRIBE", "c-other")),
        ("another tag of its own", with("tag=1", "tag=2")),
        ("another tag of the other side", with("tag=answered", "tag=2")),
        ("no entry of ours", without_route),
        ("another way on", with("rr-o@scscf1a.home1.test", "rr-o@evil.test")),
        ("another port", with("scscf1a.home1.test", "scscf1a.home1.test:6379")),
        ("a way that goes on", farther),
        ("a shorter way", with(", <sip:rr@icscf2.home2.test;lr>", "")),
        ("the side of a notifier", with("SUBSCRIBE", "NOTIFY").replace("c-NOTIFY", "c-SUBSCRIBE")),
    ];
    for (number, (what, text)) in cases.into_iter().enumerate() {
        desk.clear();
        desk.receive(GM, address(UE), text.replace("SUBSCRIBE2", &format!("x{number}")));
        assert_eq!(desk.refusal(), refused(481, Cause::NotOfThisFlow), "{what}");
    }
}

#[test]
fn rt_p_07_a_phone_that_is_watched_notifies_along_the_way_of_the_subscription() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    let recorded = "Record-Route: <sip:rr-t@scscf1a.home1.test;lr>, <sip:rr-o@scscf2a.home2.test;lr>\r\n";
    let text = in_dialog("SUBSCRIBE", 9, &routes)
        .replace(";tag=answered", "")
        .replace("tag=1", "tag=watcher")
        .replace("Event", &format!("{recorded}Event"));
    desk.receive(MW, address(SCSCF), text);
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), UE);
    let way: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    let notify = in_dialog("NOTIFY", 1, &way).replace("tag=ue", "tag=watcher");
    desk.receive(GM, address(UE), notify.clone());
    assert_eq!(forwarded(&mut desk).0.to_string(), SCSCF);
    let elsewhere = notify.replace("scscf2a.home2.test", "10.0.0.9").replace("NOTIFY1", "x");
    desk.receive(GM, address(UE), elsewhere);
    assert_eq!(desk.refusal(), refused(481, Cause::NotOfThisFlow));
}

#[test]
fn rt_p_07_a_phone_says_nothing_of_the_way_but_what_it_was_told() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    let recorded = "Record-Route: <sip:rr-t@scscf1a.home1.test;lr>\r\n";
    let text = in_dialog("SUBSCRIBE", 9, &routes)
        .replace(";tag=answered", "")
        .replace("Event", &format!("{recorded}Event"));
    desk.receive(MW, address(SCSCF), text);
    let (_, message) = forwarded(&mut desk);
    let told: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    assert_eq!(told.len(), 3);
    // The answer of a phone that would have its watchers go elsewhere.
    let forged = format!("Record-Route: <sip:10.0.0.9:6379;lr>, {}\r\n", told[2]);
    desk.respond(GM, address(UE), &message, 200, &forged);
    let (_, answer) = desk.sent().unwrap();
    assert_eq!(answer.list(HeaderName::RecordRoute).collect::<Vec<_>>(), told);
    // And its NOTIFY: we stay on the way, because it may be what makes the dialog.
    let notify = in_dialog("NOTIFY", 1, &told).replace("tag=ue", "tag=1");
    desk.receive(GM, address(UE), notify.replace("Event", "Record-Route: <sip:10.0.0.9:6379;lr>\r\nEvent"));
    let (to, message) = forwarded(&mut desk);
    let recorded: Vec<&str> = message.list(HeaderName::RecordRoute).collect();
    assert_eq!((to.to_string().as_str(), recorded.len()), (SCSCF, 2), "{recorded:?}");
    assert!(recorded[0].contains("@pcscf1a.home1.test") && recorded[1].contains("@127.0.10.11:5060"));
    // Whatever else a phone sends records nothing.
    let text = request("MESSAGE", "sip:bob@home2.test", 7, "Record-Route: <sip:10.0.0.9:6379;lr>\r\n");
    desk.receive(GM, address(UE), text);
    assert_eq!(forwarded(&mut desk).1.list(HeaderName::RecordRoute).count(), 0);
}

#[test]
fn rt_p_07_the_notifier_of_reg_is_the_s_cscf_and_nothing_else_on_that_host() {
    for (target, passes) in [
        ("sip:scscf1a.home1.test", true),
        ("sip:scscf1a.home1.test:5060;transport=tcp", true),
        ("sip:scscf1a.home1.test:6379;transport=tcp", false),
        ("sip:scscf1a.home1.test;maddr=10.0.0.9", false),
        ("sip:10.0.0.9:6379", false),
        ("sip:scscf9.home1.test", false),
    ] {
        let mut desk = registered();
        desk.receive(GM, address(UE), request("SUBSCRIBE", "sip:alice@home1.test", 1, "Event: reg\r\n"));
        let (_, message) = forwarded(&mut desk);
        let way = accept(&mut desk, &message, "").phone;
        let refresh = in_dialog("SUBSCRIBE", 2, &way).replace("sip:alice@198.51.100.7:5080", target);
        let expected = if passes { None } else { refused(481, Cause::NotOfThisFlow) };
        assert_eq!(refusal_of(&mut desk, UE, refresh), expected, "{target}");
    }
}

#[test]
fn rfc5626_a_udp_address_that_a_nat_hands_on_takes_nobody_with_it() {
    for (shared, connection, credentials, passes) in [
        (SharedFlows::Ended, None, Some("carol@home1.test"), false),
        (SharedFlows::Allowed, None, Some("carol@home1.test"), true),
        // One subscription with several identities is one phone.
        (SharedFlows::Ended, None, Some("alice@home1.test"), true),
        (SharedFlows::Ended, None, None, false),
        // Nobody is handed a connection.
        (SharedFlows::Ended, Some(1), Some("carol@home1.test"), true),
    ] {
        let mut desk = desk_that(SubscribeReg::Off, shared);
        let transport = if connection.is_some() { Transport::Tcp } else { Transport::Udp };
        let flow = Flow { transport, connection, ..Desk::<Pcscf>::flow(GM, address(UE)) };
        let register_as = |desk: &mut Desk<Pcscf>, number: u32, user: &str, headers: &str| {
            let text = register(number, &format!("{CONTACT}\r\n{headers}"))
                .replace("<sip:alice@home1.test>", &format!("<sip:{user}@home1.test>"));
            let text = if connection.is_some() { text.replace("/UDP", "/TCP") } else { text };
            desk.input(Input::message(flow, text));
            let (_, message) = forwarded(desk);
            let granted = format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}");
            desk.respond(MW, address(ICSCF), &message, 200, &granted);
            assert_eq!(desk.status(), Some(200));
            message.value(HeaderName::Path).unwrap().to_owned()
        };
        let path = register_as(&mut desk, 1, "alice", "");
        let digest = credentials.map(|name| {
            format!("Authorization: Digest username=\"{name}\", realm=\"home1.test\", nonce=\"\", uri=\"sip:home1.test\", response=\"\"\r\n")
        });
        register_as(&mut desk, 2, "carol", &digest.unwrap_or_default());
        desk.clear();
        desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &[path]));
        let (_, sent) = desk.sent().unwrap();
        let expected = if passes { None } else { refused(430, Cause::FlowLeft) };
        assert_eq!(refusal_in(&desk, &sent), expected, "{shared:?} {connection:?} {credentials:?}");
        let asked = "P-Preferred-Identity: <sip:alice@home1.test>\r\n";
        let text = request("PUBLISH", "sip:alice@home1.test", 6, asked);
        let text = if connection.is_some() { text.replace("/UDP", "/TCP") } else { text };
        desk.clear();
        desk.input(Input::message(flow, text));
        let (_, sent) = forwarded(&mut desk);
        let asserted = sent.value(HeaderName::PAssertedIdentity);
        assert_eq!(
            asserted == Some("<sip:alice@home1.test>"),
            passes,
            "{shared:?} {connection:?} {credentials:?}"
        );
    }
}
