//! RFC 6665 section 4.1: several subscriptions of one subscriber.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use clock::Now;
use sip_event::{
    Answer, Asking, BadNotify, NewDialog, Retry, Schedule, SubscriberConfig, SubscriberEnd, SubscriberOutput,
    Subscriptions, local_tag,
};
use sip_message::{Event, Message, StatusCode, Substate, Uri};
use std::time::Duration;
use support::{message, secs};

const PRESENCE: Event<'_> = Event { package: "presence", id: None };

const CONFIG: SubscriberConfig = SubscriberConfig {
    expires: 3600,
    t1: Duration::from_millis(500),
    schedule: Schedule {
        jitter: 0,
        first_wait: Duration::from_secs(2),
        longest_wait: Duration::from_secs(60),
    },
};

/// What is subscribed to is called by a letter here.
type Letters = Subscriptions<char>;

fn outputs(letters: &mut Letters) -> Vec<(char, SubscriberOutput)> {
    std::iter::from_fn(|| letters.poll_output()).collect()
}

/// Sends the first SUBSCRIBE of this one, with this number for its tag.
fn subscribe(letters: &mut Letters, now: Now, key: char, tag: u64) -> Asking<char> {
    let uri = |text| Uri::parse(text).unwrap();
    let (local_uri, remote_uri) = (uri("sip:w@home1.test"), uri("sip:p@home2.test"));
    let new = NewDialog { call_id: "c1@h".into(), tag, local_uri, remote_uri };
    let first = letters.subscribe(now, &key, new).unwrap();
    assert_eq!((first.expires, first.asking.is_first, first.asking.key), (3600, true, key));
    assert_eq!(*first.sent.local_tag, local_tag::text(tag));
    first.asking
}

fn notify(cseq: u32, tag: u64, state: &str) -> Message {
    let lines =
        format!("Contact: <sip:ps2.home2.test>\r\nEvent: presence\r\nSubscription-State: {state}\r\n");
    let tags = ("p1", local_tag::text(tag));
    message("NOTIFY sip:w@192.0.2.1 SIP/2.0", &format!("{cseq} NOTIFY"), (tags.0, &tags.1), &lines)
}

fn ok() -> Option<Answer<'static>> {
    Some(Answer { expires: Some(3600), ..Answer::status(StatusCode::OK) })
}

/// Two that have been subscribed to, by the tags 1 and 2, and have been accepted.
fn a_and_b() -> (Letters, [Asking<char>; 2]) {
    let mut letters = Letters::default();
    for key in ['a', 'b'] {
        letters.begin(key, CONFIG, PRESENCE);
        assert_eq!(outputs(&mut letters), [(key, SubscriberOutput::SubscribeAnew(3600))]);
    }
    assert_eq!(letters.due(), ['a', 'b'], "they wait until their owner sends");
    let asked = [('a', 1), ('b', 2)].map(|(key, tag)| subscribe(&mut letters, secs(0), key, tag));
    assert_eq!(letters.due(), []);
    (letters, asked)
}

#[test]
fn rfc6665_4_4_1_a_notify_is_found_by_our_tag() {
    let (mut letters, _) = a_and_b();
    assert_eq!(letters.notify(secs(1), &notify(1, 2, "active;expires=3600")), Ok('b'));
    assert_eq!(outputs(&mut letters), [('b', SubscriberOutput::State(Substate::Active))]);
    assert_eq!(letters.notify(secs(1), &notify(1, 1, "pending;expires=3600")), Ok('a'));
    assert_eq!(outputs(&mut letters), [('a', SubscriberOutput::State(Substate::Pending))]);
    let strange = letters.notify(secs(1), &notify(1, 3, "active"));
    assert_eq!(strange, Err(BadNotify::NoSuchSubscription));
}

#[test]
fn what_is_over_for_good_is_gone_and_what_comes_back_is_not() {
    let (mut letters, _) = a_and_b();
    letters.notify(secs(1), &notify(1, 1, "terminated;reason=rejected")).unwrap();
    letters.notify(secs(1), &notify(1, 2, "terminated;reason=probation;retry-after=7")).unwrap();
    let ended = outputs(&mut letters).into_iter();
    let ends: Vec<String> = ended.map(|(key, output)| format!("{key}: {output:?}")).collect();
    assert_eq!(
        ends,
        ["a: Ended(Notified(Some(Rejected)), Never)", "b: Ended(Notified(Some(Probation)), After(7s))"]
    );
    assert_eq!((letters.contains(&'a'), letters.contains(&'b'), letters.len()), (false, true, 1));
    assert_eq!(letters.poll_timeout(), Some(secs(8).mono));
    letters.on_deadline(secs(8));
    assert_eq!(outputs(&mut letters), [('b', SubscriberOutput::SubscribeAnew(3600))]);
    // By a new tag; NOTIFYs by the old one are of nobody.
    subscribe(&mut letters, secs(8), 'b', 9);
    assert_eq!(letters.notify(secs(9), &notify(2, 2, "active")), Err(BadNotify::NoSuchSubscription));
    assert_eq!(letters.notify(secs(9), &notify(1, 9, "active")), Ok('b'));
}

#[test]
fn only_the_answer_to_the_latest_subscribe_counts() {
    let (mut letters, [first, _]) = a_and_b();
    letters.notify(secs(1), &notify(1, 1, "active;expires=3600")).unwrap();
    assert!(letters.on_answer(secs(1), &first, ok()));
    letters.on_deadline(secs(3300));
    let refreshed = outputs(&mut letters);
    assert!(refreshed.contains(&('a', SubscriberOutput::SubscribeInDialog(3600))), "{refreshed:?}");
    let (draft, asking) = letters.resubscribe(&'a').unwrap();
    assert_eq!(support::sent_as(draft).cseq(), 2);
    assert!(!asking.is_first);
    assert!(!letters.on_answer(secs(3301), &first, None), "late");
    assert!(letters.on_answer(secs(3301), &asking, ok()));
}

#[test]
fn one_that_is_forgotten_says_nothing() {
    let (mut letters, [first, _]) = a_and_b();
    letters.remove(&'a');
    assert_eq!(letters.notify(secs(1), &notify(1, 1, "active")), Err(BadNotify::NoSuchSubscription));
    assert!(!letters.on_answer(secs(1), &first, ok()));
    // Timer N of the other one.
    assert_eq!(letters.poll_timeout(), Some(secs(32).mono));
    letters.on_deadline(secs(32));
    let of: Vec<char> = outputs(&mut letters).into_iter().map(|(key, _)| key).collect();
    assert!(of.iter().all(|key| *key == 'b') && !of.is_empty(), "{of:?}");
}

#[test]
fn what_is_not_sent_yet_ends_without_a_word_on_the_wire() {
    let mut letters = Letters::default();
    letters.begin('a', CONFIG, PRESENCE);
    outputs(&mut letters);
    assert!(letters.is_due(&'a'));
    letters.unsubscribe(secs(0), &'a');
    let end = SubscriberOutput::Ended(SubscriberEnd::Unsubscribed, Retry::Never);
    assert_eq!(outputs(&mut letters), [('a', end)]);
    assert!(letters.is_empty());
}

#[test]
fn notifys_of_a_former_dialog_count_until_the_new_one_is_active() {
    let (mut letters, _) = a_and_b();
    letters.notify(secs(1), &notify(1, 1, "active;expires=3600")).unwrap();
    outputs(&mut letters);
    letters.begin_anew(&'a', CONFIG, PRESENCE);
    assert_eq!(outputs(&mut letters), [('a', SubscriberOutput::SubscribeAnew(3600))]);
    subscribe(&mut letters, secs(2), 'a', 3);
    // The way changes once more before anything came by the newer one.
    letters.begin_anew(&'a', CONFIG, PRESENCE);
    outputs(&mut letters);
    subscribe(&mut letters, secs(3), 'a', 4);
    assert_eq!(letters.notify(secs(3), &notify(1, 3, "active")), Err(BadNotify::NoSuchSubscription));
    assert_eq!(letters.notify(secs(3), &notify(2, 1, "active;expires=3590")), Ok('a'));
    assert!(letters.has_former());
    assert_eq!(letters.notify(secs(4), &notify(1, 4, "active;expires=3600")), Ok('a'));
    assert_eq!(outputs(&mut letters), [('a', SubscriberOutput::State(Substate::Active))]);
    assert!(!letters.has_former());
    assert_eq!(letters.notify(secs(5), &notify(3, 1, "active")), Err(BadNotify::NoSuchSubscription));
}
