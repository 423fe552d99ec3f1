//! Figures 6 and 7, the watcher moves: another P-CSCF, another S-CSCF, the same GRUU.
use crate::support::{CAROL, OPEN, PCSCF, Ue, granted, granted_to, notify, secs, settings};
use sip_message::{HeaderName, Message, Transport};
use std::net::SocketAddr;
use std::time::Duration;
use ue_agent::Report;

const OTHER: &str = "127.0.10.12:5060";
const ACCEPTED: &str = ";tag=ps1|Expires: 3600\r\nContact: <sip:ps1.home1.test>\r\n";

fn at(address: &str) -> SocketAddr {
    address.parse().unwrap()
}

/// Registered through the other P-CSCF; gives the REGISTER.
fn moved(ue: &mut Ue, headers: &str) -> Message {
    ue.words(&format!("move {OTHER}")).unwrap();
    let register = ue.request("REGISTER");
    assert_eq!(ue.sent_to, Some(at(OTHER)));
    ue.answer(&register, "200 OK", headers);
    register
}

/// A NOTIFY that comes through this P-CSCF, and how it is answered.
fn notified(ue: &mut Ue, pcscf: &str, text: &str) -> u16 {
    ue.responses();
    ue.deliver_from(at(pcscf), text);
    ue.status()
}

#[test]
fn it_registers_through_the_other_pcscf_as_the_same_instance() {
    let (mut ue, _) = Ue::watching();
    ue.words("status").unwrap();
    ue.reports();
    let register = moved(&mut ue, &granted(3600));
    assert_eq!((register.cseq(), register.expires()), (3, Some(600_000)));
    assert!(register.value(HeaderName::Contact).unwrap().contains(crate::support::INSTANCE));
    let subscribe = ue.request("SUBSCRIBE");
    assert_eq!(ue.sent_to, Some(at(OTHER)));
    assert!(subscribe.value(HeaderName::Route).unwrap().starts_with(&format!("<sip:{OTHER};lr>")));
    assert_eq!(subscribe.value(HeaderName::Contact), Some(&*format!("<{}>", crate::support::gruu())));
}

#[test]
fn the_old_dialog_counts_until_the_new_one_is_active() {
    let (mut ue, old) = Ue::watching();
    moved(&mut ue, &granted(3600));
    let new = ue.request("SUBSCRIBE");
    ue.answer(&new, "200 OK", ACCEPTED);
    for (pcscf, cseq) in [(PCSCF, 2), (OTHER, 3)] {
        ue.reports();
        assert_eq!(notified(&mut ue, pcscf, &notify(&old, cseq, "active;expires=3000", OPEN)), 200);
        assert!(matches!(&*ue.reports(), [Report::Presence { uri, .. }] if **uri == *CAROL));
    }
    assert_eq!(notified(&mut ue, OTHER, &notify(&new, 1, "active;expires=3599", OPEN)), 200);
    for (pcscf, cseq) in [(PCSCF, 4), (OTHER, 5)] {
        assert_eq!(notified(&mut ue, pcscf, &notify(&old, cseq, "active;expires=2900", OPEN)), 481);
    }
    assert_eq!(notified(&mut ue, "127.0.10.13:5060", &notify(&new, 2, "active;expires=3598", OPEN)), 403);
}

#[test]
fn old_subscriptions_may_serve_for_a_while() {
    let wait = secs(300);
    let mut ue = Ue::with(ue_agent::UeAgentSettings { resubscribe_after: wait, ..settings(Transport::Udp) });
    ue.register();
    ue.words("watch carol@home1.test").unwrap();
    let old = ue.request("SUBSCRIBE");
    ue.answer(&old, "200 OK", ACCEPTED);
    ue.deliver(&notify(&old, 1, "active;expires=3600", OPEN));
    moved(&mut ue, &granted(3600));
    ue.pass(wait - Duration::from_millis(1));
    assert!(ue.requests().is_empty());
    assert_eq!(notified(&mut ue, OTHER, &notify(&old, 2, "active;expires=3000", OPEN)), 200);
    ue.pass(Duration::from_millis(1));
    assert_ne!(ue.request("SUBSCRIBE").call_id(), old.call_id());
}

/// The S-CSCF stands in the Service-Route, and on the way of the old dialog.
#[test]
fn another_s_cscf_is_another_way_and_the_same_one_is_not() {
    let (mut ue, old) = Ue::watching();
    for (headers, anew) in [(granted(3600), false), (granted(3600).replace("scscf1a", "scscf1b"), true)] {
        ue.words("register").unwrap();
        let register = ue.request("REGISTER");
        ue.answer(&register, "200 OK", &headers);
        let requests = ue.requests();
        assert_eq!(requests.len(), usize::from(anew));
        assert!(requests.iter().all(|subscribe| subscribe.call_id() != old.call_id()));
    }
}

#[test]
fn an_answer_through_the_old_pcscf_says_nothing_of_the_new_one() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    ue.words(&format!("move {OTHER}")).unwrap();
    let second = ue.request("REGISTER");
    ue.answer(&first, "200 OK", &granted(3600));
    assert!(ue.reports().is_empty());
    ue.answer(&second, "200 OK", &granted(3600));
    assert!(matches!(&*ue.reports(), [Report::Registered { .. }]));
}

#[test]
fn what_is_being_ended_is_not_made_anew() {
    let (mut ue, old) = Ue::watching();
    ue.words("unwatch carol@home1.test").unwrap();
    assert_eq!(ue.request("SUBSCRIBE").call_id(), old.call_id());
    moved(&mut ue, &granted(3600));
    assert!(ue.requests().is_empty());
    ue.pass(secs(33));
    assert!(ue.requests().is_empty());
}

/// The former P-CSCF sees the connection end, and forgets us.
#[test]
fn over_tcp_the_former_connection_is_closed_when_no_dialog_needs_it() {
    let mut ue = Ue::with(settings(Transport::Tcp));
    ue.words("watch carol@home1.test").unwrap();
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted_to(3600, ";transport=tcp"));
    let old = ue.request("SUBSCRIBE");
    ue.answer(&old, "200 OK", ACCEPTED);
    ue.deliver(&notify(&old, 1, "active;expires=3600", OPEN));
    moved(&mut ue, &granted_to(3600, ";transport=tcp"));
    let new = ue.request("SUBSCRIBE");
    assert!(ue.closed.is_empty());
    ue.deliver_from(at(OTHER), &notify(&new, 1, "active;expires=3599", OPEN));
    assert_eq!(ue.closed.iter().map(|flow| flow.remote).collect::<Vec<_>>(), [at(PCSCF)]);
    ue.reports();
    ue.close_connection();
    assert_eq!((ue.reports(), ue.requests().len()), (Vec::new(), 0));
}
