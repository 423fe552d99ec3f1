//! What a subscriber of one domain can do, from the first REGISTER to the last expiry.

use crate::domain::{
    CAROL, ERIN, GRACE, HEIDI, Home, Line, Tape, address, assert_empty, book, code, endings, ps, quiet,
    register, registered, reports, say, secs, shown,
};
use sip_message::{Draft, HeaderName, Method, Transport, Uri};
use sip_resolve::Hop;
use testnet::{Gone, ScriptUe, World};
use ue_agent::Report;

const DAY: u64 = 86_400;
/// The host name of an application server in this operator's network.
const SERVER: &str = "server.home1.test";

fn watching(home1: &Home) -> World {
    let mut world = home1.world(1);
    register(&mut world, &["alice", "carol"]);
    say(&mut world, "alice", "watch sip:carol@home1.test");
    quiet(&mut world);
    reports(&mut world, "alice");
    world
}

fn published(world: &mut World, line: &str) {
    say(world, "carol", line);
    quiet(world);
}

#[test]
fn texts_reach_whoever_is_registered() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = Home::new(transport).world(1);
        register(&mut world, &["alice", "carol"]);
        for (to, expected) in [("carol", 200), ("erin", 480), ("nobody", 404)] {
            say(&mut world, "alice", &format!("message sip:{to}@home1.test hello there"));
            quiet(&mut world);
            let told = reports(&mut world, "alice");
            let [Report::Answered { method: "MESSAGE", status, .. }] = &told[..] else { panic!("{told:?}") };
            assert_eq!(*status, Some(expected), "{to}");
        }
        let told = reports(&mut world, "carol");
        let [Report::Message { from, text }] = &told[..] else { panic!("{told:?}") };
        assert_eq!((&**from, &**text), ("sip:alice@home1.test", "hello there"));
    }
}

/// A SUBSCRIBE to carol's presence that a server of the network sends for one of its users.
fn subscribe_for(served: &str, asserted: &str, cseq: u32) -> Draft {
    Draft::new(Method::Subscribe, Uri::parse(CAROL).unwrap())
        .header(HeaderName::Route, "<sip:icscf1.home1.test;lr;orig>")
        .header(HeaderName::PServedUser, format_args!("<{served}>;sescase=orig;regstate=unreg"))
        .header(HeaderName::PAssertedIdentity, format_args!("<{asserted}>"))
        .header(HeaderName::From, format_args!("<{asserted}>;tag=server"))
        .header(HeaderName::To, format_args!("<{CAROL}>"))
        .header(HeaderName::CallId, asserted)
        .header(HeaderName::CSeq, format_args!("{cseq} SUBSCRIBE"))
        .header(HeaderName::MaxForwards, 70)
        .header(HeaderName::Event, "presence")
        .header(HeaderName::Expires, 600)
        .header(HeaderName::Contact, format_args!("<sip:{SERVER}>"))
        .without_body()
}

#[test]
fn rt_so_03_a_server_of_ours_watches_for_a_user_who_is_not_registered() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let rules = book(&[(CAROL, &[(HEIDI, "allow"), (ERIN, "allow")])]);
        let mut world = Home { rules, ..Home::new(transport) }.world(1);
        register(&mut world, &["carol"]);
        let local = address(18, 5060);
        world.zone.sip(SERVER, &[(SERVER, 5060)]);
        world.zone.host(SERVER, local.ip());
        world.add("server", vec![local], move |_| ScriptUe::new(local));
        let to = Hop { address: address(13, 5060), transport };
        for (served, asserted, expected, notified) in [
            // Erin has no service for the time when she is not registered.
            (ERIN, ERIN, 480, 0),
            ("tel:+15550107", HEIDI, 200, 1),
        ] {
            let draft = subscribe_for(served, asserted, 1);
            let branch = world.with("server", |ue: &mut ScriptUe, now| ue.send(now, &draft, to)).unwrap();
            quiet(&mut world);
            let server = world.node::<ScriptUe>("server").unwrap();
            assert_eq!(server.response(&branch).map(code), Some(expected), "{served}");
            assert_eq!(server.requests().len(), notified, "{served}");
        }
        published(&mut world, "publish open at lunch");
        let told = world.node::<ScriptUe>("server").unwrap().requests();
        assert_eq!(told.len(), 2);
        assert!(String::from_utf8_lossy(&told[1].body()).contains("at lunch"));
        assert_eq!(told[1].request_uri_text(), format!("sip:{SERVER}"));
    }
}

#[test]
fn the_life_of_a_publication() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = watching(&Home::new(transport));
        for (line, expected) in [
            ("publish open", ("open", "")),
            ("publish open at lunch", ("open", "at lunch")),
            ("publish closed", ("closed", "")),
            ("publish open --activity meeting upstairs", ("open", "upstairs")),
            ("unpublish", ("closed", "")),
            ("publish open again", ("open", "again")),
        ] {
            published(&mut world, line);
            assert_eq!(shown(&reports(&mut world, "alice")), Some(expected), "{line}");
        }
    }
}

#[test]
fn a_phone_takes_its_publication_back_after_it_has_left() {
    // Within 32 seconds; later it is nobody's.
    for (transport, after_s, expected, left) in [
        (Transport::Udp, 0, 200, ("closed", "")),
        (Transport::Tcp, 0, 200, ("closed", "")),
        (Transport::Udp, 40, 403, ("open", "here")),
    ] {
        let mut world = Home::new(transport).world(1);
        register(&mut world, &["alice"]);
        let mut line = Line::registered(&mut world, transport);
        let draft = line.publish(Some("here"), None);
        let tag = line.ask(&mut world, &draft).value(HeaderName::SipEtag).unwrap().to_owned();
        say(&mut world, "alice", &format!("watch {GRACE}"));
        quiet(&mut world);
        line.leave(&mut world);
        world.run_for(secs(after_s)).unwrap();
        let draft = line
            .draft(Method::Publish, GRACE, GRACE, "left")
            .header(HeaderName::Event, "presence")
            .header(HeaderName::Expires, 0)
            .header(HeaderName::SipIfMatch, &tag)
            .without_body();
        assert_eq!(code(&line.ask(&mut world, &draft)), expected, "{transport:?} {after_s}");
        quiet(&mut world);
        assert_eq!(shown(&reports(&mut world, "alice")), Some(left), "{transport:?} {after_s}");
    }
}

#[test]
fn a_fetch_looks_once() {
    let mut world = watching(&Home::new(Transport::Udp));
    published(&mut world, "publish open here");
    say(&mut world, "alice", "unwatch sip:carol@home1.test");
    quiet(&mut world);
    reports(&mut world, "alice");
    say(&mut world, "alice", "fetch sip:carol@home1.test");
    quiet(&mut world);
    let told = reports(&mut world, "alice");
    assert_eq!((shown(&told), endings(&told).len()), (Some(("open", "here")), 1));
    world.run_for(secs(60)).unwrap();
    assert_eq!(ps(&world).watches(), 0);
}

#[test]
fn refreshes_keep_everything_alive_for_weeks() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = watching(&Home { subscription_s: 3600, ..Home::new(transport) });
        published(&mut world, "publish open since monday");
        for _ in 0..15 {
            world.run_for(secs(DAY)).unwrap();
            assert_eq!((registered(&world), ps(&world).watches()), ((2, 2), 1));
            world.clear_recording();
        }
        assert!(endings(&reports(&mut world, "alice")).is_empty());
        published(&mut world, "publish open two weeks later");
        assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "two weeks later")));
    }
}

#[test]
fn what_nobody_refreshes_expires() {
    let mut world = watching(&Home { registration_s: 7200, ..Home::new(Transport::Udp) });
    published(&mut world, "publish open");
    reports(&mut world, "alice");
    // Her phone falls into the water.
    world.crash("carol", Gone::Silent);
    world.run_for(secs(3700)).unwrap();
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("closed", "")), "the publication is over");
    assert_eq!(registered(&world), (2, 2));
    world.run_for(secs(3600)).unwrap();
    assert_eq!(registered(&world), (1, 1), "the registration is over");
    world.crash("alice", Gone::Silent);
    world.run_for(secs(7300)).unwrap();
    assert_empty(&world);
}

#[test]
fn leaving_leaves_nothing_behind() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = watching(&Home::new(transport));
        published(&mut world, "publish open");
        for ue in ["alice", "carol"] {
            say(&mut world, ue, "quit");
        }
        world.run_for(secs(100)).unwrap();
        assert_empty(&world);
        let last = Tape::of(&world).notifies().last().map(|notify| notify.text()).unwrap();
        assert!(last.contains("Subscription-State: terminated"), "{last}");
    }
}
