//! Presence documents, rules, watcher and registration information.

use crate::pieces;
use clock::Wall;
use presence_document::steps::written;
use presence_document::{
    Permissions, Pidf, RegInfo, Rules, Source, Watcher, WatcherInfo, compose, filter, neutral_document,
    polite_block_document, sphere,
};
use std::time::Duration;

const NOON: Wall = Wall::from_unix_millis(1_767_268_800_000);

/// Documents composed at a time.
const SOURCES: usize = 3;

/// Octets that composing may write: some, and so many for each octet that it reads.
const LEAST: usize = 4096;
const MOST_PER_OCTET: usize = 40;

/// Documents, cut at NULs. What is read is written and reads the same again; what is composed of them, and what a watcher
/// is shown of it, is a document again and not much longer than they were.
pub fn pidf(bytes: &[u8]) {
    let documents: Vec<Pidf> =
        pieces(bytes).take(SOURCES).filter_map(|piece| Pidf::parse(piece).ok()).collect();
    for document in &documents {
        rewritten(document);
        rewritten(&neutral_document(document.entity()));
        rewritten(&polite_block_document(document.entity()));
    }
    let sources = documents.iter().zip(0..).map(|(document, age)| Source {
        number: age,
        document,
        published: NOON + Duration::from_secs(age),
    });
    let before = written();
    let composite = compose("sip:alice@home1.test", sources);
    // Each is written whole at most once, and each part of it at most once more, with the declarations that it needs.
    let octets: usize = documents.iter().map(|document| document.to_bytes().len()).sum();
    assert!(written() - before <= LEAST + MOST_PER_OCTET * octets, "{} for {octets}", written() - before);
    rewritten(&composite);
    let all = filter(&composite, &Permissions::all());
    rewritten(&all);
    rewritten(&filter(&composite, &Permissions::default()));
    let _ = sphere(&documents, NOON);
    if let Ok(info) = WatcherInfo::parse(bytes) {
        assert_eq!(WatcherInfo::parse(&info.to_bytes()), Ok(info));
    }
    if let Ok(info) = RegInfo::parse(bytes) {
        assert_eq!(RegInfo::parse(&info.to_bytes()), Ok(info));
    }
}

fn rewritten(document: &Pidf) {
    let bytes = document.to_bytes();
    match Pidf::parse(&bytes) {
        // Equal documents give equal bytes; a declaration that is written out may make two trees of one document.
        Ok(again) => assert_eq!(String::from_utf8_lossy(&again.to_bytes()), String::from_utf8_lossy(&bytes)),
        Err(error) => panic!("{error:?} in what was written: {}", String::from_utf8_lossy(&bytes)),
    }
}

/// Between two changes a verdict stays; a change lies ahead.
pub fn rules(bytes: &[u8]) {
    let Ok(rules) = Rules::parse(bytes) else { return };
    let watchers = [
        Watcher::anonymous(),
        Watcher::identified(["sip:bob@home1.test", "tel:+12015550123"]),
        Watcher::identified(["sip:user@example.com"]),
    ];
    let document = Pidf::parse(DOCUMENT.as_bytes()).expect("a document");
    for watcher in &watchers {
        let verdict = rules.evaluate(watcher, NOON, Some("work"));
        let _ = rules.evaluate(watcher, NOON, None);
        if let Some(verdict) = &verdict {
            rewritten(&filter(&document, &verdict.permissions));
        }
        let Some(change) = rules.next_change(NOON) else {
            assert_eq!(rules.evaluate(watcher, Wall::from_unix_millis(u64::MAX), Some("work")), verdict);
            continue;
        };
        assert!(change > NOON);
        let before = Wall::from_unix_millis(change.unix_millis() - 1);
        assert_eq!(rules.evaluate(watcher, before, Some("work")), verdict);
    }
}

const DOCUMENT: &str = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:d='urn:ietf:params:xml:ns:pidf:data-model' \
    xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:alice@home1.test'><tuple id='t'><status><basic>open</basic>\
    </status><r:class>c</r:class><contact>sip:a@192.0.2.1</contact></tuple><d:person id='p'><r:activities><r:away/>\
    </r:activities><d:note>n</d:note></d:person><d:device id='d'><d:deviceID>urn:x:1</d:deviceID></d:device></presence>";
