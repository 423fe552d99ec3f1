//! The `reg` event package at the P-CSCF (TS 24.229 section 5.2.3), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use ims_node::{Flow, Input, ListenerId, Loss, NodeCause, Reason};
use pcscf::{Cause, Pcscf, SubscribeReg};
use sip_message::{HeaderName, Message, Transport};
use std::time::Duration;
use testnet::Desk;

const REGINFO: &str = "application/reginfo+xml";

fn desk() -> Desk<Pcscf> {
    desk_with(SubscribeReg::On)
}

/// The SUBSCRIBE to `reg` that goes out next.
fn subscribed(desk: &mut Desk<Pcscf>) -> Message {
    let (to, message) = forwarded(desk);
    assert_eq!((to.to_string().as_str(), message.cseq_method()), (SCSCF, "SUBSCRIBE"));
    message
}

/// Alice is registered and her registration is watched; gives the SUBSCRIBE.
fn watching() -> (Desk<Pcscf>, Message) {
    let mut desk = desk();
    register_alice(&mut desk, 1, 3600);
    let subscribe = subscribed(&mut desk);
    accept(&mut desk, &subscribe);
    (desk, subscribe)
}

/// The S-CSCF accepts a SUBSCRIBE and shows that alice is registered.
fn accept(desk: &mut Desk<Pcscf>, subscribe: &Message) {
    desk.respond(
        MW,
        address(SCSCF),
        subscribe,
        200,
        "Expires: 600000\r\nContact: <sip:scscf1a.home1.test>\r\n",
    );
    notified(desk, subscribe, (1, "active;expires=600000"), &[contact("active", "registered", 1)]);
}

/// A contact of alice as a document has it, made by the REGISTER with this CSeq.
fn contact(state: &str, event: &str, cseq: u32) -> String {
    format!(
        "<contact id='c' state='{state}' event='{event}' callid='c-REGISTER' cseq='{cseq}'>\
         <uri>sip:alice@198.51.100.7:5080</uri></contact>"
    )
}

fn reginfo(state: &str, contacts: &[String]) -> String {
    let contacts = contacts.concat();
    format!(
        "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='1' state='full'><registration \
         aor='sip:alice@home1.test' id='r' state='{state}'>{contacts}</registration></reginfo>"
    )
}

fn notify_text(subscribe: &Message, (cseq, state): (u32, &str), body: &str) -> String {
    format!(
        "NOTIFY sip:pcscf1a.home1.test SIP/2.0\r\nVia: SIP/2.0/UDP {SCSCF};branch=z9hG4bKn{cseq}{}\r\n\
         From: <sip:alice@home1.test>;tag=answered\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\nMax-Forwards: 70\r\n\
         Event: reg\r\nSubscription-State: {state}\r\nContact: <sip:scscf1a.home1.test>\r\nContent-Type: {REGINFO}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        subscribe.call_id(),
        subscribe.value(HeaderName::From).unwrap(),
        subscribe.call_id(),
        body.len()
    )
}

/// The S-CSCF sends a NOTIFY.
fn notify(desk: &mut Desk<Pcscf>, subscribe: &Message, (cseq, state): (u32, &str), contacts: &[String]) {
    let registration = if state.starts_with("terminated") { "terminated" } else { "active" };
    let text = notify_text(subscribe, (cseq, state), &reginfo(registration, contacts));
    desk.receive(MW, address(SCSCF), text);
}

/// As [`notify`], and it is taken.
fn notified(desk: &mut Desk<Pcscf>, subscribe: &Message, head: (u32, &str), contacts: &[String]) {
    notify(desk, subscribe, head, contacts);
    assert_eq!(desk.status(), Some(200), "{head:?} {contacts:?}");
}

/// How a request of alice's phone is refused: `None` when it passes.
fn publish(desk: &mut Desk<Pcscf>, number: u32) -> Option<(u16, Reason)> {
    refusal_of(desk, UE, request("PUBLISH", "sip:alice@home1.test", number, ""))
}

const ENDED: &str = "terminated;reason=noresource";

#[test]
fn reg_p_07_after_the_200_the_default_identity_is_watched_in_our_own_name() {
    let mut desk = desk();
    register_alice(&mut desk, 1, 3600);
    let message = subscribed(&mut desk);
    let header = |name| message.value(name).unwrap();
    assert_eq!(message.request_uri_text(), "sip:alice@home1.test");
    assert_eq!(header(HeaderName::Route), "<sip:orig@scscf1a.home1.test;lr>");
    assert_eq!((header(HeaderName::Event), header(HeaderName::Accept)), ("reg", REGINFO));
    assert_eq!(header(HeaderName::PAssertedIdentity), "<sip:pcscf1a.home1.test>");
    assert_eq!((message.expires(), header(HeaderName::To)), (Some(600_000), "<sip:alice@home1.test>"));
    assert!(header(HeaderName::From).starts_with("<sip:pcscf1a.home1.test>;tag="));
    assert!(header(HeaderName::PChargingVector).starts_with("icid-value="));
    accept(&mut desk, &message);
    register_alice(&mut desk, 2, 3600);
    assert!(desk.sent().is_none(), "one subscription for a user");
    assert_eq!(desk.node.role().reg_subscriptions(), 1);
}

#[test]
fn reg_p_07_switched_off_or_without_a_service_route_nobody_is_watched() {
    let mut off = desk_with(SubscribeReg::Off);
    register_alice(&mut off, 1, 3600);
    assert!(off.sent().is_none());
    let mut desk = desk();
    desk.receive(GM, address(UE), register(1, &format!("{CONTACT}\r\n")));
    let (_, forwarded) = forwarded(&mut desk);
    desk.respond(MW, address(ICSCF), &forwarded, 200, &format!("{CONTACT};expires=60\r\n"));
    assert_eq!((desk.status(), desk.sent().is_none()), (Some(200), true));
}

#[test]
fn reg_p_07_what_the_registrar_ends_is_believed_no_more() {
    for event in ["deactivated", "rejected", "expired", "unregistered", "probation"] {
        let (mut desk, subscribe) = watching();
        notified(&mut desk, &subscribe, (2, ENDED), &[contact("terminated", event, 1)]);
        assert_eq!((desk.node.role().registered(), desk.records().len()), (0, 1), "{event}");
        assert_eq!(publish(&mut desk, 1), refused(403, NodeCause::FlowUnknown));
        assert_eq!(desk.node.role().reg_subscriptions(), 0);
    }
    let (mut desk, subscribe) = watching();
    notified(&mut desk, &subscribe, (2, ENDED), &[]);
    assert_eq!(desk.node.role().registered(), 0, "a registrar that lists nothing");
}

#[test]
fn reg_p_07_only_who_leaves_may_take_back_what_it_published() {
    let unpublish = || request("PUBLISH", "sip:alice@home1.test", 7, "SIP-If-Match: e1\r\nExpires: 0\r\n");
    let unknown = refused(403, NodeCause::FlowUnknown);
    for (event, leaves, expected) in [
        ("unregistered", true, None),
        ("deactivated", true, unknown),
        ("rejected", true, unknown),
        ("unregistered", false, unknown),
    ] {
        let (mut desk, subscribe) = watching();
        if leaves {
            // The NOTIFY comes before the 200 to this.
            desk.receive(GM, address(UE), register(2, &format!("{CONTACT};expires=0\r\n")));
            forwarded(&mut desk);
        }
        notified(&mut desk, &subscribe, (2, ENDED), &[contact("terminated", event, 2)]);
        assert_eq!(refusal_of(&mut desk, UE, unpublish()), expected, "{event} {leaves}");
    }
}

#[test]
fn reg_p_07_one_of_two_contacts() {
    let (mut desk, subscribe) = watching();
    let other = contact("terminated", "rejected", 1).replace("198.51.100.7", "198.51.100.8");
    let contacts = [contact("active", "registered", 1), other];
    notified(&mut desk, &subscribe, (2, "active;expires=600000"), &contacts);
    assert_eq!((desk.node.role().registered(), publish(&mut desk, 1)), (1, None));
}

#[test]
fn reg_p_07_a_document_that_names_no_contact_says_whether_the_user_is_registered() {
    for (state, registered) in [("active;expires=600000", 1), (ENDED, 0)] {
        let (mut desk, subscribe) = watching();
        notified(&mut desk, &subscribe, (2, state), &[]);
        assert_eq!(desk.node.role().registered(), registered, "{state}");
    }
}

#[test]
fn reg_p_08_a_late_notify_does_not_end_what_a_later_register_made() {
    let (mut desk, subscribe) = watching();
    register_alice(&mut desk, 2, 3600);
    let late = [contact("terminated", "deactivated", 1)];
    notified(&mut desk, &subscribe, (2, ENDED), &late);
    assert_eq!((desk.node.role().registered(), desk.node.role().reg_subscriptions()), (1, 1));
    let anew = subscribed(&mut desk);
    assert_ne!(anew.call_id(), subscribe.call_id(), "and it is watched again");
}

#[test]
fn reg_p_07_a_document_that_cannot_be_read_ends_nothing() {
    let (mut desk, subscribe) = watching();
    for (number, body) in [(2, "<reginfo"), (3, ""), (4, "<presence xmlns='urn:ietf:params:xml:ns:pidf'/>")] {
        desk.receive(MW, address(SCSCF), notify_text(&subscribe, (number, "active;expires=9"), body));
        assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), 1), "{body}");
    }
}

#[test]
fn reg_p_07_who_is_told_by_whom() {
    let (mut desk, subscribe) = watching();
    let ended = reginfo("terminated", &[contact("terminated", "rejected", 1)]);
    let text = notify_text(&subscribe, (2, ENDED), &ended);
    let other_tag = text.replace("tag=answered", "tag=other").replace("z9hG4bKn2", "z9hG4bKa");
    let other_call = text.replace(subscribe.call_id(), "unknown");
    let other_event = text.replace("Event: reg", "Event: presence").replace("z9hG4bKn2", "z9hG4bKb");
    let no_state = text.replace("Subscription-State", "X-State").replace("z9hG4bKn2", "z9hG4bKc");
    let earlier = text.replace("CSeq: 2", "CSeq: 0").replace("z9hG4bKn2", "z9hG4bKd");
    let rows = [
        ("203.0.113.1:5060", text, refused(403, NodeCause::Outsider)),
        (SCSCF, other_tag, refused(481, NodeCause::NoSubscription)),
        (SCSCF, other_call, refused(481, NodeCause::NoSubscription)),
        (SCSCF, other_event, refused(489, NodeCause::UnknownEvent)),
        (SCSCF, no_state, refused(400, Cause::BadNotify)),
        (SCSCF, earlier, refused(500, NodeCause::StaleCSeq)),
    ];
    for (from, text, expected) in rows {
        desk.receive(MW, address(from), text);
        assert_eq!((desk.refusal(), desk.node.role().registered()), (expected, 1));
    }
}

/// A second contact was registered on the flow, by a REGISTER of its own.
#[test]
fn reg_p_07_a_flow_of_two_contacts_ends_when_both_have_ended() {
    let second = "sip:second@198.51.100.7:5080";
    for (ended, registered) in [(1, 1), (2, 0)] {
        let (mut desk, subscribe) = watching();
        let contacts = format!("{CONTACT};expires=3600\r\nContact: <{second}>;expires=3600\r\n");
        desk.receive(GM, address(UE), register(2, &format!("Contact: <{second}>\r\n")));
        let (_, message) = forwarded(&mut desk);
        desk.respond(MW, address(ICSCF), &message, 200, &format!("{contacts}{SERVICE_ROUTE}"));
        desk.clear();
        let first = contact("terminated", "deactivated", 2);
        let other = first.replace("sip:alice@198.51.100.7:5080", second);
        notified(&mut desk, &subscribe, (2, "active;expires=600000"), &[first, other][..ended]);
        assert_eq!(desk.node.role().registered(), registered, "{ended} have ended");
    }
}

#[test]
fn reg_p_07_the_phone_can_still_be_told_for_a_while() {
    let (mut desk, subscribe) = watching();
    desk.receive(GM, address(UE), request("SUBSCRIBE", "sip:alice@home1.test", 1, "Event: reg\r\n"));
    let (_, message) = forwarded(&mut desk);
    let routes: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    desk.respond(MW, address(SCSCF), &message, 200, "");
    assert_eq!(desk.status(), Some(200));
    notified(&mut desk, &subscribe, (2, ENDED), &[contact("terminated", "deactivated", 1)]);
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), UE);
    desk.respond(GM, address(UE), &message, 200, "");
    desk.pass(Duration::from_secs(32));
    desk.clear();
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 2, &routes));
    assert_eq!(desk.refusal(), refused(430, Cause::FlowLeft));
}

#[test]
fn reg_p_07_a_user_who_leaves_is_watched_no_longer_than_its_last_notify_takes() {
    let (mut desk, subscribe) = watching();
    desk.receive(GM, address(UE), register(2, &format!("{CONTACT};expires=0\r\n")));
    let (_, message) = forwarded(&mut desk);
    desk.respond(MW, address(ICSCF), &message, 200, "");
    assert_eq!((desk.status(), desk.node.role().reg_subscriptions()), (Some(200), 1));
    desk.pass(Duration::from_secs(32));
    assert_eq!(desk.node.role().reg_subscriptions(), 0);
    notify(&mut desk, &subscribe, (2, ENDED), &[]);
    assert_eq!(desk.refusal(), refused(481, NodeCause::NoSubscription));
}

/// The Service-Route of the other S-CSCF.
fn other_route() -> String {
    SERVICE_ROUTE.replace("scscf1a", "scscf1b")
}

#[test]
fn reg_p_07_who_comes_back_at_another_s_cscf_is_watched_there() {
    for accepted in [true, false] {
        let (mut desk, former) = if accepted {
            watching()
        } else {
            let mut desk = desk();
            register_alice(&mut desk, 1, 3600);
            let asked = subscribed(&mut desk);
            (desk, asked)
        };
        register_alice_at(&mut desk, 2, 3600, &other_route());
        let (to, anew) = forwarded(&mut desk);
        assert_eq!((to.to_string().as_str(), anew.cseq_method()), (OTHER_SCSCF, "SUBSCRIBE"), "{accepted}");
        assert_eq!(anew.value(HeaderName::Route), Some("<sip:orig@scscf1b.home1.test;lr>"));
        desk.respond(MW, address(SCSCF), &former, 480, "");
        notify(&mut desk, &former, (2, ENDED), &[]);
        assert_eq!(desk.refusal(), refused(481, NodeCause::NoSubscription), "{accepted}");
        assert_eq!((desk.node.role().registered(), desk.node.role().reg_subscriptions()), (1, 1));
        desk.respond(MW, address(OTHER_SCSCF), &anew, 200, "Expires: 600000\r\n");
        notified(&mut desk, &anew, (1, ENDED), &[contact("terminated", "rejected", 2)]);
        assert_eq!(desk.node.role().registered(), 0, "{accepted}: the other one is believed");
    }
}

#[test]
fn rfc3608_a_service_route_of_the_same_node_is_no_other_s_cscf() {
    for service_route in [SERVICE_ROUTE.replace("orig@", "orig-2@"), SERVICE_ROUTE.replace("home1", "HOME1")]
    {
        let (mut desk, _) = watching();
        register_alice_at(&mut desk, 2, 3600, &service_route);
        assert!(desk.sent().is_none(), "{service_route}");
    }
}

#[test]
fn reg_p_07_after_a_restart_a_user_is_watched_where_it_registered_last() {
    for (first, last, watched) in
        [(SERVICE_ROUTE.into(), other_route(), OTHER_SCSCF), (other_route(), SERVICE_ROUTE.into(), SCSCF)]
    {
        let mut desk = desk();
        register_alice_at(&mut desk, 1, 3600, &first);
        let phone = format!("Contact: <sip:alice@{OTHER_UE}>");
        desk.clear();
        desk.receive(GM, address(OTHER_UE), register(2, &format!("{phone}\r\n")));
        let (_, message) = forwarded(&mut desk);
        let headers = format!("{CONTACT};expires=3600\r\n{phone};expires=3700\r\n{last}");
        desk.respond(MW, address(ICSCF), &message, 200, &headers);
        desk.clear();
        desk.restart(Duration::ZERO, settings(), role(SubscribeReg::On));
        let to = std::iter::from_fn(|| desk.sent()).last().map(|(to, _)| to.to_string());
        assert_eq!((to.as_deref(), desk.node.role().registered()), (Some(watched), 2));
    }
}

#[test]
fn reg_p_07_after_a_restart_everybody_is_watched_anew() {
    for (status, left) in [(200, 1), (480, 0), (403, 1)] {
        let (mut desk, former) = watching();
        desk.restart(Duration::ZERO, settings(), role(SubscribeReg::On));
        let subscribe = subscribed(&mut desk);
        assert_ne!(subscribe.call_id(), former.call_id());
        desk.respond(MW, address(SCSCF), &subscribe, status, "");
        assert_eq!(desk.node.role().registered(), left, "{status}");
        notify(&mut desk, &former, (2, ENDED), &[]);
        let unknown = refused(481, NodeCause::NoSubscription);
        assert_eq!(desk.refusal(), unknown, "the dialog of the dead process");
    }
}

#[test]
fn a_restart_does_not_flood_the_registrar() {
    let mut desk = desk();
    let register_one = |desk: &mut Desk<Pcscf>, number: u32| {
        let user = format!("u{number}@home1.test");
        let text = register(number, &format!("Contact: <sip:{user}>\r\n")).replace("alice@home1.test", &user);
        desk.receive(GM, format!("198.51.100.9:{}", 5000 + number).parse().unwrap(), text);
        let (_, message) = forwarded(desk);
        let headers = format!("Contact: <sip:{user}>;expires=3600\r\n{SERVICE_ROUTE}");
        desk.respond(MW, address(ICSCF), &message, 200, &headers);
    };
    for number in 1..=150 {
        register_one(&mut desk, number);
        desk.clear();
    }
    desk.restart(Duration::ZERO, settings(), role(SubscribeReg::On));
    assert_eq!(desk.node.role().reg_subscriptions(), 150);
    let mut asked = Vec::new();
    // Twenty at a time, and no more than a hundred while none is answered.
    for expected in [20, 40, 60, 80, 100, 100] {
        asked.extend(std::iter::from_fn(|| desk.sent()).map(|(_, message)| message));
        assert_eq!(asked.len(), expected);
        desk.pass(Duration::from_millis(20));
    }
    // An answer makes room for one more, and whoever registers now does not wait behind the others.
    register_one(&mut desk, 151);
    assert_eq!(desk.status(), Some(200));
    desk.respond(MW, address(SCSCF), &asked[0], 200, "Expires: 600000\r\n");
    desk.pass(Duration::from_millis(20));
    assert_eq!(subscribed(&mut desk).request_uri_text(), "sip:u151@home1.test");
    assert!(desk.sent().is_none());
}

fn tcp(connection: u64) -> Flow {
    let remote = address(UE);
    Flow { listener: ListenerId(GM), transport: Transport::Tcp, remote, connection: Some(connection) }
}

#[test]
fn rfc5626_5_2_a_200_that_comes_after_the_connection_binds_nobody() {
    for closed in [false, true] {
        let mut desk = desk();
        let bytes = register(1, &format!("{CONTACT}\r\n"));
        desk.input(Input::message(tcp(1), bytes));
        let (_, message) = forwarded(&mut desk);
        if closed {
            desk.input(Input::Closed { flow: tcp(1), loss: Loss::Ended });
        }
        desk.respond(MW, address(ICSCF), &message, 200, &format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}"));
        let (_, answer) = desk.sent().unwrap();
        let status = answer.status().unwrap().code();
        let gone = closed.then(|| Cause::RegisterFlowGone.reason());
        assert_eq!((status, desk.reason(&answer)), (if closed { 430 } else { 200 }, gone));
        assert_eq!(desk.node.role().registered(), usize::from(!closed));
        desk.clear();
        let bytes = request("PUBLISH", "sip:alice@home1.test", 2, "");
        desk.input(Input::message(tcp(if closed { 2 } else { 1 }), bytes));
        let (_, answer) = desk.sent().unwrap();
        let unknown = if closed { refused(403, NodeCause::FlowUnknown) } else { None };
        assert_eq!(refusal_in(&desk, &answer), unknown);
    }
}
