//! A request to a user with several phones (rules RT-ST-04 and RT-P-08, RFC 3261 sections 16.6 and 16.7, RFC 3840 section 6).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use ims_node::{NodeCause, Reason};
use scscf::{Cause, Scscf};
use sip_message::{HeaderName, Message, Method};
use testnet::Desk;

const ALICE: &str = "sip:alice@home1.test";

/// A phone: the last octet of its address, and the parameters of its Contact.
type Phone = (u8, &'static str);

/// Alice has registered these phones in this order, a second apart.
fn with_phones(phones: &[Phone]) -> Desk<Scscf> {
    let mut desk = desk();
    for (number, (host, params)) in (1..).step_by(2).zip(phones) {
        let contact = format!("Contact: <sip:alice@198.51.100.{host}:5080>{params}\r\n");
        register_alice(&mut desk, number, &contact);
        answer_third_party(&mut desk);
        desk.pass(std::time::Duration::from_secs(1));
    }
    desk
}

/// A request for alice, as the I-CSCF sends it.
fn for_alice(method: &str, more: &str) -> String {
    request(method, ALICE, 1, &format!("P-Asserted-Identity: <sip:bob@home1.test>\r\n{more}"))
}

/// Sends it, has each phone that gets it give the next of these answers, and gives the phones asked, in order, and what the
/// sender was told.
fn asked(desk: &mut Desk<Scscf>, answers: &[u16]) -> (Vec<String>, Option<u16>) {
    let (hosts, answer) = offered(desk, answers);
    (hosts, answer.map(|answer| answer.status().unwrap().code()))
}

fn offered(desk: &mut Desk<Scscf>, answers: &[u16]) -> (Vec<String>, Option<Message>) {
    desk.receive(0, address(ICSCF), for_alice("MESSAGE", ""));
    let mut hosts = Vec::new();
    let mut answers = answers.iter();
    while let Some((_, message)) = desk.sent() {
        if message.status().is_some() {
            return (hosts, Some(message));
        }
        if message.method() != Some(&Method::Message) {
            continue; // What the presence server is told of the binding's end.
        }
        hosts.push(message.request_uri().unwrap().host().unwrap().to_string());
        let Some(answer) = answers.next() else { break };
        desk.respond(0, address(PCSCF), &message, *answer, "");
    }
    (hosts, None)
}

#[test]
fn rt_st_04_one_phone_after_the_other_by_q_then_the_newest() {
    let rows: [(&[Phone], [&str; 3]); 3] = [
        (&[(1, ""), (2, ""), (3, "")], ["3", "2", "1"]),
        (&[(1, ";q=0.9"), (2, ";q=0.1"), (3, ";q=0.5")], ["1", "3", "2"]),
        (&[(1, ";q=0.5"), (2, ""), (3, ";q=0.5")], ["2", "3", "1"]),
    ];
    for (phones, order) in rows {
        let (hosts, status) = asked(&mut with_phones(phones), &[486, 486, 486]);
        assert_eq!(hosts, order.map(|host| format!("198.51.100.{host}")), "{phones:?}");
        assert_eq!(status, Some(486), "{phones:?}");
    }
}

#[test]
fn rt_st_04_it_goes_on_after_every_final_answer_but_2xx_and_6xx() {
    let two = [(1, ""), (2, "")];
    for first in
        [300, 302, 400, 401, 403, 404, 405, 408, 415, 420, 430, 480, 481, 486, 488, 500, 501, 503, 504, 513]
    {
        let (hosts, status) = asked(&mut with_phones(&two), &[first, 200]);
        assert_eq!((hosts.len(), status), (2, Some(200)), "{first}");
    }
    for first in [200, 202, 600, 603, 604, 606] {
        let (hosts, status) = asked(&mut with_phones(&two), &[first, 200]);
        assert_eq!((hosts.len(), status), (1, Some(first)), "{first}");
    }
}

#[test]
fn rt_p_08_430_reaches_nobody_and_ends_that_binding() {
    let unreachable = Some(Cause::PhoneUnreachable.reason());
    for (answers, told, reason, registered) in [
        (&[430, 200][..], 200, None, 1),
        (&[430, 486], 486, None, 1),
        (&[486, 430], 486, None, 1),
        (&[430, 430], 480, unreachable, 0),
    ] {
        let mut desk = with_phones(&[(1, ""), (2, "")]);
        let (hosts, answer) = offered(&mut desk, answers);
        let answer = answer.unwrap();
        assert_eq!((hosts.len(), answer.status().unwrap().code()), (2, told), "{answers:?}");
        assert_eq!(
            (desk.reason(&answer), desk.node.role().registered()),
            (reason, registered),
            "{answers:?}"
        );
    }
}

#[test]
fn rt_st_04_a_phone_that_has_left_meanwhile_is_not_asked() {
    let mut desk = with_phones(&[(1, ""), (2, "")]);
    desk.receive(0, address(ICSCF), for_alice("MESSAGE", ""));
    let (_, message) = desk.sent().unwrap();
    assert!(message.request_uri_text().contains("198.51.100.2"));
    register_alice(&mut desk, 11, "Contact: <sip:alice@198.51.100.1:5080>;expires=0\r\n");
    desk.clear();
    desk.respond(0, address(PCSCF), &message, 486, "");
    assert_eq!(desk.status(), Some(486));
}

#[test]
fn rfc3261_16_7_the_sender_gets_the_best_of_the_answers() {
    for (answers, told) in
        [([500, 486], 486), ([486, 500], 486), ([302, 404], 302), ([404, 415], 415), ([503, 480], 480)]
    {
        assert_eq!(asked(&mut with_phones(&[(1, ""), (2, "")]), &answers).1, Some(told), "{answers:?}");
    }
    let mut desk = with_phones(&[(1, ""), (2, "")]);
    let answer = offered(&mut desk, &[503, 503]).1.unwrap();
    assert_eq!(refusal_in(&desk, &answer), refused(500, NodeCause::NextHopUnavailable));
}

#[test]
fn rfc3840_6_a_contact_is_returned_with_all_that_was_said_of_it() {
    let mut desk = desk();
    let contact = "Contact: \"At work\" <sip:alice@198.51.100.7:5080>;q=0.7;audio;+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp\"\
                   ;methods=\"MESSAGE,OPTIONS\";expires=600\r\n";
    let response = register_alice(&mut desk, 1, contact);
    let returned = response.value(HeaderName::Contact).unwrap();
    for part in [
        "\"At work\" <sip:alice@198.51.100.7:5080>",
        ";q=0.7",
        ";audio",
        ";+g.3gpp.icsi-ref=\"urn%3Aurn-7%3A3gpp\"",
        ";methods=\"MESSAGE,OPTIONS\"",
        ";expires=600",
    ] {
        assert_eq!(returned.matches(part).count(), 1, "{part} in {returned}");
    }
}

/// The breadths of what goes to the phones, and the answer.
fn breadths(desk: &mut Desk<Scscf>, more: &str) -> (Vec<String>, Option<(u16, Reason)>) {
    desk.receive(0, address(ICSCF), for_alice("MESSAGE", more));
    let (_, message) = desk.sent().unwrap();
    let breadths = message.values(HeaderName::MaxBreadth).map(str::to_owned).collect();
    (breadths, refusal_in(desk, &message))
}

#[test]
fn rfc5393_5_3_3_every_proxied_request_says_its_breadth() {
    for (given, sent, refusal) in [
        ("", &["60"][..], None),
        ("Max-Breadth: 7\r\n", &["7"], None),
        ("Max-Breadth: 1\r\n", &["1"], None),
        ("Max-Breadth: 0\r\n", &[], refused(440, NodeCause::NoBreadthLeft)),
    ] {
        let mut desk = with_phones(&[(1, "")]);
        let (breadths, answer) = breadths(&mut desk, given);
        assert_eq!(
            (breadths.as_slice(), answer),
            (&sent.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..], refusal)
        );
    }
}
