//! Where a request in a dialog may go (rules RT-P-07 and RT-SO-07): where the dialog leads, and nowhere else.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use ims_node::{NodeCause, Reason};
use scscf::{Cause, Scscf};
use sip_message::{HeaderName, Message};
use testnet::Desk;

const BOB: &str = "sip:bob@home2.test";
const BELOW: &str = "<sip:ft1@127.0.10.11:5062;lr>";

/// The entries of a message's Record-Route.
fn recorded(message: &Message) -> Vec<String> {
    message.list(HeaderName::RecordRoute).map(str::to_owned).collect()
}

/// Alice's phone subscribes. The notifier has this Contact, and the proxies after us put these entries on top. Gives our entry
/// as the notifier has it, and as the phone has it.
fn subscribed(desk: &mut Desk<Scscf>, contact: &str, behind: &str) -> (String, String) {
    let headers = format!("{ORIG}Record-Route: {BELOW}\r\nContact: <sip:alice@198.51.100.7:5080>\r\n");
    desk.receive(0, address(PCSCF), request("SUBSCRIBE", BOB, 1, &headers));
    let (_, message) = forwarded(desk);
    let sent = recorded(&message);
    assert_eq!((sent.len(), sent[1].as_str()), (2, BELOW));
    let behind = if behind.is_empty() { String::new() } else { format!("{behind}, ") };
    let headers = format!("Record-Route: {behind}{}\r\nContact: <{contact}>\r\n", sent.join(", "));
    desk.respond(0, address(PS), &message, 200, &headers);
    let (_, answer) = desk.sent().unwrap();
    let told = recorded(&answer);
    assert_eq!(told.last().map(String::as_str), Some(BELOW));
    (sent[0].clone(), told[told.len() - 2].clone())
}

/// A request in the dialog that alice's phone began.
fn in_dialog(method: &str, number: u32, uri: &str, routes: &[&str]) -> String {
    let headers = format!("Route: {}\r\nEvent: presence\r\n", routes.join(", "));
    request(method, uri, number, &headers)
        .replace(&format!("To: <{uri}>"), &format!("To: <{BOB}>;tag=answered"))
        .replace("c-NOTIFY", "c-SUBSCRIBE")
}

/// Where it is sent, or how it is refused.
fn fate(desk: &mut Desk<Scscf>, from: &str, text: String) -> Result<String, (u16, Reason)> {
    desk.clear();
    desk.receive(0, address(from), text);
    let (to, message) = desk.sent().unwrap();
    refusal_in(desk, &message).map_or_else(|| Ok(to.to_string()), Err)
}

const ELSEWHERE: (u16, Reason) = (481, Cause::NotOfThisDialog.reason());

#[test]
fn rt_so_07_a_refresh_goes_where_the_answer_said_and_nowhere_else() {
    let (icscf, elsewhere) = ("<sip:rr@127.0.10.23;lr>", "<sip:rr@127.0.10.23:3868;lr>");
    let notifier = "sip:127.0.10.27:5060";
    let rows = [
        ("figures 1 and 2: the next proxy", icscf, vec![icscf], notifier, Ok("127.0.10.23:5060")),
        ("another port of that host", icscf, vec![elsewhere], notifier, Err(ELSEWHERE)),
        ("the notifier, past the proxy", icscf, vec![], notifier, Err(ELSEWHERE)),
        ("TS 24.141: the notifier itself", "", vec![], notifier, Ok("127.0.10.27:5060")),
        ("without its default port", "", vec![], "sip:127.0.10.27", Ok("127.0.10.27:5060")),
        ("somebody else at that address", "", vec![], "sip:x@127.0.10.27", Err(ELSEWHERE)),
        ("another port of the notifier", "", vec![], "sip:127.0.10.27:6379;transport=tcp", Err(ELSEWHERE)),
        ("another address", "", vec![], "sip:x@127.0.10.23:3868", Err(ELSEWHERE)),
        ("an address beside the name", "", vec![], "sip:127.0.10.27;maddr=10.0.0.9", Err(ELSEWHERE)),
        ("a name of another network", "", vec![], "sip:home2.test", Err(ELSEWHERE)),
        ("a proxy of the sender's own", "", vec![elsewhere], notifier, Err(ELSEWHERE)),
        ("a server of this domain", "", vec![], "sip:ps1.home1.test", Ok(PS)),
        ("another port of it", "", vec![], "sip:ps1.home1.test:6379", Err(ELSEWHERE)),
    ];
    for (what, behind, routes, uri, expected) in rows {
        let mut desk = registered();
        let (_, own) = subscribed(&mut desk, notifier, behind);
        let routes: Vec<&str> = std::iter::once(own.as_str()).chain(routes).collect();
        let refresh = in_dialog("SUBSCRIBE", 2, uri, &routes);
        let other_call = refresh.replace("c-SUBSCRIBE", "c-other").replace("SUBSCRIBE2", "x");
        assert_eq!(fate(&mut desk, PCSCF, refresh), expected.map(str::to_owned), "{what}");
        let is_own = expected == Ok(PS);
        assert_eq!(fate(&mut desk, PCSCF, other_call).is_ok(), is_own, "{what}, with another Call-ID");
    }
}

#[test]
fn rt_so_07_an_address_that_is_no_nodes_is_nobodys_word() {
    for (behind, contact) in [
        ("<sip:10.0.0.9:6379;lr>", "sip:127.0.10.27"),
        ("<sip:a.home2.test;maddr=10.0.0.9;lr>", "sip:127.0.10.27"),
        ("<sip:127.0.10.13:3868;lr>", "sip:127.0.10.27"),
        ("", "sip:10.0.0.9:6379;transport=tcp"),
    ] {
        let mut desk = registered();
        let (_, own) = subscribed(&mut desk, contact, behind);
        let routes: Vec<&str> =
            [own.as_str(), behind].into_iter().filter(|route| !route.is_empty()).collect();
        let refresh = in_dialog("SUBSCRIBE", 2, contact, &routes);
        assert_eq!(fate(&mut desk, PCSCF, refresh), Err(ELSEWHERE), "{behind} {contact}");
    }
}

#[test]
fn rt_so_07_a_notify_goes_back_the_way_of_its_subscribe() {
    let mut desk = registered();
    let (own, to_notifier) = subscribed(&mut desk, "sip:127.0.10.27", "");
    let phone = "sip:alice@198.51.100.7:5080";
    let sent = |desk: &mut Desk<Scscf>, number, routes: &[&str]| {
        fate(desk, PS, in_dialog("NOTIFY", number, phone, routes))
    };
    assert_eq!(sent(&mut desk, 1, &[&own, BELOW]), Ok("127.0.10.11:5062".to_owned()));
    assert_eq!(sent(&mut desk, 2, &[&own, "<sip:127.0.10.23:3868;lr>"]), Err(ELSEWHERE));
    assert_eq!(sent(&mut desk, 3, &[&own]), Err(ELSEWHERE), "past the P-CSCF");
    assert_eq!(sent(&mut desk, 4, &[&to_notifier, BELOW]), Err(ELSEWHERE), "the entry for the other side");
    // The key outlives the process.
    desk.restart(std::time::Duration::ZERO, settings(), role());
    assert_eq!(sent(&mut desk, 5, &[&own, BELOW]), Ok("127.0.10.11:5062".to_owned()));
}

#[test]
fn sub_p_01_a_notify_that_makes_the_dialog_tells_the_phone_the_way_to_its_sender() {
    let mut desk = registered();
    let (own, _) = subscribed(&mut desk, "sip:127.0.10.27", "");
    let text = in_dialog("NOTIFY", 1, "sip:alice@198.51.100.7:5080", &[&own, BELOW]);
    desk.receive(0, address(PS), text.replace("Event", "Contact: <sip:127.0.10.27>\r\nEvent"));
    let (_, message) = forwarded(&mut desk);
    let [back] = &recorded(&message)[..] else { panic!("{:?}", recorded(&message)) };
    let refresh = |number, uri| in_dialog("SUBSCRIBE", number, uri, &[back]);
    assert_eq!(fate(&mut desk, PCSCF, refresh(2, "sip:127.0.10.27")), Ok("127.0.10.27:5060".to_owned()));
    assert_eq!(fate(&mut desk, PCSCF, refresh(3, "sip:127.0.10.28")), Err(ELSEWHERE));
}

#[test]
fn figure_7_a_watcher_of_another_domain_is_found_afresh_by_its_identity_alone() {
    let mut desk = registered();
    let (own, _) = subscribed(&mut desk, "sip:127.0.10.27", "");
    let plain = "<sip:scscf1a.home1.test;lr>";
    let rows = [
        (PS, plain, "sip:bob@home2.test;gr=urn:uuid:1", Ok("127.0.10.23:5060")),
        (PS, plain, "sip:bob@home2.test:3868", Err(ELSEWHERE)),
        (PS, plain, "sip:bob@home2.test;maddr=127.0.10.28", Err(ELSEWHERE)),
        (PS, plain, "sip:bob@127.0.10.28", Err(ELSEWHERE)),
        (PS, plain, "sip:home2.test", Err(ELSEWHERE)),
        // A phone comes by our entry.
        (PCSCF, &own, "sip:bob@home2.test;gr=urn:uuid:1", Err(ELSEWHERE)),
        (STRANGER, plain, "sip:bob@home2.test;gr=urn:uuid:1", Err((403, NodeCause::Outsider.reason()))),
    ];
    for (number, (from, route, uri, expected)) in (10..).zip(rows) {
        let text = in_dialog("NOTIFY", number, uri, &[route]);
        assert_eq!(fate(&mut desk, from, text), expected.map(str::to_owned), "{from} {route} {uri}");
    }
}

/// A dialog with one user of the domain leads to that user: whatever else is for a user begins with the criteria of that user.
#[test]
fn rt_so_07_a_dialog_with_one_user_leads_to_nobody_else() {
    let mut desk = registered();
    let contact = "sip:alice@home1.test";
    let (_, own) = subscribed(&mut desk, contact, "");
    let sent = |desk: &mut Desk<Scscf>, method: &str, number, uri: &str, route: &str| {
        fate(desk, PCSCF, in_dialog(method, number, uri, &[route]))
    };
    assert!(sent(&mut desk, "SUBSCRIBE", 2, contact, &own).is_ok(), "as its answer said");
    assert_eq!(sent(&mut desk, "SUBSCRIBE", 3, "sip:alias@home1.test", &own), Err(ELSEWHERE));
    assert_eq!(sent(&mut desk, "NOTIFY", 4, "sip:alias@home1.test", &own), Err(ELSEWHERE));
    let plain = "<sip:scscf1a.home1.test;lr>";
    assert_eq!(sent(&mut desk, "SUBSCRIBE", 5, contact, plain), Err(ELSEWHERE), "in no dialog through us");
    assert!(sent(&mut desk, "NOTIFY", 6, contact, plain).is_ok(), "figure 6: the watcher is found afresh");
}

#[test]
fn rt_st_05_the_s_cscf_stays_on_the_way_to_a_phone_that_is_watched() {
    let mut desk = registered();
    // Of a package that no filter criterion sends to a server.
    let headers = format!(
        "Route: <sip:scscf1a.home1.test;lr>\r\nRecord-Route: {BELOW}\r\nContact: <sip:bob@198.51.100.9>\r\nEvent: dialog\r\n"
    );
    let text = request("SUBSCRIBE", "sip:alice@home1.test", 1, &headers);
    desk.receive(0, address(ICSCF), text);
    let (_, to_server) = forwarded(&mut desk);
    let routes: Vec<&str> = to_server.list(HeaderName::Route).collect();
    let returned = format!("Route: {}\r\n{headers}", routes[1]);
    desk.receive(0, address(PS), request("SUBSCRIBE", "sip:alice@home1.test", 2, &returned));
    let (to, message) = forwarded(&mut desk);
    assert_eq!((to.ip(), recorded(&message).len()), (address(PCSCF).ip(), 2));
    let own = recorded(&message)[0].clone();
    let watcher = "sip:bob@198.51.100.9";
    let along = fate(&mut desk, PCSCF, in_dialog("NOTIFY", 1, watcher, &[&own, BELOW]));
    assert_eq!(along, Ok("127.0.10.11:5062".to_owned()));
    assert_eq!(fate(&mut desk, PCSCF, in_dialog("NOTIFY", 2, watcher, &[&own])), Err(ELSEWHERE));
}

#[test]
fn rt_st_01_nobody_routes_through_the_s_cscf_to_another_domain() {
    for uri in ["sip:x@127.0.10.23:3868", "sip:bob@home2.test", "sip:x@home2.test;transport=tcp"] {
        let mut desk = registered();
        let text = request("MESSAGE", uri, 1, "Route: <sip:scscf1a.home1.test;lr>\r\n");
        assert_eq!(fate(&mut desk, ICSCF, text), Err((404, Cause::OtherDomain.reason())), "{uri}");
    }
}
