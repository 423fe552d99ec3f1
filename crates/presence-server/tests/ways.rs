//! Which way a NOTIFY goes: back along the dialog, or to the watcher found afresh (figures 6 and 7).

mod support;

use ims_node::NodeCause;
use presence_server::{Cause, PresenceServerSettings};
use sip_message::{HeaderName, Message};
use support::{
    ALICE, BOB, CAROL, OK, Ps, Request, Watching, by_dialog, carols_friends, code, pidf, publish, refused,
    settings, shown, state, subscribe,
};

const ALICES_GRUU: &str = "sip:alice@home1.test;gr=urn:uuid:1";
const BOBS_GRUU: &str = "sip:bob@home2.test;gr=urn:uuid:2";

fn by_gruu(watcher: &str, gruu: &str) -> Request {
    subscribe(watcher, CAROL).with("Contact", &format!("<{gruu}>"))
}

/// Call-IDs are the S-CSCF's for the user, so that `number` tells what it said later.
fn register(user: &str, scscf: &str, (number, seconds): (u32, u32)) -> Request {
    let mut request = Request::new("REGISTER", scscf, user)
        .with("Contact", &format!("<{scscf}>"))
        .with("Expires", &seconds.to_string());
    request.cseq = number;
    request
}

fn routes(notify: &Message) -> Vec<&str> {
    notify.list(HeaderName::Route).collect()
}

/// A watcher, and the NOTIFY that an update brings it.
fn updated(
    settings: PresenceServerSettings,
    register_alice: Option<&str>,
    request: &Request,
) -> (Ps, Watching, Message) {
    let mut ps = Ps::new(settings, carols_friends());
    if let Some(scscf) = register_alice {
        assert_eq!(ps.status(&register(ALICE, scscf, (1, 600))), 200);
    }
    let watching = ps.watch(request);
    ps.dns_asked.clear();
    ps.publish(&publish(CAROL).body(&pidf("open")));
    let notify = ps.notify();
    (ps, watching, notify)
}

#[test]
fn figure_6_a_watcher_of_our_domain_is_reached_by_the_s_cscf_that_registered_it() {
    let scscf = "sip:scscf1b.home1.test";
    let (ps, watching, notify) = updated(settings(), Some(scscf), &by_gruu(ALICE, ALICES_GRUU));
    assert_eq!(notify.request_uri_text(), ALICES_GRUU);
    assert_eq!(routes(&notify), ["<sip:scscf1b.home1.test;lr>"]);
    assert_eq!((notify.call_id(), notify.cseq()), (watching.first.call_id(), watching.first.cseq() + 1));
    assert_eq!((notify.from_tag(), notify.to_tag()), (watching.first.from_tag(), watching.first.to_tag()));
    assert!(ps.dns_asked.iter().any(|name| name.ends_with("scscf1b.home1.test")), "{:?}", ps.dns_asked);
}

#[test]
fn figure_6_without_a_registration_the_domain_is_asked() {
    let (ps, _, notify) = updated(settings(), None, &by_gruu(ALICE, ALICES_GRUU));
    assert_eq!(routes(&notify), Vec::<&str>::new());
    assert_eq!(ps.dns_asked.first().map(String::as_str), Some("home1.test"));
}

#[test]
fn figure_7_a_watcher_of_another_domain_is_reached_by_our_s_cscf() {
    let (_, watching, notify) = updated(settings(), None, &by_gruu(BOB, BOBS_GRUU));
    assert_eq!(routes(&notify), ["<sip:127.0.10.14;lr>"]);
    assert_eq!(notify.request_uri_text(), BOBS_GRUU);
    // The first NOTIFY took the way of the SUBSCRIBE.
    assert_eq!(routes(&watching.first), ["<sip:rr-t@127.0.10.14;lr>", "<sip:rr@127.0.10.13;lr>"]);
}

/// TS 23.380 section 4.2: an S-CSCF that is gone for good must not cost the watchers of another domain their updates.
#[test]
fn figure_7_a_presentity_that_another_s_cscf_has_now_is_spoken_for_by_that_one() {
    let (mut ps, _, notify) = updated(settings(), None, &by_gruu(BOB, BOBS_GRUU));
    ps.answer(&notify, 200);
    let moved = register(CAROL, "sip:scscf1b.home1.test", (1, 60));
    assert_eq!(ps.status(&moved), 200);
    ps.pass_s(1);
    ps.publish(&publish(CAROL).body(&pidf("closed")));
    assert_eq!(routes(&ps.notify_confirmed()), ["<sip:scscf1b.home1.test;lr>"]);
    ps.pass_s(60);
    ps.publish(&publish(CAROL).body(&pidf("open")));
    assert_eq!(routes(&ps.notify_confirmed()), ["<sip:127.0.10.14;lr>"], "nobody has the presentity now");
}

#[test]
fn updates_go_by_dialog_without_a_gruu_or_if_so_configured() {
    for (settings, request) in [
        (settings(), subscribe(ALICE, CAROL)),
        (by_dialog(), by_gruu(ALICE, ALICES_GRUU)),
        (by_dialog(), by_gruu(BOB, BOBS_GRUU)),
    ] {
        let (_, _, notify) = updated(settings, Some("sip:scscf1a.home1.test"), &request);
        assert_eq!(routes(&notify), ["<sip:rr-t@127.0.10.14;lr>", "<sip:rr@127.0.10.13;lr>"]);
    }
}

#[test]
fn what_fails_by_identity_is_tried_once_by_dialog() {
    for status in [404, 408, 430, 480] {
        let (mut ps, _, notify) = updated(settings(), None, &by_gruu(BOB, BOBS_GRUU));
        ps.answer(&notify, status);
        let again = ps.notify();
        assert_eq!(routes(&again).len(), 2, "{status}");
        assert_eq!((again.cseq(), shown(&again).as_str()), (notify.cseq() + 1, "open"));
        ps.answer(&again, 480);
        assert_eq!(ps.node.role().watches(), 0, "{status}");
    }
    let (mut ps, _, notify) = updated(settings(), None, &by_gruu(BOB, BOBS_GRUU));
    // A next hop that says nothing, not even 100, is given up before five seconds.
    ps.pass_s(4);
    assert!(ps.notifies().iter().all(|sent| sent.cseq() == notify.cseq()), "repeats");
    ps.pass_s(1);
    let mut again = ps.notifies();
    again.retain(|sent| sent.cseq() > notify.cseq());
    assert_eq!(routes(&again[0]).len(), 2);
}

#[test]
fn a_watcher_who_moved_gets_its_update_where_it_is_now() {
    let (mut ps, _, notify) =
        updated(settings(), Some("sip:scscf1a.home1.test"), &by_gruu(ALICE, ALICES_GRUU));
    ps.answer(&notify, 200);
    assert_eq!(ps.status(&register(ALICE, "sip:scscf1b.home1.test", (1, 600))), 200);
    ps.pass_s(1);
    ps.publish(&publish(CAROL).body(&pidf("closed")));
    assert_eq!(routes(&ps.notify_confirmed()), ["<sip:scscf1b.home1.test;lr>"]);
    // And left: the S-CSCF that had it is of no use.
    assert_eq!(ps.status(&register(ALICE, "sip:scscf1b.home1.test", (2, 0))), 200);
    ps.pass_s(1);
    ps.publish(&publish(CAROL).call_id("later").body(&pidf("open")));
    assert_eq!(routes(&ps.notify_confirmed()), Vec::<&str>::new());
}

#[test]
fn the_end_of_a_subscription_goes_by_identity_too() {
    let (mut ps, _, notify) = updated(settings(), None, &by_gruu(BOB, BOBS_GRUU));
    ps.answer(&notify, 200);
    ps.pass_s(600);
    let last = ps.notify();
    assert_eq!((state(&last), routes(&last)), ("terminated;reason=timeout", vec!["<sip:127.0.10.14;lr>"]));
}

#[test]
fn a_third_party_register_is_answered_and_runs_out() {
    let mut ps = Ps::usual();
    let response = ps.send(&register(ALICE, "sip:scscf1a.home1.test", (1, 600)));
    assert_eq!(code(&response), 200);
    assert_eq!(response.value(HeaderName::Contact), Some("<sip:scscf1a.home1.test>;expires=600"));
    assert_eq!(ps.list(), "registration sip:alice@home1.test at sip:scscf1a.home1.test 600s");
    ps.pass_s(600);
    assert_eq!((ps.node.role().presentities(), ps.journal.len()), (0, 0));
    let no_scscf = refused(400, Cause::ContactNotScscf);
    let table = [
        (register(BOB, "sip:scscf1a.home1.test", (1, 600)), refused(404, Cause::NoSuchPresentity)),
        (register(ALICE, "sip:scscf1a.home1.test", (1, 600)).without("Contact"), no_scscf),
        (register(ALICE, "sip:scscf1a.home1.test", (1, 600)).with("Contact", "*"), no_scscf),
    ];
    for (request, expected) in table {
        assert_eq!(ps.fate(&request), expected);
    }
}

#[test]
fn reg_s_08_a_late_third_party_register_changes_nothing() {
    let scscf = "sip:scscf1a.home1.test";
    let listed = |ps: &mut Ps| ps.list();
    let mut ps = Ps::usual();
    assert_eq!(ps.status(&register(ALICE, scscf, (7, 600))), 200);
    let here = listed(&mut ps);
    assert!(here.ends_with("600s"), "{here}");
    // Overtaken on the way: the S-CSCF has said more since.
    let late = refused(500, NodeCause::StaleCSeq);
    assert_eq!(ps.fate(&register(ALICE, scscf, (6, 0))), late);
    assert_eq!(ps.fate(&register(ALICE, scscf, (5, 60))), late);
    // The same on another way is no news.
    assert_eq!(ps.status(&register(ALICE, scscf, (7, 600))), 200);
    assert_eq!(listed(&mut ps), here);
    assert_eq!(ps.status(&register(ALICE, scscf, (8, 0))), 200);
    assert_eq!(listed(&mut ps), "");
    ps.pass_s(31);
    assert_eq!(ps.fate(&register(ALICE, scscf, (7, 600))), late, "she has left since");
    assert_eq!((listed(&mut ps).as_str(), ps.journal.len()), ("", 0));
    // Another S-CSCF counts for itself; what the first one takes back is not its own any more.
    let other = "sip:scscf1b.home1.test";
    assert_eq!(ps.status(&register(ALICE, other, (1, 600))), 200);
    assert_eq!(ps.status(&register(ALICE, scscf, (9, 0))), 200);
    assert!(listed(&mut ps).contains(other));
    assert_eq!(ps.status(&register(ALICE, other, (2, 0))), 200);
    ps.pass_s(32);
    assert_eq!((ps.node.role().presentities(), ps.journal.len()), (0, 0), "nothing is remembered for good");
}

#[test]
fn reg_s_09_an_s_cscf_that_has_been_restarted_counts_anew_under_another_call_id() {
    let scscf = "sip:scscf1a.home1.test";
    let process = |call_id: &str, said| register(ALICE, scscf, said).call_id(call_id);
    let rows = [
        ("before", (900, 600), OK, "600s"),
        ("after", (1, 500), OK, "500s"),
        ("after", (2, 0), OK, ""),
        ("after", (3, 400), OK, "400s"),
        // A late one of the process that is gone is believed until the next of the new one.
        ("before", (901, 0), OK, ""),
        ("after", (4, 300), OK, "300s"),
        ("after", (3, 0), refused(500, NodeCause::StaleCSeq), "300s"),
    ];
    let mut ps = Ps::usual();
    for (call_id, said, fate, left) in rows {
        assert_eq!(ps.fate(&process(call_id, said)), fate, "{call_id} {said:?}");
        let listed = ps.list();
        assert!(
            listed.ends_with(left) && listed.is_empty() == left.is_empty(),
            "{call_id} {said:?} {listed}"
        );
    }
}
