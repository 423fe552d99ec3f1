//! The user's own registration as the network tells of it (rule REG-U-06, TS 24.229 sections 5.1.1.3 and 5.1.1.7).

use crate::support::{INSTANCE, LOCAL, Ue, challenge, granted, granted_to, notify_of, secs, settings};
use sip_message::{HeaderName, Message, Transport};
use std::time::Duration;
use ue_agent::{Report, UeAgentSettings};

fn watching_itself(transport: Transport) -> UeAgentSettings {
    UeAgentSettings { subscribe_reg: true, ..settings(transport) }
}

/// Registers; gives the REGISTER that was accepted and the SUBSCRIBE that followed.
fn register(ue: &mut Ue, transport: &str) -> (Message, Message) {
    ue.words("register").unwrap();
    let first = ue.request("REGISTER");
    ue.answer(&first, "401 Unauthorized", &challenge("n1"));
    let register = ue.request("REGISTER");
    ue.answer(&register, "200 OK", &granted_to(3600, transport));
    ue.reports();
    (register, ue.request("SUBSCRIBE"))
}

/// A contact in a document; `by` is the CSeq of the REGISTER that made it.
fn contact(uri: &str, instance: &str, (state, event): (&str, &str), by: &Message) -> String {
    format!(
        "<contact id='{uri}' state='{state}' event='{event}' retry-after='40' callid='{}' cseq='{}'><uri>{uri}</uri>\
         <unknown-param name='+sip.instance'>\"&lt;{instance}&gt;\"</unknown-param></contact>",
        by.call_id(),
        by.cseq()
    )
}

fn own(standing: (&str, &str), by: &Message) -> String {
    contact(&format!("sip:alice@{LOCAL}"), INSTANCE, standing, by)
}

fn document(contacts: &[String]) -> String {
    let contacts = contacts.concat();
    format!(
        "<reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='0' state='full'><registration \
         aor='sip:alice@home1.test' id='r' state='active'>{contacts}</registration></reginfo>"
    )
}

/// The S-CSCF notifies.
fn told(ue: &mut Ue, subscribe: &Message, (cseq, state): (u32, &str), contacts: &[String]) {
    let text = notify_of(subscribe, ("scscf", "reg"), (cseq, state), &document(contacts));
    ue.deliver(&text.replace("application/pidf+xml", "application/reginfo+xml"));
    assert_eq!(ue.status(), 200);
}

/// Registered, and told so; gives the REGISTER and the SUBSCRIBE.
fn registered() -> (Ue, Message, Message) {
    let mut ue = Ue::with(watching_itself(Transport::Udp));
    let (register, subscribe) = register(&mut ue, "");
    ue.answer(&subscribe, "200 OK", ";tag=scscf|Expires: 600000\r\nContact: <sip:scscf1a.home1.test>\r\n");
    told(&mut ue, &subscribe, (1, "active;expires=600000"), &[own(("active", "registered"), &register)]);
    assert_eq!(ue.reports(), [], "what it knows anyway is not told");
    (ue, register, subscribe)
}

const ENDED: &str = "terminated;reason=noresource";

#[test]
fn reg_u_06_after_the_200_it_watches_its_own_registration() {
    let mut ue = Ue::with(watching_itself(Transport::Udp));
    let (_, subscribe) = register(&mut ue, "");
    let header = |name| subscribe.value(name).unwrap();
    assert_eq!(subscribe.request_uri_text(), "sip:alice@home1.test");
    assert_eq!(header(HeaderName::To), "<sip:alice@home1.test>");
    assert_eq!((header(HeaderName::Event), subscribe.expires()), ("reg", Some(600_000)));
    assert_eq!(header(HeaderName::Accept), "application/reginfo+xml");
    assert!(header(HeaderName::Route).ends_with("<sip:orig@scscf1a.home1.test;lr>"));
    let (mut ue, ..) = registered();
    ue.words("register").unwrap();
    let refresh = ue.request("REGISTER");
    ue.answer(&refresh, "200 OK", &granted(3600));
    assert!(ue.requests().is_empty(), "a refresh needs no other subscription");
    let mut off = Ue::registered();
    assert!(off.requests().is_empty(), "it can be switched off");
}

#[test]
fn reg_u_06_what_follows_each_event() {
    for (event, wait) in [
        ("deactivated", Some(0)),
        ("expired", Some(0)),
        ("probation", Some(40)),
        ("rejected", None),
        ("unregistered", None),
    ] {
        let (mut ue, by, subscribe) = registered();
        told(&mut ue, &subscribe, (2, ENDED), &[own(("terminated", event), &by)]);
        let uri = "sip:alice@home1.test".into();
        let reason = format!("the network has ended the registration ({event})").into();
        let expected = Report::RegisterFailed { uri, status: None, reason, retry_s: wait };
        assert_eq!(ue.reports(), [expected]);
        ue.pass(secs(wait.unwrap_or(3600)).saturating_sub(Duration::from_millis(1)));
        ue.pass(Duration::from_millis(1));
        match wait {
            None => assert!(ue.requests().is_empty(), "{event}: not unless the user asks"),
            Some(_) => {
                let again = ue.request("REGISTER");
                ue.answer(&again, "200 OK", &granted(3600));
                let anew = ue.request("SUBSCRIBE");
                assert_ne!(anew.call_id(), subscribe.call_id(), "{event}: watched anew");
            }
        }
    }
}

#[test]
fn reg_u_06_a_late_notify_and_one_about_another_device_change_nothing() {
    let (mut ue, by, subscribe) = registered();
    let other = contact("sip:alice@198.51.100.9", "urn:uuid:other", ("terminated", "rejected"), &by);
    told(&mut ue, &subscribe, (2, "active;expires=9"), &[own(("active", "registered"), &by), other]);
    ue.words("register").unwrap();
    let refresh = ue.request("REGISTER");
    ue.answer(&refresh, "200 OK", &granted(3600));
    ue.reports();
    told(&mut ue, &subscribe, (3, ENDED), &[own(("terminated", "deactivated"), &by)]);
    assert_eq!((ue.reports(), ue.requests().len()), (vec![], 0));
}

#[test]
fn reg_u_06_where_else_the_user_is_registered() {
    let (mut ue, by, subscribe) = registered();
    let me = own(("active", "registered"), &by);
    let other = |standing| contact("sip:alice@198.51.100.9", "urn:uuid:other", standing, &by);
    let report = |state, reason| {
        let (uri, contact) = ("sip:alice@home1.test".into(), "sip:alice@198.51.100.9".into());
        vec![Report::Contact { uri, contact, state, reason }]
    };
    let rows = [
        (vec![me.clone(), other(("active", "registered"))], report("active", "registered")),
        (vec![me.clone(), other(("active", "registered"))], vec![]),
        (vec![me.clone(), other(("terminated", "expired"))], report("terminated", "expired")),
        (vec![me.clone(), other(("terminated", "expired"))], vec![]),
        (vec![me.clone(), other(("active", "created"))], report("active", "created")),
        (vec![me], report("terminated", "gone")),
    ];
    for (cseq, (contacts, expected)) in (2..).zip(rows) {
        told(&mut ue, &subscribe, (cseq, "active;expires=600000"), &contacts);
        assert_eq!(ue.reports(), expected, "{contacts:?}");
    }
}

#[test]
fn a_document_that_cannot_be_read_is_told_and_ends_nothing() {
    let (mut ue, _, subscribe) = registered();
    ue.deliver(&notify_of(&subscribe, ("scscf", "reg"), (2, "active;expires=9"), "<reginfo"));
    assert_eq!(ue.status(), 200);
    assert!(matches!(ue.reports()[..], [Report::Error { .. }]));
    assert!(ue.requests().is_empty());
}

#[test]
fn a_network_without_the_package_is_registered_with_all_the_same() {
    for status in ["489 Bad Event", "403 Forbidden", "405 Method Not Allowed"] {
        let mut ue = Ue::with(watching_itself(Transport::Udp));
        let (_, subscribe) = register(&mut ue, "");
        ue.answer(&subscribe, status, "");
        ue.pass(secs(1000));
        assert_eq!((ue.reports(), ue.requests().len()), (vec![], 0), "{status}");
        ue.words("quit").unwrap();
        assert_eq!(ue.request("REGISTER").expires(), Some(0), "nothing else is to be ended");
    }
}

#[test]
fn another_flow_is_another_subscription() {
    let mut ue = Ue::with(watching_itself(Transport::Tcp));
    let (by, subscribe) = register(&mut ue, ";transport=tcp");
    told(&mut ue, &subscribe, (1, "active;expires=600000"), &[own(("active", "registered"), &by)]);
    ue.close_connection();
    ue.pass(Duration::from_millis(1));
    let again = ue.requests().into_iter().find(|request| request.cseq_method() == "REGISTER").unwrap();
    ue.answer(&again, "200 OK", &granted_to(3600, ";transport=tcp"));
    assert_ne!(ue.request("SUBSCRIBE").call_id(), subscribe.call_id());
}

#[test]
fn leaving_ends_the_subscription_before_the_registration() {
    let (mut ue, by, subscribe) = registered();
    ue.words("quit").unwrap();
    let end = ue.request("SUBSCRIBE");
    assert_eq!((end.expires(), end.value(HeaderName::Event)), (Some(0), Some("reg")));
    assert_eq!(end.request_uri_text(), "sip:ps1.home1.test", "the notifier's Contact");
    ue.answer(&end, "200 OK", "Expires: 0\r\n");
    let contacts = [own(("active", "registered"), &by)];
    told(&mut ue, &subscribe, (2, "terminated;reason=timeout"), &contacts);
    assert_eq!(ue.request("REGISTER").expires(), Some(0));
}

#[test]
fn a_user_who_deregisters_is_told_nothing_of_it() {
    let (mut ue, by, subscribe) = registered();
    ue.words("deregister").unwrap();
    let deregister = ue.request("REGISTER");
    told(&mut ue, &subscribe, (2, ENDED), &[own(("terminated", "unregistered"), &by)]);
    ue.answer(&deregister, "200 OK", "");
    assert!(matches!(ue.reports()[..], [Report::Deregistered { .. }]));
    assert!(ue.requests().is_empty());
}
