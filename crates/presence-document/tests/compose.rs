//! PRS-10, PRS-11 and the constant documents of PRS-04.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use clock::Wall;
use presence_document::{
    Basic, Component, Pidf, Source, closed_document, compose, neutral_document, polite_block_document, sphere,
};

const ALICE: &str = "sip:alice@home1.test";

fn at(seconds: u64) -> Wall {
    Wall::from_unix_millis(seconds * 1000)
}

fn document(inside: &str) -> Pidf {
    let text = format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
         xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='sip:somebody@phone.test'>{inside}</presence>"
    );
    Pidf::parse(text.as_bytes()).unwrap()
}

fn tuple(id: &str, note: &str, timestamp: &str) -> String {
    format!("<tuple id='{id}'><status><basic>open</basic></status><note>{note}</note>{timestamp}</tuple>")
}

fn person(id: &str, class: &str, note: &str) -> String {
    format!("<dm:person id='{id}'><r:class>{class}</r:class><dm:note>{note}</dm:note></dm:person>")
}

fn composed(sources: &[(&Pidf, u64)]) -> Pidf {
    let numbered = (0..).zip(sources);
    compose(ALICE, numbered.map(|(number, (document, s))| Source { number, document, published: at(*s) }))
}

fn notes<'a>(components: impl Iterator<Item = &'a Component>) -> Vec<(&'a str, &'a str)> {
    components.map(|c| (c.id(), c.notes().next().map_or("", |n| n.text))).collect()
}

#[test]
fn prs_10_the_composite_is_the_union_and_names_the_presentity() {
    let phone = document(&(tuple("phone", "1", "") + &person("p1", "", "walking")));
    let desk = document(
        &(tuple("desk", "2", "") + "<dm:device id='d'><dm:deviceID>urn:d</dm:deviceID></dm:device>"),
    );
    let composite = composed(&[(&phone, 1), (&desk, 2)]);
    assert_eq!(composite.entity(), ALICE);
    assert_eq!(notes(composite.tuples()), [("desk", "2"), ("phone", "1")]);
    assert_eq!(notes(composite.persons()), [("p1", "walking")]);
    assert_eq!(composite.devices().count(), 1);
}

#[test]
fn prs_10_the_same_id_of_another_source_is_another_tuple() {
    let (a, b, other) =
        (document(&tuple("t", "a", "")), document(&tuple("t", "b", "")), document(&tuple("u", "c", "")));
    let of = |sources: &[(u64, &Pidf)]| {
        let sources =
            sources.iter().map(|(number, document)| Source { number: *number, document, published: at(1) });
        let composite = compose(ALICE, sources);
        notes(composite.tuples()).into_iter().map(|(id, note)| format!("{id}={note}")).collect::<Vec<_>>()
    };
    assert_eq!(of(&[(3, &a), (7, &b)]), ["t=a", "t-7=b"]);
    // Whatever comes, goes or changes besides, in whatever order.
    assert_eq!(of(&[(7, &b), (3, &a), (9, &other)]), ["t=a", "t-7=b", "u=c"]);
    assert_eq!(of(&[(9, &b), (3, &b), (7, &a)]), ["t=b", "t-7=a", "t-9=b"]);
    // The new id is somebody's own already.
    let taken = document(&(tuple("t", "x", "") + &tuple("t-7", "y", "")));
    assert_eq!(of(&[(3, &taken), (7, &b)]), ["t=x", "t-7-1=b", "t-7=y"]);
}

#[test]
fn prs_10_of_two_devices_with_one_id_the_newest_stays() {
    const EARLY: &str = "<dm:timestamp>1970-01-01T00:00:10Z</dm:timestamp>";
    const LATE: &str = "<dm:timestamp>1970-01-01T01:00:20+01:00</dm:timestamp>";
    const FUTURE: &str = "<dm:timestamp>2999-01-01T00:00:00Z</dm:timestamp>";
    const NO_DATE: &str = "<dm:timestamp>yesterday</dm:timestamp>";
    // (timestamp, published) of a and b, and whose tuple stays
    let table = [
        (("", 100), ("", 101), "b"),
        (("", 101), ("", 100), "a"),
        ((EARLY, 100), (LATE, 100), "b"),
        ((LATE, 100), (EARLY, 200), "a"),
        ((EARLY, 200), ("", 100), "b"),
        ((FUTURE, 100), ("", 101), "b"),
        ((FUTURE, 101), ("", 100), "a"),
        ((NO_DATE, 101), ("", 100), "a"),
        ((LATE, 101), (LATE, 100), "a"),
    ];
    for ((a_time, a_published), (b_time, b_published), stays) in table {
        let device = |note: &str, time: &str| {
            let inside = format!("<dm:deviceID>urn:d</dm:deviceID><dm:note>{note}</dm:note>{time}");
            document(&format!("<dm:device id='t'>{inside}</dm:device>"))
        };
        let (a, b) = (device("a", a_time), device("b", b_time));
        let composite = composed(&[(&a, a_published), (&b, b_published)]);
        assert_eq!(
            notes(composite.devices()),
            [("t", stays)],
            "{a_time} {a_published}, {b_time} {b_published}"
        );
    }
}

#[test]
fn prs_10_the_newest_person_of_each_class_stays_whole() {
    let old = document(&(person("p1", "work", "old work") + &person("p2", "home", "old home")));
    let new = document(&person("p3", "work", "new work"));
    let composite = composed(&[(&new, 2), (&old, 1)]);
    assert_eq!(notes(composite.persons()), [("p2", "old home"), ("p3", "new work")]);
}

#[test]
fn prs_10_a_device_is_the_same_by_its_device_id() {
    let device = |id: &str, urn: &str, note: &str| {
        document(&format!(
            "<dm:device id='{id}'><dm:deviceID>{urn}</dm:deviceID><dm:note>{note}</dm:note></dm:device>"
        ))
    };
    let (old, new, other) = (
        device("a", "URN:example:1%ab", "old"),
        device("b", "urn:EXAMPLE:1%AB", "new"),
        device("c", "urn:2", "other"),
    );
    let composite = composed(&[(&new, 2), (&old, 1), (&other, 1)]);
    assert_eq!(notes(composite.devices()), [("c", "other"), ("b", "new")]);
}

#[test]
fn prs_10_notes_of_the_presentity_are_those_of_the_newest_source_that_has_some() {
    let old = document("<note>old</note>");
    let new = document("<note xml:lang='en'>new</note><note xml:lang='de'>neu</note>");
    let silent = document("");
    let composite = composed(&[(&old, 1), (&new, 2), (&silent, 3)]);
    assert_eq!(composite.notes().map(|n| n.text).collect::<Vec<_>>(), ["new", "neu"]);
}

#[test]
fn prs_10_occurrence_ids_are_unique_in_the_composite() {
    let a = document(&(tuple("x", "", "") + &tuple("x-1", "", "") + "<dm:person id='x'/>"));
    let b = document("<dm:device><dm:deviceID>urn:1</dm:deviceID></dm:device>");
    let composite = composed(&[(&a, 1), (&b, 1)]);
    let all = composite.tuples().chain(composite.persons()).chain(composite.devices());
    assert_eq!(all.map(Component::id).collect::<Vec<_>>(), ["x", "x-1", "x-0", "device-1"]);
}

#[test]
fn prs_10_the_order_of_sources_does_not_change_a_byte() {
    let top = |name: &str| format!("<e:{name} xmlns:e='urn:e'/>");
    let documents = [
        document(&(tuple("t", "a", "") + &person("p", "", "a") + "<note>a</note>" + &top("b"))),
        document(&(tuple("t", "b", "") + &person("p", "", "b") + "<note>b</note>" + &top("a"))),
        document(&(tuple("u", "c", "") + &person("q", "", "c") + "<note>c</note>" + &top("a"))),
    ];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let source = |number: usize| Source {
        number: u64::try_from(number).unwrap(),
        document: &documents[number],
        published: at(7),
    };
    let written = orders.map(|order| compose(ALICE, order.map(source)).to_bytes());
    assert!(written.iter().all(|w| *w == written[0]));
    let once = String::from_utf8(written[0].clone()).unwrap();
    assert_eq!(once.matches("<e:a").count(), 1, "what two sources say alike is said once: {once}");
}

#[test]
fn prs_10_the_order_of_sources_that_differ_only_in_their_root_does_not_change_a_byte() {
    let rooted = |root: &str| {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b' {root}><tuple id='t'/><top xmlns='urn:e'/>\
             </presence>"
        );
        Pidf::parse(text.as_bytes()).unwrap()
    };
    let documents = ["xml:lang='de'", "xml:lang='en'", "xmlns:e='urn:1'", "xmlns:e='urn:2'"].map(rooted);
    for a in &documents {
        for b in &documents {
            let source = |number, document| Source { number, document, published: at(1) };
            let of = |sources: [Source<'_>; 2]| compose(ALICE, sources).to_bytes();
            assert_eq!(of([source(1, a), source(2, b)]), of([source(2, b), source(1, a)]));
        }
    }
}

#[test]
fn prs_10_a_prefix_keeps_its_meaning_beside_another_source() {
    let with = |prefix: &str, namespace: &str, id: &str| {
        let text = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:{prefix}='{namespace}' xml:lang='de' entity='sip:a@b'>\
             <tuple id='{id}'><status/><{prefix}:ext type='{prefix}:word'/></tuple></presence>"
        );
        Pidf::parse(text.as_bytes()).unwrap()
    };
    let (a, b) = (with("e", "urn:1", "a"), with("e", "urn:2", "b"));
    let written = String::from_utf8(composed(&[(&a, 1), (&b, 1)]).to_bytes()).unwrap();
    let lines: Vec<_> = written.lines().collect();
    assert!(lines[1].contains(" xmlns:e=\"urn:1\""), "{written}");
    assert_eq!(lines[2], "<tuple id=\"a\"><status/><e:ext type=\"e:word\"/></tuple>");
    assert_eq!(lines[3], "<tuple xmlns:e=\"urn:2\" id=\"b\"><status/><e:ext type=\"e:word\"/></tuple>");
}

#[test]
fn prs_10_many_namespaces_still_make_a_document_that_is_read() {
    let sources: Vec<_> = (0..8)
        .map(|source| {
            let declared: String =
                (0..10).map(|i| format!(" xmlns:p{source}x{i}='urn:{source}:{i}'")).collect();
            let text = format!(
                "<presence xmlns='urn:ietf:params:xml:ns:pidf'{declared} entity='sip:a@b'>\
                 <tuple id='{source}'><p{source}x9:ext/></tuple></presence>"
            );
            Pidf::parse(text.as_bytes()).unwrap()
        })
        .collect();
    let composite = compose(
        ALICE,
        (0..).zip(&sources).map(|(number, document)| Source { number, document, published: at(1) }),
    );
    let read = Pidf::parse(&composite.to_bytes()).unwrap();
    assert_eq!(read.tuples().count(), 8);
}

#[test]
fn prs_10_a_source_with_prefixed_pidf_composes_with_one_without() {
    let prefixed = Pidf::parse(include_bytes!("documents/rfc3863-4.3.2.xml")).unwrap();
    let plain = Pidf::parse(include_bytes!("documents/linphone.xml")).unwrap();
    let composite = composed(&[(&prefixed, 1), (&plain, 2)]);
    let read = Pidf::parse(&composite.to_bytes()).unwrap();
    assert_eq!(read.tuples().map(Component::id).collect::<Vec<_>>(), ["ck38g9", "md66je", "n5z2og"]);
    assert!(read.tuples().all(|t| t.basic() == Some(Basic::Open)));
}

#[test]
fn prs_11_nothing_published_is_a_closed_document() {
    let composite = composed(&[]);
    assert_eq!(composite, closed_document(ALICE));
    assert_eq!(composite.entity(), ALICE);
    let tuples: Vec<_> = composite.tuples().collect();
    assert_eq!(
        tuples.iter().map(|t| (t.basic(), t.contact())).collect::<Vec<_>>(),
        [(Some(Basic::Closed), None)]
    );
}

#[test]
fn prs_04_polite_block_is_what_an_absent_presentity_looks_like_and_never_changes() {
    let polite = polite_block_document(ALICE).to_bytes();
    assert_eq!(polite, polite_block_document(ALICE).to_bytes());
    assert_eq!(polite, composed(&[]).to_bytes());
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:alice@home1.test\">\n\
        <tuple id=\"t1\"><status><basic>closed</basic></status></tuple>\n</presence>\n";
    assert_eq!(String::from_utf8(polite).unwrap(), expected);
}

#[test]
fn prs_04_a_neutral_document_says_nothing() {
    let neutral = Pidf::parse(&neutral_document(ALICE).to_bytes()).unwrap();
    assert_eq!(neutral.entity(), ALICE);
    assert_eq!(neutral.tuples().chain(neutral.persons()).chain(neutral.devices()).count(), 0);
}

#[test]
fn prs_05_the_sphere_is_what_all_documents_agree_on() {
    let sphere_of =
        |inside: &str| document(&format!("<dm:person id='p'><r:sphere{inside}</r:sphere></dm:person>"));
    let (work, home, league) =
        (sphere_of("><r:work/>"), sphere_of("><r:home/>"), sphere_of(">bowling league"));
    let until = sphere_of(" from='1970-01-01T00:01:40Z' until='1970-01-01T00:03:20Z'><r:home/>");
    let empty = sphere_of(">");
    let silent = document("<dm:person id='p'/>");
    let table = [
        (vec![], 0, None),
        (vec![&silent], 0, None),
        (vec![&work], 0, Some("work")),
        (vec![&work, &silent, &work], 0, Some("work")),
        (vec![&work, &home], 0, None),
        (vec![&league], 0, Some("bowling league")),
        (vec![&empty], 0, None),
        (vec![&until], 99, None),
        (vec![&until], 100, Some("home")),
        (vec![&until], 199, Some("home")),
        (vec![&until, &work], 199, None),
        (vec![&until, &work], 200, Some("work")),
    ];
    for (row, (documents, seconds, expected)) in table.into_iter().enumerate() {
        assert_eq!(sphere(documents, at(seconds)), expected, "row {row}");
    }
}

#[test]
fn prs_10_a_composite_composes_to_itself() {
    let documents = [
        include_bytes!("documents/linphone.xml").as_slice(),
        include_bytes!("documents/rfc4480-4.xml"),
        include_bytes!("documents/rfc3863-4.3.1.xml"),
        include_bytes!("documents/rfc3863-4.3.2.xml"),
    ]
    .map(|text| Pidf::parse(text).unwrap());
    for count in 1..=documents.len() {
        let sources: Vec<_> = documents[..count].iter().map(|d| (d, 2_000_000_000)).collect();
        let once = composed(&sources);
        assert_eq!(composed(&[(&once, 2_000_000_000)]).to_bytes(), once.to_bytes(), "{count} sources");
    }
}

#[test]
fn prs_10_hard_state_and_a_registration_hint_are_sources_like_others() {
    let hard = Pidf::new(ALICE).with(Component::tuple("office", Basic::Closed).with_contact("tel:+49"));
    let hint = Pidf::new(ALICE).with(Component::tuple("registration", Basic::Open));
    let phone = document(&tuple("phone", "", ""));
    let composite = composed(&[(&hard, 0), (&hint, 5), (&phone, 9)]);
    let basics: Vec<_> = composite.tuples().map(|t| (t.id(), t.basic())).collect();
    let (open, closed) = (Some(Basic::Open), Some(Basic::Closed));
    assert_eq!(basics, [("office", closed), ("phone", open), ("registration", open)]);
}

#[test]
fn prs_10_a_source_that_leaves_takes_along_only_what_it_said() {
    let (a, b) =
        (document(&person("p", "work", "a")), document(&(person("q", "work", "b") + &tuple("u", "b", ""))));
    assert_eq!(notes(composed(&[(&a, 1), (&b, 2)]).persons()), [("q", "b")]);
    assert_eq!(notes(composed(&[(&a, 1)]).persons()), [("p", "a")], "what the newer one hid comes back");
}
