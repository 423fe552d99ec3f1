//! SUB-N: SUBSCRIBE and NOTIFY (RFC 6665 section 4.2).

mod support;

use ims_node::NodeCause;
use presence_server::Cause;
use sip_message::HeaderName;
use support::{
    ALICE, BOB, CAROL, ERIN, OK, PEER, Ps, Request, STRANGER, by_dialog, carols_friends, code, publish,
    refused, shown, state, subscribe,
};

#[test]
fn sub_n_01_checks_come_in_their_order() {
    let worst = subscribe(ERIN, "sip:carol@elsewhere.test")
        .with("Require", "unheard-of")
        .without("P-Asserted-Identity")
        .with("Event", "dialog")
        .with("Expires", "1")
        .with("Accept", "text/html");
    // Each step mends what the step before was refused for.
    let known = worst.clone().without("Require");
    let mut ours = known.clone();
    ours.uri = CAROL.into();
    let asserted = ours.clone().with("P-Asserted-Identity", &format!("<{ERIN}>"));
    let presence = asserted.clone().with("Event", "presence");
    let allowed = presence.clone().with("P-Asserted-Identity", &format!("<{ALICE}>"));
    let long = allowed.clone().with("Expires", "60");
    let acceptable = long.clone().with("Accept", "application/pidf+xml").body("filter");
    let plain = acceptable.clone().body("");
    let table = [
        (worst, refused(420, NodeCause::UnknownRequire)),
        (known, refused(404, Cause::NoSuchPresentity)),
        (ours, refused(403, Cause::NoAssertedIdentity)),
        (asserted, refused(489, NodeCause::UnknownEvent)),
        (presence, refused(403, NodeCause::WatcherNotAllowed)),
        (allowed, refused(423, NodeCause::ExpiresTooShort)),
        (long, refused(406, NodeCause::NotAcceptable)),
        (acceptable, refused(415, NodeCause::FilterNotSupported)),
        (plain, OK),
    ];
    let mut ps = Ps::usual();
    for (request, expected) in table {
        assert_eq!(ps.fate(&request), expected);
    }
}

#[test]
fn prs_02_only_our_own_nodes_speak_to_a_presence_server() {
    let mut ps = Ps::usual();
    for from in [STRANGER, PEER] {
        for request in [subscribe(ALICE, CAROL), publish(CAROL), Request::new("REGISTER", ALICE, ALICE)] {
            let answer = ps.send_all(from, &request);
            let foreign = refused(403, Cause::ForeignSender);
            assert_eq!((answer.len(), ps.fate_in(&answer[0])), (1, foreign), "{from}");
        }
    }
    assert_eq!(ps.node.role().presentities(), 0);
}

#[test]
fn sub_n_02_an_unknown_package_is_told_what_is_served() {
    let mut ps = Ps::usual();
    for request in
        [subscribe(ALICE, CAROL).with("Event", "presence.winfo"), subscribe(ALICE, CAROL).without("Event")]
    {
        let response = ps.send(&request);
        assert_eq!(ps.fate_in(&response), refused(489, NodeCause::UnknownEvent));
        assert_eq!(response.value(HeaderName::AllowEvents), Some("presence"));
    }
}

#[test]
fn sub_n_03_04_what_is_granted() {
    let table: [(Option<&str>, Option<&str>); 6] = [
        (None, Some("3600")),
        (Some("60"), Some("60")),
        (Some("3600"), Some("3600")),
        (Some("99999"), Some("3600")),
        (Some("0"), Some("0")),
        (Some("59"), None),
    ];
    for (asked, granted) in table {
        let mut ps = Ps::usual();
        let plain = subscribe(ALICE, CAROL).without("Expires");
        let response =
            ps.send(&asked.map_or_else(|| plain.clone(), |asked| plain.clone().with("Expires", asked)));
        let fate = if granted.is_some() { OK } else { refused(423, NodeCause::ExpiresTooShort) };
        assert_eq!(ps.fate_in(&response), fate, "{asked:?}");
        assert_eq!(response.value(HeaderName::Expires), granted, "{asked:?}");
        let min = granted.is_none().then_some("60");
        assert_eq!(response.value(HeaderName::MinExpires), min);
    }
}

#[test]
fn sub_n_06_the_answer_opens_a_dialog() {
    let mut ps = Ps::usual();
    let response = ps.send(&subscribe(ALICE, CAROL));
    assert_eq!(code(&response), 200);
    assert!(response.to_tag().is_some());
    assert_eq!(response.value(HeaderName::Contact), Some("<sip:ps1.home1.test>"));
    let routes: Vec<&str> = response.list(HeaderName::RecordRoute).collect();
    assert_eq!(routes, ["<sip:rr-t@127.0.10.14;lr>", "<sip:rr@127.0.10.13;lr>"]);
}

#[test]
fn sub_n_07_08_09_17_a_notify_follows_the_answer_along_the_dialog() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    let response = ps.send(&subscribe(ALICE, CAROL).with("Event", "presence;id=7"));
    let notify = ps.notify();
    assert_eq!(notify.request_uri_text(), "sip:alice@127.0.10.11:5060");
    assert_eq!(notify.value(HeaderName::Event), Some("presence;id=7"));
    assert_eq!(state(&notify), "active;expires=600");
    assert_eq!(notify.value(HeaderName::Contact), Some("<sip:ps1.home1.test>"));
    let routes: Vec<&str> = notify.list(HeaderName::Route).collect();
    assert_eq!(routes, ["<sip:rr-t@127.0.10.14;lr>", "<sip:rr@127.0.10.13;lr>"]);
    assert_eq!((notify.call_id(), notify.to_tag()), (response.call_id(), Some("ft")));
    assert_eq!((notify.from_tag(), notify.max_forwards()), (response.to_tag(), Some(70)));
    assert_eq!(shown(&notify), "open");
}

#[test]
fn sub_n_07_a_refresh_is_notified_too_with_the_next_cseq() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    ps.pass_s(400);
    let response = ps.send(&watching.again(2));
    assert_eq!((code(&response), response.value(HeaderName::Expires)), (200, Some("600")));
    let notify = ps.notify();
    assert_eq!(notify.cseq(), watching.first.cseq() + 1);
    assert_eq!(state(&notify), "active;expires=600");
    ps.answer(&notify, 200);
    ps.pass_s(599);
    assert_eq!(ps.notifies().len(), 0);
}

#[test]
fn sub_n_12_in_a_dialog_that_is_not_known_481() {
    let mut ps = Ps::usual();
    let mut unknown = subscribe(ALICE, CAROL);
    for tag in ["0123456789abcdef", "short", "+123456789abcdef"] {
        unknown.to_tag = Some(tag.into());
        assert_eq!(ps.fate(&unknown), refused(481, NodeCause::NoSubscription));
    }
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let other = watching.again(2).call_id("another");
    assert_eq!(ps.fate(&other), refused(481, NodeCause::NoSubscription));
    assert_eq!(ps.status(&watching.again(2)), 200);
}

#[test]
fn sub_n_12_a_refresh_that_is_refused_leaves_the_subscription_running() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let table = [
        (watching.again(2).with("Expires", "30"), refused(423, NodeCause::ExpiresTooShort)),
        (watching.again(3).with("Accept", "text/html"), refused(406, NodeCause::NotAcceptable)),
        (watching.again(4).with("Event", "dialog"), refused(489, NodeCause::UnknownEvent)),
        (watching.again(5).with("Contact", "<mailto:alice@home1.test>"), refused(400, NodeCause::BadContact)),
        (
            watching.again(6).with("P-Asserted-Identity", "<sip:erin@home1.test>"),
            refused(403, NodeCause::NotTheWatcher),
        ),
        (watching.again(1), refused(500, NodeCause::StaleCSeq)),
    ];
    for (request, expected) in table {
        assert_eq!(ps.fate(&request), expected, "{}", request.cseq);
    }
    ps.pass_s(599);
    ps.carol_is("open");
    ps.pass_s(1);
    assert_eq!(state(&ps.notify()), "terminated;reason=timeout");
}

/// TS 24.141: the watcher's S-CSCF is the next hop of the dialog, and may speak for its own users.
#[test]
fn sub_n_12_a_refresh_may_come_from_the_watcher_s_network_and_from_nobody_else() {
    let mut ps = Ps::usual();
    let bobs = ps.watch(&subscribe(BOB, CAROL).call_id("bob"));
    let alices = ps.watch(&subscribe(ALICE, CAROL).call_id("alice"));
    for (from, request, expected) in [
        (PEER, bobs.again(2), OK),
        (STRANGER, bobs.again(3), refused(403, Cause::ForeignSender)),
        (PEER, alices.again(2), refused(403, NodeCause::NotTheWatcher)),
        (PEER, alices.again(3).without("P-Asserted-Identity"), refused(403, NodeCause::NotTheWatcher)),
    ] {
        let answer = ps.send_all(from, &request);
        assert_eq!(ps.fate_in(&answer[0]), expected, "{from} {}", request.cseq);
    }
}

#[test]
fn sub_n_13_expires_0_in_the_dialog_ends_it_with_full_state() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let response = ps.send(&watching.again(2).with("Expires", "0"));
    assert_eq!((code(&response), response.value(HeaderName::Expires)), (200, Some("0")));
    let notify = ps.notify();
    assert_eq!((state(&notify), shown(&notify).as_str()), ("terminated;reason=timeout", "open"));
    ps.answer(&notify, 200);
    assert_eq!(ps.node.role().watches(), 0);
    assert_eq!(ps.fate(&watching.again(3)), refused(481, NodeCause::NoSubscription));
    ps.carol_is("closed");
    assert_eq!(ps.journal.len(), 2, "publications alone are left");
}

#[test]
fn sub_n_13_a_fetch_stores_nothing() {
    let mut ps = Ps::usual();
    ps.carol_is("open");
    let before = ps.journal.clone();
    let response = ps.send(&subscribe(ALICE, CAROL).with("Expires", "0"));
    assert_eq!((code(&response), response.value(HeaderName::Expires)), (200, Some("0")));
    let notify = ps.notify();
    assert_eq!((state(&notify), shown(&notify).as_str()), ("terminated;reason=timeout", "open"));
    assert_eq!(ps.journal, before);
    ps.answer(&notify, 200);
    assert_eq!(ps.node.role().watches(), 0);
}

#[test]
fn rfc3261_20_11_a_body_that_is_optional_is_left_out() {
    let optional =
        ["icon;handling=optional", "icon ; HANDLING = \"Optional\"", "render;x=1;handling=optional"];
    let required = ["icon;handling=required", "icon", "icon;other=optional", "optional", ""];
    let not_understood = refused(415, NodeCause::FilterNotSupported);
    let rows =
        optional.map(|value| (value, OK)).into_iter().chain(required.map(|value| (value, not_understood)));
    for (disposition, fate) in rows {
        for content_type in ["image/png", "application/simple-filter+xml"] {
            let mut ps = Ps::usual();
            let with_body = |request: Request| {
                let request = request.with("Content-Type", content_type).body("12345678");
                if disposition.is_empty() {
                    request
                } else {
                    request.with("Content-Disposition", disposition)
                }
            };
            let request = with_body(subscribe(ALICE, CAROL));
            assert_eq!(ps.fate(&request), fate, "{disposition:?}");
            ps.confirm();
            // The same for a refresh.
            let watching = ps.watch(&subscribe(ALICE, CAROL).call_id("another"));
            assert_eq!(ps.fate(&with_body(watching.again(2))), fate, "{disposition:?}");
        }
    }
}

#[test]
fn sub_n_18_the_route_set_stays_and_the_target_moves() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL));
    let moved = watching
        .again(2)
        .with("Contact", "<sip:alice@127.0.10.12:5066>")
        .with("Record-Route", "<sip:rr-t@127.0.10.15;lr>");
    assert_eq!(code(&ps.send(&moved)), 200);
    let notify = ps.notify();
    assert_eq!(notify.request_uri_text(), "sip:alice@127.0.10.12:5066");
    assert_eq!(notify.list(HeaderName::Route).next(), Some("<sip:rr-t@127.0.10.14;lr>"));
}

#[test]
fn sub_n_20_another_id_in_the_same_dialog_is_another_subscription() {
    let mut ps = Ps::usual();
    let watching = ps.watch(&subscribe(ALICE, CAROL).with("Event", "presence;id=1"));
    assert_eq!(code(&ps.send(&watching.again(2).with("Event", "presence;id=2"))), 200);
    let second = ps.notify();
    assert_eq!(second.value(HeaderName::Event), Some("presence;id=2"));
    ps.answer(&second, 200);
    ps.publish(&publish(CAROL).body(&support::pidf("open")));
    let both = ps.notifies();
    let events: Vec<_> = both.iter().map(|notify| notify.value(HeaderName::Event).unwrap()).collect();
    assert_eq!(events, ["presence;id=1", "presence;id=2"]);
    assert!(both[0].cseq() < both[1].cseq(), "one CSeq space for the dialog");
    both.iter().for_each(|notify| ps.answer(notify, 200));
    // The end of one is not the end of the other.
    ps.send(&watching.again(3).with("Event", "presence;id=1").with("Expires", "0"));
    ps.confirm();
    let once_more = watching.again(4).with("Event", "presence;id=1").with("Expires", "0");
    assert_eq!(ps.fate(&once_more), refused(481, NodeCause::NoSubscription));
    ps.pass_s(1);
    ps.publish(&publish(CAROL).call_id("x").body(&support::pidf("closed")));
    assert_eq!(ps.notify().value(HeaderName::Event), Some("presence;id=2"));
}

#[test]
fn bounds_are_answered() {
    let mut settings = by_dialog();
    settings.bounds.per_presentity = 3;
    settings.bounds.per_watcher = 2;
    settings.bounds.subscriptions = 4;
    let mut rules = carols_friends();
    rules.insert(ERIN.into(), support::rules(&[(ALICE, "allow"), (BOB, "allow")]));
    let mut ps = Ps::new(settings, rules);
    let of = |watcher, presentity, n: u32| subscribe(watcher, presentity).call_id(&n.to_string());
    let table = [
        (of(ALICE, CAROL, 1), OK),
        (of(ALICE, CAROL, 2), OK),
        (of(ALICE, ERIN, 3), refused(480, NodeCause::TooManyOfWatcher)),
        (of(BOB, CAROL, 4), OK),
        (of("sip:dave@home2.test", CAROL, 5), refused(480, NodeCause::TooManyOfResource)),
        (of(BOB, ERIN, 6), OK),
        (of(ERIN, ERIN, 7), refused(500, NodeCause::TooManySubscriptions)),
    ];
    for (request, expected) in table {
        let response = ps.send(&request);
        ps.sent();
        assert_eq!(ps.fate_in(&response), expected, "{}", request.call_id);
        assert_eq!(response.value(HeaderName::RetryAfter).is_some(), expected.0 == 500);
    }
}

#[test]
fn methods_that_are_not_ours() {
    let mut ps = Ps::usual();
    let response = ps.send(&Request::new("MESSAGE", ALICE, CAROL));
    assert_eq!(ps.fate_in(&response), refused(405, Cause::MethodNotTaken));
    assert_eq!(response.value(HeaderName::Allow), Some("SUBSCRIBE, PUBLISH, REGISTER, OPTIONS"));
    let notify = Request::new("NOTIFY", ALICE, CAROL);
    assert_eq!(ps.fate(&notify), refused(481, Cause::NothingSubscribed));
}

#[test]
fn rfc3261_8_2_2_2_a_subscribe_on_another_way_gets_the_answer_of_the_first() {
    let mut ps = Ps::usual();
    let request = subscribe(ALICE, CAROL);
    let watching = ps.watch(&request);
    // The same once more with another branch: the answer was lost, and it was sent over another transport.
    let again = ps.send(&request);
    assert_eq!((code(&again), again.to_tag()), (200, watching.again(2).to_tag.as_deref()));
    assert_eq!(again.expires(), Some(600));
    assert!(ps.notifies().is_empty());
    assert_eq!(ps.node.role().watches(), 1);
    // What differs in Call-ID, CSeq or sender is another one.
    let foreign = subscribe(BOB, CAROL).call_id(&request.call_id);
    for other in [request.clone().call_id("another"), with_cseq(&request, 2), foreign] {
        assert_eq!(code(&ps.send(&other)), 200);
        ps.confirm();
    }
    assert_eq!(ps.node.role().watches(), 4);
    // After Timer J its transaction is over.
    ps.pass_s(32);
    assert_eq!(ps.status(&request), 200);
    assert_eq!(ps.node.role().watches(), 5);
}

#[test]
fn rfc3261_8_2_2_2_a_refresh_makes_an_old_request_no_younger() {
    let mut ps = Ps::usual();
    let request = subscribe(ALICE, CAROL);
    let watching = ps.watch(&request);
    ps.pass_s(31);
    assert_eq!(code(&ps.send(&watching.again(2))), 200);
    ps.confirm();
    ps.pass_s(1);
    // Timer J of the first one is over: whoever sends the same again has begun anew, and is told the state.
    ps.watch(&request);
    assert_eq!(ps.node.role().watches(), 2);
}

#[test]
fn rfc3261_8_2_2_2_after_its_end_it_is_another_subscription() {
    let mut ps = Ps::usual();
    let request = subscribe(ALICE, CAROL);
    let watching = ps.watch(&request);
    assert_eq!(code(&ps.send(&watching.again(2).with("Expires", "0"))), 200);
    ps.confirm();
    assert_eq!(ps.node.role().watches(), 0);
    let anew = ps.watch(&request);
    assert_eq!((ps.node.role().watches(), state(&anew.first)), (1, "active;expires=600"));
}

#[test]
fn rfc3261_8_2_2_2_what_was_refused_is_refused_again() {
    let mut ps = Ps::usual();
    let request = subscribe(ERIN, CAROL);
    let fate = refused(403, NodeCause::WatcherNotAllowed);
    assert_eq!([ps.fate(&request), ps.fate(&request)], [fate, fate]);
}

fn with_cseq(request: &Request, cseq: u32) -> Request {
    let mut other = request.clone();
    other.cseq = cseq;
    other
}
