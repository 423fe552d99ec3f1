//! Acknowledged means kept: crashes at every moment, and a node that does not wait for its disk.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may fail its test")]

mod support;

use ims_node::Node;
use sip_message::Method;
use support::{Hasty, Keeper, SECOND, answer, ms, network, network_with, send, settings};
use testnet::{Gone, VirtualNode, World};

fn keeper(seed: [u8; 32]) -> Node<Keeper> {
    Node::new(settings("echo.test", 2), Keeper::default(), seed)
}

/// Publishes every two milliseconds while the keeper crashes once; how many publications were acknowledged, and how many
/// of these are lost.
fn crash_while_publishing<N: VirtualNode>(
    seed: u64,
    build: fn([u8; 32]) -> N,
    role: fn(&N) -> &Keeper,
) -> (usize, usize) {
    let mut world = network_with(seed, build);
    let crash_at = 5 + seed % 30;
    let mut sent = Vec::new();
    for n in 0..20 {
        let call_id = format!("call-{n}");
        let branch = send(&mut world, Method::Publish, &call_id);
        sent.push((call_id, branch));
        world.run_for(ms(2)).unwrap();
        if n == crash_at / 2 {
            world.run_for(ms(crash_at % 2)).unwrap();
            world.crash("echo", Gone::Silent);
        }
    }
    world.run_for(ms(200)).unwrap();
    let acknowledged: Vec<&String> =
        sent.iter().filter(|(_, branch)| answer(&world, branch) == Some(200)).map(|(call, _)| call).collect();
    world.restart("echo");
    let kept = &role(world.node::<N>("echo").unwrap()).kept;
    let lost = acknowledged.iter().filter(|call| !kept.contains(**call)).count();
    (acknowledged.len(), lost)
}

#[test]
fn what_was_acknowledged_survives_a_crash_at_any_moment() {
    let mut all = 0;
    for seed in 0..100 {
        let (acknowledged, lost) = crash_while_publishing(seed, keeper, Node::role);
        assert_eq!(lost, 0, "seed {seed}");
        assert!(acknowledged < 20, "seed {seed}: the crash came too late");
        all += acknowledged;
    }
    assert!(all > 300, "{all} acknowledged");
}

#[test]
fn a_node_that_does_not_wait_for_its_disk_is_caught() {
    let hasty = |seed| Hasty(keeper(seed));
    let runs = (0..100).map(|seed| crash_while_publishing(seed, hasty, |hasty| hasty.0.role()));
    let lost: usize = runs.map(|(_, lost)| lost).sum();
    assert!(lost > 20, "{lost}");
}

#[test]
fn an_acknowledgement_waits_for_the_sync_and_nothing_else_does() {
    let mut world = network(1);
    (world.conditions.sync, world.conditions.sync_jitter) = (ms(100), ms(0));
    let kept = send(&mut world, Method::Publish, "one");
    world.run_for(ms(50)).unwrap();
    assert_eq!((world.node::<Node<Keeper>>("echo").unwrap().role().seen, answer(&world, &kept)), (1, None));
    assert_eq!(world.records_on_disk("echo"), 0);
    world.run_for(ms(70)).unwrap();
    assert_eq!((answer(&world, &kept), world.records_on_disk("echo")), (Some(200), 1));
}

#[test]
fn records_that_gather_during_a_sync_share_the_next_one() {
    let mut world = network(2);
    (world.conditions.sync, world.conditions.sync_jitter) = (ms(100), ms(0));
    for n in 0..10 {
        send(&mut world, Method::Publish, &format!("call-{n}"));
        world.run_for(ms(1)).unwrap();
    }
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!((world.counters().syncs, world.records_on_disk("echo")), (2, 10));
}

#[test]
fn a_new_life_has_a_clock_of_its_own_and_goes_on_numbering() {
    let mut world = network(3);
    send(&mut world, Method::Publish, "one");
    world.run_until_quiet(SECOND).unwrap();
    world.crash("echo", Gone::Refusing);
    world.crash("echo", Gone::Refusing);
    world.run_for(60 * SECOND).unwrap();
    let wall = world.now().wall;
    world.restart("echo");
    world.restart("echo");
    let restored = world.node::<Node<Keeper>>("echo").unwrap().role().restored_at.unwrap();
    assert_eq!((restored.mono.since_start(), restored.wall), (ms(0), wall));
    let branch = send(&mut world, Method::Publish, "two");
    world.run_until_quiet(SECOND).unwrap();
    assert_eq!((answer(&world, &branch), world.records_on_disk("echo")), (Some(200), 2));
    assert_eq!((world.counters().crashes, world.counters().restarts), (1, 1));
}

#[test]
fn what_was_not_synced_is_counted_as_lost() {
    let mut world = network(4);
    (world.conditions.sync, world.conditions.sync_jitter) = (ms(100), ms(0));
    send(&mut world, Method::Publish, "one");
    world.run_until(|world| echo_seen(world) == 1, SECOND).unwrap();
    world.crash("echo", Gone::Silent);
    assert!(!world.lives("echo"));
    world.restart("echo");
    assert_eq!((world.counters().records_lost, world.records_on_disk("echo")), (1, 0));
    // The UE's request is still under way: what was lost is asked for again.
    world.run_until(|world| echo_seen(world) == 1, SECOND).unwrap();
}

fn echo_seen(world: &World) -> u32 {
    world.node::<Node<Keeper>>("echo").map_or(0, |node| node.role().seen)
}
