//! RFC 3903 sections 4 and 5: the presence user agent.

use crate::support::{Ue, granted, secs};
use presence_document::{Basic, Pidf};
use sip_message::HeaderName;
use ue_agent::Report;

fn published(expires_s: u32) -> Report {
    Report::Published { uri: "sip:alice@home1.test".into(), expires_s }
}

fn tag(tag: &str, expires: u32) -> String {
    format!("SIP-ETag: {tag}\r\nExpires: {expires}\r\n")
}

#[test]
fn pub_10_the_first_publish_and_its_document() {
    let mut ue = Ue::registered();
    ue.words("publish open --activity away back soon").unwrap();
    let publish = ue.request("PUBLISH");
    assert_eq!(publish.request_uri_text(), "sip:alice@home1.test");
    for (name, value) in [
        (HeaderName::Event, Some("presence")),
        (HeaderName::Expires, Some("3600")),
        (HeaderName::SipIfMatch, None),
        (HeaderName::Contact, None),
        (HeaderName::ContentType, Some("application/pidf+xml")),
    ] {
        assert_eq!(publish.value(name), value, "{name:?}");
    }
    let document = Pidf::parse(&publish.body()).unwrap();
    assert_eq!(document.entity(), "sip:alice@home1.test");
    let tuple = document.tuples().next().unwrap();
    assert_eq!((tuple.basic(), tuple.contact()), (Some(Basic::Open), Some("sip:alice@home1.test")));
    assert_eq!(tuple.timestamp(), Some(ue.now.wall));
    assert_eq!(tuple.notes().next().unwrap().text, "back soon");
    assert_eq!(document.persons().flat_map(|person| person.activities()).collect::<Vec<_>>(), ["away"]);
    ue.answer(&publish, "200 OK", &tag("e1", 600));
    assert_eq!(ue.reports(), [published(600)]);
}

#[test]
fn prs_10_a_later_document_replaces_the_earlier_one() {
    let id = |ue: &mut Ue, line: &str| {
        ue.words(line).unwrap();
        let publish = ue.request("PUBLISH");
        ue.answer(&publish, "200 OK", &tag("e1", 600));
        let document = Pidf::parse(&publish.body()).unwrap();
        let id = document.tuples().next().unwrap().id().to_owned();
        (id, publish.value(HeaderName::SipIfMatch).map(str::to_owned))
    };
    let mut ue = Ue::registered();
    let (first, none) = id(&mut ue, "publish open");
    let (second, matched) = id(&mut ue, "publish closed asleep");
    assert_eq!((&first, none, matched), (&second, None, Some("e1".to_owned())));
}

#[test]
fn pub_10_one_at_a_time() {
    let mut ue = Ue::registered();
    ue.words("publish open one").unwrap();
    let first = ue.request("PUBLISH");
    ue.words("publish open two").unwrap();
    ue.words("publish open three").unwrap();
    assert!(ue.requests().is_empty());
    ue.answer(&first, "200 OK", &tag("e1", 600));
    let last = ue.request("PUBLISH");
    assert!(String::from_utf8_lossy(&last.body()).contains("three"));
    assert_eq!(last.value(HeaderName::SipIfMatch), Some("e1"));
}

#[test]
fn pub_10_refreshed_by_its_tag_before_it_ends() {
    let mut ue = Ue::registered();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "200 OK", &tag("e1", 100));
    ue.pass(secs(79));
    assert!(ue.requests().is_empty());
    ue.pass(secs(12));
    let refresh = ue.request("PUBLISH");
    assert_eq!(refresh.value(HeaderName::SipIfMatch), Some("e1"));
    assert_eq!((refresh.body().len(), refresh.value(HeaderName::ContentType)), (0, None));
    ue.answer(&refresh, "200 OK", &tag("e2", 100));
    ue.pass(secs(91));
    assert_eq!(ue.request("PUBLISH").value(HeaderName::SipIfMatch), Some("e2"));
}

#[test]
fn pub_10_an_unknown_tag_is_forgotten() {
    let mut ue = Ue::registered();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "200 OK", &tag("e1", 100));
    ue.pass(secs(91));
    let refresh = ue.request("PUBLISH");
    ue.answer(&refresh, "412 Conditional Request Failed", "");
    let anew = ue.request("PUBLISH");
    assert_eq!((anew.value(HeaderName::SipIfMatch), anew.body()), (None, publish.body()));
}

#[test]
fn pub_10_too_brief_is_asked_longer() {
    let mut ue = Ue::registered();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "423 Interval Too Brief", "Min-Expires: 7200\r\n");
    assert_eq!(ue.request("PUBLISH").expires(), Some(7200));
}

#[test]
fn pub_10_a_server_in_trouble_is_given_time() {
    let mut ue = Ue::registered();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "500 Server Internal Error", "Retry-After: 9\r\n");
    ue.pass(secs(8));
    assert!(ue.requests().is_empty());
    ue.pass(secs(1));
    assert_eq!(ue.request("PUBLISH").body(), publish.body());
}

#[test]
fn pub_10_a_refusal_is_told_and_ends_it() {
    let mut ue = Ue::registered();
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "403 Forbidden", "Warning: 399 ps1.home1.test \"not yours\"\r\n");
    let uri = "sip:alice@home1.test".into();
    assert_eq!(ue.reports(), [Report::PublishFailed { uri, status: 403, reason: "not yours".into() }]);
    ue.pass(secs(1000));
    assert!(ue.requests().is_empty());
}

#[test]
fn pub_11_nothing_is_published_before_registered() {
    let mut ue = Ue::new();
    ue.words("publish open").unwrap();
    let register = ue.request("REGISTER");
    ue.pass(secs(1));
    assert!(ue.requests().is_empty());
    ue.answer(&register, "200 OK", &granted(3600));
    ue.request("PUBLISH");
}

#[test]
fn pub_01_taking_it_back() {
    let mut ue = Ue::registered();
    assert_eq!(ue.words("unpublish").unwrap_err(), "nothing is published");
    ue.words("publish open").unwrap();
    let publish = ue.request("PUBLISH");
    ue.answer(&publish, "200 OK", &tag("e1", 100));
    ue.reports();
    ue.words("unpublish").unwrap();
    let removal = ue.request("PUBLISH");
    assert_eq!((removal.value(HeaderName::SipIfMatch), removal.expires()), (Some("e1"), Some(0)));
    assert!(removal.body().is_empty());
    ue.answer(&removal, "200 OK", "Expires: 0\r\n");
    assert_eq!(ue.reports(), [Report::Unpublished { uri: "sip:alice@home1.test".into() }]);
}

#[test]
fn an_activity_must_be_a_name() {
    let mut ue = Ue::registered();
    assert!(ue.words("publish open --activity <away/>").is_err());
    assert!(ue.requests().is_empty());
}
