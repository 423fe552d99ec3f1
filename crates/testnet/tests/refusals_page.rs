//! Holds docs/refusals.md against the causes of all nodes. `UPDATE_DOCS=1 cargo test -p testnet --test refusals_page` writes it anew.
#![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

use ims_node::{NodeCause, Reason};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const HEAD: &str = "\
# Why requests are refused

Every error answer of ours says why in `Warning: 399 NODE \"TEXT [NAME, RULE]\"`, and one log line says it with the Call-ID (`reason` is the name).
`ctl stats` counts it as `refused_NAME`, and as `dropped_NAME` what was dropped without an answer. Names stay when a text is reworded. The rule
is the section that asks for the refusal, or that the status follows. This page is written from the sources; a test holds it against them.
";

fn all() -> Vec<(&'static str, Vec<Reason>)> {
    vec![
        ("Any node", NodeCause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("P-CSCF", pcscf::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("S-CSCF", scscf::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("I-CSCF", icscf::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("Presence server", presence_server::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("SMS gateway", sms_gateway::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
        ("User agent", ue_agent::Cause::ALL.iter().map(|cause| cause.reason()).collect()),
    ]
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for (node, mut reasons) in all() {
        reasons.sort_by_key(|reason| reason.name);
        write!(page, "\n## {node}\n\n| name | text | rule |\n|---|---|---|\n").unwrap();
        for Reason { name, text, rule } in reasons {
            writeln!(page, "| `{name}` | {text} | {rule} |").unwrap();
        }
    }
    page + "\nWhat is wrong with a message itself is named in `sip-message` (`Defect::name`).\n"
}

#[test]
fn the_page_says_what_the_sources_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/refusals.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, page()).unwrap();
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), page(), "UPDATE_DOCS=1 writes it anew");
}

/// A name that a node and all nodes have would be one counter for two things.
#[test]
fn a_name_means_one_thing_in_one_node() {
    let all = all();
    let (_, of_any_node) = &all[0];
    for (node, reasons) in &all[1..] {
        let mut seen: BTreeMap<&str, &str> = of_any_node.iter().map(|own| (own.name, own.text)).collect();
        for reason in reasons {
            assert_eq!(seen.insert(reason.name, reason.text), None, "{node}: {}", reason.name);
        }
    }
}

#[test]
fn names_are_in_snake_case_and_rules_name_a_section() {
    for reason in all().into_iter().flat_map(|(_, reasons)| reasons) {
        let is_word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(reason.name.chars().all(is_word), "{}", reason.name);
        let words: Vec<&str> = reason.rule.split(' ').collect();
        let is_rule =
            matches!(words.as_slice(), ["RFC" | "TS", _, section] if section.contains(char::is_numeric));
        assert!(is_rule, "{}: {}", reason.name, reason.rule);
    }
}
