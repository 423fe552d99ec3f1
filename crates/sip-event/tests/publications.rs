//! RFC 3903 section 6: the compositor's store of one resource.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use clock::Now;
use sip_event::{
    Change, IfMatch, Limits, PublicationRecord, Publications, PublishBody, PublishError, PublishLimits,
    PublishRequest, Published, TooBrief,
};
use support::{at, secs};

const LIMITS: PublishLimits = PublishLimits {
    expires: Limits { default_s: 3600, min_s: 60, max_s: 7200 },
    max_publications: 3,
    max_document: 8,
};

const fn body(document: &[u8]) -> PublishBody<'_> {
    PublishBody::Document { content_type: "application/pidf+xml", document }
}

const fn request<'a>(
    if_match: IfMatch<'a>,
    expires: Option<u32>,
    body: Option<PublishBody<'a>>,
) -> PublishRequest<'a> {
    PublishRequest { fingerprint: 1, source: 0, if_match, expires, body }
}

/// A store, the journal that was written for it, and the tags given out.
#[derive(Default)]
struct Store {
    publications: Publications,
    journal: Vec<PublicationRecord>,
    given: u32,
}

impl Store {
    fn publish(&mut self, now: Now, request: &PublishRequest<'_>) -> Result<Published, PublishError> {
        self.given += 1;
        let published = self.publications.publish(now, request, &LIMITS, &format!("e{}", self.given))?;
        self.journal.extend(published.records.iter().cloned());
        Ok(published)
    }

    fn initial(&mut self, now: Now, expires: u32, document: &[u8]) -> Box<str> {
        self.publish(now, &request(IfMatch::Absent, Some(expires), Some(body(document)))).unwrap().tag
    }

    fn documents(&self) -> Vec<&str> {
        self.publications.iter().map(|entry| std::str::from_utf8(entry.document()).unwrap()).collect()
    }

    /// What a restart makes of the journal.
    fn replayed(&self) -> Publications {
        let mut publications = Publications::new();
        for record in &self.journal {
            let kept = minicbor::to_vec(record).unwrap();
            publications.replay(minicbor::decode(&kept).unwrap());
        }
        publications
    }
}

#[test]
fn pub_01_initial_refresh_modify_and_remove() {
    let mut store = Store::default();
    let first = store.publish(secs(0), &request(IfMatch::Absent, None, Some(body(b"one")))).unwrap();
    assert_eq!((&*first.tag, first.expires.seconds(), first.change), ("e1", 3600, Change::Changed));
    let refresh = store.publish(secs(9), &request(IfMatch::Tag("e1"), Some(600), None)).unwrap();
    assert_eq!((&*refresh.tag, refresh.expires.seconds(), refresh.change), ("e2", 600, Change::Unchanged));
    assert_eq!(store.publications.iter().next().unwrap().modified(), secs(0).wall);
    let modify = store.publish(secs(9), &request(IfMatch::Tag("e2"), None, Some(body(b"two")))).unwrap();
    assert_eq!((&*modify.tag, modify.change), ("e3", Change::Changed));
    assert_eq!((store.documents(), store.publications.len()), (vec!["two"], 1));
    let entry = store.publications.iter().next().unwrap();
    assert_eq!((entry.modified(), entry.expires_at()), (secs(9).wall, secs(3609).wall));
    assert_eq!((entry.tag(), entry.content_type()), ("e3", "application/pidf+xml"));
    let remove = store.publish(secs(9), &request(IfMatch::Tag("e3"), Some(0), None)).unwrap();
    assert_eq!((remove.expires.seconds(), remove.change), (0, Change::Changed));
    assert!(store.publications.is_empty());
    assert_eq!(store.replayed().len(), 0);
}

#[test]
fn pub_02_the_order_of_the_checks() {
    let unknown = Some(PublishBody::UnknownType);
    let brief = PublishError::TooBrief(TooBrief { min: 60 });
    let rows = [
        (request(IfMatch::Malformed, Some(1), unknown), PublishError::BadIfMatch, 400),
        (request(IfMatch::Tag("none"), Some(1), unknown), PublishError::NoSuchTag, 412),
        (request(IfMatch::Tag("*"), None, None), PublishError::NoSuchTag, 412),
        (request(IfMatch::Tag("e1"), Some(59), unknown), brief, 423),
        (request(IfMatch::Tag("e1"), Some(0), unknown), PublishError::UnknownType, 415),
        (request(IfMatch::Absent, None, unknown), PublishError::UnknownType, 415),
        (request(IfMatch::Absent, None, Some(PublishBody::Malformed)), PublishError::MalformedBody, 400),
        (request(IfMatch::Absent, None, Some(body(b"123456789"))), PublishError::TooLarge, 413),
        (request(IfMatch::Absent, None, None), PublishError::NothingPublished, 400),
        (request(IfMatch::Absent, Some(0), None), PublishError::NothingPublished, 400),
    ];
    let mut store = Store::default();
    store.initial(secs(0), 3600, b"one");
    let before = store.publications.clone();
    for (request, error, status) in rows {
        assert_eq!(store.publish(secs(1), &request).err(), Some(error), "{request:?}");
        assert_eq!(error.status().code(), status);
        assert_eq!(store.publications, before, "nothing is stored on an error");
    }
    assert!(store.publish(secs(1), &request(IfMatch::Absent, None, Some(body(b"12345678")))).is_ok());
}

#[test]
fn pub_03_a_document_is_never_made_from_an_unknown_tag() {
    let mut store = Store::default();
    let unknown = request(IfMatch::Tag("e9"), None, Some(body(b"one")));
    assert_eq!(store.publish(secs(0), &unknown).err(), Some(PublishError::NoSuchTag));
    assert!(store.publications.is_empty());
}

#[test]
fn pub_06_every_success_gets_a_new_tag_and_the_old_one_is_dead() {
    let mut store = Store::default();
    let mut tag = store.initial(secs(0), 3600, b"one");
    let bodies = [None, Some(body(b"two")), Some(body(b"two")), None];
    for body in bodies {
        let next = store.publish(secs(1), &request(IfMatch::Tag(&tag), None, body)).unwrap();
        assert_ne!(next.tag, tag);
        // Edge: two PUBLISHes with the same tag at once.
        let second = store.publish(secs(1), &request(IfMatch::Tag(&tag), None, body));
        assert_eq!(second.err(), Some(PublishError::NoSuchTag));
        tag = next.tag;
    }
}

#[test]
fn pub_06_a_fetch_like_publish_stores_nothing() {
    let mut store = Store::default();
    let zero = request(IfMatch::Absent, Some(0), Some(body(b"one")));
    let published = store.publish(secs(0), &zero).unwrap();
    assert_eq!((published.expires.seconds(), published.change), (0, Change::Unchanged));
    assert!(published.records.is_empty() && store.publications.is_empty());
}

#[test]
fn pub_09_refreshes_change_nothing_and_expiry_does() {
    let mut store = Store::default();
    store.initial(secs(0), 60, b"one");
    let same = store.publish(secs(0), &request(IfMatch::Tag("e1"), Some(60), Some(body(b"one")))).unwrap();
    assert_eq!(same.change, Change::Unchanged, "the same document again");
    store.initial(secs(10), 60, b"two");
    assert_eq!(store.publications.next_expiry(), Some(secs(60).wall));
    assert_eq!(store.publications.expire(at(59_999)), []);
    assert_eq!(store.publications.expire(at(60_000)), [PublicationRecord::Removed { serial: 0 }]);
    assert_eq!((store.documents(), store.publications.next_expiry()), (vec!["two"], Some(secs(70).wall)));
}

#[test]
fn pub_09_a_tag_is_good_until_the_last_millisecond() {
    for (ms, status) in [(59_999, 0), (60_000, 412)] {
        let mut store = Store::default();
        store.initial(secs(0), 60, b"one");
        let result = store.publish(at(ms), &request(IfMatch::Tag("e1"), None, None));
        assert_eq!(result.map_or_else(|error| error.status().code(), |_| 0), status, "{ms}");
    }
}

#[test]
fn pub_13_the_publication_touched_least_recently_makes_room() {
    let mut store = Store::default();
    let first = store.initial(secs(0), 3600, b"one");
    store.initial(secs(1), 3600, b"two");
    store.initial(secs(2), 3600, b"three");
    store.publish(secs(3), &request(IfMatch::Tag(&first), None, None)).unwrap();
    let fourth = store.publish(secs(4), &request(IfMatch::Absent, None, Some(body(b"four")))).unwrap();
    assert_eq!(store.documents(), ["three", "one", "four"]);
    assert_eq!(fourth.records[0], PublicationRecord::Removed { serial: 1 });
    // What has run out pushes nobody out.
    store.initial(secs(5), 60, b"short");
    store.initial(secs(65), 3600, b"five");
    assert_eq!(store.documents(), ["one", "four", "five"]);
    assert_eq!(store.replayed(), store.publications);
}

#[test]
fn sub_n_21_the_journal_rebuilds_the_store() {
    let mut store = Store::default();
    let mut tags: Vec<Box<str>> = Vec::new();
    for step in 0..60_u32 {
        let now = secs(u64::from(step));
        let document = step.to_string();
        let (tag, expires, body) = match step % 5 {
            0 | 1 => (None, 3600, Some(body(document.as_bytes()))),
            2 => (tags.first(), 3600, None),
            3 => (tags.last(), 1800, Some(body(document.as_bytes()))),
            _ => (tags.first(), 0, None),
        };
        let if_match = tag.map_or(IfMatch::Absent, |tag| IfMatch::Tag(tag));
        store.publish(now, &request(if_match, Some(expires), body)).unwrap();
        tags = store.publications.iter().map(|entry| entry.tag().into()).collect();
        assert_eq!(store.replayed(), store.publications, "after step {step}");
    }
    // A record that is replayed twice, as after a torn snapshot, does no harm.
    let mut twice = store.replayed();
    let last = store.journal.last().unwrap().clone();
    twice.replay(last);
    assert_eq!(twice, store.publications);
    let mut unknown = store.replayed();
    unknown.replay(PublicationRecord::Renewed {
        serial: 999,
        tag: "x".into(),
        expires_at: secs(1).wall,
        request_fingerprint: 1,
    });
    unknown.replay(PublicationRecord::Removed { serial: 999 });
    assert_eq!(unknown, store.publications);
}

#[test]
fn a_snapshot_is_each_publication_in_turn() {
    let mut store = Store::default();
    store.initial(secs(0), 3600, b"one");
    store.initial(secs(1), 3600, b"two");
    let mut copy = Publications::new();
    for entry in store.publications.iter() {
        let kept = minicbor::to_vec(PublicationRecord::Stored(Box::new(entry.clone()))).unwrap();
        assert!(kept.len() < entry.document().len() + 64, "{} octets", kept.len());
        copy.replay(minicbor::decode(&kept).unwrap());
    }
    assert_eq!(copy, store.publications);
}

#[test]
fn a_document_stays_out_of_the_log() {
    let mut store = Store::default();
    store.initial(secs(0), 3600, b"secret");
    assert!(!format!("{:?}", store.publications).contains("115"), "the octets of it");
}
