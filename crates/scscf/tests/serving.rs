//! Requests of and for served users (TS 24.229 sections 5.4.3.2 and 5.4.3.3), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{CxFailure, DefaultHandling, Request, ResultCode, SarType};
use ims_node::{Input, Loss, NodeCause, Reason};
use scscf::{Cause, Scscf};
use sip_message::{HeaderName, Message};
use std::time::Duration;
use testnet::Desk;

const CAROL: &str = "sip:carol@home1.test";
const ALICE: &str = "sip:alice@home1.test";

/// A SUBSCRIBE for alice, as the I-CSCF sends it.
fn for_alice(method: &str, number: u32) -> String {
    let headers = "Route: <sip:scscf1a.home1.test;lr>\r\nP-Asserted-Identity: <sip:bob@home1.test>\r\nEvent: presence\r\n";
    request(method, ALICE, number, headers)
}

#[test]
fn figure_3_publish_goes_to_the_server_of_the_publishers_profile() {
    let mut desk = registered();
    desk.receive(0, address(PCSCF), request("PUBLISH", ALICE, 1, ORIG));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), PS);
    let routes: Vec<&str> = message.list(HeaderName::Route).collect();
    assert_eq!(routes[0], "<sip:ps1.home1.test;lr>");
    assert!(
        routes[1].starts_with("<sip:odi-0-1-") && routes[1].ends_with("@scscf1a.home1.test;lr;orig>"),
        "{routes:?}"
    );
    let served = message.value(HeaderName::PServedUser);
    assert_eq!(served, Some("<sip:alice@home1.test>;sescase=orig;regstate=reg"), "ISC-04");
    assert_eq!(message.list(HeaderName::RecordRoute).count(), 0, "RT-SO-06");
}

#[test]
fn pub_12_publishing_for_another_identity_of_ones_own_set_is_asserted_by_the_s_cscf() {
    let rows = [
        (ALICE, Some("<sip:alice@home1.test>")),
        ("sip:alias@home1.test", Some("<sip:alias@home1.test>")),
        // A number is the SIP identity in another spelling.
        ("tel:+15550001", Some("<sip:alice@home1.test>")),
        ("sip:+1(555)0001@HOME1.test;user=phone", Some("<sip:alice@home1.test>")),
        // Not one that may be used, and not somebody else's: the presence server refuses it.
        ("sip:barred@home1.test", Some("<sip:alice@home1.test>")),
        (CAROL, Some("<sip:alice@home1.test>")),
    ];
    for (uri, asserted) in rows {
        let mut desk = registered();
        desk.receive(0, address(PCSCF), request("PUBLISH", uri, 1, ORIG));
        let (to, message) = forwarded(&mut desk);
        assert_eq!(to.to_string(), PS);
        assert_eq!(message.list(HeaderName::PAssertedIdentity).next(), asserted, "{uri}");
    }
}

#[test]
fn rt_so_02_and_03_who_may_begin_a_request() {
    let from = |identity: &str| ORIG.replace("sip:alice@home1.test", identity);
    let rows = [
        (PCSCF, from("sip:alice@home1.test"), None),
        (PCSCF, from("sip:alias@home1.test"), None),
        (PCSCF, from("sip:barred@home1.test"), refused(403, Cause::IdentityBarred)),
        (PCSCF, from("sip:carol@home1.test"), refused(403, Cause::SenderNotRegistered)),
        (PCSCF, ORIG.replace("P-Asserted-Identity", "X-Nobody"), refused(403, Cause::NoAssertedIdentity)),
        (STRANGER, ORIG.to_owned(), refused(403, NodeCause::Outsider)),
    ];
    for (number, (source, headers, expected)) in (1..).zip(rows) {
        let mut desk = registered();
        desk.receive(0, address(source), request("PUBLISH", ALICE, number, &headers));
        let (_, message) = desk.sent().unwrap();
        assert_eq!(refusal_in(&desk, &message), expected, "{source} {headers}");
    }
}

#[test]
fn rt_so_07_a_to_tag_spares_nothing_but_a_request_of_a_dialog() {
    let from = |identity: &str| ORIG.replace("sip:alice@home1.test", identity);
    let alice = || from(ALICE);
    let unregistered = Err((403, Cause::SenderNotRegistered.reason()));
    let barred = Err((403, Cause::IdentityBarred.reason()));
    let numeric = Err((404, Cause::RequestUriNumeric.reason()));
    let server = Err((404, Cause::RequestUriServer.reason()));
    let elsewhere = Err((481, Cause::NotOfThisDialog.reason()));
    let rows = [
        ("PUBLISH", ALICE, alice(), Ok(PS)),
        ("PUBLISH", ALICE, from(CAROL), unregistered),
        ("MESSAGE", CAROL, alice(), Ok(ICSCF)),
        ("MESSAGE", CAROL, from(CAROL), unregistered),
        ("MESSAGE", CAROL, from("sip:barred@home1.test"), barred),
        ("MESSAGE", "sip:x@127.0.10.23:3868", alice(), numeric),
        ("MESSAGE", "sip:x@localhost:40999", alice(), numeric),
        ("MESSAGE", "sip:x@home2.test:3868;transport=tcp", alice(), numeric),
        ("MESSAGE", "sip:x@home2.test;maddr=127.0.10.16", alice(), numeric),
        ("MESSAGE", "sip:x@hss1.home1.test", alice(), server),
        // Of another operator, whose domain is below ours.
        ("MESSAGE", "sip:x@mobile.home1.test", alice(), Ok("127.0.10.23:5060")),
        ("MESSAGE", "sip:x@ps1.HOME1.test.:40999", alice(), numeric),
        ("MESSAGE", "sip:carol@home1.test:5060", alice(), Ok(ICSCF)),
        ("OPTIONS", "sip:x@127.0.10.23:3868", alice(), numeric),
        ("DANCE", "sip:x@127.0.10.23:3868", alice(), numeric),
        // In a dialog no identity is asked for, but for where the dialog leads (rule RT-SO-07).
        ("SUBSCRIBE", "sip:x@127.0.10.23:3868", from(CAROL), elsewhere),
        ("SUBSCRIBE", "sip:ps1.home1.test", from(CAROL), Ok(PS)),
    ];
    for (method, uri, headers, expected) in rows {
        let mut desk = registered();
        let text =
            request(method, uri, 1, &headers).replace(&format!("To: <{uri}>"), &format!("To: <{uri}>;tag=2"));
        desk.receive(0, address(PCSCF), text);
        let (to, message) = desk.sent().unwrap();
        let sent = refusal_in(&desk, &message).map_or_else(|| Ok(to.to_string()), Err);
        assert_eq!(sent, expected.map(str::to_owned), "{method} {uri} {headers}");
    }
}

#[test]
fn rfc3325_7_an_identity_that_is_private_does_not_leave_the_trust_domain() {
    // The I-CSCF of home1.test is a peer, that of home2.test is nobody we know.
    for (uri, privacy, identities) in [
        (CAROL, "", 2),
        (CAROL, "Privacy: id\r\n", 2),
        ("sip:bob@home2.test", "", 2),
        ("sip:bob@home2.test", "Privacy: none\r\n", 2),
        ("sip:bob@home2.test", "Privacy: id\r\n", 0),
        ("sip:bob@home2.test", "Privacy: header; Id;critical\r\n", 0),
    ] {
        let mut desk = registered();
        desk.receive(0, address(PCSCF), request("MESSAGE", uri, 1, &format!("{ORIG}{privacy}")));
        let (_, message) = forwarded(&mut desk);
        assert_eq!(message.list(HeaderName::PAssertedIdentity).count(), identities, "{uri} {privacy}");
        assert_eq!(message.value(HeaderName::Privacy).is_some(), !privacy.is_empty());
    }
}

#[test]
fn rfc7315_6_4_where_a_phone_is_and_what_is_charged_does_not_leave_the_trust_domain() {
    for (uri, stays) in [(CAROL, true), ("sip:bob@home2.test", false)] {
        let mut desk = registered();
        let headers = format!(
            "{ORIG}P-Access-Network-Info: 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11\r\n\
             P-Charging-Vector: icid-value=1\r\n"
        );
        desk.receive(0, address(PCSCF), request("MESSAGE", uri, 1, &headers));
        let (_, message) = forwarded(&mut desk);
        for name in [HeaderName::PAccessNetworkInfo, HeaderName::PChargingVector] {
            assert_eq!(message.value(name).is_some(), stays, "{uri} {name:?}");
        }
    }
}

#[test]
fn rt_so_05_and_06_on_by_domain_also_into_our_own() {
    for (uri, to) in [(CAROL, ICSCF), ("sip:bob@home2.test", "127.0.10.23:5060")] {
        let mut desk = registered();
        desk.receive(0, address(PCSCF), request("MESSAGE", uri, 1, ORIG));
        let (sent_to, message) = forwarded(&mut desk);
        assert_eq!((sent_to.to_string().as_str(), message.list(HeaderName::Route).count()), (to, 0));
        assert_eq!(
            message.list(HeaderName::PAssertedIdentity).collect::<Vec<_>>(),
            ["<sip:alice@home1.test>", "<tel:+15550001>"]
        );
    }
    let mut desk = registered();
    desk.receive(0, address(PCSCF), request("MESSAGE", "sip:x@nowhere.test", 2, ORIG));
    assert_eq!(desk.refusal(), refused(404, NodeCause::NoSipServer));
}

#[test]
fn rt_so_05_the_domain_of_a_user_has_no_port_and_is_no_address() {
    let numeric = Err((404, Cause::RequestUriNumeric.reason()));
    for (uri, as_sent) in [
        ("sip:bob@home2.test:5060", Ok("sip:bob@home2.test")),
        ("sip:bob@home2.test:5060;user=phone;gr=1", Ok("sip:bob@home2.test;user=phone;gr=1")),
        ("sip:bob@home2.test.", Ok("sip:bob@home2.test.")),
        ("sip:bob@home2.test:5080", numeric),
        ("sip:bob@127.0.10.23", numeric),
        ("sip:bob@home2.test;maddr=127.0.10.99", numeric),
        ("sip:bob@[2001:db8::1]:5060", numeric),
    ] {
        let mut desk = registered();
        desk.receive(0, address(PCSCF), request("MESSAGE", uri, 1, ORIG));
        let (_, message) = desk.sent().unwrap();
        let sent = refusal_in(&desk, &message).map_or_else(|| Ok(message.request_uri_text()), Err);
        assert_eq!(sent, as_sent, "{uri}");
    }
}

#[test]
fn ts23003_13_4_a_user_is_found_however_the_request_uri_is_written() {
    for uri in [
        "sip:alice@home1.test:5060;transport=udp",
        "sip:alice@HOME1.test.",
        "sip:%61lice@home1.test;user=phone",
    ] {
        let mut desk = registered();
        desk.receive(0, address(ICSCF), for_alice("SUBSCRIBE", 1).replacen(ALICE, uri, 1));
        assert_eq!(forwarded(&mut desk).0.to_string(), PS, "{uri}");
    }
}

#[test]
fn figures_1_and_2_a_subscribe_is_recorded_on_both_sides() {
    let mut desk = registered();
    // The watcher's side: alice's own criteria are for SUBSCRIBEs as well here, so the server sees it first and returns it.
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", CAROL, 1, ORIG));
    let (_, message) = forwarded(&mut desk);
    assert_eq!(
        message.list(HeaderName::RecordRoute).collect::<Vec<_>>(),
        ["<sip:rr-o@scscf1a.home1.test;lr>"]
    );
    // The presentity's side.
    desk.receive(0, address(ICSCF), for_alice("SUBSCRIBE", 2));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(to.to_string(), PS);
    assert_eq!(
        message.list(HeaderName::RecordRoute).collect::<Vec<_>>(),
        ["<sip:rr-t@scscf1a.home1.test;lr>"]
    );
}

#[test]
fn rfc5627_6_2_a_watcher_has_its_notifys_sent_to_no_phone_but_its_own() {
    for (contact, foreign) in [
        ("sip:alice@home1.test;gr=urn:uuid:1", false),
        ("sip:alias@HOME1.test;gr=urn:uuid:1", false),
        ("sip:carol@home1.test;gr=urn:uuid:1", true),
        ("sip:home1.test;gr", true),
        ("sip:carol@home2.test;gr=urn:uuid:1", false),
        ("sip:carol@198.51.100.7:5080", false),
    ] {
        for (method, event, uri) in
            [("SUBSCRIBE", "presence", CAROL), ("SUBSCRIBE", "reg", ALICE), ("MESSAGE", "presence", CAROL)]
        {
            let mut desk = registered();
            let headers = format!("{}Contact: <{contact}>\r\n", ORIG.replace("presence", event));
            desk.receive(0, address(PCSCF), request(method, uri, 1, &headers));
            let (_, message) = desk.sent().unwrap();
            let foreign = foreign && method == "SUBSCRIBE";
            let reason = foreign.then(|| Cause::ForeignGruu.reason());
            assert_eq!(desk.reason(&message), reason, "{method} {event} {contact}");
            let is_403 = message.status().is_some_and(|status| status.code() == 403);
            assert_eq!(is_403, foreign, "{method} {event} {contact}");
        }
    }
}

#[test]
fn isc_05_a_request_that_comes_back_goes_on_behind_that_criterion() {
    let mut desk = registered();
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", CAROL, 1, ORIG));
    let (_, at_server) = forwarded(&mut desk);
    let odi = at_server.list(HeaderName::Route).nth(1).unwrap().to_owned();
    let headers =
        format!("Route: {odi}\r\nP-Asserted-Identity: <sip:alice@home1.test>\r\nEvent: presence\r\n");
    desk.receive(0, address(PS), request("SUBSCRIBE", CAROL, 2, &headers));
    assert_eq!(forwarded(&mut desk).0.to_string(), ICSCF, "no further criterion, so on by domain");
    let forged = headers.replace("odi-0-0-", "odi-0-1-");
    desk.receive(0, address(PS), request("SUBSCRIBE", ALICE, 3, &forged));
    let (to, message) = forwarded(&mut desk);
    let served = message.value(HeaderName::PServedUser).unwrap();
    assert!(
        to.to_string() == PS && served.contains("sescase=orig"),
        "an unknown token with orig begins anew"
    );
}

/// An application server sends alice's request on as that of another user, or of another identity or spelling of hers.
#[test]
fn rt_st_06_a_request_that_comes_back_for_another_user_begins_at_that_users_first_criterion() {
    let term = "Route: <sip:scscf1a.home1.test;lr>\r\nP-Asserted-Identity: <sip:bob@home1.test>\r\nEvent: presence\r\n";
    for (uri, same) in
        [(ALICE, true), ("sip:alias@home1.test", true), ("tel:+1-555-0001", true), (CAROL, false)]
    {
        let mut desk = registered();
        desk.receive(0, address(ICSCF), request("SUBSCRIBE", ALICE, 1, term));
        let (_, at_server) = forwarded(&mut desk);
        let odi = at_server.list(HeaderName::Route).nth(1).unwrap().to_owned();
        let headers = term.replace("<sip:scscf1a.home1.test;lr>", &odi);
        desk.receive(0, address(PS), request("SUBSCRIBE", uri, 2, &headers));
        if same {
            let (to, message) = desk.sent().unwrap();
            assert!(to != address(PS) || message.status().is_some(), "no criterion is left for {uri}");
        } else {
            assert!(matches!(desk.asked(), Some(Request::Sar(_))), "carol's profile is asked for");
        }
    }
}

/// The presence server does this to alice's PUBLISH, whose criterion says this; the statuses sent back, and the reasons of ours.
fn server_fails(
    handling: DefaultHandling,
    fail: impl FnOnce(&mut Desk<Scscf>, &Message),
) -> (Vec<String>, Vec<(u16, Option<Reason>)>) {
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, CONTACT);
    desk.receive(
        0,
        address(ICSCF),
        register(2, &format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", 1))),
    );
    desk.hss(Ok(saa(handling)));
    desk.status();
    answer_third_party(&mut desk);
    desk.receive(0, address(PCSCF), request("PUBLISH", ALICE, 1, ORIG));
    let (_, message) = forwarded(&mut desk);
    fail(&mut desk, &message);
    let sent: Vec<_> = std::iter::from_fn(|| desk.sent()).collect();
    let forwards = sent.iter().filter(|(_, m)| m.status().is_none() && m.branch() != message.branch());
    let answers = sent.iter().filter_map(|(_, m)| Some((m.status()?.code(), desk.reason(m))));
    let finals = answers.filter(|(status, _)| *status >= 200);
    (forwards.map(|(to, _)| to.to_string()).collect(), finals.collect())
}

#[test]
fn isc_06_and_07_default_handling() {
    type Failure = fn(&mut Desk<Scscf>, &Message);
    let silent: Failure = |desk, _| desk.pass(Duration::from_millis(4500));
    let dead: Failure = |desk, _| {
        desk.input(Input::SendFailed { flow: Desk::<Scscf>::flow(0, address(PS)), loss: Loss::Refused })
    };
    let busy: Failure = |desk, message| desk.respond(0, address(PS), message, 500, "");
    let no: Failure = |desk, message| desk.respond(0, address(PS), message, 403, "");
    let on = || vec![ICSCF.to_owned()];
    let is_silent = || vec![(504, Some(Cause::ApplicationServerSilent.reason()))];
    let rows = [
        ("silent", silent, DefaultHandling::Continued, on(), vec![]),
        ("silent", silent, DefaultHandling::Terminated, vec![], is_silent()),
        ("dead", dead, DefaultHandling::Continued, on(), vec![]),
        ("dead", dead, DefaultHandling::Terminated, vec![], is_silent()),
        ("500", busy, DefaultHandling::Continued, on(), vec![]),
        ("500", busy, DefaultHandling::Terminated, vec![], vec![(500, None)]),
        ("403", no, DefaultHandling::Continued, vec![], vec![(403, None)]),
        ("403", no, DefaultHandling::Terminated, vec![], vec![(403, None)]),
    ];
    for (what, failure, handling, forwards, finals) in rows {
        assert_eq!(server_fails(handling, failure), (forwards, finals), "{what} {handling:?}");
    }
}

#[test]
fn rt_st_01_and_02_barred_unregistered_and_unknown_users() {
    let mut desk = registered();
    desk.receive(
        0,
        address(ICSCF),
        for_alice("SUBSCRIBE", 1).replace("SUBSCRIBE sip:alice", "SUBSCRIBE sip:barred"),
    );
    assert_eq!(desk.refusal(), refused(404, Cause::IdentityBarred), "RT-ST-01");
    let carol = |number| for_alice("SUBSCRIBE", number).replace("SUBSCRIBE sip:alice", "SUBSCRIBE sip:carol");
    let rows = [
        (Ok(saa_result(ResultCode::UserUnknown)), refused(404, NodeCause::UnknownUser)),
        (Ok(saa_result(ResultCode::IdentityAlreadyRegistered)), refused(480, Cause::OtherScscf)),
        (Err(CxFailure::Timeout), refused(504, NodeCause::HssSilent)),
        (Ok(saa_result(ResultCode::TooBusy)), refused(504, NodeCause::HssCannotTell)),
    ];
    for (number, (answer, expected)) in (2..).zip(rows) {
        desk.receive(0, address(ICSCF), carol(number));
        let Some(Request::Sar(sar)) = desk.asked() else { panic!("no SAR") };
        assert_eq!((sar.kind, sar.impi), (SarType::UnregisteredUser, None));
        desk.hss(answer);
        assert_eq!(desk.refusal(), expected);
    }
    // Edge 14: never registered, and still the presence server is reached.
    desk.receive(0, address(ICSCF), carol(9));
    desk.hss(Ok(saa(DefaultHandling::Terminated)));
    let (to, message) = forwarded(&mut desk);
    let served = message.value(HeaderName::PServedUser).unwrap();
    assert!(to.to_string() == PS && served.ends_with("sescase=term;regstate=unreg"), "{served}");
}

#[test]
fn rt_st_04_to_the_phone_over_its_path() {
    let mut desk = registered();
    desk.receive(0, address(ICSCF), for_alice("MESSAGE", 1));
    let (to, message) = forwarded(&mut desk);
    assert_eq!((to.ip(), message.request_uri_text()), (address(PCSCF).ip(), "sip:alice@198.51.100.7:5080"));
    assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), [PATH]);
    assert_eq!(message.value(HeaderName::PCalledPartyId), Some("<sip:alice@home1.test>"));
    desk.respond(0, address(PCSCF), &message, 430, "");
    let unreachable = refused(480, Cause::PhoneUnreachable);
    assert_eq!(desk.refusal(), unreachable, "RT-P-08: 430 is between P-CSCF and S-CSCF");
    assert_eq!(desk.node.role().registered(), 0, "RT-P-08: that binding leads nowhere");
}

#[test]
fn rt_p_08_news_of_a_lost_flow_come_after_the_next_registration() {
    let mut desk = registered();
    desk.receive(0, address(ICSCF), for_alice("MESSAGE", 1));
    let (_, message) = forwarded(&mut desk);
    let moved = format!("{CONTACT}Path: <sip:ft01@pcscf1a.home1.test;lr;ob>\r\n");
    register_alice(&mut desk, 3, &moved);
    answer_third_party(&mut desk);
    desk.respond(0, address(PCSCF), &message, 430, "");
    assert_eq!((desk.refusal(), desk.node.role().registered()), (refused(480, Cause::PhoneUnreachable), 1));
}

#[test]
fn rt_st_04_without_a_phone_it_is_480() {
    let mut desk = registered();
    let text = for_alice("MESSAGE", 1).replace("MESSAGE sip:alice", "MESSAGE sip:carol");
    desk.receive(0, address(ICSCF), text);
    desk.hss(Ok(saa(DefaultHandling::Terminated)));
    assert_eq!(desk.refusal(), refused(480, NodeCause::NotRegistered));
}

fn notify(uri: &str, number: u32, routes: &str) -> String {
    let headers = format!("{routes}Event: presence\r\nSubscription-State: active\r\n");
    request("NOTIFY", uri, number, &headers)
        .replace(&format!("To: <{uri}>"), "To: <sip:alice@home1.test>;tag=ue")
}

#[test]
fn rt_so_07_and_sub_p_01_a_notify_follows_its_routes() {
    let mut desk = registered();
    let routes = format!("Route: <sip:rr-o@scscf1a.home1.test;lr>, {PATH}\r\n");
    desk.receive(0, address(ICSCF), notify("sip:alice@198.51.100.7:5080", 1, &routes));
    let (to, message) = forwarded(&mut desk);
    assert_eq!(
        (to.ip(), message.list(HeaderName::Route).collect::<Vec<_>>()),
        (address(PCSCF).ip(), vec![PATH])
    );
    assert_eq!(
        message.list(HeaderName::RecordRoute).collect::<Vec<_>>(),
        ["<sip:rr-o@scscf1a.home1.test;lr>"]
    );
    assert_eq!(desk.asked(), None);
}

#[test]
fn rt_p_08_a_notify_whose_phone_has_gone_gets_480() {
    let unreachable = Some(Cause::PhoneUnreachable.reason());
    for (code, told, reason) in [(430, 480, unreachable), (481, 481, None), (200, 200, None)] {
        let mut desk = registered();
        let routes = format!("Route: <sip:rr-o@scscf1a.home1.test;lr>, {PATH}\r\n");
        desk.receive(0, address(ICSCF), notify("sip:alice@198.51.100.7:5080", 1, &routes));
        let (_, message) = forwarded(&mut desk);
        desk.respond(0, address(PCSCF), &message, code, "");
        let (_, answer) = desk.sent().unwrap();
        assert_eq!((answer.status().unwrap().code(), desk.reason(&answer)), (told, reason));
    }
}

#[test]
fn design_9_a_gruu_becomes_the_contact_bound_to_it() {
    let mut desk = registered_with_gruu();
    let gruu = "sip:alice@home1.test;gr=urn:uuid:1";
    let routes = format!("Route: <sip:rr-o@scscf1a.home1.test;lr>, {PATH}\r\n");
    desk.receive(0, address(ICSCF), notify(gruu, 1, &routes));
    let (_, by_dialog) = forwarded(&mut desk);
    assert_eq!(by_dialog.request_uri_text(), "sip:alice@198.51.100.7:5080");
    desk.receive(0, address(ICSCF), notify(gruu, 2, "Route: <sip:scscf1a.home1.test;lr>\r\n"));
    let (to, by_identity) = forwarded(&mut desk);
    assert_eq!(
        (to.ip(), by_identity.request_uri_text()),
        (address(PCSCF).ip(), "sip:alice@198.51.100.7:5080")
    );
    assert_eq!(by_identity.list(HeaderName::Route).collect::<Vec<_>>(), [PATH], "its Path");
    for routes in [routes.as_str(), "Route: <sip:scscf1a.home1.test;lr>\r\n"] {
        let other = gruu.replace("uuid:1", "uuid:2");
        desk.receive(
            0,
            address(ICSCF),
            notify(&other, 3, routes).replace("NOTIFY3", &format!("N{}", routes.len())),
        );
        assert_eq!(desk.refusal(), refused(480, Cause::GruuUnknown), "no binding: never back to the I-CSCF");
    }
}

#[test]
fn design_9_the_presentitys_s_cscf_leaves_the_gruu_to_the_watchers() {
    // Two S-CSCFs of one domain: alice is registered at the other one, which lies ahead.
    let mut desk = registered();
    let gruu = "sip:alice@home1.test;gr=urn:uuid:elsewhere";
    let ahead = ["<sip:rr@home1.test;lr>", "<sip:rr-o@scscf1b.home1.test;lr>"];
    let routes = format!("Route: <sip:rr-t@scscf1a.home1.test;lr>, {}\r\n", ahead.join(", "));
    desk.receive(0, address(ICSCF), notify(gruu, 1, &routes));
    let (_, message) = forwarded(&mut desk);
    assert_eq!(message.request_uri_text(), gruu);
    assert_eq!(message.list(HeaderName::Route).collect::<Vec<_>>(), ahead);
}

#[test]
fn rt_st_02_nobody_speaks_for_the_network_from_outside() {
    for text in [for_alice("SUBSCRIBE", 1), notify("sip:alice@198.51.100.7:5080", 2, "")] {
        let mut desk = registered();
        desk.receive(0, address(STRANGER), text);
        assert_eq!(desk.refusal(), refused(403, NodeCause::Outsider));
    }
}

#[test]
fn sip_02_what_a_watcher_of_a_registration_insists_on_and_is_not_served() {
    let filter = "Content-Type: application/simple-filter+xml\r\n";
    let unknown = refused(420, NodeCause::UnknownRequire);
    let no_filter = refused(415, NodeCause::FilterNotSupported);
    for (headers, body, expected, name, told) in [
        ("Require: path, sip-gold\r\n", "", unknown, HeaderName::Unsupported, "path, sip-gold"),
        (filter, "x", no_filter, HeaderName::Accept, ""),
        ("Content-Encoding: gzip\r\n", "x", no_filter, HeaderName::AcceptEncoding, "identity"),
    ] {
        let mut desk = registered();
        let own = ORIG.replace("Event: presence", "Event: reg");
        let headers = format!("{own}Contact: <{ALICE}>\r\n{headers}");
        let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let text = request("SUBSCRIBE", ALICE, 1, &headers).replace("Content-Length: 0\r\n\r\n", &length);
        // The Service-Route's mark has brought it here; what it is about is ours to answer.
        desk.receive(0, address(PCSCF), text);
        let (_, response) = desk.sent().unwrap();
        assert_eq!((refusal_in(&desk, &response), response.value(name)), (expected, Some(told)), "{headers}");
        assert_eq!(desk.node.role().reg_watches(), 0);
    }
}

/// Every spelling of the telephone number of alice's set.
const SPELLINGS: [&str; 4] = [
    "tel:+15550001",
    "tel:+1(555)00-01",
    "sip:+15550001@home1.test;user=phone",
    "sip:%2B1-555-0001@HOME1.TEST;user=phone",
];

#[test]
fn gw_06_application_servers_know_a_number_by_its_sip_identity() {
    let term = "Route: <sip:scscf1a.home1.test;lr>\r\nP-Asserted-Identity: <sip:bob@home1.test>\r\nEvent: presence\r\n";
    for spelling in SPELLINGS {
        for (method, source, headers) in [("PUBLISH", PCSCF, ORIG), ("SUBSCRIBE", ICSCF, term)] {
            let mut desk = registered();
            desk.receive(0, address(source), request(method, spelling, 1, headers));
            let (to, message) = forwarded(&mut desk);
            assert_eq!((&*to.to_string(), message.request_uri_text()), (PS, ALICE), "{method} {spelling}");
        }
    }
}

#[test]
fn gw_06_a_number_that_is_called_is_looked_up_in_our_own_domain() {
    for (uri, onward) in [
        ("tel:+1(555)0999", "sip:+15550999@home1.test;user=phone"),
        ("tel:0999;phone-context=home1.test", "sip:0999;phone-context=home1.test@home1.test;user=phone"),
        ("tel:*99#;phone-context=+1", "sip:*99%23;phone-context=+1@home1.test;user=phone"),
        ("sip:+15550999@home1.test;user=phone", "sip:+15550999@home1.test;user=phone"),
    ] {
        let mut desk = registered();
        desk.receive(0, address(PCSCF), request("MESSAGE", uri, 1, ORIG));
        let (to, message) = forwarded(&mut desk);
        assert_eq!((&*to.to_string(), message.request_uri_text()), (ICSCF, onward), "{uri}");
    }
}

#[test]
fn rfc3261_16_3_without_a_hop_left_nobody_is_asked() {
    let term = "Route: <sip:scscf1a.home1.test;lr>\r\nP-Asserted-Identity: <sip:bob@home1.test>\r\nEvent: presence\r\n";
    for (uri, headers) in [(ALICE, ORIG), (CAROL, term), ("sip:nobody@home1.test", term)] {
        let mut desk = registered();
        desk.receive(
            0,
            address(PCSCF),
            request("SUBSCRIBE", uri, 1, headers).replace("Forwards: 70", "Forwards: 0"),
        );
        assert!(desk.asked().is_none(), "{uri}");
        assert_eq!(desk.refusal(), refused(483, NodeCause::NoHopLeft), "{uri}");
    }
}
