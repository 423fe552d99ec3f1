//! PRS-09: what is a presence document, and that nothing of it is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use clock::Wall;
use presence_document::{Basic, Component, Pidf, PidfError, Source, XmlError, compose};

const LINPHONE: &[u8] = include_bytes!("documents/linphone.xml");
const RPID: &[u8] = include_bytes!("documents/rfc4480-4.xml");
const NO_ENTITY: &[u8] = include_bytes!("documents/rfc4479-7.1.xml");
const REAL: [&[u8]; 4] = [
    LINPHONE,
    RPID,
    include_bytes!("documents/rfc3863-4.3.1.xml"),
    include_bytes!("documents/rfc3863-4.3.2.xml"),
];

/// A document of `inside`, with the usual prefixes declared.
fn presence(inside: &str) -> String {
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
         xmlns:x='urn:x' entity='sip:alice@home1.test'>{inside}</presence>"
    )
}

fn parsed(text: &str) -> Pidf {
    Pidf::parse(text.as_bytes()).unwrap()
}

fn text(pidf: &Pidf) -> String {
    String::from_utf8(pidf.to_bytes()).unwrap()
}

#[test]
fn prs_09_a_phones_document_is_read() {
    let pidf = Pidf::parse(LINPHONE).unwrap();
    assert_eq!(pidf.entity(), "sip:51234@10.0.0.27");
    let tuple = pidf.tuples().next().unwrap();
    assert_eq!(tuple.id(), "n5z2og");
    assert_eq!(tuple.basic(), Some(Basic::Open));
    assert_eq!(tuple.contact(), Some("sip:51234@10.0.0.27"));
    assert_eq!(tuple.timestamp(), Some(Wall::from_unix_millis(1_702_831_504_000)));
    assert!(text(&pidf).contains("<pidfonline:online/>"), "its own extension stays");
}

#[test]
fn prs_09_rich_presence_is_read() {
    let pidf = Pidf::parse(RPID).unwrap();
    let contacts: Vec<_> = pidf.tuples().filter_map(Component::contact).collect();
    let expected =
        ["im:someone@mobile.example.net", "mailto:secretary@example.com", "mailto:someone@example.com"];
    assert_eq!(contacts, expected);
    let person = pidf.persons().next().unwrap();
    assert_eq!(person.activities().collect::<Vec<_>>(), ["away"], "a note is no activity");
    assert_eq!(person.class(), Some("calendar"));
    assert_eq!(person.notes().map(|n| n.text).collect::<Vec<_>>(), ["Scoring 120"]);
    let device = pidf.devices().next().unwrap();
    assert_eq!(device.device_id(), Some("urn:device:0003ba4811e3"));
    let notes: Vec<_> = pidf.tuples().flat_map(Component::notes).map(|n| (n.lang, n.text)).collect();
    assert_eq!(notes[1], (Some("fr"), "Ne derangez pas, s'il vous plait"));
    assert_eq!(pidf.notes().map(|n| n.text).collect::<Vec<_>>(), ["I'll be in Tokyo next week"]);
}

#[test]
fn prs_09_what_is_written_reads_the_same() {
    for document in REAL {
        let pidf = Pidf::parse(document).unwrap();
        assert_eq!(Pidf::parse(&pidf.to_bytes()).unwrap(), pidf);
    }
}

#[test]
fn prs_09_what_is_not_a_presence_document_is_refused() {
    let tuple = |id: &str| format!("<tuple id='{id}'><status><basic>open</basic></status></tuple>");
    let table = [
        (String::from("<presence entity='sip:a@b'/>"), PidfError::Root),
        ("<tuple xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:a@b'/>".into(), PidfError::Root),
        ("<presence xmlns='urn:ietf:params:xml:ns:pidf'/>".into(), PidfError::Entity),
        ("<presence xmlns='urn:ietf:params:xml:ns:pidf' entity=' '/>".into(), PidfError::Entity),
        (String::from_utf8(NO_ENTITY.to_vec()).unwrap(), PidfError::Entity),
        (presence("<tuple/>"), PidfError::TupleId),
        (presence("<tuple id=''/>"), PidfError::TupleId),
        (presence(&(tuple("a") + &tuple("b") + &tuple("a"))), PidfError::RepeatedTupleId("a".into())),
        (
            presence("<tuple id='a'><status><basic>away</basic></status></tuple>"),
            PidfError::Basic("away".into()),
        ),
        (presence("<tuple id='a'><status><basic/></status></tuple>"), PidfError::Basic("".into())),
    ];
    for (document, error) in table {
        assert_eq!(Pidf::parse(document.as_bytes()), Err(error), "{document}");
    }
}

#[test]
fn prs_09_what_phones_write_is_taken() {
    let table = [
        (
            "\r\n<?xml version='1.0' encoding='utf-8'?>\r\n",
            "<tuple id='a'><status><basic>open</basic></status></tuple>",
        ),
        ("\u{feff}", "<tuple id='{odd id} 7'><status><basic> OPEN\n</basic></status></tuple>"),
        ("<!-- first --><?pi?>", "<tuple id='1'><status><basic>op<!-- inside -->en</basic></status></tuple>"),
        ("", "<tuple id='a'><status><basic><![CDATA[open]]></basic></status></tuple>"),
        ("", "<dm:person/><note/><tuple id='a'><contact/><status><basic>&#x6f;pen</basic></status></tuple>"),
        (
            "",
            "<p:tuple xmlns:p='urn:ietf:params:xml:ns:pidf' id='a'><p:status><p:basic>open</p:basic></p:status></p:tuple>",
        ),
    ];
    for (before, inside) in table {
        let document = format!("{before}{}", presence(inside));
        let pidf = parsed(&document);
        assert_eq!(pidf.tuples().next().and_then(Component::basic), Some(Basic::Open), "{document}");
        assert_eq!(Pidf::parse(&pidf.to_bytes()), Ok(pidf), "{document}");
    }
    let without_status = parsed(&presence("<tuple id='a'><contact>sip:a@b</contact></tuple><dm:person/>"));
    assert_eq!(without_status.tuples().next().and_then(Component::basic), None);
    assert_eq!(without_status.persons().next().map(Component::id), Some(""));
}

#[test]
fn prs_09_unknown_namespaces_are_kept() {
    let table = [
        "<x:top a=\"1\" x:b=\"2\">mixed <x:in/> text</x:top>",
        "<top xmlns=\"urn:other\"><in/></top>",
        "<y:top xmlns:y=\"urn:y\"><y:in xmlns:y=\"urn:z\"/></y:top>",
        "<tuple id=\"a\"><status><x:state>&amp;&lt;&gt;</x:state></status><x:t z=\"&quot;&#10;&amp;\"/></tuple>",
        "<tuple id=\"a\"><status/><dm:unknown xml:lang=\"de\">äöü 語 &#13;</dm:unknown></tuple>",
    ];
    for element in table {
        let written = text(&parsed(&presence(element)));
        assert!(written.contains(element), "{element} became {written}");
    }
}

#[test]
fn prs_15_a_user_agent_makes_pidf_with_rpid() {
    let at = Wall::from_unix_millis(1_702_831_504_000);
    let tuple = Component::tuple("t", Basic::Open)
        .with_timestamp(at)
        .with_note("a < b")
        .with_contact("sip:alice@home1.test");
    let person = Component::person("p")
        .with_note("back soon")
        .with_activity("away")
        .and_then(|p| p.with_activity("meal"));
    let device = Component::device("d", "urn:uuid:1").with_timestamp(at);
    let pidf = Pidf::new("sip:alice@home1.test").with(tuple).with(person.unwrap()).with(device);
    let written = text(&pidf);
    assert_eq!(Pidf::parse(written.as_bytes()).as_ref(), Ok(&pidf));
    for expected in [
        "<tuple id=\"t\"><status><basic>open</basic></status><contact>sip:alice@home1.test</contact>\
         <note>a &lt; b</note><timestamp>2023-12-17T16:45:04Z</timestamp></tuple>",
        "<dm:person id=\"p\"><rpid:activities><rpid:away/><rpid:meal/></rpid:activities>\
         <dm:note>back soon</dm:note></dm:person>",
        "<dm:device id=\"d\"><dm:deviceID>urn:uuid:1</dm:deviceID>\
         <dm:timestamp>2023-12-17T16:45:04Z</dm:timestamp></dm:device>",
    ] {
        assert!(written.contains(expected), "{expected} is not in {written}");
    }
    assert_eq!(Component::person("p").with_activity("on the phone"), None);
}

#[test]
fn prs_09_text_that_xml_cannot_carry_does_not_break_the_document() {
    let pidf = Pidf::new("sip:a\u{0}@b").with(Component::tuple("t", Basic::Open).with_note("bell \u{7}\r"));
    let read = Pidf::parse(&pidf.to_bytes()).unwrap();
    assert_eq!(read.entity(), "sip:a\u{fffd}@b");
    assert_eq!(read.tuples().flat_map(Component::notes).next().unwrap().text, "bell \u{fffd}");
}

#[test]
fn prs_09_an_outcome_of_composition_is_a_document() {
    for document in REAL {
        let pidf = Pidf::parse(document).unwrap();
        let source = Source { number: 0, document: &pidf, published: Wall::from_unix_millis(0) };
        let composite = compose("sip:alice@home1.test", [source]);
        assert_eq!(Pidf::parse(&composite.to_bytes()), Ok(composite));
    }
}

#[test]
fn prs_09_timestamps_are_read_as_rfc_3339() {
    let table = [
        ("2001-10-27T16:49:29Z", Some(1_004_201_369_000)),
        ("2001-10-27T16:49:29.5Z", Some(1_004_201_369_500)),
        ("2005-05-30T16:09:44+05:00", Some(1_117_451_384_000)),
        (" 2001-10-27T16:49:29Z\n", Some(1_004_201_369_000)),
        ("1969-12-31T23:59:59Z", Some(0)),
        ("2001-10-27T16:49:29", None),
        ("2001-10-27", None),
        ("2001-13-27T16:49:29Z", None),
        ("now", None),
        ("", None),
    ];
    for (text, expected) in table {
        let pidf = parsed(&presence(&format!("<tuple id='t'><timestamp>{text}</timestamp></tuple>")));
        let timestamp = pidf.tuples().next().and_then(Component::timestamp);
        assert_eq!(timestamp.map(Wall::unix_millis), expected, "{text}");
    }
}

#[test]
fn prs_15_setting_again_replaces_and_notes_gather() {
    let tuple = Component::tuple("t", Basic::Open)
        .with_contact("sip:a@b")
        .with_contact("sip:c@d")
        .with_timestamp(Wall::from_unix_millis(0))
        .with_timestamp(Wall::from_unix_millis(1500))
        .with_timestamp(Wall::from_unix_millis(u64::MAX))
        .with_note("one")
        .with_note("two")
        .with_device_id("urn:uuid:1");
    assert_eq!(tuple.contact(), Some("sip:c@d"));
    assert_eq!(
        tuple.timestamp(),
        Some(Wall::from_unix_millis(1500)),
        "what no date-time can say is left out"
    );
    assert_eq!(tuple.notes().map(|n| n.text).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(tuple.device_id(), Some("urn:uuid:1"));
    let written = text(&Pidf::new("sip:a@b").with(tuple));
    let order = ["<status>", "<dm:deviceID>", "<contact>", "<note>one", "<note>two", "<timestamp>"];
    let places: Vec<_> = order.iter().map(|e| written.find(e).unwrap()).collect();
    assert!(places.is_sorted(), "RFC 3863 4.4 has them in this order: {written}");
}

#[test]
fn prs_09_the_reason_of_a_refusal_can_be_read() {
    let table = [
        (PidfError::Xml(XmlError::DocType), "a document type declaration is not taken"),
        (PidfError::Root, "the root element is not presence of urn:ietf:params:xml:ns:pidf"),
        (PidfError::Entity, "presence has no entity"),
        (PidfError::TupleId, "a tuple has no id"),
        (PidfError::RepeatedTupleId("a".into()), "two tuples have the id \"a\""),
        (PidfError::Repeated("basic".into()), "basic stands twice where it may stand once"),
        (PidfError::Misplaced("basic".into()), "basic stands where it has no place"),
        (PidfError::DeviceId, "a device has no deviceID"),
        (PidfError::Basic("away".into()), "basic is \"away\", neither open nor closed"),
    ];
    for (error, text) in table {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn presence_does_not_reach_a_log() {
    let pidf = Pidf::parse(RPID).unwrap();
    let shown = format!("{pidf:?} {:?}", pidf.tuples().next().unwrap());
    for private in ["someone", "Disturb", "bs35r9"] {
        assert!(!shown.contains(private), "{private} is in {shown}");
    }
}
