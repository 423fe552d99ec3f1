//! The measurement does what it says and counts right. How long anything takes is not looked at.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test helper may fail its test")]

mod support;

use lab::bench::{Measurement, Saved, bench, floor};
use support::{config, good};

fn few(wanted: fn(&str) -> bool) -> Measurement {
    Measurement { config: config(), binaries: None, users: 3, rounds: 2, wanted: Box::new(wanted) }
}

#[tokio::test]
async fn every_request_is_counted_and_goes_well_by_udp_and_tcp() {
    let measurement = few(|row| ["alone", "udp", "tcp"].iter().any(|way| row.starts_with(way)));
    let mut told = Vec::new();
    let table = good(bench(&measurement, good(floor().await), |line| told.push(line.name.clone())).await);
    assert_eq!(told, measurement.rows(), "the names are those that were promised");
    assert!(table.is_faultless() && table.lines.len() == told.len(), "{:?}", table.lines);
    let (memory, requests): (Vec<_>, Vec<_>) =
        table.lines.iter().partition(|line| line.name.ends_with("memory"));
    for line in &memory {
        let values = ["s-cscf_mib", "p-cscf_mib", "presence-server_mib"].map(|name| line.value(name));
        assert!(values.iter().all(|value| value.is_some_and(|mib| mib > 1.0)), "{line}");
        assert_eq!(line.note, "(after 39 requests)");
    }
    assert_eq!(memory.len(), 2, "by UDP and by TCP");
    for line in requests {
        let value = |name| line.value(name).unwrap_or_else(|| panic!("{name} of {line}"));
        assert!(value("cpu_us") > 0.0 && value("cpu_floors") > 0.0, "{line}");
        assert!(value("median_ms") <= value("99_%_ms"), "{line}");
        let requests = if line.name.ends_with("REGISTER, new") { "(3 at " } else { "(6 at " };
        assert!(line.note.starts_with(requests) && line.note.contains("ps1"), "{line}");
        let through_all = line.note.contains("pcscf1a") && line.note.contains("scscf1");
        assert_eq!(through_all, !line.name.starts_with("alone"), "{line}");
    }
    // What is kept of a run is compared row by row.
    let saved = Saved::of(&table);
    assert!(saved.against(&saved).to_string().contains("tcp SUBSCRIBE"));
}

#[tokio::test]
async fn every_short_message_is_answered() {
    let measurement = few(|row| row == "sms update");
    let table = good(bench(&measurement, good(floor().await), |_| ()).await);
    assert!(table.is_faultless() && table.lines.len() == 1, "{:?}", table.lines);
    let line = &table.lines[0];
    assert!(line.note.starts_with("(6 at ") && line.note.contains("gateway1"), "{line}");
}

#[tokio::test]
async fn a_change_reaches_a_hundred_watchers_once_each() {
    let measurement = few(|row| row == "fan-out 100");
    let table = good(bench(&measurement, good(floor().await), |_| ()).await);
    assert!(table.is_faultless() && table.lines.len() == 1, "{:?}", table.lines);
    for name in ["last_notify_ms", "median_notify_ms", "cpu_each_us", "OPTIONS_ms", "PUBLISH_ms"] {
        assert!(table.lines[0].value(name).is_some_and(|value| value > 0.0), "{name} of {}", table.lines[0]);
    }
}
