//! The `reg` event package (RFC 3680, TS 24.229 section 5.4.2.1), by rule id, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{DefaultHandling, Impi, Impu, Ppr, Request, Rtr, RtrReason};
use ims_node::{HssRequestId, Input, NodeCause};
use presence_document::{ContactEvent, ContactState, InfoState, RegInfo, RegState};
use scscf::{Cause, Scscf};
use sip_message::{HeaderName, Message};
use std::time::Duration;
use testnet::Desk;

const ALICE: &str = "sip:alice@home1.test";
const P_CSCF: &str = "sip:pcscf1a.home1.test";
const ROUTE: &str = "Route: <sip:orig@scscf1a.home1.test;lr>\r\n";
const INSTANCE: &str = ";+sip.instance=\"<urn:uuid:1>\"\r\nSupported: gruu\r\n";

/// A SUBSCRIBE to alice's registration by whom the network calls `asserted`.
fn subscribe(number: u32, asserted: &str, headers: &str) -> String {
    let headers = format!(
        "{ROUTE}P-Asserted-Identity: <{asserted}>\r\nP-Charging-Vector: icid-value=ic7;orig-ioi=x\r\nEvent: reg\r\n\
         Contact: <{asserted}>\r\n{headers}"
    );
    request("SUBSCRIBE", ALICE, number, &headers)
}

/// The P-CSCF watches alice; gives its 200 and the first NOTIFY, which it has confirmed.
fn watching(desk: &mut Desk<Scscf>) -> (Message, Message) {
    desk.receive(0, address(PCSCF), subscribe(1, P_CSCF, ""));
    let (_, accepted) = desk.sent().unwrap();
    assert_eq!(accepted.status().unwrap().code(), 200);
    let notify = notified(desk);
    desk.respond(0, address(PCSCF), &notify, 200, "");
    (accepted, notify)
}

/// The NOTIFY that was sent to the P-CSCF next.
fn notified(desk: &mut Desk<Scscf>) -> Message {
    let (to, notify) = desk.sent().expect("a NOTIFY");
    assert_eq!((to.ip(), notify.cseq_method(), notify.status()), (address(PCSCF).ip(), "NOTIFY", None));
    assert_eq!(notify.value(HeaderName::ContentType), Some("application/reginfo+xml"));
    notify
}

/// All NOTIFYs that have been sent.
fn notifies(desk: &mut Desk<Scscf>) -> Vec<Message> {
    let sent = std::iter::from_fn(|| desk.sent()).map(|sent| sent.1);
    sent.filter(|sent| sent.cseq_method() == "NOTIFY" && sent.status().is_none()).collect()
}

fn document(notify: &Message) -> RegInfo {
    RegInfo::parse(&notify.body()).unwrap()
}

/// Alice's contacts in a NOTIFY.
fn contacts(notify: &Message) -> Vec<(String, ContactState, ContactEvent)> {
    let info = document(notify);
    let contacts = &info.registrations[0].contacts;
    contacts.iter().map(|own| (own.uri.to_string(), own.state, own.event)).collect()
}

fn state(notify: &Message) -> &str {
    notify.value(HeaderName::SubscriptionState).unwrap()
}

fn in_dialog(method: &str, number: u32, accepted: &Message, headers: &str) -> String {
    let to = accepted.value(HeaderName::To).unwrap();
    request(method, "sip:scscf1a.home1.test", number, headers)
        .replace("To: <sip:scscf1a.home1.test>", &format!("To: {to}"))
}

fn rtr(desk: &mut Desk<Scscf>, reason: RtrReason) {
    let impi = Impi::new("alice@home1.test").unwrap();
    let impus = vec![Impu::new(ALICE).unwrap()];
    let rtr = Rtr { impi, impus, reason, reason_info: None };
    desk.input(Input::HssRequest { id: HssRequestId(1), request: Request::Rtr(rtr) });
}

#[test]
fn reg_e_01_nobody_registered_is_480() {
    let mut desk = desk();
    desk.receive(0, address(PCSCF), subscribe(1, P_CSCF, ""));
    assert_eq!((desk.refusal(), desk.asked()), (refused(480, Cause::NotRegisteredHere), None));
}

#[test]
fn reg_e_02_who_may_watch() {
    let may_not = Some(Cause::RegWatcherNotAllowed.reason());
    for (from, asserted, reason) in [
        (PCSCF, ALICE, None),
        (PCSCF, "sip:alias@home1.test", None),
        (PCSCF, "sip:barred@home1.test", may_not),
        (PCSCF, P_CSCF, None),
        (PCSCF, "sip:pcscf1b.home1.test", may_not),
        (PCSCF, "sip:somebody@pcscf1a.home1.test", may_not),
        (PS, "sip:ps1.home1.test", None),
        (PS, "sip:ps2.home1.test", may_not),
        (PCSCF, "sip:bob@home1.test", may_not),
        (STRANGER, ALICE, Some(NodeCause::Outsider.reason())),
    ] {
        let mut desk = registered();
        desk.receive(0, address(from), subscribe(1, asserted, ""));
        let (_, answer) = desk.sent().unwrap();
        let status = if reason.is_some() { 403 } else { 200 };
        let told = (answer.status().unwrap().code(), desk.reason(&answer));
        assert_eq!(told, (status, reason), "{from} {asserted}");
        assert_eq!(desk.node.role().reg_watches(), usize::from(reason.is_none()));
    }
}

#[test]
fn reg_e_03_the_first_notify_holds_every_identity_of_the_set() {
    let mut desk = desk();
    register_alice(&mut desk, 1, &format!("Contact: <sip:alice@198.51.100.7:5080>;q=0.5{INSTANCE}"));
    answer_third_party(&mut desk);
    let (accepted, notify) = watching(&mut desk);
    assert_eq!(accepted.value(HeaderName::Contact), Some("<sip:scscf1a.home1.test>"));
    assert_eq!((accepted.expires(), state(&notify)), (Some(600_000), "active;expires=600000"));
    assert_eq!(notify.value(HeaderName::PChargingVector), Some("icid-value=ic7"), "REG-E-04");
    let info = document(&notify);
    assert_eq!((info.version, info.state), (0, InfoState::Full));
    let shown: Vec<_> = info
        .registrations
        .iter()
        .map(|own| (&*own.aor, own.state, own.contacts[0].event, own.contacts[0].pub_gruu.as_deref()))
        .collect();
    let gruu = |name: &str| Some(format!("sip:{name}@home1.test;gr=urn:uuid:1"));
    assert_eq!(
        shown,
        [
            (ALICE, RegState::Active, ContactEvent::Registered, gruu("alice").as_deref()),
            ("sip:alias@home1.test", RegState::Active, ContactEvent::Created, gruu("alias").as_deref()),
            ("tel:+15550001", RegState::Active, ContactEvent::Created, None),
        ]
    );
    let contact = &info.registrations[0].contacts[0];
    assert_eq!((contact.expires_s, contact.q.as_deref()), (Some(3600), Some("0.500")));
    assert_eq!((contact.cseq, contact.instance.as_deref()), (Some(2), Some("<urn:uuid:1>")));
}

#[test]
fn reg_e_03_a_document_fits_into_a_message_whatever_the_contacts_are_called() {
    use InfoState::{Full, Partial};
    // Each `&` is five octets of the document, for each of three identities.
    for (length, shown) in
        [(100, (Full, 3, 10)), (700, (Full, 1, 10)), (1500, (Partial, 1, 0)), (2000, (Partial, 1, 0))]
    {
        let mut desk = desk();
        let contact = |number| format!("<sip:{}@h:{number}>", "&".repeat(length));
        let contacts: Vec<String> = (1..=10).map(contact).collect();
        register_alice(&mut desk, 1, &format!("Contact: {}\r\n", contacts.join(", ")));
        answer_third_party(&mut desk);
        let (_, notify) = watching(&mut desk);
        let told = |notify: &Message| {
            let RegInfo { state, registrations, .. } = document(notify);
            assert!(notify.bytes().len() <= 50_000, "{length}");
            (state, registrations.len(), registrations[0].contacts.len(), registrations[0].state)
        };
        let (state, identities, contacts) = shown;
        assert_eq!(told(&notify), (state, identities, contacts, RegState::Active), "{length}");
        rtr(&mut desk, RtrReason::PermanentTermination);
        answer_third_party(&mut desk);
        let last = told(&notified(&mut desk));
        assert_eq!(last, (state, identities, contacts, RegState::Terminated), "{length}");
    }
}

#[test]
fn reg_e_03_every_change_is_told_once_and_one_notify_is_outstanding() {
    use ContactEvent::{Registered, Unregistered};
    use ContactState::{Active, Terminated};
    let (first, second) = ("sip:alice@198.51.100.7:5080".to_owned(), "sip:alice@second:5090".to_owned());
    let mut desk = registered();
    watching(&mut desk);
    register_alice(&mut desk, 3, CONTACT);
    answer_third_party(&mut desk);
    assert!(desk.sent().is_none(), "a refresh is no news");
    register_alice(&mut desk, 5, "Contact: <sip:alice@second:5090>\r\n");
    answer_third_party(&mut desk);
    let notify = notified(&mut desk);
    assert_eq!(
        contacts(&notify),
        [(first.clone(), Active, Registered), (second.clone(), Active, Registered)]
    );
    register_alice(&mut desk, 7, "Contact: <sip:alice@second:5090>;expires=0\r\n");
    answer_third_party(&mut desk);
    assert!(desk.sent().is_none(), "one NOTIFY is outstanding");
    desk.respond(0, address(PCSCF), &notify, 200, "");
    let notify = notified(&mut desk);
    let one_left = [(first.clone(), Active, Registered), (second, Terminated, Unregistered)];
    assert_eq!((contacts(&notify), document(&notify).version), (one_left.to_vec(), 2));
    desk.respond(0, address(PCSCF), &notify, 200, "");
    register_alice(&mut desk, 9, "Contact: *\r\nExpires: 0\r\n");
    answer_third_party(&mut desk);
    let notify = notified(&mut desk);
    assert_eq!(
        contacts(&notify),
        [(first, Terminated, Unregistered)],
        "what was confirmed is not told again"
    );
    assert_eq!(document(&notify).registrations[0].state, RegState::Terminated);
    assert_eq!(state(&notify), "terminated;reason=noresource");
    desk.respond(0, address(PCSCF), &notify, 200, "");
    assert_eq!((desk.node.role().reg_watches(), desk.records().len()), (0, 2), "the keys alone");
}

#[test]
fn reg_s_11_what_the_network_ends_says_whether_to_come_back() {
    for (reason, event) in [
        (RtrReason::PermanentTermination, ContactEvent::Rejected),
        (RtrReason::ServerChange, ContactEvent::Deactivated),
        (RtrReason::NewServerAssigned, ContactEvent::Deactivated),
        (RtrReason::RemoveScscf, ContactEvent::Deactivated),
    ] {
        let mut desk = registered();
        watching(&mut desk);
        rtr(&mut desk, reason);
        answer_third_party(&mut desk);
        let notify = notified(&mut desk);
        assert_eq!(contacts(&notify)[0].2, event, "{reason:?}");
        assert_eq!(document(&notify).registrations.len(), 3, "all identities of the set");
        assert_eq!(state(&notify), "terminated;reason=noresource");
    }
}

#[test]
fn reg_s_11_a_binding_that_expires_is_told() {
    let mut desk = registered();
    watching(&mut desk);
    desk.pass(Duration::from_secs(3600));
    answer_third_party(&mut desk);
    let notify = notified(&mut desk);
    assert_eq!(contacts(&notify)[0].2, ContactEvent::Expired);
    assert_eq!(state(&notify), "terminated;reason=noresource");
}

#[test]
fn reg_s_10_a_failing_application_server_puts_the_phone_on_probation() {
    let mut desk = desk();
    let challenges = challenged(&mut desk, 1, CONTACT);
    let headers = format!("{CONTACT}{}", authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(2, &headers));
    let mut profile = profile(DefaultHandling::Terminated);
    profile.criteria[2].application_server.default_handling = DefaultHandling::Terminated;
    let (result, profile) = (cx_protocol::ResultCode::Success, Some(profile));
    desk.hss(Ok(cx_protocol::Answer::Saa(cx_protocol::Saa { result, impi: None, profile })));
    assert_eq!(desk.status(), Some(200));
    let (_, third_party) = forwarded(&mut desk);
    watching(&mut desk);
    desk.respond(0, address(PS), &third_party, 500, "");
    answer_third_party(&mut desk);
    let info = document(&notified(&mut desk));
    let contact = &info.registrations[0].contacts[0];
    assert_eq!((contact.event, contact.retry_after_s), (ContactEvent::Probation, Some(60)));
}

#[test]
fn reg_e_05_a_refresh_is_the_business_of_its_watcher_alone() {
    let mut desk = registered();
    let (accepted, _) = watching(&mut desk);
    let ue = subscribe(1, ALICE, "").replace("c-SUBSCRIBE", "c-ue").replace("SUBSCRIBE1", "ue1");
    desk.receive(0, address(PCSCF), ue);
    assert_eq!(desk.status(), Some(200));
    let first = desk.sent().unwrap().1;
    assert_eq!((first.cseq_method(), first.call_id()), ("NOTIFY", "c-ue"));
    desk.respond(0, address(PCSCF), &first, 200, "");
    let headers = "Event: reg\r\nExpires: 7200\r\n";
    desk.receive(0, address(PCSCF), in_dialog("SUBSCRIBE", 2, &accepted, headers));
    let (_, refreshed) = desk.sent().unwrap();
    assert_eq!((refreshed.status().unwrap().code(), refreshed.expires()), (200, Some(7200)));
    let notify = notified(&mut desk);
    assert_eq!((notify.call_id(), state(&notify)), (accepted.call_id(), "active;expires=7200"));
    assert!(desk.sent().is_none());
}

#[test]
fn sub_n_12_to_20_what_a_request_in_the_dialog_gets() {
    for (method, headers, status, cause) in [
        ("SUBSCRIBE", "Event: reg\r\n", 200, None),
        ("SUBSCRIBE", "Event: reg\r\nExpires: 0\r\n", 200, None),
        ("SUBSCRIBE", "Event: reg\r\nExpires: 5\r\n", 423, Some(NodeCause::ExpiresTooShort)),
        ("SUBSCRIBE", "Event: reg;id=2\r\n", 200, None),
        ("SUBSCRIBE", "Event: reg;id=2\r\nExpires: 0\r\n", 481, Some(NodeCause::NoSubscription)),
        ("SUBSCRIBE", "Event: presence\r\n", 489, Some(NodeCause::UnknownEvent)),
        ("SUBSCRIBE", "Event: reg\r\nAccept: application/pidf+xml\r\n", 406, Some(NodeCause::NotAcceptable)),
        ("SUBSCRIBE", "Event: reg\r\nRequire: sip-gold\r\n", 420, Some(NodeCause::UnknownRequire)),
        ("NOTIFY", "Event: reg\r\n", 481, Some(NodeCause::NoSubscription)),
    ] {
        let mut desk = registered();
        let (accepted, _) = watching(&mut desk);
        desk.receive(0, address(PCSCF), in_dialog(method, 2, &accepted, headers));
        let (_, response) = desk.sent().unwrap();
        let told = (response.status().unwrap().code(), desk.reason(&response));
        assert_eq!(told, (status, cause.map(NodeCause::reason)), "{method} {headers}");
        let allowed = (status == 489).then_some("reg");
        assert_eq!(response.value(HeaderName::AllowEvents), allowed);
    }
    let mut desk = registered();
    let (accepted, _) = watching(&mut desk);
    let other = in_dialog("SUBSCRIBE", 2, &accepted, "Event: reg\r\n").replace("c-SUBSCRIBE", "c-other");
    desk.receive(0, address(PCSCF), other);
    assert_eq!(desk.refusal(), refused(481, NodeCause::NoSubscription));
}

#[test]
fn sub_n_13_a_fetch_and_an_end_leave_nothing() {
    let mut desk = registered();
    let (accepted, _) = watching(&mut desk);
    desk.receive(0, address(PCSCF), in_dialog("SUBSCRIBE", 2, &accepted, "Event: reg\r\nExpires: 0\r\n"));
    assert_eq!(desk.status(), Some(200));
    let end = notified(&mut desk);
    desk.receive(0, address(PCSCF), subscribe(9, P_CSCF, "Expires: 0\r\n").replace("c-SUBSCRIBE", "c-fetch"));
    assert_eq!(desk.status(), Some(200));
    let fetched = notified(&mut desk);
    for notify in [end, fetched] {
        assert_eq!(state(&notify), "terminated;reason=timeout");
        assert_eq!(contacts(&notify)[0].1, ContactState::Active, "the user is registered all the same");
        desk.respond(0, address(PCSCF), &notify, 200, "");
    }
    assert_eq!(
        (desk.node.role().reg_watches(), desk.records().len()),
        (0, 3),
        "the keys and the registration"
    );
}

/// The same watcher may have several subscriptions, even at one address (RFC 6665 section 4.5.2): which of them it has lost shows
/// when its NOTIFY is answered 481.
#[test]
fn rfc6665_4_5_2_a_watcher_may_subscribe_more_than_once() {
    let mut desk = registered();
    watching(&mut desk);
    desk.receive(0, address(PCSCF), subscribe(2, P_CSCF, "").replace("c-SUBSCRIBE", "c-anew"));
    assert_eq!((desk.status(), desk.node.role().reg_watches()), (Some(200), 2));
    let (owed, asked) = (notified(&mut desk), notified(&mut desk));
    assert_eq!((owed.call_id(), asked.call_id()), ("c-anew", "c-SUBSCRIBE"), "first what is owed");
    for notify in [&owed, &asked] {
        desk.respond(0, address(PCSCF), notify, 200, "");
    }
    register_alice(&mut desk, 3, "Contact: <sip:alice@198.51.100.8:5080>\r\n");
    let notifies = notifies(&mut desk);
    assert_eq!(notifies.len(), 2);
    let lost = notifies.iter().find(|notify| notify.call_id() != "c-anew").unwrap();
    desk.respond(0, address(PCSCF), lost, 481, "");
    assert_eq!(desk.node.role().reg_watches(), 1);
}

/// A P-CSCF that is started again and again has lost its subscriptions each time. Nothing of them piles up.
#[test]
fn sub_n_15_what_a_restarted_watcher_has_lost_is_asked_for_and_goes() {
    let mut desk = registered();
    watching(&mut desk);
    for number in 2..=10 {
        let call_id = format!("c-{number}");
        desk.receive(0, address(PCSCF), subscribe(number, P_CSCF, "").replace("c-SUBSCRIBE", &call_id));
        for notify in notifies(&mut desk) {
            let status = if notify.call_id() == call_id { 200 } else { 481 };
            desk.respond(0, address(PCSCF), &notify, status, "");
        }
        assert_eq!(desk.node.role().reg_watches(), 1);
        desk.pass(Duration::from_secs(40));
    }
}

#[test]
fn one_user_has_so_many_watchers_and_no_more() {
    let mut desk = registered();
    for number in 1..=41 {
        let text = subscribe(number, ALICE, "").replace("c-SUBSCRIBE", &format!("c-{number}"));
        let text = text.replace("Contact: <sip:alice@home1.test>", &format!("Contact: <sip:a@h:{number}>"));
        desk.clear();
        desk.receive(0, address(PCSCF), text);
        if number <= 40 {
            assert_eq!(desk.status(), Some(200), "{number}");
        } else {
            assert_eq!(desk.refusal(), refused(500, Cause::TooManyOfUser), "{number}");
        }
    }
    assert_eq!(desk.node.role().reg_watches(), 40);
}

/// A phone that is started anew again and again finds room: its oldest subscription ends.
#[test]
fn a_watcher_gives_way_to_itself_where_there_is_no_room() {
    let mut desk = registered();
    for number in 1..=50 {
        desk.clear();
        desk.receive(
            0,
            address(PCSCF),
            subscribe(number, ALICE, "").replace("c-SUBSCRIBE", &format!("c-{number}")),
        );
        assert_eq!(desk.status(), Some(200), "{number}");
        let notifies = notifies(&mut desk);
        let over = notifies.iter().filter(|notify| state(notify) == "terminated;reason=rejected");
        assert_eq!(over.count(), usize::from(number > 40), "{number}");
        notifies.iter().for_each(|notify| desk.respond(0, address(PCSCF), notify, 200, ""));
        assert_eq!(desk.node.role().reg_watches(), number.min(40) as usize);
    }
}

#[test]
fn design_9_the_contact_stands_in_for_a_gruu() {
    let mut desk = desk();
    register_alice(&mut desk, 1, &format!("Contact: <sip:alice@198.51.100.7:5080>{INSTANCE}"));
    answer_third_party(&mut desk);
    let gruu = "Contact: <sip:alice@home1.test;gr=urn:uuid:1>";
    let text = subscribe(1, ALICE, "Record-Route: <sip:ft00@pcscf1a.home1.test;lr>\r\n")
        .replace("Contact: <sip:alice@home1.test>", gruu);
    desk.receive(0, address(PCSCF), text);
    assert_eq!(desk.status(), Some(200));
    let notify = notified(&mut desk);
    assert_eq!(notify.request_uri_text(), "sip:alice@198.51.100.7:5080");
    assert_eq!(notify.value(HeaderName::Route), Some("<sip:ft00@pcscf1a.home1.test;lr>"));
}

#[test]
fn sub_n_21_a_subscription_goes_on_after_a_restart() {
    let mut desk = registered();
    let (accepted, first) = watching(&mut desk);
    desk.pass(Duration::from_secs(2));
    desk.restart(Duration::ZERO, settings(), role());
    assert_eq!((desk.node.role().reg_watches(), desk.sent().is_none()), (1, true), "nothing is news");
    desk.receive(0, address(PCSCF), in_dialog("SUBSCRIBE", 2, &accepted, "Event: reg\r\n"));
    assert_eq!(desk.status(), Some(200));
    let second = notified(&mut desk);
    assert!(second.cseq() > first.cseq() && document(&second).version > document(&first).version);
    desk.respond(0, address(PCSCF), &second, 200, "");
    rtr(&mut desk, RtrReason::ServerChange);
    // The name of the presence server has to be looked up again.
    let third = notified(&mut desk);
    assert_eq!(answer_third_party(&mut desk), Some(0));
    assert_eq!(contacts(&third)[0].2, ContactEvent::Deactivated);
    desk.restart(Duration::ZERO, settings(), role());
    let again = notified(&mut desk);
    assert_eq!((contacts(&again), state(&again)), (contacts(&third), state(&third)), "until it is confirmed");
    assert!(again.cseq() > third.cseq());
    desk.respond(0, address(PCSCF), &again, 200, "");
    assert_eq!((desk.node.role().reg_watches(), desk.records().len()), (0, 2), "the keys alone");
}

/// The P-CSCF has confirmed the first contact; of the second one nobody has told it.
#[test]
fn sub_n_21_a_journal_of_november_2026_is_read_and_written_anew() {
    let text = include_str!("data/journal-2026-11.txt");
    let bytes = |text: &str| -> Box<[u8]> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split_once(' ').unwrap());
    let mut desk = desk();
    for (key, value) in lines {
        desk.write(ims_node::Record { key: bytes(key), value: Some(bytes(value)) });
    }
    desk.restart(Duration::ZERO, settings(), role());
    assert_eq!((desk.node.role().registered(), desk.node.role().reg_watches()), (1, 1));
    let mut prefixes: Vec<u8> = desk.records().iter().map(|record| record.key[0]).collect();
    prefixes.sort();
    assert_eq!(String::from_utf8(prefixes).unwrap(), "dknsux", "nothing of the old kind");
    let notify = notified(&mut desk);
    assert_eq!((notify.from_tag(), notify.cseq()), (Some("9bcc2e5d3340283d"), 33), "above the old ceiling");
    assert_eq!(
        (contacts(&notify).len(), notify.value(HeaderName::PChargingVector)),
        (2, Some("icid-value=ic7"))
    );
}

/// The watcher has confirmed that a contact is gone, and the contact has come back: as if nothing had been, says the journal.
#[test]
fn sub_n_21_a_change_that_was_taken_back_is_told_after_the_restart() {
    let second = "Contact: <sip:alice@198.51.100.9:5080>";
    let mut desk = registered();
    register_alice(&mut desk, 3, &format!("{second}\r\n"));
    desk.clear();
    watching(&mut desk);
    desk.pass(Duration::from_secs(2));
    desk.clear();
    register_alice(&mut desk, 5, &format!("{second};expires=0\r\n"));
    let gone = notifies(&mut desk).remove(0);
    desk.respond(0, address(PCSCF), &gone, 200, "");
    register_alice(&mut desk, 7, &format!("{second}\r\n"));
    desk.clear();
    desk.restart(Duration::ZERO, settings(), role());
    assert_eq!(contacts(&notifies(&mut desk)[0]).len(), 2);
}

#[test]
fn sub_n_21_a_registration_that_expires_meanwhile_is_told_after_the_restart() {
    let mut desk = registered();
    watching(&mut desk);
    desk.pass(Duration::from_secs(2));
    desk.now = desk.now + Duration::from_secs(3600);
    desk.restart(Duration::ZERO, settings(), role());
    let notify = std::iter::from_fn(|| desk.sent()).map(|sent| sent.1).find(|m| m.cseq_method() == "NOTIFY");
    let notify = notify.unwrap();
    assert_eq!(
        (contacts(&notify)[0].2, state(&notify)),
        (ContactEvent::Expired, "terminated;reason=noresource")
    );
}

fn push(desk: &mut Desk<Scscf>, identities: &[&str]) {
    let mut profile = profile(DefaultHandling::Terminated);
    profile.identities.identities.retain(|own| identities.contains(&own.impu.as_str()));
    profile
        .identities
        .identities
        .sort_by_key(|own| identities.iter().position(|id| *id == own.impu.as_str()));
    let request = Request::Ppr(Ppr { impi: Impi::new("alice@home1.test").unwrap(), profile });
    desk.input(Input::HssRequest { id: HssRequestId(2), request });
}

#[test]
fn reg_s_12_another_default_identity_leaves_no_old_set_behind() {
    let mut desk = registered();
    watching(&mut desk);
    push(&mut desk, &["sip:alias@home1.test", "sip:alice@home1.test"]);
    assert_eq!(
        (desk.node.role().registered(), desk.records().len()),
        (1, 6),
        "the keys, one set, its watcher's dialog and subscription, and that it has not confirmed the change"
    );
    assert_eq!(answer_third_party(&mut desk), Some(0), "the server forgets the old default identity");
    assert_eq!(answer_third_party(&mut desk), Some(3600));
    let notify = notified(&mut desk);
    let aors: Vec<_> = document(&notify).registrations.iter().map(|own| own.aor.to_string()).collect();
    assert_eq!(aors, ["sip:alias@home1.test", "sip:alice@home1.test"]);
    desk.respond(0, address(PCSCF), &notify, 200, "");
    desk.pass(Duration::from_secs(2));
    desk.restart(Duration::ZERO, settings(), role());
    assert_eq!((desk.node.role().registered(), desk.sent().is_none()), (1, true));
    rtr(&mut desk, RtrReason::PermanentTermination);
    assert_eq!((desk.node.role().registered(), answer_third_party(&mut desk)), (0, Some(0)));
    assert_eq!(state(&notified(&mut desk)), "terminated;reason=noresource");
}
