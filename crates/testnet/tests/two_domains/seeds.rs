//! Running many seeds.

use crate::course::Course;
use crate::domain::Fault;
use crate::domain::invariants::{Broken, Invariant};
use crate::tally::Tally;
use sip_message::Transport;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds of a sweep.
pub(crate) const SEEDS: u64 = 500;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The seeds that are asked for: `MUSTER_SEED` alone, or as many as `MUSTER_SEEDS` says.
pub(crate) fn asked_for() -> Range<u64> {
    match number("MUSTER_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("MUSTER_SEEDS").unwrap_or(SEEDS),
    }
}

/// Whether a course that broke a promise is to be shown message by message.
pub(crate) fn is_tape_wanted() -> bool {
    std::env::var_os("MUSTER_TAPE").is_some()
}

/// What all courses saw together, or the first that broke a promise (this one, where one is named), by its seed.
pub(crate) fn run(
    seeds: Range<u64>,
    between_nodes: Transport,
    fault: Option<Fault>,
    by: Option<Invariant>,
) -> Result<Tally, (u64, Broken)> {
    let next = AtomicU64::new(seeds.start);
    let worker = || {
        let mut total = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return Ok(total);
            }
            match Course::run(seed, between_nodes, fault) {
                Ok(tally) => total.add(&tally),
                Err(broken) => {
                    let named = |broken: &Broken| by.is_none_or(|by| broken.invariant == by);
                    let Some(broken) = broken.into_iter().find(named) else { continue };
                    // Nobody needs to begin another one.
                    next.store(seeds.end, Ordering::Relaxed);
                    return Err((seed, broken));
                }
            }
        }
    };
    let outcomes = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, |count| count.get().min(4));
        let running: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        running.into_iter().map(|worker| worker.join().expect("a course panicked")).collect::<Vec<_>>()
    });
    let mut total = Tally::default();
    let mut broken: Option<(u64, Broken)> = None;
    for outcome in outcomes {
        match outcome {
            Ok(tally) => total.add(&tally),
            Err(other) if broken.as_ref().is_none_or(|(seed, _)| other.0 < *seed) => broken = Some(other),
            Err(_) => {}
        }
    }
    broken.map_or(Ok(total), Err)
}
