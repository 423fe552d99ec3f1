//! GW-01, GW-04, figure 5: what a user writes is published in its place, once, and it is told.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use cx_protocol::ResultCode;
use presence_document::{Basic, Pidf};
use sip_message::{HeaderName, Message};
use sms_gateway::{Ask, Told};
use std::time::Duration;
use support::{ERIN, Gateway, identity};

/// Erin's status is there.
fn with_status() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy 2h in a meeting");
    gateway.hss_knows_erin();
    let publish = gateway.publish();
    gateway.takes(&publish, "e1");
    assert_eq!(gateway.message(), "You are shown as busy (in a meeting) for 2 h.");
    gateway
}

fn hours(hours: u64) -> Duration {
    Duration::from_secs(3600 * hours)
}

#[test]
fn gw_06_all_spellings_of_a_number_are_one_user() {
    let mut gateway = Gateway::new();
    for spelling in ["+15550105", "15550105", "5550105", "01115550105", "555-0105", "+1 555 0105"] {
        gateway.is_taken(spelling, "on");
        assert_eq!(gateway.asks_about(), "tel:+15550105", "{spelling}");
    }
    let Some(Told::Listed { listed, .. }) = gateway.ask(Ask::List) else { panic!("a list") };
    assert_eq!(listed.iter().map(|one| one.waiting).collect::<Vec<_>>(), [6], "{listed:?}");
}

#[test]
fn gw_01_the_request_says_who_publishes_for_whom() {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy 2h in a meeting");
    assert_eq!(gateway.asks_about(), "tel:+15550105");
    gateway.hss_knows_erin();
    let publish = gateway.publish();
    for (name, value) in [
        (HeaderName::PAssertedIdentity, "<sip:gateway1.home1.test>"),
        (HeaderName::To, "<sip:erin@home1.test>"),
        (HeaderName::Route, "<sip:ps1.home1.test;lr>"),
        (HeaderName::Event, "presence"),
        (HeaderName::Expires, "3600"),
        (HeaderName::ContentType, "application/pidf+xml"),
    ] {
        assert_eq!(publish.value(name), Some(value), "{name:?}");
    }
    assert_eq!(publish.value(HeaderName::SipIfMatch), None);
    let document = Pidf::parse(&publish.body()).unwrap();
    assert_eq!(document.entity(), "sip:erin@home1.test");
    let tuple = document.tuples().next().unwrap();
    assert_eq!((tuple.basic(), tuple.contact()), (Some(Basic::Open), Some("tel:+15550105")));
    assert_eq!(tuple.notes().next().unwrap().text, "in a meeting");
    assert_eq!(document.persons().next().unwrap().activities().collect::<Vec<_>>(), ["busy"]);
    assert_eq!(gateway.messages(), [], "nothing is confirmed before it is so");
    gateway.takes(&publish, "e1");
    assert_eq!(gateway.message(), "You are shown as busy (in a meeting) for 2 h.");
}

#[test]
fn pub_10_a_later_update_modifies_and_each_waits_for_the_one_before() {
    let mut gateway = with_status();
    for text in ["away", "off gone home", "on"] {
        gateway.is_taken(ERIN, text);
    }
    let mut etag = "e1".to_owned();
    for (number, text) in [
        "You are shown as away.",
        "You are shown as not available (gone home).",
        "You are shown as available.",
    ]
    .into_iter()
    .enumerate()
    {
        gateway.hss_knows_erin();
        let publish = gateway.publish();
        assert_eq!(publish.value(HeaderName::SipIfMatch), Some(&*etag));
        etag = format!("e{}", number + 2);
        gateway.takes(&publish, &etag);
        assert_eq!(gateway.message(), text);
    }
    assert_eq!(gateway.asked(), None);
}

#[test]
fn gw_04_a_status_is_kept_alive_and_ends_with_its_time() {
    let mut gateway = with_status();
    gateway.pass(Duration::from_secs(48 * 60));
    let refresh = gateway.publish();
    assert_eq!((refresh.value(HeaderName::SipIfMatch), refresh.body().len()), (Some("e1"), 0));
    assert_eq!(refresh.value(HeaderName::Expires), Some("3600"));
    gateway.takes(&refresh, "e2");
    gateway.pass(Duration::from_secs(48 * 60));
    let last = gateway.publish();
    assert_eq!(last.value(HeaderName::Expires), Some("1440"), "no longer than it is to be shown");
    gateway.answers(&last, 200, "SIP-ETag: e3\r\nExpires: 1440\r\n");
    gateway.pass(Duration::from_secs(1440));
    assert!(gateway.sent().is_none() && !gateway.keeps_anything(), "it ends by itself");
}

#[test]
fn gw_04_what_a_server_would_keep_for_longer_is_taken_away_in_time() {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy 10m");
    gateway.hss_knows_erin();
    let brief = gateway.publish();
    assert_eq!(brief.value(HeaderName::Expires), Some("600"));
    gateway.answers(&brief, 423, "Min-Expires: 3600\r\n");
    let longer = gateway.publish();
    assert_eq!((longer.value(HeaderName::Expires), longer.cseq()), (Some("3600"), brief.cseq() + 1));
    gateway.takes(&longer, "e1");
    assert_eq!(gateway.message(), "You are shown as busy for 10 min.");
    gateway.pass(Duration::from_secs(600));
    let removal = gateway.publish();
    let headers = [HeaderName::SipIfMatch, HeaderName::Expires].map(|name| removal.value(name));
    assert_eq!((headers, removal.body().len()), ([Some("e1"), Some("0")], 0));
    // Repeated unchanged until it is answered, as any other.
    gateway.answers(&removal, 503, "");
    gateway.pass(Duration::from_secs(2));
    let again = gateway.publish();
    assert_eq!(identity(&again), identity(&removal));
    gateway.answers(&again, 200, "SIP-ETag: e2\r\nExpires: 0\r\n");
    gateway.pass(hours(1));
    assert!(gateway.sent().is_none() && !gateway.keeps_anything());
}

#[test]
fn gw_04_a_refresh_that_is_refused_is_not_sent_again() {
    for status in [400, 403, 404, 489, 603] {
        let mut gateway = with_status();
        gateway.pass(Duration::from_secs(48 * 60));
        let refresh = gateway.publish();
        gateway.answers(&refresh, status, "");
        gateway.pass(hours(1));
        assert!(gateway.sent().is_none(), "{status}");
        // The next update is published as if nothing were there.
        gateway.is_taken(ERIN, "on");
        gateway.hss_knows_erin();
        assert_eq!(gateway.publish().value(HeaderName::SipIfMatch), None);
    }
}

#[test]
fn gw_04_a_refresh_without_answer_stops_no_update_and_ends_with_the_status() {
    let mut gateway = with_status();
    gateway.pass(Duration::from_secs(48 * 60));
    gateway.publish();
    gateway.is_taken(ERIN, "on");
    while gateway.asked().is_none() {
        gateway.pass(Duration::from_secs(1));
    }
    // The user has another presence server by now.
    gateway.clear();
    gateway.hss_says(ResultCode::Success, "sip:erin@home1.test", Some("sip:ps2.home1.test"));
    let publish = gateway.publish();
    assert_eq!(publish.value(HeaderName::Route), Some("<sip:ps2.home1.test;lr>"));
    assert!(!publish.body().is_empty());

    let mut gateway = with_status();
    gateway.pass(hours(3));
    gateway.clear();
    gateway.pass(hours(1));
    assert!(gateway.sent().is_none() && !gateway.keeps_anything(), "a day later nobody is told of it");
}

#[test]
fn gw_a_publish_is_repeated_unchanged_until_it_is_answered() {
    let ways: [fn(&mut Gateway, &Message); 3] = [
        |gateway, publish| gateway.answers(publish, 503, ""),
        |gateway, publish| gateway.answers(publish, 500, "Retry-After: 3\r\n"),
        |_, _| {}, // It says nothing.
    ];
    for way in ways {
        let mut gateway = Gateway::new();
        gateway.is_taken(ERIN, "busy");
        gateway.hss_knows_erin();
        let first = gateway.publish();
        way(&mut gateway, &first);
        let second = (0..120).find_map(|_| {
            gateway.pass(Duration::from_secs(1));
            let (_, message) = gateway.sent()?;
            (message.branch() != first.branch()).then_some(message)
        });
        let second = second.unwrap();
        assert_eq!((identity(&second), second.body()), (identity(&first), first.body()));
        gateway.takes(&second, "e1");
        assert_eq!(gateway.message(), "You are shown as busy.");
    }
}

#[test]
fn gw_what_is_killed_on_the_way_loses_and_doubles_nothing() {
    // Before the HSS has answered.
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy");
    let mut gateway = gateway.restarted(5);
    gateway.hss_knows_erin();
    // Before the presence server has answered.
    let first = gateway.publish();
    let mut gateway = gateway.restarted(5);
    let second = gateway.publish();
    assert_eq!((identity(&second), second.body()), (identity(&first), first.body()));
    // Before the confirmation was sent.
    gateway.takes(&second, "e1");
    let mut gateway = gateway.restarted(5);
    assert_eq!(gateway.message(), "You are shown as busy.");
    // And it goes on from there.
    gateway.is_taken(ERIN, "on");
    gateway.hss_knows_erin();
    let third = gateway.publish();
    let (call_id, cseq, ..) = identity(&first);
    assert_eq!(identity(&third), (call_id, cseq + 1, identity(&first).2, Some("e1".into()), true));
    gateway.takes(&third, "e2");
    assert_eq!(gateway.restarted(5).message(), "You are shown as available.");
}

#[test]
fn rfc3903_4_1_a_server_that_has_forgotten_is_told_anew() {
    let mut gateway = with_status();
    gateway.is_taken(ERIN, "away");
    gateway.hss_knows_erin();
    let modify = gateway.publish();
    gateway.answers(&modify, 412, "");
    let anew = gateway.publish();
    let (call_id, cseq, tag, ..) = identity(&modify);
    assert_eq!(identity(&anew), (call_id, cseq + 1, tag, None, true));
    gateway.takes(&anew, "e9");
    assert_eq!(gateway.message(), "You are shown as away.");
    // A refresh too, with its document.
    gateway.pass(Duration::from_secs(48 * 60));
    let refresh = gateway.publish();
    gateway.answers(&refresh, 412, "");
    assert_eq!(Pidf::parse(&gateway.publish().body()).unwrap().persons().count(), 1);
}

#[test]
fn gw_what_cannot_be_is_said_to_the_user() {
    let not_served = "Your status is not changed: there is no presence service for your number.";
    let refused = "Your status is not changed: the presence service does not take it.";
    type Fate = fn(&mut Gateway);
    let fates: [(&str, Fate); 5] = [
        (not_served, |gateway| gateway.hss_says(ResultCode::UserUnknown, "sip:erin@home1.test", None)),
        (not_served, |gateway| gateway.hss_says(ResultCode::Success, "sip:erin@home1.test", None)),
        (not_served, |gateway| {
            gateway.hss_says(ResultCode::Success, "tel:+15550106", Some("sip:ps1.home1.test"))
        }),
        (refused, |gateway| {
            gateway.hss_knows_erin();
            let publish = gateway.publish();
            gateway.answers(&publish, 403, "");
        }),
        (refused, |gateway| {
            gateway.hss_knows_erin();
            let publish = gateway.publish();
            gateway.answers(&publish, 200, "");
        }),
    ];
    for (text, fate) in fates {
        let mut gateway = Gateway::new();
        gateway.is_taken(ERIN, "busy");
        fate(&mut gateway);
        assert_eq!(gateway.message(), text);
        // And the next one has its turn.
        gateway.is_taken(ERIN, "on");
        gateway.hss_knows_erin();
        let publish = gateway.publish();
        gateway.takes(&publish, "e1");
        assert_eq!(gateway.message(), "You are shown as available.");
    }
}

#[test]
fn gw_who_cannot_be_reached_for_a_day_is_given_up_and_its_user_told() {
    let unreachable = "Your status is not changed: the presence service cannot be reached.";
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy");
    for _ in 0..5000 {
        if gateway.asked().is_none() {
            break;
        }
        gateway.hss_is_away();
        gateway.pass(Duration::from_secs(60));
    }
    assert_eq!(gateway.message(), unreachable);
    assert_eq!(gateway.ask(Ask::List), Some(Told::Listed { listed: Vec::new(), more: 0 }), "nothing is kept");
    assert!(!gateway.keeps_anything());
}

#[test]
fn gw_a_status_is_as_before_when_the_next_one_comes_to_nothing() {
    let mut gateway = with_status();
    gateway.is_taken(ERIN, "off");
    gateway.hss_knows_erin();
    let off = gateway.publish();
    gateway.answers(&off, 403, "");
    assert!(gateway.message().starts_with("Your status is not changed"));
    gateway.pass(Duration::from_secs(48 * 60));
    let refresh = gateway.publish();
    assert_eq!((refresh.value(HeaderName::SipIfMatch), refresh.body().len()), (Some("e1"), 0));
    // Where the server has lost it, it is what it was, and for no longer.
    gateway.answers(&refresh, 412, "");
    let anew = gateway.publish();
    let document = Pidf::parse(&anew.body()).unwrap();
    assert_eq!(document.persons().next().unwrap().activities().collect::<Vec<_>>(), ["busy"]);
    gateway.takes(&anew, "e2");
    gateway.pass(hours(2));
    gateway.clear();
    assert!(!gateway.keeps_anything());
}

#[test]
fn gw_a_status_that_is_over_before_it_can_be_published_is_not_published() {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "busy 45m");
    for _ in 0..60 {
        gateway.hss_is_away();
        gateway.pass(Duration::from_secs(60));
    }
    assert!(gateway.message().contains("cannot be reached"));
    assert!(gateway.asked().is_none() && gateway.sent().is_none());
}
