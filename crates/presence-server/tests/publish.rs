//! PUB: PUBLISH (RFC 3903).

mod support;

use ims_node::NodeCause;
use presence_document::{Component, Pidf};
use presence_server::Cause;
use sip_message::{HeaderName, Message};
use support::{
    ALICE, CAROL, ERIN, OK, Ps, Request, by_dialog, carols_friends, code, etag, pidf, publish, refused,
    shown, subscribe,
};

#[test]
fn pub_01_four_kinds() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    let initial = ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(shown(&ps.notify_confirmed()), "open");
    let refreshed = ps.publish(&publish(CAROL).with("SIP-If-Match", &initial));
    assert_eq!(ps.notifies().len(), 0);
    let modified = ps.publish(&publish(CAROL).with("SIP-If-Match", &refreshed).body(&pidf("closed")));
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
    let response = ps.send(&publish(CAROL).with("SIP-If-Match", &modified).with("Expires", "0"));
    assert_eq!((code(&response), response.value(HeaderName::Expires)), (200, Some("0")));
    assert_eq!(ps.node.role().presentities(), 1, "the watched one");
}

#[test]
fn pub_02_checks_come_in_their_order() {
    let mut worst = publish(ERIN)
        .with("P-Asserted-Identity", &format!("<{ALICE}>"))
        .with("Event", "dialog")
        .with("SIP-If-Match", "unknown")
        .with("Expires", "1")
        .with("Content-Type", "text/plain")
        .body("hello");
    worst.uri = "sip:erin@elsewhere.test".into();
    let mut ours = worst.clone();
    ours.uri = ERIN.into();
    let presence = ours.clone().with("Event", "presence");
    let own = presence.clone().with("P-Asserted-Identity", &format!("<{ERIN}>"));
    let initial = own.clone().without("SIP-If-Match");
    let long = initial.clone().with("Expires", "60");
    let table = [
        (worst, refused(404, Cause::NoSuchPresentity)),
        (ours, refused(489, NodeCause::UnknownEvent)),
        (presence, refused(403, Cause::PublisherNotAllowed)),
        (own, refused(412, Cause::NoSuchTag)),
        (initial, refused(423, NodeCause::ExpiresTooShort)),
        (long, refused(415, Cause::NotPidf)),
    ];
    let mut ps = Ps::usual();
    for (request, expected) in table {
        assert_eq!(ps.fate(&request), expected);
    }
    assert_eq!((ps.journal.len(), ps.node.role().presentities()), (0, 0), "nothing is stored on error");
}

#[test]
fn pub_03_04_05_what_is_refused_and_what_the_answer_says() {
    let mut ps = Ps::usual();
    let large = pidf("open").replace("<tuple", &format!("<!--{}--><tuple", "x".repeat(57 * 1024)));
    let mistyped = publish(CAROL).with("Content-Type", "text/plain").body("here");
    let encoded = publish(CAROL).with("Content-Encoding", "gzip").body("zzz");
    let two_tags = publish(CAROL).with("SIP-If-Match", "a, b").body(&pidf("open"));
    let no_such_tag = publish(CAROL).with("SIP-If-Match", "a").body(&pidf("open"));
    let brief = publish(CAROL).with("Expires", "59").body(&pidf("open"));
    let other_event = publish(CAROL).with("Event", "presence.winfo").body("x");
    let table = [
        (two_tags, refused(400, Cause::BadIfMatch), HeaderName::Warning),
        (no_such_tag, refused(412, Cause::NoSuchTag), HeaderName::Warning),
        (brief, refused(423, NodeCause::ExpiresTooShort), HeaderName::MinExpires),
        (publish(CAROL), refused(400, Cause::NothingPublished), HeaderName::Warning),
        (mistyped, refused(415, Cause::NotPidf), HeaderName::Accept),
        (encoded, refused(415, Cause::NotPidf), HeaderName::AcceptEncoding),
        (publish(CAROL).body("<presence"), refused(400, Cause::BadDocument), HeaderName::Warning),
        (publish(CAROL).body(&large), refused(413, Cause::DocumentsTooLarge), HeaderName::Warning),
        (other_event, refused(489, NodeCause::UnknownEvent), HeaderName::AllowEvents),
    ];
    for (request, expected, header) in table {
        let response = ps.send(&request);
        assert_eq!(ps.fate_in(&response), expected, "{response:?}");
        assert!(response.value(header).is_some(), "{expected:?}");
    }
    assert_eq!(ps.journal.len(), 0);
}

#[test]
fn pub_05_all_documents_of_a_presentity_fit_into_one_notify() {
    let mut ps = Ps::usual();
    let half = pidf("open").replace("<tuple", &format!("<!--{}--><tuple", "x".repeat(30 * 1024)));
    let tag = ps.publish(&publish(CAROL).body(&half));
    let second = publish(CAROL).call_id("second").body(&half);
    assert_eq!(ps.fate(&second), refused(413, Cause::DocumentsTooLarge));
    // A document is no obstacle to its own successor.
    ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&half));
}

#[test]
fn pub_06_every_success_gets_a_new_tag() {
    let mut ps = Ps::usual();
    let mut tags = vec![ps.publish(&publish(CAROL).body(&pidf("open")))];
    for _ in 0..3 {
        tags.push(ps.publish(&publish(CAROL).with("SIP-If-Match", tags.last().unwrap())));
    }
    let last = tags.pop().unwrap();
    for dead in &tags {
        assert_ne!(*dead, last);
        let late = publish(CAROL).call_id("later").with("SIP-If-Match", dead);
        assert_eq!(ps.fate(&late), refused(412, Cause::NoSuchTag));
    }
    ps.publish(&publish(CAROL).with("SIP-If-Match", &last));
}

#[test]
fn pub_07_edge_5_two_publishes_with_one_tag() {
    let mut ps = Ps::usual();
    let tag = ps.publish(&publish(CAROL).body(&pidf("open")));
    let modify = publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("closed"));
    let second = modify.clone().call_id("second");
    assert_eq!([ps.fate(&modify), ps.fate(&second)], [OK, refused(412, Cause::NoSuchTag)]);
}

#[test]
fn pub_08_no_dialog_comes_of_it() {
    let mut ps = Ps::usual();
    let request = publish(CAROL).with("Record-Route", "<sip:127.0.10.14;lr>").body(&pidf("open"));
    let response = ps.send(&request.with("Contact", "<sip:carol@127.0.0.1>"));
    assert_eq!(response.list(HeaderName::RecordRoute).count(), 0);
    assert_eq!((response.value(HeaderName::Contact), response.to_tag().is_some()), (None, true));
    assert!(etag(&response).len() >= 12);
}

#[test]
fn pub_09_expiry_without_refresh_is_a_change() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(shown(&ps.notify_confirmed()), "open");
    ps.pass_s(599);
    assert_eq!(ps.notifies().len(), 0);
    ps.pass_s(1);
    assert_eq!(shown(&ps.notify_confirmed()), "closed");
    assert!(!ps.journal.keys().any(|key| key[0] == b'p'));
}

#[test]
fn pub_09_edge_6_a_refresh_alone_notifies_nobody_and_keeps_it_alive() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL).with("Expires", "3600"));
    let mut tag = ps.carol_is("open");
    for _ in 0..4 {
        ps.pass_s(500);
        tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag));
        assert_eq!(ps.notifies().len(), 0);
    }
}

#[test]
fn pub_09_what_no_watcher_can_see_is_no_change() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    let person = format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='{CAROL}'>\
         <person xmlns='urn:ietf:params:xml:ns:pidf:data-model' id='p'/></presence>"
    );
    ps.publish(&publish(CAROL).body(&person));
    ps.notify_confirmed();
    // A second source that says the same of the same person.
    ps.pass_s(1);
    ps.publish(&publish(CAROL).call_id("second").body(&person));
    assert_eq!(ps.notifies().len(), 0);
}

#[test]
fn prs_10_two_phones_with_one_tuple_id_are_both_shown_also_after_a_restart() {
    let mut ps = Ps::usual();
    ps.watch(&subscribe(ALICE, CAROL));
    ps.publish(&publish(CAROL).body(&pidf("open")));
    ps.notify_confirmed();
    let tag = ps.publish(&publish(CAROL).call_id("second").body(&pidf("closed")));
    let ids = |notify: &Message| {
        let document = Pidf::parse(&notify.body()).unwrap();
        let of = |tuple: &Component| format!("{} {:?}", tuple.id(), tuple.basic().unwrap()).to_lowercase();
        document.tuples().map(of).collect::<Vec<_>>()
    };
    assert_eq!(ids(&ps.notify_confirmed()), ["phone open", "phone-1 closed"]);
    // Who has lost the entity-tag publishes anew: that is no third phone.
    ps.publish(&publish(CAROL).call_id("second").body(&pidf("open")));
    assert_eq!(ids(&ps.notify_confirmed()), ["phone open", "phone-1 open"]);
    // Its id stays when it changes, and over a restart.
    ps.pass_s(1);
    let closed = pidf("closed") + "\n";
    let tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&closed));
    assert_eq!(ids(&ps.notify_confirmed()), ["phone open", "phone-1 closed"]);
    let mut ps = ps.restarted(1, by_dialog(), carols_friends());
    ps.confirm();
    let tag = ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).body(&pidf("open")));
    assert_eq!(ids(&ps.notify_confirmed()), ["phone open", "phone-1 open"]);
    // Also when what it had published first is gone.
    ps.publish(&publish(CAROL).with("SIP-If-Match", &tag).with("Expires", "0"));
    let third = publish(CAROL).call_id("third").body(&pidf("closed"));
    ps.publish(&third);
    assert_eq!(ids(&ps.notify_confirmed()), ["phone open", "phone-1 open", "phone-3 closed"]);
}

#[test]
fn pub_13_the_oldest_of_too_many_publications_gives_way() {
    let mut ps = Ps::usual();
    let tag = ps.publish(&publish(CAROL).call_id("first").body(&pidf("open")));
    for n in 0..10 {
        ps.publish(&publish(CAROL).call_id(&n.to_string()).body(&pidf("open")));
    }
    let refresh = publish(CAROL).with("SIP-If-Match", &tag);
    assert_eq!(ps.fate(&refresh), refused(412, Cause::NoSuchTag));
    assert_eq!(ps.journal.len(), 10);
}

#[test]
fn publications_of_too_many_presentities_are_turned_away() {
    let mut settings = by_dialog();
    settings.bounds.presentities = 1;
    let mut ps = Ps::new(settings, carols_friends());
    ps.carol_is("open");
    let response = ps.send(&publish(ERIN).body(&pidf("open")));
    assert_eq!(ps.fate_in(&response), refused(500, Cause::TooManyPresentities));
    assert!(response.value(HeaderName::RetryAfter).is_some());
    assert_eq!(
        ps.status(
            &Request::new("REGISTER", ERIN, ERIN)
                .with("Contact", "<sip:scscf1a.home1.test>")
                .with("Expires", "60")
        ),
        200
    );
}

#[test]
fn rfc3261_8_2_2_2_a_publish_on_another_way_gets_the_answer_of_the_first() {
    let mut ps = Ps::usual();
    let initial = publish(CAROL).body(&pidf("open"));
    let tag = ps.publish(&initial);
    assert_eq!(ps.publish(&initial), tag, "there is one publication");
    let refresh = publish(CAROL).with("SIP-If-Match", &tag);
    let refreshed = ps.publish(&refresh);
    assert_eq!(ps.publish(&refresh), refreshed, "not 412");
    let change = publish(CAROL).with("SIP-If-Match", &refreshed).body(&pidf("closed"));
    let changed = ps.publish(&change);
    // The first one is very late, and still makes no second publication.
    assert_eq!(
        [&initial, &refresh, &change].map(|request| ps.publish(request)),
        [&tag, &refreshed, &changed].map(Clone::clone)
    );
    let removal = publish(CAROL).with("SIP-If-Match", &changed).with("Expires", "0");
    let removed = ps.publish(&removal);
    assert_eq!([&removal, &initial].map(|request| ps.publish(request)), [removed, tag.clone()]);
    // After Timer J its transaction is over.
    ps.pass_s(32);
    assert_ne!(ps.publish(&initial), tag);
}

#[test]
fn rfc3261_8_2_2_2_a_later_publish_makes_an_old_one_no_younger() {
    let mut ps = Ps::usual();
    let initial = publish(CAROL).body(&pidf("open"));
    let tag = ps.publish(&initial);
    ps.pass_s(31);
    let removal = publish(CAROL).with("SIP-If-Match", &tag).with("Expires", "0");
    ps.publish(&removal);
    ps.pass_s(1);
    // Timer J of the first one is over: whoever sends the same again has begun anew.
    let anew = ps.publish(&initial);
    assert_ne!(anew, tag);
    assert_eq!(ps.status(&publish(CAROL).with("SIP-If-Match", &anew)), 200);
}

#[test]
fn rfc3261_10_3_a_password_makes_nobody_another_presentity() {
    let mut ps = Ps::usual();
    let tag = ps.publish(&publish(CAROL).body(&pidf("open")));
    for uri in ["sip:carol:1@home1.test", "sip:c%61rol:2@HOME1.test"] {
        let request = publish(CAROL).about(uri).call_id(uri).body(&pidf("closed"));
        assert_eq!(code(&ps.send(&request)), 200, "{uri}");
    }
    // They are three publications of one presentity.
    assert_eq!(ps.journal.len(), 3);
    assert_eq!(ps.status(&publish(CAROL).about("sip:carol:3@home1.test").with("SIP-If-Match", &tag)), 200);
    // An escaped colon is a part of the name.
    let another = publish(CAROL).about("sip:carol%3A1@home1.test").body(&pidf("open"));
    assert_eq!(ps.fate(&another), refused(403, Cause::PublisherNotAllowed));
}

#[test]
fn pub_05_whoever_publishes_what_cannot_be_put_right_is_told_what_it_is() {
    let mut ps = Ps::usual();
    let document = pidf("open").replace("<basic>open", "<basic>\"ajar\"");
    let response = ps.send(&publish(CAROL).body(&document));
    assert_eq!(code(&response), 400);
    let warnings: Vec<&str> = response.values(HeaderName::Warning).collect();
    let told = "399 ps1.home1.test \"basic is \\\"\\\\\\\"ajar\\\\\\\"\\\", neither open nor closed\"";
    let reason = Cause::BadDocument.reason();
    assert_eq!(warnings, [format!("399 ps1.home1.test \"{reason}\"").as_str(), told]);
}
