//! Many seeds of a bad network, without crashes and with them.
//!
//! `MUSTER_SEEDS` sets how many seeds are run, `MUSTER_SEED` runs that one alone. A failing seed is printed.

use crate::course::{Course, Crashes, Tally};

/// Seeds of a sweep.
const SEEDS: u64 = 100;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

fn sweep(name: &str, crashes: Crashes) -> Tally {
    let seeds = match number("MUSTER_SEED") {
        Some(one) => one..one + 1,
        None => 0..number("MUSTER_SEEDS").unwrap_or(SEEDS),
    };
    let mut total = Tally::default();
    for seed in seeds {
        total.add(&Course::run(seed, crashes));
    }
    eprintln!("{name}: {total:?}");
    total
}

#[test]
fn a_bad_network_breaks_no_promise() {
    let total = sweep("a bad network", Crashes::None);
    total.assert_something_happened();
    assert_eq!(total.restarts, 0);
    // Both take four losses of a tenth each in a row.
    assert!(total.unanswered * 10 <= total.courses && total.orphans * 10 <= total.courses, "{total:?}");
}

#[test]
fn crashes_break_no_promise() {
    let total = sweep("a bad network with crashes", Crashes::Some);
    total.assert_something_happened();
    assert!(total.restarts > 0);
}
