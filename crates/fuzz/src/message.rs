//! Single SIP messages.

use bytes::Bytes;
use sip_event::{DialogId, check_event};
use sip_message::{
    Challenge, Credentials, Event, HeaderName, MAX_HEADER_LINES, MAX_MESSAGE, Malformed, Message, NameAddr,
    RawMessage, Relay, Response, StatusCode, SubscriptionState, Via,
};

/// A Via as a node writes it.
const VIA: &str = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKfuzz";
const SOURCE: &str = "[2001:db8::7]:4321";

/// Names whose values are looked into somewhere.
const LOOKED_INTO: [HeaderName; 20] = [
    HeaderName::Via,
    HeaderName::From,
    HeaderName::To,
    HeaderName::Contact,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Path,
    HeaderName::ServiceRoute,
    HeaderName::PAssertedIdentity,
    HeaderName::PPreferredIdentity,
    HeaderName::PAssociatedUri,
    HeaderName::Event,
    HeaderName::SubscriptionState,
    HeaderName::Authorization,
    HeaderName::WwwAuthenticate,
    HeaderName::Accept,
    HeaderName::Require,
    HeaderName::RetryAfter,
    HeaderName::Expires,
    HeaderName::SipIfMatch,
];

/// What is read is written and reads the same again, as it came, relayed and answered; what is malformed can be
/// answered; an answer is not much longer than what it answers.
pub fn message(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    match Message::parse(bytes.clone()) {
        Ok(message) => well_formed(message),
        Err(Malformed { message: Some(raw), .. }) => {
            answered(&raw);
            let mut raw = *raw;
            stamp(&mut raw);
            answered(&raw);
        }
        Err(Malformed { message: None, .. }) => {}
    }
}

fn stamp(raw: &mut RawMessage) {
    raw.stamp_source(SOURCE.parse().expect("an address"));
}

fn well_formed(mut message: Message) {
    assert_eq!(contents(&message), contents(&reread(message.bytes())));
    look_into(&message);
    relayed(&message);
    let Some(answer) = answered(&message) else { return };
    let answer = reread(&answer);
    assert_eq!(answer.status(), Some(StatusCode::OK));
    assert_eq!((answer.call_id(), answer.cseq()), (message.call_id(), message.cseq()));
    assert_eq!((answer.cseq_method(), answer.from_tag()), (message.cseq_method(), message.from_tag()));
    assert_eq!(answer.to_tag(), message.to_tag().or(Some("fuzz")));
    assert_eq!(answer.branch(), message.branch());
    message.stamp_source(SOURCE.parse().expect("an address"));
    let stamped = reread(&Response::to(&message, StatusCode::OK, "fuzz").to_bytes());
    assert_eq!(stamped.branch(), message.branch());
    relayed(&message);
}

/// Reads what was written here.
fn reread(bytes: &Bytes) -> Message {
    match Message::parse(bytes.clone()) {
        Ok(message) => message,
        Err(malformed) => panic!("{:?} in what was written: {bytes:?}", malformed.defect),
    }
}

type Lines = Vec<(Vec<u8>, Vec<u8>)>;

fn lines(message: &Message) -> Lines {
    message.header_lines().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

fn contents(message: &Message) -> (String, Option<StatusCode>, Lines, Bytes) {
    let method = message.method().map_or("", |method| method.as_str());
    let start = format!("{method} {}", message.request_uri_text());
    (start, message.status(), lines(message), message.body())
}

/// Rule SIP-14: what is not changed goes on as it came.
fn relayed(message: &Message) {
    if message.header_lines().count() >= MAX_HEADER_LINES {
        return;
    }
    let before = contents(message);
    let vias: Vec<&str> = message.list(HeaderName::Via).collect();
    if let Some(draft) = Relay::of(message).request() {
        let wire = draft.to_bytes(VIA);
        assert_eq!(wire.len(), draft.length_with(VIA.len()));
        if wire.len() > MAX_MESSAGE {
            return;
        }
        let after = reread(&wire);
        assert_eq!((contents(&after).0, after.body()), (before.0, before.3));
        assert_eq!(after.list(HeaderName::Via).count(), vias.len() + 1);
        assert_eq!(after.branch(), Some("z9hG4bKfuzz"));
    } else if let Some(wire) = Relay::of(message).response() {
        if wire.len() > MAX_MESSAGE {
            return;
        }
        let after = reread(&wire);
        assert_eq!((after.status(), after.body()), (before.1, before.3));
        assert_eq!(after.list(HeaderName::Via).count(), vias.len());
    }
}

/// The answer, where it is one that fits on the wire.
fn answered(raw: &RawMessage) -> Option<Bytes> {
    let answer = Response::to(raw, StatusCode::OK, "fuzz").to_bytes();
    // Each Via and copied line is written with its full name, and one tag is added.
    let room = raw.bytes().len() * 2 + 16 * MAX_HEADER_LINES + 512;
    assert!(answer.len() <= room, "{} octets answer {}", answer.len(), raw.bytes().len());
    let vias = raw.list(HeaderName::Via).count();
    Some(answer).filter(|answer| answer.len() <= MAX_MESSAGE && vias + 8 <= MAX_HEADER_LINES)
}

/// Reads every value as whoever needs it would; all of it may be wrong, none of it may panic.
fn look_into(message: &Message) {
    for name in LOOKED_INTO {
        for value in message.list(name) {
            let _ = Via::parse(value).map(|via| (via.branch().is_some(), via.received(), via.rport()));
            let _ = NameAddr::parse(value).and_then(|address| address.uri());
        }
        for value in message.values(name) {
            let _ = (Event::parse(value), SubscriptionState::parse(value));
            let _ = (Credentials::parse(value).is_some(), Challenge::parse(value).is_some());
        }
        let _ = (message.unfolded(name), message.first_address(name).is_some());
    }
    let _ = (message.from_uri(), message.to_uri(), message.expires(), message.max_forwards());
    let _ = (DialogId::of_request(message), check_event(message, &["presence"]).is_ok());
}
