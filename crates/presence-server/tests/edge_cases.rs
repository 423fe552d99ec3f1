//! Races, lost watchers, a journal that is full, and the operator's commands.

mod support;

use ims_node::{AskAnswer, Input, NodeCause};
use presence_server::{Ask, meant};
use sip_message::HeaderName;
use support::{
    ALICE, BOB, CAROL, ERIN, OK, Ps, Request, code, pidf, publish, refused, shown, state, subscribe,
};

#[test]
fn edge_1_no_notify_leaves_before_its_200() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    ps.watch(&subscribe(BOB, CAROL));
    // `send` itself fails when anything leaves before the answer.
    for request in [
        subscribe("sip:dave@home2.test", CAROL),
        subscribe(BOB, CAROL).call_id("fetch").with("Expires", "0"),
        publish(CAROL).body(&pidf("open")),
    ] {
        assert_eq!(code(&ps.send(&request)), 200);
        assert!(!ps.notifies().is_empty(), "{}", request.method);
    }
}

#[test]
fn edge_2_a_refresh_with_a_new_contact_moves_the_updates() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.send(&watching.again(2).with("Contact", "<sip:alice@127.0.10.12:5062>"));
    ps.confirm();
    ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(ps.notify().request_uri_text(), "sip:alice@127.0.10.12:5062");
}

#[test]
fn edge_3_a_refresh_racing_with_the_expiry() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(600);
    let last = ps.notify();
    assert_eq!(state(&last), "terminated;reason=timeout");
    assert_eq!(ps.fate(&watching.again(2)), refused(481, NodeCause::NoSubscription));
    ps.answer(&last, 200);
    // At the very moment, before the timer was looked at.
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.now = ps.now + std::time::Duration::from_secs(600);
    assert_eq!(ps.fate(&watching.again(2)), refused(481, NodeCause::NoSubscription));
}

#[test]
fn edge_4_the_end_racing_with_a_change() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    let change = ps.notify();
    assert_eq!(code(&ps.send(&watching.again(2).with("Expires", "0"))), 200);
    assert_eq!(ps.notifies().len(), 0, "one NOTIFY is outstanding");
    ps.answer(&change, 200);
    let last = ps.notify();
    assert_eq!((state(&last), shown(&last).as_str()), ("terminated;reason=timeout", "open"));
    // The other way round: what changes after the end concerns nobody.
    ps.publish(&publish(CAROL).call_id("second").body(&pidf("closed")));
    assert_eq!(ps.notifies().len(), 0);
    ps.answer(&last, 200);
    assert_eq!((ps.notifies().len(), ps.node.role().watches()), (0, 0));
}

#[test]
fn edge_9_a_watcher_that_vanished_is_forgotten() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
    let tag = ps.publish(&publish(CAROL).with("Expires", "3600").body(&pidf("open")));
    let mut attempts = 1;
    for _ in 0..187 {
        ps.pass_s(1);
        let last = ps.notifies().iter().map(sip_message::Message::cseq).max();
        attempts = attempts.max(last.map_or(0, |cseq| cseq - 1));
    }
    assert_eq!((attempts, ps.node.role().watches()), (3, 0));
    assert_eq!(code(&ps.send(&publish(CAROL).with("SIP-If-Match", &tag).with("Expires", "0"))), 200);
    ps.pass_s(60);
    assert_eq!((ps.node.role().presentities(), ps.journal.len()), (0, 0));
    assert!(ps.node.is_quiet());
}

#[test]
fn edge_9_a_watcher_that_comes_back_gets_the_newest() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    let unheard = ps.notify();
    ps.answer(&unheard, 408);
    assert_eq!(ps.notifies().len(), 0);
    assert_eq!(code(&ps.send(&watching.again(2))), 200);
    assert_eq!(shown(&ps.notify_confirmed()), "open");
}

#[test]
fn a_full_journal_promises_nothing_new() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let tag = ps.carol_is("open");
    let register = Request::new("REGISTER", "sip:s", CAROL).with("Contact", "<sip:s>").with("Expires", "60");
    let journal = ps.journal.clone();
    ps.handle(Input::JournalFull(true));
    let full = refused(500, NodeCause::JournalFull);
    let table = [
        (subscribe(BOB, CAROL), full),
        (subscribe(BOB, CAROL).call_id("fetch").with("Expires", "0"), OK),
        (watching.again(2), full),
        (watching.again(3).with("Expires", "0"), full),
        (publish(ERIN).body(&pidf("open")), full),
        (publish(CAROL).with("SIP-If-Match", &tag), full),
        // An error would make the S-CSCF de-register the user.
        (register, OK),
    ];
    for (request, expected) in table {
        let response = ps.send(&request);
        ps.confirm();
        assert_eq!(ps.fate_in(&response), expected, "{}", request.call_id);
        assert_eq!(response.value(HeaderName::RetryAfter).is_some(), expected == full);
    }
    assert_eq!(ps.journal, journal);
    ps.handle(Input::JournalFull(false));
    assert_eq!(ps.status(&watching.again(4)), 200);
}

#[test]
fn list_and_explain() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(1);
    let octets = pidf("open").len();
    assert_eq!(
        ps.list(),
        format!(
            "publication sip:carol@home1.test {octets} octets 599s\n\
             subscription sip:alice@home1.test to sip:carol@home1.test presence active 599s"
        )
    );
    let table = [
        ("carol", "sip:alice@home1.test", "allow: by the presentity's rules"),
        ("sip:carol@home1.test", "sip:carol@home1.test", "allow: it is the presentity itself"),
        (
            "carol@home1.test",
            "sip:erin@home1.test",
            "block: by default_action: no rule of the presentity speaks of this watcher",
        ),
        ("erin", "alice", "block: by default_action: the presentity has no rules"),
        ("carol", "alice", "allow: by the presentity's rules"),
        ("bob@home2.test", "alice", "sip:bob@home2.test is no user of home1.test"),
    ];
    for (presentity, watcher, expected) in table {
        let uri = |text| meant(text, "home1.test").unwrap();
        let told = ps.ask(Ask::Explain { presentity: uri(presentity), watcher: uri(watcher) }).unwrap();
        assert_eq!(told.to_string(), expected, "{presentity} {watcher}");
        assert_eq!(told.refusal().is_some(), presentity.ends_with("home2.test"));
    }
    // As people type it.
    assert_eq!(meant("ca<rol", "home1.test"), None);
}

#[test]
fn names_of_rules_files() {
    let table = [
        ("carol@home1.test", Some("sip:carol@home1.test")),
        ("carol@HOME1.test", Some("sip:carol@home1.test")),
        ("a%2Fb@home1.test", Some("sip:a/b@home1.test")),
        ("home1.test", None),
        ("carol@home1.test:5060", None),
        ("carol@home1.test;gr=1", None),
        ("carol @home1.test", None),
    ];
    for (stem, expected) in table {
        assert_eq!(presence_server::presentity_named(stem).as_deref(), expected, "{stem}");
    }
}
