//! Real messages, from the RFCs' examples and from phones: read, and written back as they came.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

use bytes::Bytes;
use sip_message::{Frame, Framer, HeaderName, Message, Relay};
use std::path::PathBuf;

/// Messages that are not whole in their source, each with what they lack.
const NOT_WHOLE: &[(&str, &str)] = &[
    ("rfc3327-09", "the Request-URI has no scheme"),
    ("rfc3327-10", "the Request-URI has no scheme"),
    ("rfc3327-11", "the Request-URI has no scheme"),
    ("rfc3327-12", "the Request-URI has no scheme"),
    ("rfc3842", "no Via in the RFC's figure"),
    ("rfc7315-08", "a user part stands in the sent-by of a Via"),
    ("rfc7315-09", "a user part stands in the sent-by of a Via"),
    ("rfc7315-11", "a user part stands in the sent-by of a Via"),
    ("rfc7315-13", "a user part stands in the sent-by of a Via"),
];

fn all() -> Vec<(String, Bytes)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap().into())
        })
        .collect();
    files.sort();
    files
}

fn whole() -> impl Iterator<Item = (String, Message)> {
    all().into_iter().filter(|(name, _)| !NOT_WHOLE.iter().any(|(file, _)| name.starts_with(file))).map(
        |(name, bytes)| {
            let message = Message::parse(bytes).unwrap_or_else(|e| panic!("{name}: {:?}", e.defect));
            (name, message)
        },
    )
}

/// Header lines in order; Content-Length aside, which is added where it was missing.
fn lines(message: &Message) -> Vec<(Vec<u8>, Vec<u8>)> {
    message
        .header_lines()
        .filter(|(name, _)| HeaderName::from_bytes(name) != HeaderName::ContentLength)
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect()
}

#[test]
fn every_whole_example_is_read_and_written_back() {
    let mut seen = 0;
    for (name, message) in whole() {
        let relay = Relay::of(&message);
        let via = "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKback";
        let bytes = match message.status() {
            None => relay.request().unwrap().to_bytes(via),
            Some(_) => relay.response().unwrap(),
        };
        let back = Message::parse(bytes).unwrap_or_else(|e| panic!("{name}: {:?}", e.defect));
        let added = usize::from(message.status().is_none());
        assert_eq!(lines(&back)[added..], lines(&message)[..], "{name}");
        assert_eq!(back.body(), message.body(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, all().len() - 22, "all but those named above");
}

#[test]
fn every_whole_example_with_a_length_is_framed_from_a_stream() {
    for (name, message) in whole() {
        if message.value(HeaderName::ContentLength).is_none() {
            continue;
        }
        let mut framer = Framer::new();
        framer.push(message.bytes());
        let framed = framer.next_frame().unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!(framed, Some(Frame::Message(message.bytes().clone())), "{name}");
    }
}

#[test]
fn rsip_reads_the_same_wherever_it_can_read_at_all() {
    let mut read = 0;
    for (name, message) in whole() {
        let Ok(theirs) = message.to_rsip() else { continue };
        let headers = match &theirs {
            rsip::SipMessage::Request(request) => &request.headers,
            rsip::SipMessage::Response(response) => &response.headers,
        };
        assert_eq!(headers.iter().count(), message.header_lines().count(), "{name}");
        read += 1;
    }
    assert!(read > 80, "rsip read only {read}");
}
