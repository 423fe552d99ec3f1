//! GW-03, GW-05: what a user may write, and how much.

#![allow(clippy::indexing_slicing, reason = "a test helper may fail its test")]

mod support;

use sms_gateway::{Ask, Delivery, LegacyUpdate, NotTaken, PartOf, Told};
use std::time::Duration;
use support::{ERIN, Gateway, settings, update};

#[test]
fn gw_03_what_is_not_understood_is_answered_with_help_and_changes_nothing() {
    let mut gateway = Gateway::new();
    let endless = "x".repeat(10_000);
    for text in ["hello", "", "help", "?", &endless] {
        gateway.is_taken(ERIN, text);
        let help = gateway.message();
        assert!(help.starts_with("Write a status, how long (45m, 2h, 1d; else 1 d) and a note"), "{help}");
        assert!(help.contains(" busy ") && help.chars().count() <= 320, "two short messages: {help}");
    }
    assert_eq!(gateway.asked(), None);
    assert_eq!(gateway.ask(Ask::List), Some(Told::Listed { listed: Vec::new(), more: 0 }));
}

#[test]
fn gw_03_a_storm_of_one_number_stops_nobody_else() {
    let mut gateway = Gateway::new();
    (0..10).for_each(|_| gateway.is_taken(ERIN, "hello"));
    assert_eq!(gateway.why_not(ERIN, "hello"), NotTaken::TooFast);
    gateway.is_taken("+15550106", "hello");
    gateway.pass(Duration::from_secs(6));
    gateway.is_taken(ERIN, "hello");
    assert_eq!(gateway.why_not(ERIN, "hello"), NotTaken::TooFast);
    assert_eq!(gateway.messages().len(), 12);
}

#[test]
fn gw_who_is_no_number_is_told_nothing() {
    let mut gateway = Gateway::new();
    for sender in ["", "MyBank", "4711", "+1555010512345678"] {
        assert_eq!(gateway.why_not(sender, "on"), NotTaken::NotANumber, "{sender}");
    }
    assert_eq!(gateway.messages(), []);
}

#[test]
fn gw_no_more_updates_of_one_user_wait_than_have_room() {
    let mut gateway = Gateway::new();
    (0..8).for_each(|_| gateway.is_taken(ERIN, "on"));
    assert_eq!(gateway.why_not(ERIN, "on"), NotTaken::Full);
}

#[test]
fn gw_05_who_has_quit_is_written_to_no_more_until_it_starts() {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "quit");
    assert_eq!(gateway.message(), "You are sent nothing any more. Write start to be answered again.");
    let mut gateway = gateway.restarted(5);
    gateway.is_taken(ERIN, "what?");
    gateway.is_taken(ERIN, "busy");
    gateway.hss_knows_erin();
    let publish = gateway.publish();
    gateway.takes(&publish, "e1");
    assert_eq!(gateway.messages(), []);
    gateway.is_taken(ERIN, "start");
    assert_eq!(gateway.message(), "You are answered again.");
    let mut gateway = gateway.restarted(5);
    gateway.is_taken(ERIN, "help");
    assert_eq!(gateway.messages().len(), 1);
}

#[test]
fn a_message_that_cannot_be_sent_is_tried_again_and_given_up_in_the_end() {
    let mut gateway = Gateway::new();
    gateway.is_taken(ERIN, "help");
    // Who asks again has lost what it had; who waits is told.
    let numbers = |told: Option<Told>| match told {
        Some(Told::ToSend(messages)) => messages.iter().map(|(number, _)| *number).collect::<Vec<u64>>(),
        _ => Vec::new(),
    };
    let take = |gateway: &mut Gateway| numbers(gateway.ask(Ask::Collect));
    // The answer to a report, and then what comes by itself.
    let report = |gateway: &mut Gateway, number, delivery| {
        assert_eq!(gateway.ask(Ask::Sent(vec![(number, delivery)])), Some(Told::Taken));
    };
    let first = take(&mut gateway);
    assert_eq!((first.len(), take(&mut gateway)), (1, first.clone()), "whoever had it has gone");
    report(&mut gateway, first[0], Delivery::Later);
    report(&mut gateway, first[0], Delivery::Refused);
    assert_eq!(gateway.ask(Ask::More), None, "it waits, and nobody has it who could speak of it");
    gateway.pass(Duration::from_secs(4));
    assert_eq!(gateway.told(), None, "not yet");
    gateway.pass(Duration::from_secs(1));
    assert_eq!(numbers(gateway.told()), first);
    report(&mut gateway, first[0], Delivery::Refused);
    assert_eq!((take(&mut gateway), gateway.keeps_anything()), (Vec::new(), false));
    // Of two who wait the later one is told; the other one hears that it is over.
    assert_eq!(gateway.ask(Ask::Collect), None);
    assert_eq!(gateway.told(), Some(Told::ToSend(Vec::new())));
    gateway.is_taken(ERIN, "help");
    // A day of failures.
    let mut attempts = 0;
    while gateway.keeps_anything() {
        if let [number] = *numbers(gateway.told()) {
            attempts += 1;
            report(&mut gateway, number, Delivery::Later);
            assert_eq!(gateway.ask(Ask::More), None);
        }
        gateway.pass(Duration::from_secs(5));
    }
    assert!((200..400).contains(&attempts), "{attempts}: the longest wait is five minutes");
    assert_eq!(settings().validity, Duration::from_secs(24 * 3600));
}

/// A part of a long message.
fn part(reference: u16, total: u8, number: u8, text: &str) -> Ask {
    Ask::Update(LegacyUpdate { part: Some(PartOf { reference, total, number }), ..update(ERIN, text) })
}

#[test]
fn a_long_message_is_understood_when_it_is_whole_also_after_a_restart() {
    let mut gateway = Gateway::new();
    let note = "in a meeting that goes on and on ".repeat(4);
    let whole = format!("busy 2h {}", note.trim());
    let (first, rest) = whole.split_at(60);
    let (second, third) = rest.split_at(40);
    assert_eq!(gateway.ask(part(7, 3, 2, second)), Some(Told::Taken));
    assert_eq!(gateway.ask(part(7, 3, 3, third)), Some(Told::Taken));
    let mut gateway = gateway.restarted(5);
    assert_eq!(gateway.asked(), None);
    assert_eq!(gateway.ask(part(7, 3, 1, first)), Some(Told::Taken));
    gateway.hss_knows_erin();
    let publish = gateway.publish();
    assert!(String::from_utf8(publish.body().to_vec()).unwrap().contains(note.trim()));
}

#[test]
fn a_message_of_too_many_parts_is_answered_once_and_one_that_is_never_whole_is_forgotten() {
    let mut gateway = Gateway::new();
    for number in 1..=8 {
        assert_eq!(gateway.ask(part(8, 66, number, "x")), Some(Told::Taken));
    }
    assert!(gateway.message().starts_with("Write a status"));
    assert_eq!(gateway.ask(part(9, 2, 1, "busy")), Some(Told::Taken));
    assert!(gateway.keeps_anything());
    gateway.pass(Duration::from_secs(600));
    assert!(!gateway.keeps_anything());
}
