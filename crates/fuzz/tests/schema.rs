//! What is composed of whatever was taken has the form of the schemas, by a reader that is not ours (xmllint). `MUSTER_SEED` runs
//! that seed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

use clock::Wall;
use fuzz::Mutator;
use presence_document::{Pidf, Source, compose};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

const SEED: u64 = 1;
const DOCUMENTS: usize = 3000;

/// Everything that may stand in a document, in places where it may and where it may not.
const NAMES: [&str; 14] = [
    "tuple",
    "status",
    "basic",
    "contact",
    "note",
    "timestamp",
    "dm:person",
    "dm:device",
    "dm:deviceID",
    "dm:note",
    "dm:timestamp",
    "x:ext",
    "nothing",
    "z",
];
const ATTRIBUTES: [&str; 10] = [
    "id='t1'",
    "id='2 b'",
    "id='_2_b'",
    "priority='high'",
    "priority='0.12345'",
    "priority='.5'",
    "xml:lang='de'",
    "xml:lang='?'",
    "other='1'",
    "x:own='1'",
];
/// No IPv6 address: xmllint takes its brackets for no URI, SIP does not (RFC 3261 section 25.1).
const TEXTS: [&str; 15] = [
    "open",
    " CLOSED\t",
    "away",
    "sip:a@b",
    "sip:a b",
    "alice@home1.test",
    "sip:a%2",
    "tel:+1-2;x=#9#8",
    "2001-10-27T16:49:29Z",
    "2001-10-27t16:49:29+05:00",
    "2001-10-27 16:49Z",
    "now",
    " ",
    "urn:uuid:1",
    "text",
];

fn element(mutator: &mut Mutator, name: &str, depth: usize) -> String {
    let mut attributes = String::new();
    for attribute in ATTRIBUTES {
        if mutator.below(14) == 0 && !attributes.contains(attribute.split('=').next().unwrap()) {
            attributes = attributes + " " + attribute;
        }
    }
    if matches!(name, "tuple" | "dm:person" | "dm:device")
        && !attributes.contains("id=")
        && mutator.below(8) > 0
    {
        attributes = format!("{attributes} id='i{}'", mutator.below(1000));
    }
    let mut inside = String::new();
    for _ in 0..mutator.below(5) {
        inside += &match (mutator.below(3), depth) {
            (0, _) | (_, 3) => (*mutator.one_of(&TEXTS).unwrap()).to_owned(),
            _ => any(mutator, name, depth + 1),
        };
    }
    if matches!(name, "basic" | "contact" | "timestamp" | "dm:deviceID") && mutator.below(8) > 0 {
        inside = (*mutator.one_of(&TEXTS).unwrap()).to_owned();
    }
    format!("<{name}{attributes}>{inside}</{name}>")
}

/// Mostly what has its place there.
fn any(mutator: &mut Mutator, parent: &str, depth: usize) -> String {
    let fitting: &[&str] = match parent {
        "presence" => &["tuple", "note", "dm:person", "dm:device", "x:ext"],
        "tuple" => &["status", "contact", "note", "timestamp", "dm:deviceID"],
        "status" => &["basic", "x:ext"],
        "dm:device" => &["dm:deviceID", "dm:note", "dm:timestamp"],
        "dm:person" => &["x:ext", "dm:note", "note", "dm:timestamp"],
        _ => &["x:ext", "y"],
    };
    let names = if mutator.below(12) == 0 { &NAMES[..] } else { fitting };
    let name = *mutator.one_of(names).unwrap();
    // Of no namespace.
    let name = if name == "nothing" { "nothing xmlns=''" } else { name };
    match name.split_once(' ') {
        Some((name, declared)) => format!("<{name} {declared}/>"),
        None => element(mutator, name, depth),
    }
}

fn document(mutator: &mut Mutator) -> String {
    let inside: String = (0..=mutator.below(3)).map(|_| any(mutator, "presence", 0)).collect();
    let lang = if mutator.below(4) == 0 { " xml:lang='de'" } else { "" };
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:x='urn:x' \
         entity='sip:alice@home1.test'{lang}>{inside}</presence>"
    )
}

/// `None` where there is no xmllint.
fn complaints(place: &Path) -> Option<String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schema/pidf.xsd");
    let files = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schema)
        .args(files)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let bad: Vec<&str> = said.lines().filter(|line| !line.ends_with(" validates")).collect();
    Some(bad.join("\n"))
}

fn skip(why: &str) {
    println!("SKIPPED: {why}");
    if let Some(list) = std::env::var_os("MUSTER_SKIPPED") {
        let list = fs::OpenOptions::new().append(true).create(true).open(list);
        list.and_then(|mut list| writeln!(list, "{why}")).unwrap();
    }
}

#[test]
fn prs_09_whatever_is_taken_leaves_in_the_form_of_the_schema() {
    let seed = std::env::var("MUSTER_SEED").map_or(SEED, |text| text.parse().unwrap());
    let mut mutator = Mutator::new(seed);
    let place = tempfile::tempdir().unwrap();
    let mut last = None;
    let mut taken = 0;
    for number in 0..DOCUMENTS {
        let text = document(&mut mutator);
        let Ok(pidf) = Pidf::parse(text.as_bytes()) else { continue };
        let source =
            |number, document| Source { number, document, published: Wall::from_unix_millis(number) };
        // Beside what another phone has published.
        let other = last.replace(pidf.clone());
        let sources = [source(1, &pidf)].into_iter().chain(other.as_ref().map(|other| source(2, other)));
        let composite = compose("sip:alice@home1.test", sources).to_bytes();
        fs::write(place.path().join(format!("{number}.xml")), composite).unwrap();
        taken += 1;
    }
    assert!(taken > DOCUMENTS / 8 && taken < DOCUMENTS, "{taken} of {DOCUMENTS} are taken");
    match complaints(place.path()) {
        Some(complaints) => assert_eq!(complaints, "", "seed {seed}"),
        None => skip("documents against their schema: xmllint is not installed (package libxml2-utils)"),
    }
}

/// What a 48 KiB document of very many small parts makes a server write, whose parts are equal, of one time, or both.
#[test]
fn prs_10_no_document_makes_more_work_than_its_size() {
    let long = "u".repeat(200);
    let presence = |inside: &str| {
        format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
             xmlns:a='urn:{long}' x='{}' entity='sip:alice@home1.test'>{inside}</presence>",
            "y".repeat(20_000)
        )
    };
    for inside in [
        "<a:b/>".repeat(1000),
        (0..1000).map(|number| format!("<a:b{number}/>")).collect(),
        "<dm:person/>".repeat(1000),
        (0..1000).map(|number| format!("<dm:person id='p{number}'/>")).collect(),
        (0..300).map(|number| format!("<dm:person><r:class xmlns:r='urn:ietf:params:xml:ns:pidf:rpid'>{number}</r:class></dm:person>")).collect(),
    ] {
        fuzz::Target::ALL.iter().filter(|target| target.name == "pidf").for_each(|target| {
            let twice = [presence(&inside), presence(&inside).replace("alice", "carol")].join("\0");
            (target.run)(twice.as_bytes());
        });
    }
}
