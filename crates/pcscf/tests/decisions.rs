//! What a P-CSCF decides (TS 24.229 section 5.2), by rule id, without a network.

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

fn desk() -> Desk<Pcscf> {
    desk_with(SubscribeReg::Off)
}

fn registered() -> Desk<Pcscf> {
    let mut desk = desk();
    register_alice(&mut desk, 1, 3600);
    desk
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
fn reg_p_03_each_line_of_credentials_stays_one_of_its_own() {
    let mut desk = desk();
    let lines = "authorization: Digest username=\"bob\", realm=\"other\", integrity-protected=yes\r\n\
        Authorization: Basic Ym9iOnNlY3JldA==\r\nAuthorization: Digest username=\"alice\", realm=\"home1.test\"\r\n";
    desk.receive(GM, address(UE), register(1, lines));
    let (_, message) = forwarded(&mut desk);
    assert_eq!(
        message.values(HeaderName::Authorization).collect::<Vec<_>>(),
        [
            "Digest username=\"bob\", realm=\"other\", integrity-protected=\"no\"",
            "Basic Ym9iOnNlY3JldA==",
            "Digest username=\"alice\", realm=\"home1.test\", integrity-protected=\"no\"",
        ]
    );
}

#[test]
fn reg_p_05_a_home_network_that_does_not_answer_is_504() {
    let mut desk = desk();
    desk.receive(GM, address(UE), register(1, CONTACT));
    forwarded(&mut desk);
    let flow = Desk::<Pcscf>::flow(MW, address(ICSCF));
    desk.input(Input::SendFailed { flow, loss: Loss::Refused });
    assert_eq!(desk.refusal(), refused(504, Cause::HomeNetworkSilent));
}

#[test]
fn reg_p_06_only_a_200_registers_and_expires_0_ends_it() {
    for status in [401, 403, 423, 500] {
        let mut desk = desk();
        desk.receive(GM, address(UE), register(1, &format!("{CONTACT}\r\n")));
        let (_, message) = forwarded(&mut desk);
        desk.respond(
            MW,
            address(ICSCF),
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
    desk.respond(MW, address(ICSCF), &message, 200, "");
    assert_eq!((desk.status(), desk.node.role().registered(), desk.records().len()), (Some(200), 0, 1));
}

/// alice's phone on UE has two contacts; who is bound is said by the 200, whatever was asked.
#[test]
fn rfc3261_10_2_2_a_flow_stays_registered_while_a_contact_of_its_own_is_bound() {
    let own = "<sip:alice@198.51.100.7:5080>";
    let second = "<sip:second@198.51.100.7:5080>";
    let other = "<sip:alice@198.51.100.8:5080>";
    let contact = |uri: &str, seconds: u32| format!("Contact: {uri};expires={seconds}\r\n");
    let rows: [(&str, String, String, usize); 6] = [
        ("another phone is ended", contact(other, 0), contact(own, 3600), 1),
        ("a second one of its own", contact(second, 3600), contact(own, 3600) + &contact(second, 3600), 1),
        ("one of two of its own", contact(second, 0), contact(own, 3600), 1),
        ("the registrar keeps what it was asked to end", contact(own, 0), contact(own, 3600), 1),
        ("its own", contact(own, 0), String::new(), 0),
        ("another phone has ended it meanwhile", contact(other, 3600), contact(other, 3600), 1),
    ];
    for (case, asked, bound, registered) in rows {
        let mut desk = desk();
        register_alice(&mut desk, 1, 3600);
        desk.receive(GM, address(UE), register(2, &asked));
        let (_, message) = forwarded(&mut desk);
        desk.respond(MW, address(ICSCF), &message, 200, &format!("{bound}{SERVICE_ROUTE}"));
        assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), registered), "{case}");
    }
}

/// X and Y are on one flow, X moves to another one, and Y leaves.
#[test]
fn rfc3261_10_2_2_a_contact_that_moved_does_not_keep_its_former_flow() {
    let [x, y] = ["<sip:alice@198.51.100.7:5080>", "<sip:second@198.51.100.7:5080>"];
    let contact = |uri: &str, seconds: u32| format!("Contact: {uri};expires={seconds}\r\n");
    let both = contact(x, 60) + &contact(y, 60);
    let steps = [
        (UE, both.clone(), both.clone(), 1),
        (OTHER_UE, contact(x, 60), both, 2),
        (UE, contact(y, 0), contact(x, 60), 1),
    ];
    let mut desk = desk();
    for (number, (from, asked, bound, registered)) in (1..).zip(steps) {
        desk.receive(GM, address(from), register(number, &asked));
        let (_, message) = forwarded(&mut desk);
        desk.respond(MW, address(ICSCF), &message, 200, &format!("{bound}{SERVICE_ROUTE}"));
        assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), registered), "{from} {asked}");
    }
}

/// Of two contacts on a flow the first is ended, and then the second.
#[test]
fn rfc3261_10_2_2_the_last_contact_of_a_flow_ends_it() {
    let mut desk = desk();
    let both = "Contact: <sip:alice@198.51.100.7:5080>;expires=60\r\nContact: <sip:second@198.51.100.7:5080>;expires=60\r\n";
    let second = "Contact: <sip:second@198.51.100.7:5080>";
    let asked = [both.to_owned(), format!("{CONTACT};expires=0\r\n"), format!("{second};expires=0\r\n")];
    let bound = [both.to_owned(), format!("{second};expires=60\r\n"), String::new()];
    for (number, ((asked, bound), registered)) in (1..).zip(asked.iter().zip(bound).zip([1, 1, 0])) {
        desk.receive(GM, address(UE), register(number, asked));
        let (_, message) = forwarded(&mut desk);
        desk.respond(MW, address(ICSCF), &message, 200, &format!("{bound}{SERVICE_ROUTE}"));
        assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), registered), "{asked}");
    }
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
    let text = request("PUBLISH", "sip:alice@home1.test", 1, "");
    assert_eq!(refusal_of(&mut desk, OTHER_UE, text), refused(403, NodeCause::FlowUnknown));
}

#[test]
fn rt_p_01_nobody_else_tells_a_phone_that_its_flow_is_unknown() {
    let unknown = NodeCause::FlowUnknown.reason().to_string();
    for (warning, stays) in [(unknown.as_str(), false), ("not today", true)] {
        let mut desk = registered();
        desk.receive(GM, address(UE), request("MESSAGE", "sip:eve@home2.test", 1, ""));
        let (_, message) = forwarded(&mut desk);
        desk.respond(MW, address(SCSCF), &message, 403, &format!("Warning: 399 eve \"{warning}\"\r\n"));
        let (_, response) = desk.sent().unwrap();
        assert_eq!(response.value(HeaderName::Warning).is_some(), stays, "{warning}");
    }
}

#[test]
fn rt_p_02_the_identity_is_the_registered_one_whatever_the_ue_claims() {
    for (headers, asserted) in [
        ("", "<sip:alice@home1.test>"),
        ("P-Preferred-Identity: <sip:alias@home1.test>\r\n", "<sip:alias@home1.test>"),
        ("P-Preferred-Identity: <sip:alias@HOME1.test:5060;user=phone>\r\n", "<sip:alias@home1.test>"),
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
fn rt_p_02_without_a_preferred_identity_the_default_one_is_asserted_whatever_from_says() {
    for from in [
        "sip:alice@home1.test",
        "sip:alias@home1.test",
        "sip:bob@home2.test",
        "sip:anonymous@anonymous.invalid",
    ] {
        let mut desk = registered();
        let text = request("PUBLISH", "sip:alice@home1.test", 1, "");
        desk.receive(
            GM,
            address(UE),
            text.replace("From: <sip:alice@home1.test>", &format!("From: <{from}>")),
        );
        let (_, message) = forwarded(&mut desk);
        assert_eq!(
            message.list(HeaderName::PAssertedIdentity).collect::<Vec<_>>(),
            ["<sip:alice@home1.test>"],
            "{from}"
        );
    }
}

#[test]
fn rt_p_03_and_04_initial_requests_go_by_the_service_route() {
    for (method, tag, recorded) in [
        ("SUBSCRIBE", "", 2),
        ("PUBLISH", "", 0),
        ("PUBLISH", ";tag=2", 0),
        ("MESSAGE", "", 0),
        ("MESSAGE", ";tag=2", 0),
        ("DANCE", ";tag=2", 0),
    ] {
        let mut desk = registered();
        let route = "Route: <sip:127.0.10.11:5060;lr>, <sip:orig@elsewhere.test;lr>\r\n";
        let text = request(method, "sip:bob@home2.test", 1, route)
            .replace("To: <sip:bob@home2.test>", &format!("To: <sip:bob@home2.test>{tag}"));
        desk.receive(GM, address(UE), text);
        let (to, message) = forwarded(&mut desk);
        assert_eq!(to.to_string(), SCSCF);
        assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ["<sip:orig@scscf1a.home1.test;lr>"]);
        assert_eq!(message.list(HeaderName::RecordRoute).count(), recorded, "{method}{tag}");
    }
}

#[test]
fn rt_p_08_a_flow_that_is_gone_is_430() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    forwarded(&mut desk);
    // Once may be anything: after the sendings at 0, 0.5, 1.5 and 3.5 s it is over.
    let flow = Desk::<Pcscf>::flow(GM, address(UE));
    for pause in [0, 500, 1000, 2000] {
        desk.pass(Duration::from_millis(pause));
        assert_eq!(desk.node.role().registered(), 1);
        desk.input(Input::SendFailed { flow, loss: Loss::Refused });
    }
    let answers = std::iter::from_fn(|| desk.sent()).filter(|(_, sent)| sent.status().is_some());
    let answers: Vec<Message> = answers.map(|(_, answer)| answer).collect();
    let [trying, refusal] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(trying.status().map(|status| status.code()), Some(100));
    assert_eq!(refusal_in(&desk, refusal), refused(430, Cause::FlowGone));
    assert_eq!(desk.node.role().registered(), 0);
}

#[test]
fn rt_p_08_a_registration_under_way_is_not_a_flow_that_is_gone() {
    let mut desk = desk();
    desk.receive(GM, address(UE), register(1, &format!("{CONTACT}\r\n")));
    let (_, asked) = forwarded(&mut desk);
    let path = asked.value(HeaderName::Path).unwrap().to_owned();
    let notify = |number| in_dialog("NOTIFY", number, std::slice::from_ref(&path));
    desk.receive(MW, address(SCSCF), notify(1));
    let (_, answer) = desk.sent().unwrap();
    let waits = refused(500, Cause::RegistrationUnderWay);
    assert_eq!(refusal_in(&desk, &answer), waits, "the 200 to REGISTER is still on its way");
    assert_eq!(answer.value(HeaderName::RetryAfter), Some("5"));
    desk.respond(MW, address(ICSCF), &asked, 403, "");
    assert_eq!(desk.status(), Some(403));
    desk.receive(MW, address(SCSCF), notify(2));
    assert_eq!(desk.refusal(), refused(430, Cause::FlowLeft), "nobody has registered");
}

#[test]
fn rt_p_06_charging_and_location_are_not_for_ues_and_privacy_is_enforced() {
    for (privacy, shown) in [("", true), ("Privacy: id\r\n", false), ("Privacy: none\r\n", true)] {
        let mut desk = registered();
        let routes = subscribe(&mut desk).network;
        let headers = format!(
            "{privacy}P-Charging-Vector: icid-value=1\r\nP-Asserted-Identity: <sip:bob@home2.test>\r\n\
             P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11\r\n"
        );
        let text = in_dialog("NOTIFY", 1, &routes).replace("Event: presence\r\n", &headers);
        desk.receive(MW, address(SCSCF), text);
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.value(HeaderName::PChargingVector), None);
        assert_eq!(message.value(HeaderName::PAccessNetworkInfo), None);
        assert_eq!(message.value(HeaderName::PAssertedIdentity).is_some(), shown, "{privacy}");
    }
}

#[test]
fn network_requests_are_believed_by_address_and_need_a_token_of_ours() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    let forged: Vec<String> = routes.iter().map(|route| route.replace("@", "A@")).collect();
    let rows = [
        (address("203.0.113.1:5060"), routes, refused(403, NodeCause::Outsider)),
        (address(SCSCF), forged, refused(403, Cause::ForeignFlowToken)),
        (address(SCSCF), vec!["<sip:pcscf1a.home1.test;lr>".into()], refused(404, Cause::NoFlowNamed)),
    ];
    for (number, (from, routes, expected)) in (10..).zip(rows) {
        desk.receive(MW, from, in_dialog("NOTIFY", number, &routes));
        assert_eq!(desk.refusal(), expected, "{routes:?}");
    }
}

#[test]
fn design_6_udp_flows_live_on_after_a_restart() {
    let mut desk = registered();
    let routes = subscribe(&mut desk).network;
    desk.restart(Duration::ZERO, settings(), role(SubscribeReg::Off));
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
        assert_eq!(desk.refusal(), refused(403, Cause::ForeignHome), "{uri} {to}");
    }
}

#[test]
fn rfc3261_10_2_the_registrar_is_the_domain_however_a_phone_writes_it() {
    let rows = [
        ("sip:home1.test:5060", "sip:alice@home1.test"),
        ("sip:HOME1.test;transport=udp", "sip:alice@home1.test"),
        ("sip:home1.test:5060;transport=tcp;lr", "sip:alice@home1.test:5060"),
        ("sip:home1.test.", "sip:alice@home1.test"),
        ("sip:home1.test", "sip:alice@home1.test.;user=phone"),
    ];
    for (number, (uri, to)) in (1..).zip(rows) {
        let mut desk = desk();
        let text = request("REGISTER", uri, number, &format!("{CONTACT}\r\n"))
            .replace(&format!("To: <{uri}>"), &format!("To: <{to}>"));
        desk.receive(GM, address(UE), text);
        let (sent_to, message) = forwarded(&mut desk);
        assert_eq!(sent_to.to_string(), ICSCF, "{uri} {to}");
        assert_eq!(message.request_uri_text(), "sip:home1.test", "{uri} {to}");
        let headers = format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}");
        desk.respond(MW, address(ICSCF), &message, 200, &headers);
        assert_eq!(desk.status(), Some(200), "{uri} {to}");
        desk.receive(GM, address(UE), request("PUBLISH", "sip:alice@home1.test", number + 100, ""));
        let (_, message) = forwarded(&mut desk);
        assert_eq!(
            message.value(HeaderName::PAssertedIdentity),
            Some("<sip:alice@home1.test>"),
            "{uri} {to}"
        );
    }
}

#[test]
fn a_phone_that_registers_at_an_address_is_told_the_domains() {
    let mut desk = desk();
    desk.receive(GM, address(UE), request("REGISTER", "sip:127.0.10.11", 1, CONTACT));
    let (_, answer) = desk.sent().unwrap();
    assert_eq!(refusal_in(&desk, &answer), refused(403, Cause::ForeignHome));
    let warnings: Vec<&str> = answer.values(HeaderName::Warning).collect();
    assert!(warnings[1].ends_with("\"REGISTER for these domains: home1.test\""), "{warnings:?}");
}

#[test]
fn reg_p_06_a_phone_that_comes_from_another_port_leaves_its_old_flow() {
    let mut desk = registered();
    desk.receive(GM, address("198.51.100.7:6000"), register(2, &format!("{CONTACT}\r\n")));
    let (_, forwarded) = forwarded(&mut desk);
    desk.respond(MW, address(ICSCF), &forwarded, 200, &format!("{CONTACT};expires=600\r\n{SERVICE_ROUTE}"));
    assert_eq!((desk.status(), desk.node.role().registered()), (Some(200), 1));
    let text = request("PUBLISH", "sip:alice@home1.test", 3, "");
    let unknown = refused(403, NodeCause::FlowUnknown);
    assert_eq!(refusal_of(&mut desk, UE, text), unknown, "whoever is on the old flow now");
}

/// Alice's phone at this address registers; gives the REGISTER as it is forwarded.
fn registers(desk: &mut Desk<Pcscf>, from: &str, number: u32) -> Message {
    let headers = format!("Contact: <sip:alice@{from}>\r\n");
    desk.receive(
        GM,
        address(from),
        register(number, &headers).replace("198.51.100.7:5080;", &format!("{from};")),
    );
    forwarded(desk).1
}

/// The 200 to a REGISTER comes, with the contacts at these addresses.
fn binds(desk: &mut Desk<Pcscf>, register: &Message, bound: &[&str]) {
    let contacts: Vec<String> =
        bound.iter().map(|at| format!("Contact: <sip:alice@{at}>;expires=600\r\n")).collect();
    desk.respond(MW, address(ICSCF), register, 200, &format!("{}{SERVICE_ROUTE}", contacts.concat()));
    assert_eq!(desk.status(), Some(200));
}

#[test]
fn reg_p_06_a_200_ends_the_bindings_it_does_not_name_and_could_have_named() {
    // When the other phone's 200 comes, and the phones that are registered after the late 200 to the first.
    for (when, left) in
        [("before the REGISTER", 1), ("after it", 2), ("before and after it", 2), ("before a restart", 1)]
    {
        let mut desk = desk();
        if when.starts_with("before") {
            let other = registers(&mut desk, OTHER_UE, 1);
            binds(&mut desk, &other, &[OTHER_UE]);
        }
        if when == "before a restart" {
            desk.restart(Duration::ZERO, settings(), role(SubscribeReg::Off));
        }
        let first = registers(&mut desk, UE, 2);
        if when.ends_with("after it") {
            let other = registers(&mut desk, OTHER_UE, 3);
            binds(&mut desk, &other, &[UE, OTHER_UE]);
        }
        binds(&mut desk, &first, &[UE]);
        assert_eq!(desk.node.role().registered(), left, "{when}");
        let next = registers(&mut desk, UE, 4);
        binds(&mut desk, &next, &[UE]);
        assert_eq!(desk.node.role().registered(), 1, "{when}, at the next REGISTER");
    }
}

#[test]
fn reg_e_03_a_phone_whose_binding_another_one_ends_is_told() {
    let mut desk = desk();
    let other = registers(&mut desk, OTHER_UE, 1);
    binds(&mut desk, &other, &[OTHER_UE]);
    let text = request("SUBSCRIBE", "sip:alice@home1.test", 1, "Event: reg\r\n")
        .replace("198.51.100.7:5080;", &format!("{OTHER_UE};"));
    desk.receive(GM, address(OTHER_UE), text);
    let (_, message) = forwarded(&mut desk);
    let routes: Vec<String> = message.list(HeaderName::RecordRoute).map(str::to_owned).collect();
    desk.respond(MW, address(SCSCF), &message, 200, "");
    assert_eq!(desk.status(), Some(200));
    // The other phone's binding was replaced, ended by `Contact: *`, or crowded out: the 200 does not name it.
    let first = registers(&mut desk, UE, 2);
    binds(&mut desk, &first, &[UE]);
    assert_eq!(desk.node.role().registered(), 1);
    desk.receive(MW, address(SCSCF), in_dialog("NOTIFY", 1, &routes));
    let (to, notify) = forwarded(&mut desk);
    assert_eq!(to, address(OTHER_UE), "the news of its end");
    desk.respond(GM, address(OTHER_UE), &notify, 200, "");
    assert_eq!(desk.status(), Some(200));
    // It may do nothing else any more.
    let text = request("PUBLISH", "sip:alice@home1.test", 3, "")
        .replace("198.51.100.7:5080;", &format!("{OTHER_UE};"));
    assert_eq!(refusal_of(&mut desk, OTHER_UE, text), refused(403, NodeCause::FlowUnknown));
}
