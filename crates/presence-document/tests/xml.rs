//! PRS-09: what is read as XML at all, and how much of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

use presence_document::{MAX_DOCUMENT_BYTES, MAX_DOCUMENT_ELEMENTS, Pidf, PidfError, XmlError};

const LINPHONE: &[u8] = include_bytes!("documents/linphone.xml");
const REAL: [&[u8]; 4] = [
    LINPHONE,
    include_bytes!("documents/rfc4480-4.xml"),
    include_bytes!("documents/rfc3863-4.3.1.xml"),
    include_bytes!("documents/rfc3863-4.3.2.xml"),
];

/// A document of `inside`.
fn presence(inside: &str) -> String {
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:x='urn:x' entity='sip:alice@home1.test'>{inside}</presence>"
    )
}

#[test]
fn prs_09_what_is_not_well_formed_is_refused() {
    use XmlError::{DocType, Encoding, Entity, Malformed};
    let table = [
        ("", Malformed),
        ("open", Malformed),
        ("<presence", Malformed),
        ("<presence>", Malformed),
        ("<a></b>", Malformed),
        ("<a/><b/>", Malformed),
        ("<a/>after", Malformed),
        ("<a/>&amp;", Malformed),
        ("<a x='1' x='2'/>", Malformed),
        ("<a xmlns:p='u' xmlns:q='u' p:x='1' q:x='2'/>", Malformed),
        ("<a x='<'/>", Malformed),
        ("<a x/>", Malformed),
        ("<a>&</a>", Malformed),
        ("<a>&#0;</a>", Malformed),
        ("<a>&#x1b;</a>", Malformed),
        ("<a>\u{1}</a>", Malformed),
        ("<1a/>", Malformed),
        ("<a:b:c xmlns:a='u'/>", Malformed),
        ("<a xmlns:p=''/>", Malformed),
        ("<a xmlns:xml='u'/>", Malformed),
        ("<a xmlns:xmlns='u'/>", Malformed),
        ("<a/><?xml version='1.0'?>", Malformed),
        ("<p:a/>", XmlError::UnboundPrefix("p".into())),
        ("<a p:x='1'/>", XmlError::UnboundPrefix("p".into())),
        ("<a><b xmlns:p='u'/><p:c/></a>", XmlError::UnboundPrefix("p".into())),
        ("<!DOCTYPE a><a/>", DocType),
        ("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", DocType),
        ("<a>&e;</a>", Entity),
        ("<a x='&e;'/>", Entity),
        ("<?xml version='1.0' encoding='ISO-8859-1'?><a/>", Encoding),
    ];
    for (document, error) in table {
        assert_eq!(Pidf::parse(document.as_bytes()), Err(PidfError::Xml(error)), "{document}");
    }
    assert_eq!(Pidf::parse(b"<a>\xff</a>"), Err(PidfError::Xml(Encoding)));
}

#[test]
fn prs_09_a_document_cut_anywhere_is_refused_and_harms_nothing() {
    for document in REAL {
        let end = document.trim_ascii_end().len();
        for cut in 0..end {
            assert!(Pidf::parse(&document[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[test]
fn prs_09_a_document_with_any_byte_changed_harms_nothing() {
    for at in 0..LINPHONE.len() {
        for byte in [0, b'<', b'>', b'&', b'"', b':', b'a', 0xc3, 0xff] {
            let mut document = LINPHONE.to_vec();
            document[at] = byte;
            if let Ok(pidf) = Pidf::parse(&document) {
                let again = Pidf::parse(&pidf.to_bytes());
                assert_eq!(again.as_ref(), Ok(&pidf), "{byte} at {at}");
            }
        }
    }
}

#[test]
fn prs_09_limits_hold_at_their_boundary() {
    let too_large = Err(PidfError::Xml(XmlError::TooLarge));
    let empty = presence("").len();
    let padded = |n: usize| presence(&" ".repeat(n));
    let nested = |n: usize| presence(&format!("{}{}", "<x:a>".repeat(n), "</x:a>".repeat(n)));
    let many = |n: usize| presence(&"<x:a/>".repeat(n));
    let attributes =
        |n: usize| presence(&format!("<x:a{}/>", (0..n).map(|i| format!(" a{i}=''")).collect::<String>()));
    let named = |n: usize| presence(&format!("<{}/>", "a".repeat(n)));
    let bound = |n: usize| presence(&format!("<a xmlns='{}'/>", "u".repeat(n)));
    let table = [
        (padded(MAX_DOCUMENT_BYTES - empty), padded(MAX_DOCUMENT_BYTES - empty + 1)),
        (many(MAX_DOCUMENT_ELEMENTS - 1), many(MAX_DOCUMENT_ELEMENTS)),
        (nested(31), nested(32)),
        (attributes(32), attributes(33)),
        (named(256), named(257)),
        (bound(256), bound(257)),
    ];
    for (taken, refused) in table {
        assert!(Pidf::parse(taken.as_bytes()).is_ok(), "{} bytes", taken.len());
        assert_eq!(Pidf::parse(refused.as_bytes()), too_large, "{} bytes", refused.len());
    }
}
