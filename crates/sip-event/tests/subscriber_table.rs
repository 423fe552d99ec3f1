//! RFC 6665 section 4.1: every state of a subscriber with everything that can happen in it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use sip_event::{
    Answer, BadNotify, Schedule, SentSubscribe, Subscriber, SubscriberConfig, SubscriberInput,
    SubscriberOutput,
};
use sip_message::{Event, StatusCode};
use std::time::Duration;
use support::{notify, secs, sent};

const CONFIG: SubscriberConfig = SubscriberConfig {
    expires: 1000,
    t1: Duration::from_millis(500),
    schedule: Schedule {
        jitter: 0,
        first_wait: Duration::from_secs(4),
        longest_wait: Duration::from_secs(60),
    },
};

const EVENTS: [&str; 14] = [
    "sent",
    "100",
    "200",
    "204",
    "423",
    "481",
    "503",
    "no answer",
    "unsubscribe",
    "early",
    "late",
    "active",
    "pending",
    "terminated",
];

/// Does what the name says at `s` seconds; gives the status of a NOTIFY's answer.
fn step(subscriber: &mut Subscriber, s: u64, name: &str) -> String {
    let answer = |code| {
        SubscriberInput::Answered(Answer {
            min_expires: (code == 423).then_some(2000),
            ..Answer::status(StatusCode::new(code).unwrap())
        })
    };
    let input = match name {
        "sent" => SubscriberInput::Sent(SentSubscribe { cseq: 3, ..sent() }),
        "no answer" => SubscriberInput::NoAnswer,
        "unsubscribe" => SubscriberInput::Unsubscribe,
        "early" => SubscriberInput::Deadline,
        "late" => {
            let Some(at) = subscriber.poll_timeout() else { return String::new() };
            let now = secs(0) + at.saturating_since(secs(0).mono);
            subscriber.handle(now, SubscriberInput::Deadline);
            return String::new();
        }
        "active" | "pending" | "terminated" => {
            let cseq = u32::try_from(s).unwrap();
            let outcome = subscriber.notify(secs(s), &notify(cseq, "p1", name));
            return outcome.map_or_else(BadNotify::status, |()| StatusCode::OK).to_string();
        }
        code => answer(code.parse().unwrap()),
    };
    subscriber.handle(secs(s), input);
    String::new()
}

fn in_state(name: &str) -> Subscriber {
    let steps: &[&str] = match name {
        "init" => &[],
        "notify_wait" => &["sent"],
        "notify_wait, accepted" => &["sent", "200"],
        "active" => &["sent", "200", "active"],
        "active, answer owed" => &["sent", "active"],
        "active, refreshing" => &["sent", "200", "active", "late"],
        "active, notify owed" => &["sent", "200", "active", "late", "200"],
        "leaving" => &["sent", "200", "active", "unsubscribe"],
        "resting" => &["sent", "503"],
        "terminated" => &["sent", "unsubscribe", "503"],
        other => panic!("{other}"),
    };
    let mut subscriber = Subscriber::new(CONFIG, Event { package: "presence", id: None });
    let mut now = 0;
    for name in steps {
        step(&mut subscriber, now, name);
        // The refresh is due at 80 % of 1000 s.
        now = if *name == "late" { 800 } else { now };
    }
    while subscriber.poll_output().is_some() {}
    subscriber
}

fn text(output: SubscriberOutput) -> String {
    match output {
        SubscriberOutput::SubscribeAnew(expires) => format!("anew {expires}"),
        SubscriberOutput::SubscribeInDialog(expires) => format!("SUBSCRIBE {expires}"),
        SubscriberOutput::State(state) => format!("{state:?}"),
        SubscriberOutput::Ended(end, retry) => format!("{end:?} {retry:?}"),
    }
}

/// The answer to a NOTIFY, the outputs, and the second at which it wants to be called.
fn outcome(state: &str, event: &str) -> String {
    let mut subscriber = in_state(state);
    // The states after a refresh are at 800 s.
    let now = if state.ends_with("refreshing") || state.ends_with("notify owed") { 801 } else { 1 };
    let mut words = vec![step(&mut subscriber, now, event)];
    words.retain(|word| !word.is_empty());
    words.extend(std::iter::from_fn(|| subscriber.poll_output()).map(text));
    let timeout = subscriber.poll_timeout().map(|at| at.saturating_since(secs(0).mono).as_secs());
    words.push(timeout.map_or_else(|| "-".into(), |seconds| seconds.to_string()));
    words.join(", ")
}

fn check(state: &str, expected: [&str; 14]) {
    for (event, expected) in EVENTS.into_iter().zip(expected) {
        assert_eq!(outcome(state, event), expected, "{state}: {event}");
    }
}

#[test]
fn sub_s_init() {
    check(
        "init",
        [
            "33",                    // sent
            "-",                     // 100
            "-",                     // 200
            "-",                     // 204
            "-",                     // 423
            "-",                     // 481
            "-",                     // 503
            "-",                     // no answer
            "Unsubscribed Never, -", // unsubscribe
            "-",                     // early
            "-",                     // late
            "481, -",                // active
            "481, -",                // pending
            "481, -",                // terminated
        ],
    );
}

#[test]
fn sub_s_notify_wait() {
    check(
        "notify_wait",
        [
            "33",                                    // sent
            "32",                                    // 100
            "32",                                    // 200
            "32",                                    // 204
            "anew 2000, -",                          // 423
            "Refused(StatusCode(481)) After(4s), 5", // 481
            "Refused(StatusCode(503)) After(4s), 5", // 503
            "NoAnswer After(4s), 5",                 // no answer
            "32",                                    // unsubscribe
            "32",                                    // early
            "NoNotify After(4s), 36",                // late
            "200, Active, 1001",                     // active
            "200, Pending, 1001",                    // pending
            "200, Notified(None) After(4s), 5",      // terminated
        ],
    );
}

#[test]
fn sub_s_notify_wait_accepted() {
    check(
        "notify_wait, accepted",
        [
            "33",                               // sent
            "32",                               // 100
            "32",                               // 200
            "32",                               // 204
            "32",                               // 423
            "32",                               // 481
            "32",                               // 503
            "32",                               // no answer
            "32",                               // unsubscribe
            "32",                               // early
            "NoNotify After(4s), 36",           // late
            "200, Active, 801",                 // active
            "200, Pending, 801",                // pending
            "200, Notified(None) After(4s), 5", // terminated
        ],
    );
}

#[test]
fn sub_s_active() {
    check(
        "active",
        [
            "800",                              // sent
            "800",                              // 100
            "800",                              // 200
            "800",                              // 204
            "800",                              // 423
            "800",                              // 481
            "800",                              // 503
            "800",                              // no answer
            "SUBSCRIBE 0, 33",                  // unsubscribe
            "800",                              // early
            "SUBSCRIBE 1000, 832",              // late
            "200, 800",                         // active
            "200, Pending, 800",                // pending
            "200, Notified(None) After(4s), 5", // terminated
        ],
    );
}

#[test]
fn sub_s_active_answer_owed() {
    check(
        "active, answer owed",
        [
            "1000",                                       // sent
            "1000",                                       // 100
            "800",                                        // 200
            "800",                                        // 204
            "SUBSCRIBE 2000, 33",                         // 423
            "Refused(StatusCode(481)) Now, anew 1000, -", // 481
            "500",                                        // 503
            "800",                                        // no answer
            "1000",                                       // unsubscribe
            "1000",                                       // early
            "Expired Now, anew 1000, -",                  // late
            "200, 1000",                                  // active
            "200, Pending, 1000",                         // pending
            "200, Notified(None) After(4s), 5",           // terminated
        ],
    );
}

#[test]
fn sub_s_active_refreshing() {
    check(
        "active, refreshing",
        [
            "832",                                        // sent
            "832",                                        // 100
            "832",                                        // 200
            "1601",                                       // 204
            "SUBSCRIBE 2000, 833",                        // 423
            "Refused(StatusCode(481)) Now, anew 1000, -", // 481
            "900",                                        // 503
            "832",                                        // no answer
            "832",                                        // unsubscribe
            "832",                                        // early
            "NoNotify Now, anew 1000, -",                 // late
            "200, 1801",                                  // active
            "200, Pending, 1801",                         // pending
            "200, Notified(None) After(4s), 805",         // terminated
        ],
    );
}

#[test]
fn sub_s_active_notify_owed() {
    check(
        "active, notify owed",
        [
            "832",                                // sent
            "832",                                // 100
            "832",                                // 200
            "832",                                // 204
            "832",                                // 423
            "832",                                // 481
            "832",                                // 503
            "832",                                // no answer
            "SUBSCRIBE 0, 833",                   // unsubscribe
            "832",                                // early
            "NoNotify Now, anew 1000, -",         // late
            "200, 1600",                          // active
            "200, Pending, 1600",                 // pending
            "200, Notified(None) After(4s), 805", // terminated
        ],
    );
}

#[test]
fn sub_s_leaving() {
    check(
        "leaving",
        [
            "32",                         // sent
            "32",                         // 100
            "32",                         // 200
            "32",                         // 204
            "Unsubscribed Never, -",      // 423
            "Unsubscribed Never, -",      // 481
            "Unsubscribed Never, -",      // 503
            "32",                         // no answer
            "32",                         // unsubscribe
            "32",                         // early
            "Unsubscribed Never, -",      // late
            "200, 32",                    // active
            "200, 32",                    // pending
            "200, Unsubscribed Never, -", // terminated
        ],
    );
}

#[test]
fn sub_s_resting() {
    check(
        "resting",
        [
            "4",                     // sent
            "4",                     // 100
            "4",                     // 200
            "4",                     // 204
            "4",                     // 423
            "4",                     // 481
            "4",                     // 503
            "4",                     // no answer
            "Unsubscribed Never, -", // unsubscribe
            "4",                     // early
            "anew 1000, -",          // late
            "481, 4",                // active
            "481, 4",                // pending
            "481, 4",                // terminated
        ],
    );
}

#[test]
fn sub_s_terminated() {
    check(
        "terminated",
        [
            "-",      // sent
            "-",      // 100
            "-",      // 200
            "-",      // 204
            "-",      // 423
            "-",      // 481
            "-",      // 503
            "-",      // no answer
            "-",      // unsubscribe
            "-",      // early
            "-",      // late
            "481, -", // active
            "481, -", // pending
            "481, -", // terminated
        ],
    );
}
