//! PRS-07: what holds for every document and every set of permissions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "support/grants.rs"]
mod grants;

use clock::Wall;
use grants::{EVERYBODY, permissions, rpid, shown};
use presence_document::{Component, Kind, Pidf, Rules, Source, SubHandling, Watcher, compose, filter};

/// One grant of each sort, each of which may be given or not.
const GRANTS: [&str; 10] = [
    "<pr:provide-services><pr:class>email</pr:class></pr:provide-services><pr:provide-class>1</pr:provide-class>",
    "<pr:provide-services><pr:service-uri-scheme>im</pr:service-uri-scheme></pr:provide-services>",
    "<pr:provide-persons><pr:all-persons/></pr:provide-persons>",
    "<pr:provide-devices><pr:occurrence-id>pc147</pr:occurrence-id></pr:provide-devices>",
    "<pr:provide-user-input>bare</pr:provide-user-input>",
    "<pr:provide-user-input>thresholds</pr:provide-user-input>",
    "<pr:provide-note>true</pr:provide-note>",
    "<pr:provide-activities>true</pr:provide-activities>",
    "<pr:provide-unknown-attribute ns='urn:x' name='x'>true</pr:provide-unknown-attribute>",
    "<pr:provide-all-attributes/>",
];

fn some(subset: usize) -> String {
    (0..GRANTS.len()).filter(|i| subset >> i & 1 == 1).map(|i| GRANTS[i]).collect()
}

/// How many elements a document shows.
fn elements(text: &str) -> usize {
    text.matches("</").count() + text.matches("/>").count()
}

#[test]
fn prs_07_one_more_grant_never_shows_less_and_filtering_twice_changes_nothing() {
    // Filtering twice is checked wherever something is shown.
    let counts: Vec<_> =
        (0..1 << GRANTS.len()).map(|subset| elements(&shown(&rpid(), &some(subset)))).collect();
    for (subset, count) in counts.iter().enumerate() {
        for more in (0..GRANTS.len()).map(|i| subset | 1 << i) {
            assert!(counts[more] >= *count, "{} shows less than {}", some(more), some(subset));
        }
    }
    assert!(counts[0] < counts[counts.len() - 1]);
}

#[test]
fn prs_07_unknown_elements_of_persons_and_devices_are_granted_by_name_too() {
    let text = "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
                entity='sip:a@b'><dm:person id='p'><g:geo xmlns:g='urn:g'><g:city>Bonn</g:city></g:geo></dm:person>\
                <dm:device id='d'><g:geo xmlns:g='urn:g'/><dm:deviceID>urn:d</dm:deviceID></dm:device></presence>";
    let document = Pidf::parse(text.as_bytes()).unwrap();
    let grant = "<pr:provide-unknown-attribute ns='urn:g' name='geo'>true</pr:provide-unknown-attribute>";
    let with = shown(&document, &format!("{EVERYBODY}{grant}"));
    assert!(with.contains("<g:city>Bonn</g:city>"), "{with}");
    assert_eq!(with.matches("<g:geo").count(), 2, "{with}");
    let without = shown(&document, EVERYBODY);
    assert!(!without.contains("geo") && !without.contains("Bonn"), "{without}");
    assert!(without.contains("<dm:deviceID>urn:d</dm:deviceID>"), "{without}");
}

#[test]
fn prs_07_a_mixture_of_persons_never_shows_one_under_the_grant_for_another() {
    let person = |id: &str, class: &str, note: &str| {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
             xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:a@b'><dm:person id='{id}'><r:class>{class}</r:class>\
             <dm:note>{note}</dm:note></dm:person></presence>"
        );
        Pidf::parse(text.as_bytes()).unwrap()
    };
    let (work, home) = (person("p", "work", "in a meeting"), person("p", "home", "in the bath"));
    let at = Wall::from_unix_millis;
    let sources = [
        Source { number: 0, document: &work, published: at(1) },
        Source { number: 1, document: &home, published: at(2) },
    ];
    let composite = compose("sip:a@b", sources);
    let grant = "<pr:provide-persons><pr:class>work</pr:class></pr:provide-persons><pr:provide-note>true</pr:provide-note>";
    let seen = filter(&composite, &permissions(&[grant]));
    assert_eq!(
        seen.persons().flat_map(Component::notes).map(|n| n.text).collect::<Vec<_>>(),
        ["in a meeting"]
    );
    assert!(seen.persons().all(|p| p.kind() == Kind::Person));
}

#[test]
fn prs_05_prs_07_prs_10_from_publications_to_what_each_watcher_sees() {
    let rules = "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' xmlns='urn:ietf:params:xml:ns:pres-rules'>\
        <cp:rule id='friends'><cp:conditions><cp:identity><cp:many domain='home2.test'/></cp:identity></cp:conditions>\
        <cp:actions><sub-handling>allow</sub-handling></cp:actions><cp:transformations>\
        <provide-services><all-services/></provide-services></cp:transformations></cp:rule>\
        <cp:rule id='bob'><cp:conditions><cp:identity><cp:one id='sip:bob@home2.test'/></cp:identity></cp:conditions>\
        <cp:transformations><provide-all-attributes/></cp:transformations></cp:rule>\
        <cp:rule id='rest'><cp:conditions><cp:identity><cp:many/></cp:identity></cp:conditions>\
        <cp:actions><sub-handling>polite-block</sub-handling></cp:actions></cp:rule></cp:ruleset>";
    let rules = Rules::parse(rules.as_bytes()).unwrap();
    let phone = Pidf::parse(include_bytes!("documents/linphone.xml")).unwrap();
    let source = Source { number: 0, document: &phone, published: Wall::from_unix_millis(0) };
    let composite = compose("sip:alice@home1.test", [source]);
    let table = [
        ("sip:bob@home2.test", Some((SubHandling::Allow, 1, true))),
        ("sip:dave@home2.test", Some((SubHandling::Allow, 1, false))),
        ("sip:carol@home1.test", Some((SubHandling::PoliteBlock, 0, false))),
        ("nobody", None),
    ];
    for (watcher, expected) in table {
        let verdict = rules.evaluate(&Watcher::identified([watcher]), Wall::from_unix_millis(0), None);
        let seen = verdict.map(|v| {
            let filtered = filter(&composite, &v.permissions);
            let extension = String::from_utf8(filtered.to_bytes()).unwrap().contains("<pidfonline:online/>");
            (v.action, filtered.tuples().count(), extension)
        });
        assert_eq!(seen, expected, "{watcher}");
    }
}
