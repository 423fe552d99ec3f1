//! The torture messages of RFC 4475 and RFC 5118, each with its one verdict, written down before the first run.
//!
//! `Accept` means that the message layer hands the message on; what a node then does with it (416, 420, 483, ...) is
//! decided above and tested there. Where the RFC leaves two ways, the row says why this one.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

use bytes::Bytes;
use sip_message::{Defect, Field, HeaderName, Message, NameAddr, NameAddrError};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Accept,
    /// Refused; the second part is the status that tells the sender, nothing for silence.
    Refuse(Defect, Option<u16>),
}
use Verdict::{Accept, Refuse};

const BAD: Option<u16> = Some(400);

/// File, verdict, reason.
const RFC4475: &[(&str, Verdict, &str)] = &[
    ("wsinv", Accept, "3.1.1.1: folding, compact and long forms, odd case, leading zeros are all legal"),
    ("intmeth", Accept, "3.1.1.2: every token character may stand in a method"),
    ("esc01", Accept, "3.1.1.3: escapes are left alone"),
    ("escnull", Accept, "3.1.1.4: an escaped null is a character like any other"),
    ("esc02", Accept, "3.1.1.5: a percent sign in a method is no escape"),
    ("lwsdisp", Accept, "3.1.1.6: no space is needed before the bracket"),
    ("longreq", Accept, "3.1.1.7: long values are legal"),
    ("dblreq", Accept, "3.1.1.8: what follows Content-Length in a datagram is ignored"),
    ("semiuri", Accept, "3.1.1.9: a semicolon may stand in the user part"),
    ("transports", Accept, "3.1.1.10: any transport token may stand in Via"),
    ("mpart01", Accept, "3.1.1.11: a body is bytes"),
    ("unreason", Accept, "3.1.1.12: a reason phrase may be UTF-8"),
    ("noreason", Accept, "3.1.1.13: a reason phrase may be empty"),
    ("badinv01", Refuse(Defect::Malformed(Field::Via), BAD), "3.1.2.1: empty Via parameters"),
    ("clerr", Refuse(Defect::BodyTooShort, BAD), "3.1.2.2: more promised than came"),
    ("ncl", Refuse(Defect::Malformed(Field::ContentLength), BAD), "3.1.2.3: a negative length"),
    ("scalar02", Refuse(Defect::Malformed(Field::CSeq), BAD), "3.1.2.4: CSeq past 2^31-1"),
    ("scalarlg", Refuse(Defect::Malformed(Field::CSeq), None), "3.1.2.5: the same in a response: discarded"),
    (
        "quotbal",
        Refuse(Defect::Malformed(Field::To), BAD),
        "3.1.2.6: may be inferred; a guess about an identity is worse than a 400",
    ),
    (
        "ltgtruri",
        Refuse(Defect::RequestLine, BAD),
        "3.1.2.7: may be liberal; a proxy would have to forward it as it is",
    ),
    ("lwsruri", Refuse(Defect::RequestLine, BAD), "3.1.2.8"),
    (
        "lwsstart",
        Refuse(Defect::RequestLine, BAD),
        "3.1.2.9: may be liberal, but must then not forward the blanks: refused",
    ),
    ("trws", Refuse(Defect::RequestLine, BAD), "3.1.2.10: as lwsstart"),
    (
        "escruri",
        Refuse(Defect::Malformed(Field::RequestUri), BAD),
        "3.1.2.11: may ignore the headers; refused, as a proxy would pass them on",
    ),
    ("baddate", Accept, "3.1.2.12: nobody here reads Date"),
    ("regbadct", Accept, "3.1.2.13: Contact is read by the registrar, which refuses it (below)"),
    ("badaspec", Refuse(Defect::Malformed(Field::To), BAD), "3.1.2.14: may be liberal; refused as quotbal"),
    ("baddn", Refuse(Defect::NoEndOfHead, BAD), "3.1.2.15: the archive's bytes lack the blank line"),
    (
        "baddn-terminated",
        Refuse(Defect::Malformed(Field::From), BAD),
        "3.1.2.15: may be liberal; refused as quotbal",
    ),
    ("badvers", Refuse(Defect::Version, Some(505)), "3.1.2.16"),
    ("mismatch01", Refuse(Defect::MethodMismatch, BAD), "3.1.2.17"),
    (
        "mismatch02",
        Refuse(Defect::MethodMismatch, BAD),
        "3.1.2.18: 501 or 400; a proxy passes unknown methods on, so the mismatch is what is wrong",
    ),
    ("bigcode", Refuse(Defect::StatusLine, None), "3.1.2.19: discarded"),
    ("badbranch", Accept, "3.2.1: a cookie alone identifies nothing, so it is matched as RFC 2543 does"),
    ("insuf", Refuse(Defect::Missing(Field::From), BAD), "3.3.1"),
    ("unkscm", Accept, "3.3.2: 416 is for whoever is responsible for the Request-URI"),
    ("novelsc", Accept, "3.3.3: as unkscm"),
    ("unksm2", Accept, "3.3.4: a proxy forwards it"),
    ("bext01", Accept, "3.3.5: extensions are judged by the node"),
    ("invut", Accept, "3.3.6: body types are judged by the endpoint"),
    ("regaut01", Accept, "3.3.7: schemes are judged by the registrar"),
    (
        "multi01",
        Refuse(Defect::Repeated(Field::CSeq), BAD),
        "3.3.8: the first field that stands twice is named",
    ),
    ("mcl01", Refuse(Defect::Repeated(Field::ContentLength), BAD), "3.3.9"),
    ("bcast", Accept, "3.3.10: where a response goes is judged by the transaction"),
    ("zeromf", Accept, "3.3.11: only a proxy minds"),
    ("cparam01", Accept, "3.3.12"),
    ("cparam02", Accept, "3.3.13"),
    ("regescrt", Accept, "3.3.14"),
    ("sdp01", Accept, "3.3.15: judged by the endpoint"),
    ("inv2543", Accept, "3.4.1: an RFC 2543 element is still understood"),
    ("test-unreferenced", Refuse(Defect::NotSip, None), "no version in the request line: no SIP, so silence"),
];

const RFC5118: &[(&str, Verdict, &str)] = &[
    ("ipv6-good", Accept, "4.1"),
    ("ipv6-bad", Refuse(Defect::Malformed(Field::RequestUri), BAD), "4.2: an IPv6 host needs brackets"),
    ("port-ambiguous", Accept, "4.3: the digits are the address's"),
    ("port-unambiguous", Accept, "4.4"),
    ("via-received-param-with-delim", Accept, "4.5"),
    ("via-received-param-no-delim", Accept, "4.5"),
    (
        "ipv6-in-sdp",
        Refuse(Defect::BodyTooShort, BAD),
        "4.6: the archive's Content-Length is wrong, as in clerr",
    ),
    ("ipv6-in-sdp-clfix", Accept, "4.6"),
    ("mult-ip-in-header", Accept, "4.7"),
    ("mult-ip-in-sdp", Accept, "4.8: octets behind the length are dropped"),
    ("mult-ip-in-sdp-clfix", Accept, "4.8"),
    ("ipv4-mapped-ipv6", Accept, "4.9"),
    ("ipv4-mapped-ipv6-clfix", Accept, "4.9"),
    ("ipv6-bug-abnf-3-colons", Accept, "4.10: tolerated"),
    ("ipv6-correct-abnf-2-colons", Accept, "4.10"),
];

fn read(folder: &str, name: &str) -> Bytes {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into()
}

fn message(name: &str) -> Message {
    Message::parse(read("rfc4475", name)).unwrap_or_else(|e| panic!("{name}: {:?}", e.defect))
}

/// As a node treats what it reads: responses and ACKs are never answered.
fn verdict(bytes: Bytes) -> Verdict {
    match Message::parse(bytes) {
        Ok(_) => Accept,
        Err(malformed) => {
            let answerable = malformed.message.as_ref().is_some_and(|raw| raw.status().is_none());
            let status = malformed.defect.status().filter(|_| answerable).map(sip_message::StatusCode::code);
            Refuse(malformed.defect, status)
        }
    }
}

fn check(folder: &str, rows: &[(&str, Verdict, &str)]) {
    let mut wrong = Vec::new();
    for (name, expected, reason) in rows {
        let seen = verdict(read(folder, name));
        if seen != *expected {
            wrong.push(format!("{name}: {seen:?}, not {expected:?} ({reason})"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let files =
        std::fs::read_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)).unwrap();
    assert_eq!(files.count(), rows.len(), "every file of {folder} has a verdict");
}

#[test]
fn rfc4475_every_message_gets_its_verdict() {
    check("rfc4475", RFC4475);
}

#[test]
fn rfc5118_every_message_gets_its_verdict() {
    check("rfc5118", RFC5118);
}

#[test]
fn rfc4475_3_1_1_1_folded_values_read_as_one_line() {
    let wsinv = message("wsinv");
    assert_eq!((wsinv.cseq(), wsinv.max_forwards(), wsinv.from_tag()), (9, Some(68), Some("98asjd8")));
    assert_eq!(wsinv.to_tag(), Some("1918181833n"));
    assert_eq!(wsinv.list(HeaderName::Via).count(), 3);
    assert_eq!(wsinv.list(HeaderName::Route).count(), 1);
}

#[test]
fn rfc4475_3_1_1_parts_are_what_the_sender_meant() {
    assert_eq!(message("semiuri").request_uri().unwrap().user(), Some("user;par=u%40example.net"));
    assert_eq!(message("esc01").request_uri().unwrap().scheme(), sip_message::Scheme::Sip);
    assert_eq!(message("esc02").method().unwrap().as_str(), "RE%47IST%45R");
    assert_eq!(message("esc02").list(HeaderName::Contact).count(), 2);
    assert_eq!(message("escnull").list(HeaderName::Contact).count(), 2);
    assert_eq!(message("mpart01").body().len(), 553);
    assert_eq!(message("dblreq").method().unwrap().as_str(), "REGISTER");
    assert!(message("dblreq").body().is_empty());
    assert_eq!(message("noreason").reason(), b"");
    assert_eq!(message("badbranch").branch(), None);
    assert_eq!(message("inv2543").branch(), None);
}

#[test]
fn rfc4475_3_1_2_13_and_3_3_contacts_as_a_registrar_reads_them() {
    let contact = |name: &str| {
        let message = message(name);
        let value = message.value(HeaderName::Contact).unwrap().to_owned();
        NameAddr::parse(&value).map(|a| (a.uri_text().to_owned(), a.params().as_str().to_owned()))
    };
    assert_eq!(contact("regbadct"), Err(NameAddrError::NeedsBrackets));
    assert_eq!(contact("cparam01"), Ok(("sip:+19725552222@gw1.example.net".into(), ";unknownparam".into())));
    assert_eq!(
        contact("cparam02"),
        Ok(("sip:+19725552222@gw1.example.net;unknownparam".into(), String::new()))
    );
    assert_eq!(contact("regescrt").unwrap().0, "sip:user@example.com?Route=%3Csip:sip.example.com%3E");
}

#[test]
fn rfc5118_4_3_and_4_4_where_the_address_ends() {
    let port = |name: &str| Message::parse(read("rfc5118", name)).unwrap().request_uri().unwrap().port();
    assert_eq!((port("port-ambiguous"), port("port-unambiguous")), (None, Some(5070)));
}

#[test]
fn every_torture_message_cut_anywhere_neither_panics_nor_grows() {
    for (folder, rows) in [("rfc4475", RFC4475), ("rfc5118", RFC5118)] {
        for (name, ..) in rows {
            let bytes = read(folder, name);
            for length in 0..bytes.len() {
                let _ = verdict(bytes.slice(..length));
            }
        }
    }
}

/// Found by the mutations of `crates/fuzz`.
#[test]
fn a_line_that_cannot_be_read_hides_nothing_and_a_fold_ends_a_token() {
    let with = |line: &[u8], from: &[u8]| {
        let head = b"OPTIONS sip:a SIP/2.0\r\n".as_slice();
        let rest =
            b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:a>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n\r\n";
        verdict([head, line, from, rest].concat().into())
    };
    let from = b"From: <sip:b>;tag=1\r\n".as_slice();
    let cases: [(&[u8], &[u8], Verdict); 11] = [
        (b"", from, Accept),
        (b"Via: S\xe3IP/2.0/UDP h\r\n", from, Refuse(Defect::HeaderLine, BAD)),
        (b"Route: <sip:\xe3;lr>\r\n", from, Refuse(Defect::HeaderLine, BAD)),
        (b"Content-Length: \xa10\r\n", from, Refuse(Defect::HeaderLine, BAD)),
        (b"Subject: \xe3\r\n", from, Accept),
        (b"Via: SIP/2.0/UDP g;branch=z9\r\n 70\r\n", from, Refuse(Defect::Malformed(Field::Via), BAD)),
        (b"Via: SIP/2.0/UDP g;\r\n branch=\r\n z9\r\n", from, Accept),
        (b"Via: SIP/2.0/UDP g;branch\r\n", from, Refuse(Defect::Malformed(Field::Via), BAD)),
        (b"", b"From: <sip:b>;tag=1\r\n 2\r\n", Refuse(Defect::Malformed(Field::From), BAD)),
        (b"", b"From: <sip:b>;tag;x\r\n", Refuse(Defect::Malformed(Field::From), BAD)),
        (b"", b"From: <sip:b>;tag=\"1\r\n 2\"\r\n", Refuse(Defect::Malformed(Field::From), BAD)),
    ];
    for (line, from, expected) in cases {
        assert_eq!(with(line, from), expected, "{}", line.escape_ascii());
    }
}
