//! Matching of messages to transactions (RFC 3261 sections 17.1.3 and 17.2.3), in virtual time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test helper may fail its test"
)]

use bytes::Bytes;
use clock::Mono;
use sip_message::Message;
use sip_transaction::{
    Event, Load, Lookup, MAX_FINISHED_BYTES, MAX_OPEN_BYTES, Patience, Request, ServerId, Timers,
    Transactions, Transmit,
};
use std::time::Duration;

const TIMER_F: Duration = Timers::DEFAULT.timer_f();

fn ms(ms: u64) -> Mono {
    Mono::at(Duration::from_millis(ms))
}

fn request(method: &str, via: &str, cseq: u32) -> Message {
    let text = format!(
        "{method} sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n\
         Call-ID: c\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn response(branch: &str, status: u16, method: &str) -> Message {
    let text = format!(
        "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP us;branch={branch}\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n\
         Call-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(text.into()).unwrap()
}

fn arrive(table: &mut Transactions<&'static str>, now: Mono, message: &Message) -> Lookup<&'static str> {
    table.on_request(now, message, "client", Timers::DEFAULT, false)
}

fn fresh(table: &mut Transactions<&'static str>, message: &Message) -> ServerId {
    match arrive(table, Mono::ZERO, message) {
        Lookup::New(id) => id,
        other => panic!("{other:?}"),
    }
}

fn to_client(bytes: &'static [u8]) -> Transmit<&'static str> {
    Transmit { path: "client", bytes: Bytes::from_static(bytes) }
}

fn send(table: &mut Transactions<&'static str>, branch: &str) -> sip_transaction::ClientId {
    let request = Request {
        branch,
        method: "NOTIFY",
        path: "server",
        bytes: Bytes::from_static(b"NOTIFY"),
        reliable: false,
        timers: Timers::DEFAULT,
        patience: Patience { silence: TIMER_F, timer_f: TIMER_F },
    };
    table.send(Mono::ZERO, request).unwrap().0
}

#[test]
fn rfc3261_17_2_3_what_makes_a_repeat() {
    let mut table = Transactions::new();
    let original = request("SUBSCRIBE", "h1:5060;branch=z9hG4bKa", 1);
    fresh(&mut table, &original);
    let rows = [
        ("the same", request("SUBSCRIBE", "h1:5060;branch=z9hG4bKa", 1), true),
        ("sent-by in another case", request("SUBSCRIBE", "H1:5060;branch=z9hG4bKa", 1), true),
        ("another branch", request("SUBSCRIBE", "h1:5060;branch=z9hG4bKb", 1), false),
        ("another sender", request("SUBSCRIBE", "h2:5060;branch=z9hG4bKa", 1), false),
        ("another port", request("SUBSCRIBE", "h1;branch=z9hG4bKa", 1), false),
        ("another method", request("PUBLISH", "h1:5060;branch=z9hG4bKa", 1), false),
    ];
    for (name, message, repeat) in rows {
        assert_eq!(matches!(arrive(&mut table, ms(1), &message), Lookup::Repeat(None)), repeat, "{name}");
    }
}

#[test]
fn rfc3261_17_2_3_an_rfc2543_element_is_matched_by_its_whole_request() {
    let mut table = Transactions::new();
    for via in ["h1", "h1;branch=1", "h1;branch=z9hG4bK"] {
        fresh(&mut table, &request("SUBSCRIBE", via, 1));
        assert_eq!(arrive(&mut table, ms(1), &request("SUBSCRIBE", via, 1)), Lookup::Repeat(None), "{via}");
        fresh(&mut table, &request("SUBSCRIBE", via, 2));
    }
}

#[test]
fn sip_06_the_final_response_is_sent_again_until_timer_j_and_then_forgotten() {
    let mut table = Transactions::new();
    let message = request("PUBLISH", "h1;branch=z9hG4bKa", 1);
    let id = fresh(&mut table, &message);
    assert_eq!(table.respond(ms(10), id, to_client(b"200")), Some(to_client(b"200")));
    assert_eq!(table.respond(ms(10), id, to_client(b"500")), None, "only one final response");
    assert_eq!(arrive(&mut table, ms(20), &message), Lookup::Repeat(Some(to_client(b"200"))));
    table.on_deadline(ms(32_009));
    assert_eq!((table.load().servers, table.load().finished), (0, 1));
    table.on_deadline(ms(32_010));
    assert!(table.is_empty());
    assert_eq!(table.poll_event(), None);
}

#[test]
fn sip_07_a_request_nobody_answers_gets_a_100_and_is_then_forgotten() {
    let mut table = Transactions::new();
    let message = request("PUBLISH", "h1;branch=z9hG4bKa", 1);
    let id = fresh(&mut table, &message);
    table.on_deadline(ms(3500));
    match table.poll_event() {
        Some(Event::TryingDue { server, request }) => assert_eq!((server, request.path), (id, "client")),
        other => panic!("{other:?}"),
    }
    table.provisional(id, to_client(b"100"));
    assert_eq!(arrive(&mut table, ms(4000), &message), Lookup::Repeat(Some(to_client(b"100"))));
    table.on_deadline(ms(32_000));
    assert!(table.is_empty());
    assert_eq!(table.respond(ms(32_001), id, to_client(b"200")), None);
}

#[test]
fn sip_06_a_100_that_comes_after_the_final_response_does_not_take_its_place() {
    let mut table = Transactions::new();
    let original = request("SUBSCRIBE", "h;branch=z9hG4bKa", 1);
    let id = fresh(&mut table, &original);
    table.on_deadline(ms(3500));
    // Both were due, and the final response was ready first.
    table.respond(ms(3500), id, to_client(b"200"));
    assert_eq!(table.provisional(id, to_client(b"100")), None);
    assert_eq!(arrive(&mut table, ms(3600), &original), Lookup::Repeat(Some(to_client(b"200"))));
}

#[test]
fn rfc3261_17_1_3_a_response_matches_by_branch_and_method() {
    let mut table = Transactions::new();
    let id = send(&mut table, "z9hG4bKours");
    assert_eq!(table.on_response(ms(1), &response("z9hG4bKother", 200, "NOTIFY")), None);
    assert_eq!(table.on_response(ms(1), &response("z9hG4bKours", 200, "PUBLISH")), None);
    let provisional = table.on_response(ms(1), &response("z9hG4bKours", 100, "NOTIFY")).unwrap();
    assert_eq!((provisional.client, provisional.provisional), (id, true));
    assert!(!table.on_response(ms(2), &response("z9hG4bKours", 200, "NOTIFY")).unwrap().provisional);
    assert_eq!(
        table.on_response(ms(3), &response("z9hG4bKours", 200, "NOTIFY")),
        None,
        "a repeat is absorbed"
    );
    table.on_deadline(ms(5002));
    assert!(table.is_empty());
}

#[test]
fn sip_05_the_request_is_sent_again_and_times_out() {
    let mut table = Transactions::new();
    let id = send(&mut table, "z9hG4bKours");
    let mut resent = 0;
    while let Some(at) = table.deadline() {
        table.on_deadline(at);
        match table.poll_event() {
            Some(Event::Transmit(transmit)) => {
                assert_eq!(transmit.path, "server");
                resent += 1;
            }
            Some(Event::TimedOut(timed_out)) => {
                assert_eq!((timed_out, at), (id, ms(32_000)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(resent, 10);
    assert!(table.is_empty());
}

#[test]
fn sip_15_a_request_that_cannot_be_sent_ends_its_transaction_once() {
    let mut table = Transactions::new();
    let id = send(&mut table, "z9hG4bKours");
    assert!(table.on_transport_error(id));
    assert!(!table.on_transport_error(id));
    assert!(table.is_empty());
}

/// Failures and repeated 100s may come as often as somebody likes: none of them adds to the agenda.
#[test]
fn what_changes_no_deadline_costs_no_work() {
    let mut table = Transactions::new();
    let ids: Vec<_> = (0..1000).map(|number| send(&mut table, &format!("z9hG4bK{number}"))).collect();
    for number in 0..1000 {
        table.on_response(ms(10), &response(&format!("z9hG4bK{number}"), 200, "NOTIFY"));
    }
    send(&mut table, "z9hG4bKlast");
    let before = table.steps();
    for _ in 0..100 {
        ids.iter().for_each(|id| assert!(!table.on_transport_error(*id)));
        table.on_response(ms(20), &response("z9hG4bKlast", 100, "NOTIFY"));
    }
    assert!(table.steps() - before < 10, "{}", table.steps() - before);
}

#[test]
fn long_requests_fill_the_table_before_its_numbers_do() {
    let mut table = Transactions::new();
    let body = "x".repeat(60_000);
    let message = |number: usize| {
        let text = format!(
            "PUBLISH sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{number}\r\nFrom: <sip:a@x>;tag=1\r\n\
             To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 PUBLISH\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Message::parse(text.into()).unwrap()
    };
    let mut ids = Vec::new();
    let full = loop {
        match arrive(&mut table, ms(1), &message(ids.len())) {
            Lookup::New(id) => ids.push(id),
            other => break other,
        }
    };
    assert_eq!(full, Lookup::Full);
    let load = table.load();
    assert!(load.bytes >= MAX_OPEN_BYTES && load.bytes < MAX_OPEN_BYTES + 100_000, "{load:?}");
    // Answering one makes room.
    assert!(table.respond(ms(2), ids[0], to_client(b"200")).is_some());
    assert!(matches!(arrive(&mut table, ms(3), &message(ids.len())), Lookup::New(_)));
}

/// A flood that is answered at once holds up nobody: what is finished makes room, the oldest first.
#[test]
fn finished_transactions_are_bounded_in_bytes_and_the_oldest_go_first() {
    let mut table = Transactions::new();
    let long = Transmit { path: "client", bytes: Bytes::from(vec![b'x'; 1024 * 1024]) };
    let message = |number: usize| request("PUBLISH", &format!("h1;branch=z9hG4bK{number}"), 1);
    let count = 2 * MAX_FINISHED_BYTES / long.bytes.len();
    for number in 0..count {
        let id = fresh(&mut table, &message(number));
        assert!(table.respond(ms(1), id, long.clone()).is_some());
        assert!(table.load().finished_bytes <= MAX_FINISHED_BYTES);
    }
    assert_eq!((table.load().servers, table.load().bytes), (0, 0), "nothing waits");
    assert!(matches!(arrive(&mut table, ms(2), &message(0)), Lookup::New(_)), "the oldest is forgotten");
    assert_eq!(arrive(&mut table, ms(2), &message(count - 1)), Lookup::Repeat(Some(long)));
    table.on_deadline(ms(40_000));
    assert_eq!((table.load(), table.is_empty()), (Load::default(), true));
}

#[test]
fn a_transaction_counts_as_open_until_its_final_response() {
    let mut table = Transactions::new();
    let server = fresh(&mut table, &request("PUBLISH", "h1;branch=z9hG4bKa", 1));
    send(&mut table, "z9hG4bKb");
    let counts =
        |table: &Transactions<_>| (table.load().servers, table.load().clients, table.load().finished);
    assert_eq!(counts(&table), (1, 1, 0));
    // The first response is asked for: the request goes with it, and the transaction is still open.
    table.on_deadline(ms(3_500));
    table.on_response(ms(4_000), &response("z9hG4bKb", 100, "NOTIFY"));
    assert_eq!(counts(&table), (1, 1, 0));
    table.on_response(ms(5_001), &response("z9hG4bKb", 200, "NOTIFY"));
    assert!(table.respond(ms(5_002), server, to_client(b"200")).is_some());
    assert_eq!((counts(&table), table.load().bytes), ((0, 0, 2), 0));
    table.on_deadline(ms(60_000));
    assert_eq!((table.load(), table.is_empty()), (Load::default(), true));
}
