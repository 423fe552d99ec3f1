//! Leaving: subscriptions, presence, registration, in bounded time.

use crate::support::{OPEN, Ue, notify, secs};
use ims_node::{AskId, Input};
use std::time::Duration;
use ue_agent::{Ask, FAREWELL, Farewell};

fn methods(ue: &mut Ue) -> Vec<String> {
    ue.requests().iter().map(|request| request.cseq_method().to_owned()).collect()
}

fn is_gone(ue: &Ue) -> bool {
    ue.node.role().is_gone()
}

fn leave(ue: &mut Ue, farewell: Farewell) {
    ue.handle(Input::Ask { id: AskId(0), ask: Ask::Leave(farewell) });
}

#[test]
fn everything_is_ended_and_the_registration_last() {
    let (mut ue, subscribe) = Ue::watching();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "200 OK", "SIP-ETag: e1\r\nExpires: 600\r\n");
    ue.words("quit").unwrap();
    let requests = ue.requests();
    let (unsubscribe, unpublish) = (&requests[0], &requests[1]);
    assert_eq!((unsubscribe.cseq_method(), unsubscribe.expires()), ("SUBSCRIBE", Some(0)));
    assert_eq!((unpublish.cseq_method(), unpublish.expires()), ("PUBLISH", Some(0)));
    ue.answer(unsubscribe, "200 OK", "Expires: 0\r\n");
    ue.answer(unpublish, "200 OK", "Expires: 0\r\n");
    assert!(ue.requests().is_empty());
    ue.deliver(&notify(&subscribe, 2, "terminated;reason=timeout", OPEN));
    let deregister = ue.request("REGISTER");
    assert_eq!(deregister.expires(), Some(0));
    assert!(!is_gone(&ue));
    ue.answer(&deregister, "200 OK", "");
    assert!(is_gone(&ue));
    assert_eq!(ue.words("register").unwrap_err(), "leaving");
}

#[test]
fn a_silent_network_is_not_waited_for() {
    let (mut ue, _) = Ue::watching();
    ue.words("quit").unwrap();
    assert_eq!(methods(&mut ue), ["SUBSCRIBE"]);
    ue.pass(Duration::from_millis(2500));
    assert_eq!(methods(&mut ue), ["REGISTER"]);
    ue.pass(FAREWELL - Duration::from_millis(2501));
    assert!(!is_gone(&ue));
    ue.pass(Duration::from_millis(1));
    assert!(is_gone(&ue));
}

#[test]
fn whoever_is_not_registered_is_gone_at_once() {
    let mut ue = Ue::new();
    ue.words("quit").unwrap();
    assert!(is_gone(&ue) && ue.requests().is_empty());
    let mut waiting = Ue::new();
    waiting.is_unreachable = true;
    waiting.words("watch carol@home1.test").unwrap();
    waiting.words("quit").unwrap();
    assert!(is_gone(&waiting));
}

#[test]
fn a_registration_under_way_is_ended_when_it_is_there() {
    let mut ue = Ue::new();
    ue.words("register").unwrap();
    let register = ue.request("REGISTER");
    ue.words("quit").unwrap();
    assert!(!is_gone(&ue));
    ue.answer(&register, "200 OK", &crate::support::granted(3600));
    assert_eq!(ue.request("REGISTER").expires(), Some(0));
}

#[test]
fn what_is_left_to_expire() {
    let mut once = Ue::registered();
    once.words("publish open").unwrap();
    let publish = once.request("PUBLISH");
    once.answer(&publish, "200 OK", "SIP-ETag: e1\r\nExpires: 600\r\n");
    leave(&mut once, Farewell::ExceptPublication);
    assert_eq!(methods(&mut once), ["REGISTER"]);
    let mut stay = Ue::registered();
    leave(&mut stay, Farewell::Nothing);
    assert!(is_gone(&stay) && stay.requests().is_empty());
    stay.pass(secs(3600));
    assert!(is_gone(&stay));
}
