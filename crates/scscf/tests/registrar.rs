//! The registrar (TS 24.229 section 5.4.1), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{
    Answer, CxFailure, DefaultHandling, Impi, Impu, Ppr, Request, ResultCode, Rtr, RtrReason, SarType,
};
use ims_node::{HssRequestId, Input, NodeCause};
use scscf::{Cause, Scscf};
use sip_message::{Challenge, DigestAlgorithm, HeaderName, NameAddr};
use std::time::Duration;
use testnet::Desk;

#[test]
fn reg_s_01_from_outside_the_trust_domain_is_403() {
    let mut desk = desk();
    desk.receive(0, address(STRANGER), register(1, CONTACT));
    assert_eq!((desk.refusal(), desk.asked()), (refused(403, NodeCause::Outsider), None));
}

#[test]
fn reg_s_02_without_credentials_one_challenge_for_each_algorithm_strongest_first() {
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, CONTACT);
    let algorithms: Vec<_> =
        challenges.iter().map(|value| Challenge::parse(value).unwrap().algorithm).collect();
    assert_eq!(algorithms, [Some(DigestAlgorithm::Sha256), Some(DigestAlgorithm::Md5)]);
    let again = challenged(&mut desk, 2, CONTACT);
    assert_ne!(Challenge::parse(&again[0]).unwrap().nonce, Challenge::parse(&challenges[0]).unwrap().nonce);
}

#[test]
fn reg_s_03_and_05_the_right_response_registers() {
    for algorithm in 0..2 {
        let mut desk = desk();
        let challenges = challenged(&mut desk, 1, CONTACT);
        let headers = format!("{CONTACT}{}", authorization(&challenges[algorithm], "alice-secret", 1));
        desk.receive(0, address(ICSCF), register(2, &headers));
        let Some(Request::Sar(sar)) = desk.asked() else { panic!("no SAR") };
        assert_eq!((sar.kind, sar.server_name.as_str()), (SarType::Registration, "sip:scscf1a.home1.test"));
        desk.hss(Ok(saa(DefaultHandling::Terminated)));
        let (_, response) = desk.sent().unwrap();
        assert_eq!(response.status().unwrap().code(), 200);
        assert_eq!(response.value(HeaderName::Path), Some(PATH));
        assert_eq!(response.value(HeaderName::ServiceRoute), Some("<sip:orig@scscf1a.home1.test;lr>"));
        let associated: Vec<&str> = response.list(HeaderName::PAssociatedUri).collect();
        assert_eq!(associated, ["<sip:alice@home1.test>", "<sip:alias@home1.test>", "<tel:+15550001>"]);
        assert_eq!(response.value(HeaderName::Contact), Some("<sip:alice@198.51.100.7:5080>;expires=3600"));
        assert_eq!(desk.node.role().registered(), 1);
    }
}

#[test]
fn reg_s_03_three_wrong_responses_end_the_attempt_and_the_hss_is_told() {
    let mut desk = desk();
    let mut challenges = challenged(&mut desk, 1, CONTACT);
    for number in 2..4 {
        let headers = format!("{CONTACT}{}", authorization(&challenges[0], "wrong", 1));
        desk.receive(0, address(ICSCF), register(number, &headers));
        let (_, response) = desk.sent().unwrap();
        assert_eq!(response.status().unwrap().code(), 401, "attempt {number}");
        challenges = response.list_of_challenges();
    }
    let headers = format!("{CONTACT}{}", authorization(&challenges[0], "wrong", 1));
    desk.receive(0, address(ICSCF), register(4, &headers));
    assert_eq!(desk.refusal(), refused(403, Cause::WrongPassword));
    let Some(Request::Sar(sar)) = desk.asked() else { panic!("the HSS is not told") };
    assert_eq!(sar.kind, SarType::AuthenticationFailure);
    assert_eq!(desk.node.role().registered(), 0);
}

#[test]
fn sip_19_a_nonce_expires_and_a_count_does_not_repeat() {
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, CONTACT);
    desk.pass(Duration::from_secs(240));
    let Some(Request::Sar(sar)) = desk.asked() else { panic!("the HSS is not told") };
    assert_eq!(sar.kind, SarType::AuthenticationTimeout);
    desk.hss(Ok(saa_result(ResultCode::Success)));
    desk.clear();
    let headers = format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(2, &headers));
    desk.hss(Ok(maa()));
    let (_, response) = desk.sent().unwrap();
    assert!(response.value(HeaderName::WwwAuthenticate).unwrap().contains("stale=true"));

    let mut desk = registered();
    let challenges = challenged(&mut desk, 3, CONTACT);
    for (number, count, accepted) in [(4, 1, true), (5, 1, false), (6, 2, true)] {
        let headers = format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", count));
        desk.receive(0, address(ICSCF), register(number, &headers));
        match (desk.asked(), accepted) {
            (Some(Request::Sar(_)), true) => desk.hss(Ok(saa(DefaultHandling::Terminated))),
            (Some(Request::Mar(_)), false) => desk.hss(Ok(maa())),
            (other, _) => panic!("count {count}: {other:?}"),
        }
        assert_eq!(desk.status(), Some(if accepted { 200 } else { 401 }), "count {count}");
        desk.clear();
    }
}

#[test]
fn design_8_a_username_in_another_spelling_is_checked_with_its_own_secret() {
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, CONTACT);
    let short = authorization_as("alice", &challenges[0], "alice-secret", 1);
    desk.receive(0, address(ICSCF), register(2, &format!("{CONTACT}{short}")));
    let Some(Request::Mar(mar)) = desk.asked() else { panic!("not asked for the other spelling") };
    assert_eq!(mar.impi.as_str(), "alice");
    desk.hss(Ok(maa_of("alice")));
    assert!(matches!(desk.asked(), Some(Request::Sar(_))), "the first answer is enough");
}

#[test]
fn reg_s_04_and_06_what_is_refused_before_anybody_is_asked() {
    for (headers, expected) in [
        ("Contact: <sip:a@h>;expires=59\r\n", refused(423, Cause::IntervalTooBrief)),
        ("Contact: *\r\n", refused(400, Cause::BadStarContact)),
        ("Contact: sip:a@h?Route=x\r\n", refused(400, Cause::ContactNotAddress)),
        ("Contact: <sip:a@h>\r\nRequire: sip-gold\r\n", refused(420, NodeCause::UnknownRequire)),
    ] {
        let mut desk = desk();
        desk.receive(0, address(ICSCF), register(1, headers));
        assert_eq!((desk.refusal(), desk.asked()), (expected, None), "{headers}");
    }
}

#[test]
fn reg_s_01_and_edge_15_what_the_hss_refuses_or_does_not_answer() {
    let rows = [
        (Ok(saa_result(ResultCode::IdentityAlreadyRegistered)), refused(480, Cause::OtherScscf)),
        (Ok(saa_result(ResultCode::UserUnknown)), refused(403, Cause::HssRefuses)),
        (Err(CxFailure::Timeout), refused(504, NodeCause::HssSilent)),
    ];
    for (answer, expected) in rows {
        let mut desk = desk();
        let challenges = challenged(&mut desk, 1, CONTACT);
        let headers = format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", 1));
        desk.receive(0, address(ICSCF), register(2, &headers));
        desk.hss(answer);
        assert_eq!((desk.refusal(), desk.node.role().registered()), (expected, 0));
    }
    let mut desk = desk();
    desk.receive(0, address(ICSCF), register(1, CONTACT));
    desk.hss(Err(CxFailure::NotConnected));
    assert_eq!(desk.refusal(), refused(504, NodeCause::HssSilent));
}

#[test]
fn reg_s_08_and_09_contacts_are_added_refreshed_and_removed_and_the_server_is_told() {
    let mut desk = registered();
    let response = register_alice(&mut desk, 3, "Contact: <sip:alice@second:5090>;expires=600\r\n");
    assert_eq!(response.list(HeaderName::Contact).count(), 2);
    assert_eq!(answer_third_party(&mut desk), Some(3600));
    let response = register_alice(&mut desk, 5, "Contact: <sip:alice@second:5090>;expires=0\r\n");
    assert_eq!(
        response.list(HeaderName::Contact).collect::<Vec<_>>(),
        ["<sip:alice@198.51.100.7:5080>;expires=3600"]
    );
    assert_eq!(answer_third_party(&mut desk), Some(3600));
    let response = register_alice(&mut desk, 7, "Contact: *\r\nExpires: 0\r\n");
    assert_eq!(response.list(HeaderName::Contact).count(), 0);
    assert_eq!(answer_third_party(&mut desk), Some(0));
    assert_eq!((desk.node.role().registered(), desk.records().len()), (0, 2), "the keys alone");
}

#[test]
fn reg_s_08_an_earlier_register_of_the_same_call_changes_nothing() {
    let mut desk = registered();
    let challenges = challenged(&mut desk, 10, CONTACT);
    let headers = format!("{CONTACT}Expires: 0\r\n{}", authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(2, &headers).replace("REGISTER2", "REGISTERx"));
    assert_eq!((desk.refusal(), desk.node.role().registered()), (refused(500, Cause::EarlierRegister), 1));
}

#[test]
fn reg_s_08_of_a_contact_that_is_named_twice_the_last_naming_counts() {
    let again =
        |first: &str, last: &str| format!("{CONTACT}Contact: <sip:a@h>{first}, <sip:%61@h>{last}\r\n");
    for (headers, bound) in [
        (again("", ""), vec![3600, 3600]),
        (again(";expires=100", ";expires=200"), vec![3600, 200]),
        (again("", ";expires=0"), vec![3600]),
        (again(";expires=0", ";expires=200"), vec![3600, 200]),
    ] {
        let mut desk = registered();
        let response = register_alice(&mut desk, 3, &headers);
        let granted = response.list(HeaderName::Contact).map(|contact| {
            NameAddr::parse(contact).unwrap().params().get("expires").unwrap().parse::<u32>().unwrap()
        });
        assert_eq!(granted.collect::<Vec<_>>(), bound, "{headers}");
    }
}

#[test]
fn rfc5627_a_phone_that_understands_gruus_gets_one() {
    let mut desk = desk();
    let contact =
        "Contact: <sip:alice@198.51.100.7:5080>;+sip.instance=\"<urn:uuid:1>\"\r\nSupported: gruu\r\n";
    let response = register_alice(&mut desk, 1, contact);
    let value = response.value(HeaderName::Contact).unwrap();
    assert!(value.contains("pub-gruu=\"sip:alice@home1.test;gr=urn:uuid:1\""), "{value}");
    answer_third_party(&mut desk);
    let moved = contact.replace("198.51.100.7", "198.51.100.9");
    let response = register_alice(&mut desk, 3, &moved);
    assert_eq!(response.list(HeaderName::Contact).count(), 1, "the same phone at another address");
}

/// By its instance the phone is known at whatever address.
#[test]
fn rfc3261_10_3_an_earlier_register_is_told_by_its_instance_too() {
    let mut desk = desk();
    let contact = |host: &str| format!("Contact: <sip:alice@{host}:5080>;+sip.instance=\"<urn:uuid:1>\"\r\n");
    register_alice(&mut desk, 5, &contact("198.51.100.9"));
    answer_third_party(&mut desk);
    let challenges = challenged(&mut desk, 10, CONTACT);
    let headers = format!("{}{}", contact("198.51.100.7"), authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(4, &headers));
    let earlier = refused(500, Cause::EarlierRegister);
    assert_eq!(desk.refusal(), earlier, "what was sent before does not bring the old address back");
}

#[test]
fn reg_s_12_a_profile_that_bars_every_identity_ends_the_registration() {
    let mut desk = registered();
    let mut barred = profile(DefaultHandling::Terminated);
    barred.identities.identities.iter_mut().for_each(|identity| identity.barred = true);
    let request = Request::Ppr(Ppr { impi: Impi::new("alice@home1.test").unwrap(), profile: barred });
    desk.input(Input::HssRequest { id: HssRequestId(1), request });
    let Some(Request::Sar(sar)) = desk.asked() else { panic!("the HSS is not told") };
    assert_eq!((sar.kind, desk.node.role().registered()), (SarType::AdministrativeDeregistration, 0));
    assert_eq!(answer_third_party(&mut desk), Some(0));
}

#[test]
fn reg_s_11_a_registration_that_expires_is_told_to_hss_and_server() {
    let mut desk = desk();
    register_alice(&mut desk, 1, "Contact: <sip:alice@h>;expires=60\r\n");
    answer_third_party(&mut desk);
    desk.pass(Duration::from_millis(59_999));
    assert_eq!(desk.node.role().registered(), 1);
    desk.clear();
    desk.pass(Duration::from_millis(1));
    let Some(Request::Sar(sar)) = desk.asked() else { panic!("the HSS is not told") };
    assert_eq!((sar.kind, desk.node.role().registered()), (SarType::TimeoutDeregistration, 0));
    assert_eq!(answer_third_party(&mut desk), Some(0));
}

#[test]
fn reg_s_11_and_12_the_hss_takes_a_user_away_or_changes_the_profile() {
    let impi = || Impi::new("alice@home1.test").unwrap();
    let mut desk = registered();
    let mut changed = profile(DefaultHandling::Terminated);
    changed.criteria.clear();
    let request = Request::Ppr(Ppr { impi: impi(), profile: changed });
    desk.input(Input::HssRequest { id: HssRequestId(1), request });
    assert_eq!(answer_third_party(&mut desk), Some(0), "the server is one of hers no more");
    desk.receive(0, address(PCSCF), common::request("PUBLISH", "sip:alice@home1.test", 1, ORIG));
    assert_eq!(forwarded(&mut desk).0.to_string(), ICSCF, "no criterion is left, so on by domain");

    let mut desk = registered();
    let impus = vec![Impu::new("sip:alice@home1.test").unwrap()];
    let rtr = Rtr { impi: impi(), impus, reason: RtrReason::PermanentTermination, reason_info: None };
    desk.input(Input::HssRequest { id: HssRequestId(1), request: Request::Rtr(rtr) });
    assert_eq!((desk.node.role().registered(), desk.asked()), (0, None), "the HSS knows");
    assert_eq!(answer_third_party(&mut desk), Some(0));
}

#[test]
fn reg_s_10_a_server_that_fails_ends_the_registration_only_where_the_criterion_says_so() {
    for (handling, left) in [(DefaultHandling::Terminated, 0), (DefaultHandling::Continued, 1)] {
        let mut desk = desk();
        let challenges = challenged(&mut desk, 1, CONTACT);
        let headers = format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", 1));
        desk.receive(0, address(ICSCF), register(2, &headers));
        let mut profile = profile(DefaultHandling::Terminated);
        profile.criteria[2].application_server.default_handling = handling;
        let result = ResultCode::Success;
        desk.hss(Ok(Answer::Saa(cx_protocol::Saa { result, impi: None, profile: Some(profile) })));
        assert_eq!(desk.status(), Some(200));
        let (_, third_party) = forwarded(&mut desk);
        desk.respond(0, address(PS), &third_party, 500, "");
        assert_eq!(desk.node.role().registered(), left, "{handling:?}");
    }
}

#[test]
fn reg_s_09_a_server_can_tell_the_later_register_also_after_a_restart() {
    let call = |desk: &mut Desk<Scscf>, number| {
        register_alice(desk, number, CONTACT);
        let (_, message) = forwarded(desk);
        desk.respond(0, address(PS), &message, 200, "");
        (message.call_id().to_owned(), message.cseq())
    };
    let mut desk = desk();
    let (first, cseq) = call(&mut desk, 1);
    // Many in one second: how far the count has come is known to nobody after a kill.
    for later in 1..=3 {
        assert_eq!(call(&mut desk, 1 + 2 * later), (first.clone(), cseq + later));
    }
    desk.restart(Duration::ZERO, settings(), role());
    let (second, cseq) = call(&mut desk, 11);
    assert_ne!(second, first, "of another Call-ID it is the later one, whatever its CSeq");
    assert_eq!(call(&mut desk, 13), (second, cseq + 1));
}

#[test]
fn design_6_a_registration_survives_the_process() {
    let mut desk = registered();
    desk.restart(Duration::ZERO, settings(), role());
    assert_eq!(desk.node.role().registered(), 1);
    desk.pass(Duration::from_secs(3600));
    assert_eq!((desk.node.role().registered(), desk.records().len()), (0, 2), "deadlines are absolute");
}

/// The lines of a REGISTER that answer this challenge by another realm: the digest is made for it.
fn for_realm(challenge: &str, realm: &str) -> String {
    let named = challenge.replace("realm=\"home1.test\"", &format!("realm=\"{realm}\""));
    authorization(&named, "alice-secret", 1)
}

#[test]
fn rfc7616_3_3_credentials_for_another_realm_are_wrong_and_not_stale() {
    for realm in ["sip.home1.test", "HOME1.test", "home1.test.", "", "home2.test"] {
        let mut desk = desk();
        let mut challenge = challenged(&mut desk, 1, CONTACT).remove(0);
        for number in [2, 3] {
            let headers = format!("{CONTACT}{}", for_realm(&challenge, realm));
            desk.receive(0, address(ICSCF), register(number, &headers));
            let (_, response) = desk.sent().unwrap();
            assert_eq!(response.status().unwrap().code(), 401, "{realm:?}");
            challenge = response.list_of_challenges().remove(0);
            assert!(!challenge.contains("stale"), "{realm:?}: {challenge}");
        }
        let headers = format!("{CONTACT}{}", for_realm(&challenge, realm));
        desk.receive(0, address(ICSCF), register(4, &headers));
        let sent = std::iter::from_fn(|| desk.sent()).map(|(_, message)| message);
        let answer = sent.into_iter().find(|message| message.status().is_some()).unwrap();
        assert_eq!(refusal_in(&desk, &answer), refused(403, Cause::OtherRealm), "{realm:?}");
    }
}

#[test]
fn rfc3261_22_1_of_several_credentials_those_of_our_realm_count() {
    const VOICEMAIL: &str = "Authorization: Digest username=\"bob\", realm=\"voicemail.example\", nonce=\"5f\", \
        uri=\"sip:home1.test\", response=\"00000000000000000000000000000000\"\r\n";
    const BASIC: &str = "Authorization: Basic Ym9iOnNlY3JldA==\r\n";
    let old = "Authorization: Digest username=\"alice@home1.test\", realm=\"home1.test\", nonce=\"old\", \
        uri=\"sip:home1.test\", response=\"00000000000000000000000000000000\"\r\n";
    let orders: [&dyn Fn(&str) -> String; 7] = [
        &|own| format!("{VOICEMAIL}{own}"),
        &|own| format!("{own}{VOICEMAIL}"),
        &|own| format!("{VOICEMAIL}{VOICEMAIL}{own}"),
        &|own| format!("{VOICEMAIL}{own}{VOICEMAIL}"),
        &|own| format!("{BASIC}{own}"),
        &|own| format!("{old}{own}"),
        &|own| format!("{own}{old}"),
    ];
    for (number, order) in orders.iter().enumerate() {
        let mut desk = desk();
        let challenge = challenged(&mut desk, 1, CONTACT).remove(0);
        let own = authorization(&challenge, "alice-secret", 1);
        desk.receive(0, address(ICSCF), register(2, &format!("{CONTACT}{}", order(&own))));
        desk.hss(Ok(saa(DefaultHandling::Terminated)));
        assert_eq!(desk.status(), Some(200), "order {number}");
    }
    // All are for others: there are none.
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, &format!("{CONTACT}{VOICEMAIL}{BASIC}"));
    assert!(!challenges[0].contains("stale"));
}

/// A challenge to somebody else, put in front, hides no guess; nor does each of several challenges have guesses of its own.
#[test]
fn reg_s_03_each_wrong_answer_counts_whatever_stands_beside_it() {
    let mut desk = desk();
    let for_carol = register(1, CONTACT).replace("<sip:alice@home1.test>", "<sip:carol@home1.test>");
    desk.receive(0, address(ICSCF), for_carol.replace("REGISTER1", "carol"));
    desk.hss(Ok(maa_of("carol@home1.test")));
    let (_, response) = desk.sent().unwrap();
    let carols = response.list_of_challenges();
    let mut alices = challenged(&mut desk, 1, CONTACT);
    for number in 2..5 {
        let beside = authorization(&carols[0], "wrong", 1);
        let headers = format!("{CONTACT}{beside}{}", authorization(&alices[0], "wrong", number));
        desk.receive(0, address(ICSCF), register(number, &headers));
        let (_, response) = desk.sent().unwrap();
        if number < 4 {
            assert_eq!(response.status().unwrap().code(), 401, "{number}");
            alices = response.list_of_challenges();
        } else {
            assert_eq!(refusal_in(&desk, &response), refused(403, Cause::WrongPassword));
        }
    }
}
