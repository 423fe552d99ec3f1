//! The measurement does what it says and counts right. How long anything takes is not looked at.
#![allow(clippy::panic, reason = "a test helper may fail its test")]

mod support;

use lab::bench::{Measurement, Operation, bench};
use support::{config, good};

fn few() -> Measurement {
    Measurement { config: config(), binaries: None, users: 3, rounds: 2 }
}

#[tokio::test]
async fn every_request_is_counted_and_goes_well() {
    let mut told = Vec::new();
    let table =
        good(bench(&few(), |row| told.push((row.through_the_chain, row.operation, row.requests))).await);
    let both = [
        (Operation::Refresh, 6),
        (Operation::Publish, 6),
        (Operation::Modify, 6),
        (Operation::Remove, 6),
        (Operation::Subscribe, 6),
        (Operation::Unsubscribe, 6),
    ];
    let alone = both.map(|(operation, requests)| (false, operation, requests));
    let chain = both.map(|(operation, requests)| (true, operation, requests));
    let mut expected = [&alone[..], &chain, &[(true, Operation::Register, 3)]].concat();
    for row in told {
        let at = expected.iter().position(|one| *one == row);
        expected.remove(at.unwrap_or_else(|| panic!("{row:?} is not expected, or not again")));
    }
    assert!(expected.is_empty(), "{expected:?}");
    assert!(table.is_faultless(), "{:?}", table.rows);
    for row in &table.rows {
        let nodes: Vec<&str> = row.cpu.iter().map(|(name, _)| &**name).collect();
        assert!(nodes.contains(&"ps1") && nodes.contains(&"hss1") && row.cpu_us() > 0.0, "{row:?}");
        assert!(row.median <= row.percentile_99 && row.percentile_99 <= row.elapsed, "{row:?}");
    }
}
