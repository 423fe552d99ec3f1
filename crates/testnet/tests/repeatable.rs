//! A run follows from its seed, and runs are cheap.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

mod support;

use ims_node::Node;
use sip_message::Method;
use std::collections::BTreeSet;
use support::{Keeper, SECOND, answer, ms, network, send};
use testnet::{Gone, Link, World};

/// Thirty publications over a bad network in which the keeper dies and comes back.
fn storm(seed: u64) -> World {
    let mut world = network(seed);
    world.conditions.link = Link::BAD;
    let branches: Vec<String> = (0..30)
        .map(|n| {
            if n == 10 {
                world.crash("echo", if seed.is_multiple_of(2) { Gone::Silent } else { Gone::Refusing });
            }
            if n == 20 {
                world.restart("echo");
            }
            let branch = send(&mut world, Method::Publish, &format!("call-{n}"));
            world.run_for(ms(20)).unwrap();
            branch
        })
        .collect();
    world.run_until_quiet(60 * SECOND).unwrap();
    let kept = &world.node::<Node<Keeper>>("echo").unwrap().role().kept;
    for (n, branch) in branches.iter().enumerate() {
        let acknowledged = answer(&world, branch) == Some(200);
        assert!(!acknowledged || kept.contains(&format!("call-{n}")), "seed {seed}: call-{n}");
    }
    world
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..5 {
        let (one, other) = (storm(seed), storm(seed));
        assert_eq!(one.trace_hash(), other.trace_hash(), "seed {seed}");
        assert_eq!(one.recording().messages(), other.recording().messages(), "seed {seed}");
        assert_eq!(one.counters(), other.counters());
    }
}

#[test]
fn a_hundred_seeds_give_a_hundred_runs_and_every_kind_of_trouble() {
    let worlds: Vec<World> = (0..100).map(storm).collect();
    let traces: BTreeSet<u64> = worlds.iter().map(World::trace_hash).collect();
    assert_eq!(traces.len(), 100);
    let all = |count: fn(&World) -> u64| worlds.iter().map(count).sum::<u64>();
    assert!(all(|world| world.counters().datagrams_lost) > 100);
    assert!(all(|world| world.counters().datagrams_duplicated) > 100);
    assert!(all(|world| world.counters().datagrams_held_up) > 100);
    assert!(all(|world| world.counters().datagrams_refused) > 100);
    assert!(all(|world| world.counters().records_lost) > 10);
}
