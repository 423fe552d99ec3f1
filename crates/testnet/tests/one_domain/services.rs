//! What a subscriber of one domain can do, from the first REGISTER to the last expiry.

use crate::domain::{
    GRACE, Home, Line, Tape, assert_empty, code, endings, ps, quiet, register, registered, reports, say,
    secs, shown,
};
use sip_message::{HeaderName, Method, Transport};
use testnet::{Gone, World};
use ue_agent::Report;

const DAY: u64 = 86_400;

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
