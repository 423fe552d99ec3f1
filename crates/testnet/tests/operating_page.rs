//! Checks docs/operating.md against the sources: limits, and the names under which they are counted.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use std::fs;
use std::path::{Path, PathBuf};

struct Row {
    what: String,
    limit: u64,
    krate: String,
    constant: String,
    counters: Vec<String>,
}

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All sources below `folder`.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            text += &sources(&entry);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(entry).unwrap();
        }
    }
    text
}

fn quoted(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// `10 000`, `64 MiB`, `30 s`.
fn number(text: &str) -> u64 {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let unit = match text.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ') {
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        _ => 1,
    };
    digits.parse::<u64>().unwrap_or_else(|_| panic!("{text}")) * unit
}

fn rows() -> Vec<Row> {
    let page = fs::read_to_string(crates().join("../docs/operating.md")).unwrap();
    let section = page.split("\n## Bounds\n").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let table = section.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    table
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let place = quoted(cells[2]);
            Row {
                what: cells[0].to_owned(),
                limit: number(cells[1]),
                krate: place[0].clone(),
                constant: place[1].clone(),
                counters: quoted(cells[4]),
            }
        })
        .collect()
}

/// The value that a constant or the usual setting has: a product of numbers, maybe of seconds.
fn value(source: &str, name: &str) -> Vec<u64> {
    let (constant, setting) = (format!("const {name}: "), format!("        {name}: "));
    let constants = source.split(&constant).skip(1).map(|rest| {
        rest.split(" = ").nth(1).unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
    });
    let settings = source.split(&setting).skip(1);
    let settings = settings.map(|rest| rest.split(',').next().unwrap_or_default().to_owned());
    let product = |text: String| {
        let text = text.replace("Duration::from_secs(", "").replace([')', '_'], "");
        text.split('*').map(|factor| factor.trim().parse::<u64>().ok()).product::<Option<u64>>()
    };
    constants.chain(settings).filter_map(product).collect()
}

#[test]
fn every_bound_is_what_the_page_says() {
    let rows = rows();
    assert!(rows.len() > 25, "the table is there");
    for Row { what, limit, krate, constant, .. } in rows {
        let source = sources(&crates().join(&krate).join("src"));
        let values = value(&source, &constant);
        assert!(values.contains(&limit), "{what}: {constant} is {values:?}, not {limit}");
    }
}

#[test]
fn every_counter_on_the_page_exists() {
    let all: String = [
        "ims-node",
        "ims-runtime",
        "pcscf",
        "scscf",
        "presence-server",
        "sms-gateway",
        "sip-event",
        "sip-resolve",
    ]
    .map(|krate| sources(&crates().join(krate).join("src")))
    .concat();
    let texts: Vec<&str> = all.split('"').collect();
    // `NAME = "name", "text", "rule";` in an enum of causes.
    let is_cause = |name: &str| all.contains(&format!(" = \"{name}\", \""));
    for Row { what, counters, .. } in rows() {
        for counter in counters {
            let there = texts.contains(&&*counter)
                || counter.strip_prefix("refused_").is_some_and(is_cause)
                || all.contains(&format!("{counter}: u64"));
            assert!(there, "{what}: {counter}");
        }
    }
}
