//! RFC 3903 sections 4 and 5: the publishing client.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use clock::Now;
use sip_event::{Answer, Publish, Publisher, PublisherInput, PublisherOutput, Schedule};
use sip_message::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use support::{at, secs};

const SCHEDULE: Schedule =
    Schedule { jitter: 0, first_wait: Duration::from_secs(4), longest_wait: Duration::from_secs(60) };

fn document(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

fn publish(text: &str) -> PublisherInput<'static> {
    PublisherInput::Publish(document(text))
}

fn ok(etag: &'static str, expires: u32) -> PublisherInput<'static> {
    PublisherInput::Answered(Answer {
        etag: Some(etag),
        expires: Some(expires),
        ..Answer::status(StatusCode::OK)
    })
}

fn fail(code: u16) -> PublisherInput<'static> {
    PublisherInput::Answered(Answer::status(StatusCode::new(code).unwrap()))
}

fn send(if_match: &str, expires: u32, body: &str) -> PublisherOutput {
    let body = (!body.is_empty()).then(|| document(body));
    let if_match = (!if_match.is_empty()).then(|| if_match.into());
    PublisherOutput::Send(Publish { if_match, expires, body })
}

fn refused(code: u16) -> PublisherOutput {
    PublisherOutput::Refused(StatusCode::new(code).unwrap())
}

fn handle(publisher: &mut Publisher, now: Now, input: PublisherInput<'_>) -> Vec<PublisherOutput> {
    publisher.handle(now, input);
    std::iter::from_fn(|| publisher.poll_output()).collect()
}

/// "one" is sent for the first time at 0.
fn first() -> Publisher {
    let mut publisher = Publisher::new(3600, SCHEDULE);
    assert_eq!(handle(&mut publisher, at(0), publish("one")), [send("", 3600, "one")]);
    publisher
}

/// "one" is published for 1000 s from 0 under the tag e1.
fn published() -> Publisher {
    let mut publisher = first();
    assert_eq!(handle(&mut publisher, at(0), ok("e1", 1000)), [PublisherOutput::Published(1000)]);
    publisher
}

#[test]
fn pub_10_refreshed_before_it_ends_with_the_lifetime_of_the_200() {
    let mut publisher = published();
    assert_eq!(publisher.poll_timeout(), Some(secs(800).mono));
    assert_eq!(handle(&mut publisher, at(799_999), PublisherInput::Deadline), []);
    assert_eq!(handle(&mut publisher, at(800_000), PublisherInput::Deadline), [send("e1", 3600, "")]);
    assert_eq!(handle(&mut publisher, secs(801), ok("e2", 9999)), [PublisherOutput::Published(3600)]);
    assert_eq!(publisher.poll_timeout(), Some(secs(801 + 2880).mono), "never longer than asked");
}

#[test]
fn pub_01_modify_and_remove_name_the_last_tag() {
    let mut publisher = published();
    assert_eq!(handle(&mut publisher, secs(1), publish("one")), [], "it is there already");
    assert_eq!(handle(&mut publisher, secs(1), publish("two")), [send("e1", 3600, "two")]);
    handle(&mut publisher, secs(2), ok("e2", 1000));
    assert_eq!(handle(&mut publisher, secs(3), PublisherInput::Remove), [send("e2", 0, "")]);
    assert_eq!(handle(&mut publisher, secs(4), fail(200)), [PublisherOutput::Removed]);
    assert_eq!(publisher.poll_timeout(), None);
    assert_eq!(handle(&mut publisher, secs(5), publish("three")), [send("", 3600, "three")]);
}

#[test]
fn pub_10_one_outstanding_and_then_the_newest() {
    let mut publisher = first();
    for text in ["two", "three", "four"] {
        assert_eq!(handle(&mut publisher, secs(1), publish(text)), []);
    }
    assert_eq!(
        handle(&mut publisher, secs(2), ok("e1", 1000)),
        [PublisherOutput::Published(1000), send("e1", 3600, "four")]
    );
    // Back to what is under way: nothing more to send.
    handle(&mut publisher, secs(3), publish("five"));
    handle(&mut publisher, secs(3), publish("four"));
    assert_eq!(handle(&mut publisher, secs(4), ok("e2", 1000)), [PublisherOutput::Published(1000)]);
    // Removed while a change is under way.
    handle(&mut publisher, secs(5), publish("six"));
    assert_eq!(handle(&mut publisher, secs(6), PublisherInput::Remove), []);
    assert_eq!(
        handle(&mut publisher, secs(7), ok("e3", 1000)),
        [PublisherOutput::Published(1000), send("e3", 0, "")]
    );
    // Wanted again while the removal is under way.
    assert_eq!(handle(&mut publisher, secs(8), publish("seven")), []);
    assert_eq!(handle(&mut publisher, secs(9), fail(200)), [send("", 3600, "seven")]);
}

#[test]
fn pub_10_a_412_publishes_anew_without_the_tag() {
    let mut refresh = published();
    handle(&mut refresh, secs(800), PublisherInput::Deadline);
    assert_eq!(handle(&mut refresh, secs(801), fail(412)), [send("", 3600, "one")]);
    let mut modify = published();
    handle(&mut modify, secs(1), publish("two"));
    handle(&mut modify, secs(1), publish("three"));
    assert_eq!(handle(&mut modify, secs(2), fail(412)), [send("", 3600, "three")]);
    let mut remove = published();
    handle(&mut remove, secs(1), PublisherInput::Remove);
    assert_eq!(handle(&mut remove, secs(2), fail(412)), [PublisherOutput::Removed]);
    assert_eq!(handle(&mut first(), secs(2), fail(412)), [refused(412)], "there was no condition");
}

#[test]
fn pub_10_a_423_raises_the_lifetime() {
    let brief = |min_expires| {
        let status = StatusCode::INTERVAL_TOO_BRIEF;
        PublisherInput::Answered(Answer { min_expires, ..Answer::status(status) })
    };
    let mut publisher = first();
    for min in [4000, 4001, 4002] {
        assert_eq!(handle(&mut publisher, secs(1), brief(Some(min))), [send("", min, "one")]);
    }
    assert_eq!(handle(&mut publisher, secs(1), brief(Some(9999))), [refused(423)]);
    assert_eq!(handle(&mut first(), secs(1), brief(Some(3600))), [refused(423)]);
    assert_eq!(handle(&mut first(), secs(1), brief(None)), [refused(423)]);
}

#[test]
fn pub_10_passing_failures_are_waited_out() {
    for failure in [PublisherInput::NoAnswer, fail(408), fail(500), fail(503), fail(504)] {
        let mut publisher = first();
        let mut now = 0;
        for wait in [4, 8, 16, 32, 60, 60] {
            assert_eq!(handle(&mut publisher, secs(now), failure.clone()), []);
            assert_eq!(publisher.poll_timeout(), Some(secs(now + wait).mono));
            let early = at((now + wait) * 1000 - 1);
            assert_eq!(handle(&mut publisher, early, PublisherInput::Deadline), []);
            now += wait;
            assert_eq!(handle(&mut publisher, secs(now), PublisherInput::Deadline), [send("", 3600, "one")]);
        }
        handle(&mut publisher, secs(now), ok("e1", 1000));
        handle(&mut publisher, secs(now), publish("two"));
        handle(&mut publisher, secs(now), failure);
        assert_eq!(publisher.poll_timeout(), Some(secs(now + 4).mono), "a success starts the waits anew");
    }
    let mut told = first();
    let busy = Answer { retry_after: Some(77), ..Answer::status(StatusCode::SERVICE_UNAVAILABLE) };
    assert_eq!(handle(&mut told, secs(0), PublisherInput::Answered(busy)), []);
    assert_eq!(told.poll_timeout(), Some(secs(77).mono));
    assert_eq!(handle(&mut told, secs(1), publish("two")), [], "the newest waits too");
    assert_eq!(handle(&mut told, secs(77), PublisherInput::Deadline), [send("", 3600, "two")]);
}

#[test]
fn pub_10_what_ran_out_meanwhile_is_published_anew() {
    for (ms, tag, body) in [(999_999, "e1", ""), (1_000_000, "", "one")] {
        let mut publisher = published();
        handle(&mut publisher, secs(800), PublisherInput::Deadline);
        let busy = Answer { retry_after: Some(190), ..Answer::status(StatusCode::SERVICE_UNAVAILABLE) };
        handle(&mut publisher, secs(800), PublisherInput::Answered(busy));
        assert_eq!(handle(&mut publisher, at(ms), PublisherInput::Deadline), [send(tag, 3600, body)]);
    }
    let mut removal = published();
    handle(&mut removal, secs(990), PublisherInput::Remove);
    handle(&mut removal, secs(999), PublisherInput::NoAnswer);
    assert_eq!(handle(&mut removal, secs(1003), PublisherInput::Deadline), [PublisherOutput::Removed]);
}

#[test]
fn pub_10_a_refusal_stops_until_the_caller_tries_again() {
    let mut publisher = first();
    assert_eq!(handle(&mut publisher, secs(1), fail(403)), [refused(403)]);
    assert_eq!(
        (handle(&mut publisher, secs(9), PublisherInput::Deadline), publisher.poll_timeout()),
        (vec![], None)
    );
    assert_eq!(handle(&mut publisher, secs(10), publish("one")), [send("", 3600, "one")]);
    handle(&mut publisher, secs(10), publish("two"));
    // The refusal was of the document before.
    assert_eq!(handle(&mut publisher, secs(11), fail(415)), [refused(415), send("", 3600, "two")]);
    assert_eq!(handle(&mut publisher, secs(12), fail(401)), [refused(401)]);
    assert_eq!(handle(&mut publisher, secs(13), PublisherInput::Remove), [PublisherOutput::Removed]);
}

#[test]
fn pub_06_a_200_without_a_tag_or_a_lifetime_is_no_publication() {
    let without_tag = Answer { expires: Some(60), ..Answer::status(StatusCode::OK) };
    for answer in [PublisherInput::Answered(without_tag), ok("e1", 0)] {
        let mut publisher = first();
        assert_eq!(handle(&mut publisher, secs(1), answer), [refused(200)]);
        assert_eq!(publisher.poll_timeout(), None);
    }
    let without_expires = Answer { etag: Some("e1"), ..Answer::status(StatusCode::OK) };
    let outputs = handle(&mut first(), secs(1), PublisherInput::Answered(without_expires));
    assert_eq!(outputs, [PublisherOutput::Published(3600)]);
}

/// Every state with everything that means nothing in it.
#[test]
fn what_does_not_belong_to_a_state_changes_nothing() {
    let idle = Publisher::new(3600, SCHEDULE);
    let mut waiting = first();
    handle(&mut waiting, at(0), PublisherInput::NoAnswer);
    let mut refused = first();
    handle(&mut refused, at(0), fail(403));
    for mut publisher in [idle, published(), waiting, refused] {
        let timeout = publisher.poll_timeout();
        for input in [
            ok("e9", 60),
            fail(100),
            fail(412),
            fail(423),
            fail(500),
            fail(403),
            PublisherInput::NoAnswer,
            PublisherInput::Deadline,
        ] {
            assert_eq!(handle(&mut publisher, at(1), input.clone()), [], "{input:?}");
            assert_eq!(publisher.poll_timeout(), timeout, "{input:?}");
        }
    }
    let mut outstanding = first();
    for input in [fail(100), PublisherInput::Deadline] {
        assert_eq!(handle(&mut outstanding, secs(99), input), []);
    }
    assert_eq!(handle(&mut outstanding, secs(99), ok("e1", 1000)), [PublisherOutput::Published(1000)]);
    assert_eq!(
        handle(&mut Publisher::new(60, SCHEDULE), at(0), PublisherInput::Remove),
        [PublisherOutput::Removed]
    );
}
