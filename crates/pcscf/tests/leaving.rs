//! What a phone may still do that has just ended its registration (RFC 3903 section 4.5, RFC 6665 section 4.1.2.3),
//! without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use ims_node::{Input, Loss, NodeCause};
use pcscf::{Cause, Pcscf, SubscribeReg};
use sip_message::{HeaderName, Message};
use std::time::Duration;
use testnet::Desk;

const ALICE: &str = "sip:alice@home1.test";
const UNPUBLISH: &str = "Event: presence\r\nSIP-If-Match: e1\r\nExpires: 0\r\n";

/// Alice is registered and watches bob; gives the way of her phone.
fn watching() -> (Desk<Pcscf>, Vec<String>) {
    let mut desk = desk_with(SubscribeReg::Off);
    register_alice(&mut desk, 1, 3600);
    let ways = subscribe(&mut desk);
    (desk, ways.phone)
}

fn unpublish(number: u32) -> String {
    request("PUBLISH", ALICE, number, UNPUBLISH)
}

fn in_own_dialog(routes: &[String], expires: &str) -> String {
    in_dialog("SUBSCRIBE", 2, routes).replace("Event: presence\r\n", &format!("Event: presence\r\n{expires}"))
}

#[test]
fn who_has_left_may_only_end_what_is_left_behind() {
    let (_, routes) = watching();
    let unsubscribe = in_own_dialog(&routes, "Expires: 0\r\n");
    let publish = |headers: &str| request("PUBLISH", ALICE, 7, headers);
    let fetch = |headers: &str| request("SUBSCRIBE", "sip:bob@home2.test", 7, headers);
    // Whoever is not registered may do nothing (rule RT-P-01), and who has left only what takes something back.
    let unknown = refused(403, NodeCause::FlowUnknown);
    let begin_anew = refused(481, NodeCause::FlowUnknown);
    let not_of_this_flow = refused(481, Cause::NotOfThisFlow);
    let rows = [
        ("unpublish", UE, unpublish(7), None),
        ("unsubscribe", UE, unsubscribe.clone(), None),
        ("unpublish on another flow", OTHER_UE, unpublish(7), unknown),
        ("unsubscribe on another flow", OTHER_UE, unsubscribe.clone(), begin_anew),
        ("publish", UE, publish("Event: presence\r\n"), unknown),
        ("refresh of a publication", UE, publish("SIP-If-Match: e1\r\nExpires: 60\r\n"), unknown),
        ("refresh without Expires", UE, publish("SIP-If-Match: e1\r\n"), unknown),
        ("nothing named to unpublish", UE, publish("Expires: 0\r\n"), unknown),
        ("refresh of a subscription", UE, in_own_dialog(&routes, "Expires: 60\r\n"), begin_anew),
        ("refresh without Expires", UE, in_own_dialog(&routes, ""), begin_anew),
        ("another dialog", UE, unsubscribe.replace("c-SUBSCRIBE", "c-other"), not_of_this_flow),
        ("fetch", UE, fetch("Event: presence\r\nExpires: 0\r\n"), unknown),
        (
            "message",
            UE,
            request("MESSAGE", "sip:bob@home2.test", 7, "Expires: 0\r\nSIP-If-Match: e1\r\n"),
            unknown,
        ),
    ];
    for (what, from, text, expected) in rows {
        // The flow key is made from the desk's seed, so the routes are good on each of them.
        let (mut desk, own) = watching();
        assert_eq!(own, routes);
        leave(&mut desk, 2);
        assert_eq!(refusal_of(&mut desk, from, text), expected, "{what}");
    }
}

#[test]
fn who_has_left_speaks_as_who_was_registered_by_the_same_way() {
    for (headers, asserted) in [
        ("", "<sip:alice@home1.test>"),
        ("P-Preferred-Identity: <sip:alias@home1.test>\r\n", "<sip:alias@home1.test>"),
        ("P-Preferred-Identity: <sip:bob@home2.test>\r\n", "<sip:alice@home1.test>"),
    ] {
        let (mut desk, _) = watching();
        leave(&mut desk, 2);
        desk.clear();
        desk.receive(GM, address(UE), request("PUBLISH", ALICE, 7, &format!("{UNPUBLISH}{headers}")));
        let (to, message) = forwarded(&mut desk);
        assert_eq!(to.to_string(), SCSCF);
        assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ["<sip:orig@scscf1a.home1.test;lr>"]);
        assert_eq!(message.list(HeaderName::PAssertedIdentity).collect::<Vec<_>>(), [asserted], "{headers}");
    }
}

#[test]
fn leaving_takes_32_seconds() {
    for (after_ms, expected) in [(31_999, None), (32_000, refused(403, NodeCause::FlowUnknown))] {
        let (mut desk, _) = watching();
        leave(&mut desk, 2);
        desk.pass(Duration::from_millis(after_ms));
        assert_eq!(refusal_of(&mut desk, UE, unpublish(7)), expected, "{after_ms}");
    }
}

#[test]
fn nobody_leaves_whose_registration_ended_otherwise() {
    type End = fn(&mut Desk<Pcscf>);
    let expired: End = |desk| desk.pass(Duration::from_secs(3600));
    let gone: End = |desk| {
        let flow = Desk::<Pcscf>::flow(GM, address(UE));
        desk.input(Input::Closed { flow, loss: Loss::Ended });
    };
    let not_granted: End = |desk| {
        desk.receive(GM, address(UE), register(2, &format!("{CONTACT};expires=600\r\n")));
        answer(desk, "");
    };
    let restarted: End = |desk| {
        leave(desk, 2);
        desk.restart(Duration::ZERO, settings(), role(SubscribeReg::Off));
    };
    let somebody_came: End = |desk| {
        leave(desk, 2);
        let text = register(3, &format!("{CONTACT}\r\n"))
            .replace("<sip:alice@home1.test>", "<sip:carol@home1.test>");
        desk.receive(GM, address(UE), text);
        answer(desk, &format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}"));
    };
    let unknown = refused(403, NodeCause::FlowUnknown);
    for (what, end, expected) in [
        ("expired", expired, unknown),
        ("connection gone", gone, unknown),
        ("not granted", not_granted, unknown),
        ("restarted", restarted, unknown),
        // Carol's phone is there now, and speaks for carol.
        ("somebody came", somebody_came, None),
    ] {
        let (mut desk, _) = watching();
        end(&mut desk);
        desk.clear();
        desk.receive(GM, address(UE), unpublish(7));
        let (_, message) = desk.sent().unwrap();
        assert_eq!(refusal_in(&desk, &message), expected, "{what}");
        let carol = expected.is_none().then_some("<sip:carol@home1.test>");
        assert_eq!(message.value(HeaderName::PAssertedIdentity), carol, "{what}");
    }
}

#[test]
fn what_is_for_somebody_who_was_here_before_does_not_reach_who_leaves_now() {
    let mut desk = desk_with(SubscribeReg::Off);
    desk.receive(GM, address(UE), register(1, &format!("{CONTACT}\r\n")));
    let (_, message) = forwarded(&mut desk);
    let alices = message.value(HeaderName::Path).unwrap().to_owned();
    desk.respond(MW, address(ICSCF), &message, 200, &format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}"));
    desk.sent().unwrap();
    let as_carol = |text: String| text.replace("<sip:alice@home1.test>", "<sip:carol@home1.test>");
    // A NAT has given alice's port to carol's phone, which registers and leaves.
    for (number, expires) in [(2, 600), (3, 0)] {
        let text = as_carol(register(number, &format!("{CONTACT};expires={expires}\r\n")));
        desk.receive(GM, address(UE), text);
        let granted =
            if expires > 0 { format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}") } else { String::new() };
        answer(&mut desk, &granted);
        desk.clear();
        desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", number, std::slice::from_ref(&alices)));
        assert_eq!(desk.refusal(), refused(430, Cause::FlowLeft), "what is for alice, expires {expires}");
    }
}

fn answer(desk: &mut Desk<Pcscf>, headers: &str) -> Message {
    let (_, message) = forwarded(desk);
    desk.respond(MW, address(ICSCF), &message, 200, headers);
    desk.sent().unwrap().1
}
