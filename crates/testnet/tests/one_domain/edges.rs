//! The edge cases of RFC 6665, RFC 3903 and the filter criteria that fit one domain.

use crate::domain::invariants;
use crate::domain::{
    ALICE, CAROL, Home, Line, Tape, asked, code, endings, ps, quiet, register, registered, reports, say,
    secs, shown,
};
use cx_protocol::Command;
use sip_message::{HeaderName, Message, Transport};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use testnet::{Availability, Fate, Gone, Link, World};
use ue_agent::Report;

fn watching(home1: &Home, seed: u64) -> World {
    let mut world = home1.world(seed);
    register(&mut world, &["alice", "carol"]);
    say(&mut world, "alice", "watch sip:carol@home1.test");
    quiet(&mut world);
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("closed", "")));
    world
}

fn udp() -> Home {
    Home::new(Transport::Udp)
}

fn publish(world: &mut World, line: &str) {
    say(world, "carol", line);
    quiet(world);
}

fn notifies(world: &World) -> usize {
    Tape::of(world).notifies().len()
}

/// Loses what fits, while the switch is on.
fn lose(world: &mut World, fits: impl Fn(&str, &str, &Message) -> bool + 'static) -> Rc<Cell<bool>> {
    let switch = Rc::new(Cell::new(true));
    let on = Rc::clone(&switch);
    world.set_filter(move |passage| {
        let lost = on.get()
            && Message::parse(passage.bytes.clone()).is_ok_and(|m| fits(passage.from, passage.to, &m));
        if lost { Fate::Lost } else { Fate::Chance }
    });
    switch
}

#[test]
fn edge_01_the_notify_comes_before_the_200() {
    let mut world = udp().world(1);
    register(&mut world, &["alice", "carol"]);
    let losing = lose(&mut world, |_, to, message| {
        to == "alice" && message.cseq_method() == "SUBSCRIBE" && message.status().is_some()
    });
    say(&mut world, "alice", "watch sip:carol@home1.test");
    world.run_for(secs(3)).unwrap();
    let told = reports(&mut world, "alice");
    assert_eq!(shown(&told), Some(("closed", "")), "the NOTIFY alone makes the dialog");
    assert_eq!(Tape::of(&world).statuses("pcscf1a", "NOTIFY"), [200]);
    losing.set(false);
    world.run_for(secs(40)).unwrap();
    publish(&mut world, "publish open");
    assert_eq!((ps(&world).watches(), shown(&reports(&mut world, "alice"))), (1, Some(("open", ""))));
}

#[test]
fn edge_02_the_watcher_moves_to_a_new_flow() {
    let mut world = watching(&Home::new(Transport::Tcp), 1);
    world.cut("alice", "pcscf1a");
    world.run_for(secs(40)).unwrap();
    let told = reports(&mut world, "alice");
    assert!(told.iter().any(|report| matches!(report, Report::Registered { .. })), "{told:?}");
    publish(&mut world, "publish open over the new one");
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "over the new one")));
    assert_eq!(registered(&world), (2, 2));
    // The dialog along the old flow is found out and forgotten.
    world.run_for(secs(200)).unwrap();
    assert_eq!(ps(&world).watches(), 1);
}

#[test]
fn edge_03_the_refresh_races_with_the_expiry() {
    // Every moment around the expiry, the very moment too; a refresh goes out after 80 to 90 percent.
    for late_ms in (0..16_000).step_by(500) {
        let mut world = watching(&Home { subscription_s: 60, ..udp() }, late_ms);
        let start = world.now().mono;
        world.run_for(secs(47)).unwrap();
        world.sever("alice", "pcscf1a");
        world.run_for(Duration::from_millis(late_ms)).unwrap();
        world.heal("alice", "pcscf1a");
        world.run_for(secs(60)).unwrap();
        publish(&mut world, "publish open");
        world.run_for(secs(20)).unwrap();
        let since = world.now().mono.saturating_since(start);
        assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "")), "{late_ms} {since:?}");
        assert_eq!(ps(&world).watches(), 1, "{late_ms}");
        invariants::notifies_rise_and_end(&Tape::of(&world)).unwrap();
    }
}

#[test]
fn edge_04_the_end_races_with_a_change() {
    for seed in 0..20 {
        let mut world = watching(&udp(), seed);
        world.conditions.link = Link { jitter: Duration::from_millis(20), ..Link::GOOD };
        let commands = [("alice", "unwatch sip:carol@home1.test"), ("carol", "publish open")];
        let (first, second) = if seed % 2 == 0 { (0, 1) } else { (1, 0) };
        for at in [first, second] {
            say(&mut world, commands[at].0, commands[at].1);
            world.run_for(Duration::from_millis(seed % 7)).unwrap();
        }
        world.run_for(secs(40)).unwrap();
        assert_eq!((ps(&world).watches(), endings(&reports(&mut world, "alice")).len()), (0, 1), "{seed}");
        let tape = Tape::of(&world);
        invariants::notifies_rise_and_end(&tape).unwrap();
        assert!(tape.notifies().last().unwrap().text().contains("Subscription-State: terminated"));
    }
}

#[test]
fn edge_05_two_publishes_with_the_same_tag() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = Home::new(transport).world(1);
        let mut line = Line::registered(&mut world, transport);
        let draft = line.publish(Some("first"), None);
        let first = line.ask(&mut world, &draft);
        let tag = first.value(HeaderName::SipEtag).unwrap().to_owned();
        let both = ["second", "third"].map(|note| line.publish(Some(note), Some(&tag)));
        let branches = both.map(|draft| line.send(&mut world, &draft));
        let mut codes = branches.map(|branch| code(&line.response(&mut world, &branch)));
        codes.sort_unstable();
        assert_eq!((code(&first), codes), (200, [200, 412]));
    }
}

#[test]
fn edge_06_a_refresh_of_a_publication_tells_nobody() {
    let mut world = udp().world(1);
    register(&mut world, &["alice"]);
    let mut line = Line::registered(&mut world, Transport::Udp);
    let draft = line.publish(Some("here"), None);
    let mut tag = line.ask(&mut world, &draft).value(HeaderName::SipEtag).unwrap().to_owned();
    say(&mut world, "alice", "watch sip:grace@home1.test");
    quiet(&mut world);
    let before = notifies(&world);
    for _ in 0..5 {
        let draft = line.publish(None, Some(&tag));
        let response = line.ask(&mut world, &draft);
        assert_eq!(code(&response), 200);
        tag = response.value(HeaderName::SipEtag).unwrap().to_owned();
        world.run_for(secs(10)).unwrap();
    }
    assert_eq!(notifies(&world), before);
    let draft = line.publish(Some("there"), Some(&tag));
    line.ask(&mut world, &draft);
    quiet(&mut world);
    assert_eq!(notifies(&world), before + 1);
}

#[test]
fn edge_07_and_08_the_server_dies_between_200_and_notify() {
    for dead in [Gone::Refusing, Gone::Silent] {
        let mut world = watching(&udp(), 1);
        publish(&mut world, "publish open before");
        let losing = lose(&mut world, |from, _, message| {
            from == "ps1" && message.cseq_method() == "NOTIFY" && message.status().is_none()
        });
        say(&mut world, "carol", "publish open after");
        // The 200 has left the server and is nowhere yet: what it promises is on disk.
        let promised = |world: &World| {
            Tape::of(world).fresh(|s| &*s.from == "ps1" && s.method() == "PUBLISH").len() == 2
        };
        world.run_until(promised, secs(5)).unwrap();
        world.crash("ps1", dead);
        losing.set(false);
        world.run_for(secs(10)).unwrap();
        assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "before")));
        world.restart("ps1");
        world.run_for(secs(5)).unwrap();
        assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "after")));
        // Also the numbers go on where they were, or alice would have refused the NOTIFY.
        invariants::notifies_rise_and_end(&Tape::of(&world)).unwrap();
        assert_eq!(ps(&world).watches(), 1);
    }
}

#[test]
fn edge_09_the_watcher_vanishes() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = watching(&Home::new(transport), 1);
        world.crash("alice", Gone::Silent);
        let before = notifies(&world);
        say(&mut world, "carol", "publish open");
        world.run_for(secs(600)).unwrap();
        let tries = notifies(&world) - before;
        assert!((1..=6).contains(&tries), "each of three tries by identity and by dialog: {tries}");
        assert_eq!(ps(&world).watches(), 0);
        say(&mut world, "carol", "publish closed");
        world.run_for(secs(60)).unwrap();
        assert_eq!(notifies(&world) - before, tries);
        say(&mut world, "carol", "unpublish");
        world.run_for(secs(60)).unwrap();
        say(&mut world, "carol", "deregister");
        world.run_for(secs(601_000)).unwrap();
        crate::domain::assert_empty(&world);
    }
}

#[test]
fn edge_13_the_presentitys_s_cscf_restarts() {
    for carol_is_registered in [true, false] {
        let mut world = udp().world(1);
        register(&mut world, if carol_is_registered { &["alice", "carol"] } else { &["alice"] });
        say(&mut world, "alice", "fetch sip:carol@home1.test");
        quiet(&mut world);
        let before = asked(&world, Command::ServerAssignment);
        world.crash("scscf1a", Gone::Refusing);
        world.run_for(secs(1)).unwrap();
        world.restart("scscf1a");
        say(&mut world, "alice", "watch sip:carol@home1.test");
        world.run_for(secs(60)).unwrap();
        let told = reports(&mut world, "alice");
        assert_eq!((shown(&told), ps(&world).watches()), (Some(("closed", "")), 1));
        // Registrations are in its journal; the profile of one who is not registered is asked for again.
        let sar = asked(&world, Command::ServerAssignment) - before;
        assert_eq!(sar, usize::from(!carol_is_registered));
    }
}

#[test]
fn edge_14_the_presentity_was_never_registered() {
    let mut world = udp().world(1);
    register(&mut world, &["alice"]);
    say(&mut world, "alice", "watch sip:carol@home1.test");
    quiet(&mut world);
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("closed", "")));
    register(&mut world, &["carol"]);
    publish(&mut world, "publish open there now");
    assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", "there now")));
    // Whom the HSS does not know has no S-CSCF at all.
    say(&mut world, "alice", "watch sip:nobody@home1.test");
    quiet(&mut world);
    assert_eq!(endings(&reports(&mut world, "alice")), [404]);
}

#[test]
fn edge_15_dialogs_outlive_the_hss() {
    for out in [Availability::Failing, Availability::Silent] {
        let mut world = watching(&Home { subscription_s: 120, ..udp() }, 1);
        world.set_hss("hss1", out);
        for note in ["one", "two"] {
            publish(&mut world, &format!("publish open {note}"));
            assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", note)));
            // Refreshes too.
            world.run_for(secs(200)).unwrap();
        }
        assert_eq!((ps(&world).watches(), endings(&reports(&mut world, "alice"))), (1, vec![]));
    }
}

#[test]
fn nobody_learns_of_her_own_presence_by_another_name() {
    // The identities that a UE claims count for nothing: grace's phone says it is alice.
    let mut world = udp().world(1);
    let mut line = Line::registered(&mut world, Transport::Udp);
    let draft = line
        .draft(sip_message::Method::Subscribe, CAROL, CAROL, "forged")
        .header(HeaderName::Event, "presence")
        .header(HeaderName::Expires, 600)
        .header(HeaderName::Contact, line.contact())
        .header(HeaderName::PAssertedIdentity, format!("<{ALICE}>"))
        .header(HeaderName::PPreferredIdentity, format!("<{ALICE}>"))
        .without_body();
    assert_eq!(code(&line.ask(&mut world, &draft)), 403);
    quiet(&mut world);
    assert_eq!((ps(&world).watches(), notifies(&world)), (0, 0));
}
