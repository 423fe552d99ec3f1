//! What happens to messages between nodes, and what nodes make of it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod support;

use ims_node::{Node, Output};
use sip_message::{Method, StatusCode, Transport};
use sip_resolve::Hop;
use std::time::Duration;
use support::{Keeper, Probe, SECOND, address, answer, ms, network, send, towards};
use testnet::{Fate, Gone, Link, ScriptUe, World};

#[test]
fn a_lost_request_is_sent_again_and_answered() {
    let mut world = network(1);
    let mut lose = 1;
    world.set_filter(move |passage| {
        if (passage.from, passage.to) == ("proxy", "echo") && lose > 0 {
            lose -= 1;
            return Fate::Lost;
        }
        Fate::Chance
    });
    let branch = send(&mut world, Method::Publish, "one");
    world.run_until(|world| answer(world, &branch).is_some(), 5 * SECOND).unwrap();
    assert_eq!(answer(&world, &branch), Some(200));
    assert_eq!(world.counters().datagrams_lost, 1);
    assert_eq!(world.node::<Node<Keeper>>("echo").unwrap().role().seen, 1);
    let took = world.now().mono.since_start();
    assert!((ms(500)..ms(600)).contains(&took), "T1, and some hops: {took:?}");
}

#[test]
fn duplicates_are_absorbed() {
    let mut world = network(2);
    world.conditions.link = Link { duplicate_per_mille: 1000, jitter: ms(40), ..Link::GOOD };
    let branches: Vec<String> =
        (0..20).map(|n| send(&mut world, Method::Publish, &format!("call-{n}"))).collect();
    world.run_until_quiet(10 * SECOND).unwrap();
    assert!(branches.iter().all(|branch| answer(&world, branch) == Some(200)));
    assert_eq!(world.node::<Node<Keeper>>("echo").unwrap().role().seen, 20);
    assert!(world.counters().datagrams_duplicated >= 80, "{:?}", world.counters());
    assert_eq!(world.node::<ScriptUe>("ue").unwrap().responses().len(), 20);
}

#[test]
fn the_script_ue_answers_and_counts_what_comes_again() {
    let mut world = World::new(3);
    world.conditions.link = Link { duplicate_per_mille: 1000, ..Link::GOOD };
    world.add("a", vec![address(1)], |_| ScriptUe::new(address(1)));
    world.add("b", vec![address(2)], |_| ScriptUe::new(address(2)));
    let cases = [(Method::Notify, 200), (Method::Message, 200), (Method::Publish, 405)];
    for (method, status) in cases {
        let draft = support::draft(method, "call");
        let to = Hop { address: address(2), transport: Transport::Udp };
        let branch = world.with("a", |ue: &mut ScriptUe, now| ue.send(now, &draft, to)).unwrap();
        world.run_until_quiet(SECOND).unwrap();
        let response = world.node::<ScriptUe>("a").unwrap().response(&branch).unwrap();
        assert_eq!(response.status().unwrap().code(), status);
    }
    let other = world.node::<ScriptUe>("b").unwrap();
    assert_eq!((other.requests().len(), other.repeats()), (3, 3));
    world.with("b", |ue: &mut ScriptUe, _| ue.answer_by(|_| None)).unwrap();
    let draft = support::draft(Method::Notify, "unanswered");
    let to = Hop { address: address(2), transport: Transport::Udp };
    world.with("a", |ue: &mut ScriptUe, now| ue.send(now, &draft, to)).unwrap();
    world.run_until_quiet(33 * SECOND).unwrap();
    // Eleven transmissions (RFC 3261 section 17.1.2.2), each of them twice.
    assert_eq!(world.node::<ScriptUe>("b").unwrap().repeats(), 3 + 21);
}

#[test]
fn after_timer_f_no_other_address_is_tried() {
    // It lives, and is waited for; whoever asked has given up by then, at every hop of a way at about the same time.
    let mut world = support::network_with(1, |_| {
        let mut ue = ScriptUe::new(address(2));
        ue.answer_by(|_| Some(StatusCode::TRYING));
        ue
    });
    send(&mut world, Method::Publish, "one");
    world.run_for(90 * SECOND).unwrap();
    let echo = world.node::<ScriptUe>("echo").unwrap();
    assert_eq!(echo.requests().len(), 1, "one branch, over UDP");
    assert!(echo.repeats() > 5);
}

/// Two probes, and what each of them noted.
fn probes(seed: u64) -> World {
    let mut world = World::new(seed);
    world.add("a", vec![address(1)], |_| Probe::default());
    world.add("b", vec![address(2)], |_| Probe::default());
    world
}

fn say(world: &mut World, transport: Transport, text: &str) {
    let flow = towards(transport, 2);
    world.with("a", |a: &mut Probe, _| a.send(flow, text)).unwrap();
}

fn notes(world: &World, name: &str) -> Vec<String> {
    world.node::<Probe>(name).unwrap().notes.iter().map(|(_, note)| note.clone()).collect()
}

fn last_note(world: &World, name: &str) -> (Duration, String) {
    world.node::<Probe>(name).unwrap().notes.last().cloned().unwrap_or_default()
}

#[test]
fn datagrams_overtake_and_a_stream_does_not() {
    for (transport, in_order) in [(Transport::Udp, false), (Transport::Tcp, true)] {
        let mut world = probes(4);
        world.set_link("a", "b", Link { jitter: ms(50), reorder_per_mille: 100, ..Link::GOOD });
        for n in 0..50 {
            say(&mut world, transport, &format!("{n:02}"));
        }
        world.run_until_quiet(SECOND).unwrap();
        let arrived = notes(&world, "b");
        assert_eq!((arrived.len(), arrived.is_sorted()), (50, in_order), "{transport}");
        assert_eq!(world.counters().datagrams_held_up > 0, !in_order);
    }
}

#[test]
fn loss_is_as_frequent_as_the_link_says() {
    let mut world = probes(5);
    world.conditions.link = Link { loss_per_mille: 200, ..Link::GOOD };
    (0..1000).for_each(|_| say(&mut world, Transport::Udp, "x"));
    world.run_until_quiet(SECOND).unwrap();
    let counters = world.counters();
    assert!((150..250).contains(&counters.datagrams_lost), "{counters:?}");
    assert_eq!(counters.messages_delivered, 1000 - counters.datagrams_lost);
}

#[test]
fn what_is_sent_to_the_dead_fails_or_vanishes() {
    let cases = [
        (Transport::Udp, Gone::Refusing, Some(ms(2))),
        (Transport::Udp, Gone::Silent, None),
        (Transport::Tcp, Gone::Refusing, Some(ms(2))),
        (Transport::Tcp, Gone::Silent, Some(ms(4001))),
    ];
    for (transport, gone, failed) in cases {
        let mut world = probes(6);
        world.crash("b", gone);
        say(&mut world, transport, "x");
        world.run_for(10 * SECOND).unwrap();
        let expected = failed.map(|after| (after, "failed".to_owned())).unwrap_or_default();
        assert_eq!(last_note(&world, "a"), expected, "{transport} {gone:?}");
        world.restart("b");
        say(&mut world, transport, "y");
        world.run_for(SECOND).unwrap();
        assert_eq!(notes(&world, "b"), ["y"]);
    }
}

#[test]
fn nobody_at_an_address_is_as_silent_as_a_dead_host() {
    for (transport, failed) in [(Transport::Udp, 0), (Transport::Tcp, 1)] {
        let mut world = probes(7);
        let nowhere = towards(transport, 77);
        world.with("a", |a: &mut Probe, _| a.send(nowhere, "x")).unwrap();
        world.run_for(10 * SECOND).unwrap();
        assert_eq!(notes(&world, "a").len(), failed);
    }
}

#[test]
fn a_connection_is_used_both_ways_and_again() {
    let mut world = probes(8);
    say(&mut world, Transport::Tcp, "one");
    world.run_until_quiet(SECOND).unwrap();
    let back = world.node::<Probe>("b").unwrap().flows[0];
    world.with("b", |b: &mut Probe, _| b.send(back, "two")).unwrap();
    say(&mut world, Transport::Tcp, "three");
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!(
        (notes(&world, "a"), notes(&world, "b")),
        (vec!["two".into()], vec!["one".into(), "three".into()])
    );
    assert_eq!(world.counters().connections_opened, 1);
    assert_eq!(world.node::<Probe>("b").unwrap().flows[1], back);
}

#[test]
fn a_node_can_connect_to_itself() {
    let mut world = probes(9);
    let own = towards(Transport::Tcp, 1);
    world.with("a", |a: &mut Probe, _| a.send(own, "one")).unwrap();
    world.run_until_quiet(SECOND).unwrap();
    let back = world.node::<Probe>("a").unwrap().flows[0];
    world.with("a", |a: &mut Probe, _| a.send(back, "two")).unwrap();
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!(notes(&world, "a"), ["one", "two"]);
    let flows = &world.node::<Probe>("a").unwrap().flows;
    assert_ne!(flows[0].connection, flows[1].connection);
}

/// How a connection ends, and what each end hears of it and when (a second after it was opened).
#[test]
fn connections_end() {
    type Ending = fn(&mut World);
    let cases: [(&str, Ending, Option<Duration>, Option<Duration>); 5] = [
        ("cut", |world| world.cut("a", "b"), Some(ms(0)), Some(ms(0))),
        ("closed", |world| close_from_a(world), Some(ms(0)), Some(ms(1))),
        ("crash", |world| world.crash("b", Gone::Refusing), Some(ms(1)), None),
        ("power lost, nothing written", |world| world.crash("b", Gone::Silent), None, None),
        ("severed, then written to", |world| severed(world), Some(32 * SECOND), Some(32 * SECOND)),
    ];
    for (what, end, a_hears, b_hears) in cases {
        let mut world = probes(10);
        say(&mut world, Transport::Tcp, "one");
        world.run_for(SECOND).unwrap();
        end(&mut world);
        world.run_for(60 * SECOND).unwrap();
        for (name, hears) in
            [("a", a_hears), ("b", b_hears)].into_iter().filter(|(name, _)| world.lives(name))
        {
            let closed = world.node::<Probe>(name).unwrap().notes.iter().find(|(_, note)| note == "closed");
            assert_eq!(closed.map(|(at, _)| *at), hears.map(|after| SECOND + after), "{what}: {name}");
        }
    }
}

#[test]
fn a_connection_whose_end_dies_while_it_opens_never_opens() {
    for (dies, at, a_hears, b_hears) in [
        // Its second life accepts what its first one never saw.
        ("b", ms(50), vec![], vec!["one"]),
        ("b", ms(150), vec!["failed"], vec![]),
        ("b", ms(250), vec!["closed"], vec![]),
        ("a", ms(50), vec![], vec![]),
        ("a", ms(150), vec![], vec![]),
    ] {
        let mut world = probes(14);
        world.conditions.link.latency = ms(100);
        say(&mut world, Transport::Tcp, "one");
        world.run_for(at).unwrap();
        world.crash(dies, Gone::Refusing);
        world.restart(dies);
        world.run_for(10 * SECOND).unwrap();
        assert_eq!(
            (notes(&world, "a"), notes(&world, "b")),
            (owned(a_hears), owned(b_hears)),
            "{dies} {at:?}"
        );
    }
}

fn owned(notes: Vec<&'static str>) -> Vec<String> {
    notes.into_iter().map(str::to_owned).collect()
}

fn close_from_a(world: &mut World) {
    let flow = towards(Transport::Tcp, 2);
    world.with("a", |a: &mut Probe, _| a.outputs.push_back(Output::Close(flow))).unwrap();
}

fn severed(world: &mut World) {
    world.sever("a", "b");
    say(world, Transport::Tcp, "lost");
    say(world, Transport::Udp, "lost too");
}

#[test]
fn what_was_written_before_a_close_arrives_before_it() {
    let mut world = probes(11);
    world.conditions.link = Link { jitter: ms(200), ..Link::GOOD };
    say(&mut world, Transport::Tcp, "one");
    world.run_for(SECOND).unwrap();
    say(&mut world, Transport::Tcp, "two");
    close_from_a(&mut world);
    world.run_for(SECOND).unwrap();
    assert_eq!(notes(&world, "b"), ["one", "two", "closed"]);
    world.sever("a", "b");
    world.heal("b", "a");
    say(&mut world, Transport::Tcp, "three");
    world.run_for(SECOND).unwrap();
    assert_eq!(last_note(&world, "b").1, "three");
    assert_eq!(world.counters().connections_opened, 2);
}

#[test]
fn rfc3261_18_2_2_a_response_whose_connection_is_gone_goes_to_its_fallback() {
    for (fallback, b_hears, a_hears) in [(Some(address(1)), "closed", "answer"), (None, "failed", "closed")] {
        let mut world = probes(12);
        say(&mut world, Transport::Tcp, "request");
        world.run_for(SECOND).unwrap();
        let flow = world.node::<Probe>("b").unwrap().flows[0];
        world.cut("a", "b");
        world.run_for(SECOND).unwrap();
        world.with("b", |b: &mut Probe, _| b.send_or(flow, fallback, "answer")).unwrap();
        world.run_for(SECOND).unwrap();
        assert_eq!((last_note(&world, "b").1, last_note(&world, "a").1), (b_hears.into(), a_hears.into()));
    }
}

#[test]
fn a_filter_that_loses_a_message_on_a_stream_breaks_its_connection() {
    let mut world = probes(13);
    world.set_filter(|passage| if &**passage.bytes == b"two" { Fate::Lost } else { Fate::Chance });
    say(&mut world, Transport::Tcp, "one");
    world.run_for(SECOND).unwrap();
    say(&mut world, Transport::Tcp, "two");
    world.run_for(33 * SECOND).unwrap();
    assert_eq!(
        (notes(&world, "a"), notes(&world, "b")),
        (vec!["closed".into()], vec!["one".into(), "closed".into()])
    );
}
