//! PRS-09: what a phone wrote beside the schema is brought into its form, or refused by name.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

use clock::Wall;
use presence_document::{Pidf, PidfError, Source, compose};

fn presence(inside: &str) -> String {
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' \
         xmlns:x='urn:x' entity='sip:carol@home1.test'>{inside}</presence>"
    )
}

/// What watchers are told of it, between the root's tags and without the line breaks of the document.
fn told(inside: &str) -> Result<String, PidfError> {
    let document = Pidf::parse(presence(inside).as_bytes())?;
    let source = Source { number: 1, document: &document, published: Wall::from_unix_millis(0) };
    let text = String::from_utf8(compose("sip:carol@home1.test", [source]).to_bytes()).unwrap();
    let lines: Vec<&str> = text.lines().skip(2).collect();
    Ok(lines.join("").replace("</presence>", ""))
}

const OPEN: &str = "<status><basic>open</basic></status>";

/// A phone's words, and what leaves.
type Rows = Vec<(&'static str, String)>;

fn letters_and_order() -> Rows {
    let tuple = |inside: &str| format!("<tuple id=\"k7\">{inside}</tuple>");
    let open = |rest: &str| tuple(&format!("{OPEN}{rest}"));
    vec![
        // Letters and blanks.
        (
            "<tuple id='k7'><status><basic>\tCLOSED</basic></status></tuple>",
            tuple("<status><basic>closed</basic></status>"),
        ),
        // Order.
        (
            "<tuple id='k7'><timestamp>2001-10-27T16:49:29Z</timestamp><note>n</note><contact>sip:a@b</contact><x:e/><status><x:s/><basic>open</basic></status></tuple>",
            tuple(
                "<status><basic>open</basic><x:s/></status><x:e/><contact>sip:a@b</contact><note>n</note><timestamp>2001-10-27T16:49:29Z</timestamp>",
            ),
        ),
        // A status that is missing says nothing, as an empty one does.
        ("<tuple id='k7'/>", tuple("<status/>")),
        // Text between elements, attributes that the schema does not have, elements of no namespace and names that PIDF does not have.
        (
            "<tuple id='k7' class='x'>so <status x:y='1'>it<basic a='b'>open</basic></status><z xmlns=''/><own/> is</tuple>",
            open(""),
        ),
    ]
}

fn values() -> Rows {
    let tuple = |inside: &str| format!("<tuple id=\"k7\">{inside}</tuple>");
    let open = |rest: &str| tuple(&format!("{OPEN}{rest}"));
    let contact = |priority: &str| open(&format!("<contact{priority}>sip:a@b</contact>"));
    vec![
        // A priority.
        (
            "<tuple id='k7'><contact priority='high'>sip:a@b</contact><status><basic>open</basic></status></tuple>",
            contact(""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><contact priority=' 0.12345 '>sip:a@b</contact></tuple>",
            contact(" priority=\"0.123\""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><contact priority='.5'>sip:a@b</contact></tuple>",
            contact(" priority=\"0.5\""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><contact priority='1.000'>sip:a@b</contact></tuple>",
            contact(" priority=\"1.000\""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><contact priority='1.5'>sip:a@b</contact></tuple>",
            contact(""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><contact priority='-1'>sip:a@b</contact></tuple>",
            contact(""),
        ),
        // What is empty.
        ("<tuple id='k7'><status><basic>open</basic></status><timestamp/><contact/></tuple>", open("")),
        // Times.
        (
            "<tuple id='k7'><status><basic>open</basic></status><timestamp> 2001-10-27t16:49:29+05:00 </timestamp></tuple>",
            open("<timestamp>2001-10-27T11:49:29Z</timestamp>"),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><timestamp>2001-10-27T16:49:29.5+05:00</timestamp></tuple>",
            open("<timestamp>2001-10-27T16:49:29.5+05:00</timestamp>"),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><timestamp>2001-02-30T16:49:29Z</timestamp></tuple>",
            open(""),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><timestamp>yesterday</timestamp></tuple>",
            open(""),
        ),
    ]
}

fn data_model() -> Rows {
    let tuple = |inside: &str| format!("<tuple id=\"k7\">{inside}</tuple>");
    let open = |rest: &str| tuple(&format!("{OPEN}{rest}"));
    vec![
        // The language stands on notes alone.
        (
            "<tuple id='k7' xml:lang='de'><status><basic>open</basic></status><note>n<b/>m</note><note xml:lang='en' x:y='1'>o</note></tuple>",
            open("<note xml:lang=\"de\">nm</note><note xml:lang=\"en\">o</note>"),
        ),
        (
            "<tuple id='k7'><status><basic>open</basic></status><note xml:lang='?'>n</note></tuple>",
            open("<note>n</note>"),
        ),
        // An id is an XML name.
        (
            "<tuple id='7 k'><status><basic>open</basic></status></tuple>",
            format!("<tuple id=\"_7_k\">{OPEN}</tuple>"),
        ),
        (
            "<dm:device id='d'><dm:note>n</dm:note>text<dm:deviceID> urn:x:1 </dm:deviceID></dm:device>",
            "<dm:device id=\"d\"><dm:deviceID>urn:x:1</dm:deviceID><dm:note>n</dm:note></dm:device>"
                .to_owned(),
        ),
        (
            "<dm:person><dm:timestamp>now</dm:timestamp><dm:note>n</dm:note><x:e/></dm:person>",
            "<dm:person id=\"person-1\"><x:e/><dm:note>n</dm:note></dm:person>".to_owned(),
        ),
        ("text<own/><note>n<b/></note>", "<note>n</note>".to_owned()),
    ]
}

#[test]
fn prs_09_what_needs_no_guess_is_put_right() {
    for (given, expected) in letters_and_order().into_iter().chain(values()).chain(data_model()) {
        assert_eq!(told(given), Ok(expected), "{given}");
    }
}

#[test]
fn prs_09_what_would_need_a_guess_is_refused_by_name() {
    let repeated = |name: &str| PidfError::Repeated(name.into());
    let misplaced = |name: &str| PidfError::Misplaced(name.into());
    let rows = [
        ("<tuple id='a'><status/><status/></tuple>", repeated("status")),
        ("<tuple id='a'><status><basic>open</basic><basic>open</basic></status></tuple>", repeated("basic")),
        ("<tuple id='a'><contact>sip:a@b</contact><contact>sip:c@d</contact></tuple>", repeated("contact")),
        (
            "<tuple id='a'><timestamp>2001-10-27T16:49:29Z</timestamp><timestamp>2001-10-27T16:49:30Z</timestamp></tuple>",
            repeated("timestamp"),
        ),
        ("<tuple id='a'><basic>open</basic></tuple>", misplaced("basic")),
        ("<tuple id='a'><status><note>n</note></status></tuple>", misplaced("note")),
        ("<tuple id='a'><tuple id='b'/></tuple>", misplaced("tuple")),
        ("<contact>sip:a@b</contact>", misplaced("contact")),
        ("<basic>open</basic>", misplaced("basic")),
        ("<dm:person id='a'><dm:deviceID>urn:x:1</dm:deviceID></dm:person>", misplaced("deviceID")),
        ("<dm:device id='a'/>", PidfError::DeviceId),
        ("<tuple id='a'><status><basic>ajar</basic></status></tuple>", PidfError::Basic("ajar".into())),
    ];
    for (given, error) in rows {
        assert_eq!(told(given), Err(error), "{given}");
    }
}
