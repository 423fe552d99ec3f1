//! The contribution's figures of one domain, arrow by arrow, with every node its real role.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod domain;

use domain::{ALICE, CAROL, Home, book, quiet, register, reports, say, secs, shown};
use figure::{Figure, Naming, Selection, compare};
use sip_message::Transport;
use testnet::World;

const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// Registers these, does something, and compares what crossed the network because of it with a figure that `ue1` is in.
fn draws(home1: &Home, registered: &[&str], (ue, line): (&str, &str), (ue1, figure): (&str, &str)) -> World {
    let mut world = home1.world(1);
    register(&mut world, registered);
    world.run_for(secs(60)).unwrap();
    assert_draws(&mut world, (ue, line), (ue1, figure));
    world
}

fn assert_draws(world: &mut World, (ue, line): (&str, &str), (ue1, figure): (&str, &str)) {
    let since = world.now().mono.since_start();
    say(world, ue, line);
    quiet(world);
    let recording = world.recording();
    let mut call_ids = recording.call_ids("SUBSCRIBE");
    call_ids.extend(recording.call_ids("PUBLISH"));
    let call_ids: Vec<&str> = call_ids.iter().map(String::as_str).collect();
    let naming = Naming::new().with(ue1, "ue1").with(ue, "ue1");
    let arrows = recording.arrows(&Selection::of(&call_ids).since(since), &naming);
    let drawn = figure.split('+').map(|name| Figure::named(name).unwrap()).reduce(Figure::then).unwrap();
    if let Err(difference) = compare(&drawn, &arrows) {
        panic!("{figure}: {difference}");
    }
}

#[test]
fn figure_1_a_watcher_subscribes() {
    for transport in TRANSPORTS {
        let watch = ("alice", "watch sip:carol@home1.test");
        for registered in [&["alice", "carol"][..], &["alice"]] {
            draws(&Home::new(transport), registered, watch, ("alice", "figure-1"));
            draws(&Home::ts24141(transport), registered, watch, ("alice", "figure-1-ts24141"));
        }
    }
}

#[test]
fn figure_3_a_user_agent_publishes() {
    for transport in TRANSPORTS {
        for line in ["publish open at my desk", "publish closed"] {
            draws(&Home::new(transport), &["alice"], ("alice", line), ("alice", "figure-3"));
        }
    }
}

#[test]
fn figures_3_and_6_an_update_reaches_the_watcher() {
    for transport in TRANSPORTS {
        let home1 = Home::new(transport);
        let mut world = draws(
            &home1,
            &["alice", "carol"],
            ("alice", "watch sip:carol@home1.test"),
            ("alice", "figure-1"),
        );
        for note in ["in a meeting", "back"] {
            let line = format!("publish open {note}");
            assert_draws(&mut world, ("carol", &line), ("alice", "figure-3+figure-6"));
            assert_eq!(shown(&reports(&mut world, "alice")), Some(("open", note)));
        }
    }
}

#[test]
fn denied_1_a_watcher_is_refused() {
    for transport in TRANSPORTS {
        let nobody = Home { rules: book(&[]), ..Home::new(transport) };
        let blocked = Home { rules: book(&[(CAROL, &[(ALICE, "block")])]), ..Home::new(transport) };
        for home1 in [nobody, blocked] {
            for registered in [&["alice", "carol"][..], &["alice"]] {
                let watch = ("alice", "watch sip:carol@home1.test");
                let mut world = draws(&home1, registered, watch, ("alice", "denied-1"));
                world.run_for(secs(100)).unwrap();
                assert!(domain::Tape::of(&world).notifies().is_empty(), "no NotifyPresUp follows");
                assert_eq!(domain::endings(&reports(&mut world, "alice")), [403]);
            }
        }
    }
}
