//! Hello, correlation, deadlines and ends of a connection, in virtual time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

mod support;

use cx_protocol::{
    Backoff, CloseReason, Connection, CxFailure, FrameKind, Input, MAX_OUTSTANDING, Output, ProtocolError,
    ResultCode, Role, Secret, Token,
};
use std::time::Duration;
use support::{Pair, ask, at, frame, lir, local, outputs};

fn failed(token: u64, failure: CxFailure) -> Output {
    Output::Answer { token: Token(token), result: Err(failure) }
}

/// `{0: code}` of an error frame.
fn error(command: u16, hop: u32, result: ResultCode) -> Vec<u8> {
    let [high, low] = result.code().to_be_bytes();
    frame(FrameKind::Error, command, hop, &[0xA1, 0x00, 0x19, high, low])
}

#[test]
fn hello_names_the_peer_in_lower_case() {
    let (cscf, hss) = Pair::new("secret", "secret").run(at(0));
    let realm: Box<str> = "home1.test".into();
    assert_eq!(hss, [Output::Established { host: "icscf1.home1.test".into(), realm: realm.clone() }]);
    assert_eq!(cscf, [Output::Established { host: "hss1.home1.test".into(), realm }]);
}

#[test]
fn hello_with_a_wrong_proof_closes_both_sides() {
    let (cscf, hss) = Pair::new("secret", "Secret").run(at(0));
    assert_eq!(cscf, [Output::Close(CloseReason::HelloRefused(ResultCode::UnableToComply))]);
    assert_eq!(hss, [Output::Close(CloseReason::BadProof)]);
}

#[test]
fn the_side_that_opened_the_connection_proves_first() {
    let mut hss = Connection::new(at(0), local(Role::Acceptor, "secret"));
    let own_hello = outputs(&mut hss);
    let mut stranger = Connection::new(at(0), local(Role::Initiator, "guess"));
    let [Output::Write(hello)] = &outputs(&mut stranger)[..] else { panic!("a hello") };
    hss.handle(at(0), Input::Received(hello));
    assert_eq!(outputs(&mut hss), [], "a stranger's hello is answered with nothing");
    let [Output::Write(hello)] = &own_hello[..] else { panic!("a hello") };
    stranger.handle(at(0), Input::Received(hello));
    let [Output::Write(guess)] = &outputs(&mut stranger)[..] else { panic!("a proof") };
    hss.handle(at(0), Input::Received(guess));
    let refused = Output::Write(error(257, 1, ResultCode::UnableToComply).into());
    assert_eq!(outputs(&mut hss), [refused, Output::Close(CloseReason::BadProof)], "no code over anything");
}

#[test]
fn hello_reflected_to_its_sender_proves_nothing() {
    let mut cscf = Connection::new(at(0), local(Role::Initiator, "secret"));
    loop {
        for output in outputs(&mut cscf) {
            match output {
                Output::Write(octets) => cscf.handle(at(0), Input::Received(&octets)),
                Output::Close(reason) => return assert_eq!(reason, CloseReason::BadProof),
                other @ (Output::Established { .. } | Output::Request { .. } | Output::Answer { .. }) => {
                    panic!("{other:?}")
                }
            }
        }
    }
}

#[test]
fn hello_without_an_answer_closes_after_5_s() {
    let mut cscf = Connection::new(at(0), local(Role::Initiator, "secret"));
    outputs(&mut cscf);
    assert_eq!(cscf.poll_timeout(), Some(at(5000)));
    cscf.handle(at(4999), Input::Deadline);
    assert_eq!(outputs(&mut cscf), []);
    cscf.handle(at(5000), Input::Deadline);
    assert_eq!(outputs(&mut cscf), [Output::Close(CloseReason::HelloTimeout)]);
    assert_eq!(cscf.poll_timeout(), None);
}

#[test]
fn hello_must_come_first_once_and_well_formed() {
    let hello = {
        let mut peer = Connection::new(at(0), local(Role::Initiator, "secret"));
        let Some(Output::Write(octets)) = peer.poll_output() else { panic!("hello is written") };
        octets.to_vec()
    };
    let table = [
        (vec![frame(FrameKind::Request, 302, 1, &[0xA0])], CloseReason::Unexpected),
        (vec![frame(FrameKind::Request, 999, 1, &[0xA0])], CloseReason::Unexpected),
        (vec![frame(FrameKind::Answer, 257, 1, &[0xA0])], CloseReason::Unexpected),
        (vec![hello.clone(), hello.clone()], CloseReason::Unexpected),
        (vec![frame(FrameKind::Request, 257, 1, &[0xA0])], CloseReason::BadHello),
        (vec![hello, frame(FrameKind::Answer, 257, 1, &[0xFF])], CloseReason::BadHello),
        (
            vec![error(257, 1, ResultCode::UnsupportedVersion)],
            CloseReason::HelloRefused(ResultCode::UnsupportedVersion),
        ),
    ];
    for (frames, reason) in table {
        let mut hss = Connection::new(at(0), local(Role::Acceptor, "secret"));
        frames.iter().for_each(|octets| hss.handle(at(0), Input::Received(octets)));
        assert_eq!(outputs(&mut hss).last(), Some(&Output::Close(reason)));
    }
    let mut pair = Pair::established();
    pair.hss.handle(at(1), Input::Received(&frame(FrameKind::Request, 257, 1, &[0xA0])));
    assert_eq!(outputs(&mut pair.hss), [Output::Close(CloseReason::Unexpected)]);
}

#[test]
fn an_empty_secret_is_none_and_a_secret_is_hidden() {
    assert!(Secret::new(b"").is_none());
    let shown = format!("{:?}", local(Role::Acceptor, "horse-battery"));
    assert!(!shown.contains("horse"), "{shown}");
}

#[test]
fn an_unknown_version_is_answered_5011_and_closed() {
    let mut octets = frame(FrameKind::Request, 302, 3, &[0xA0]);
    octets[4] = 2;
    let mut pair = Pair::established();
    pair.hss.handle(at(1), Input::Received(&octets));
    let told = Output::Write(error(302, 3, ResultCode::UnsupportedVersion).into());
    assert_eq!(outputs(&mut pair.hss), [told, Output::Close(CloseReason::Version(2))]);
}

#[test]
fn an_unknown_command_is_answered_3001_and_the_connection_lives() {
    let mut pair = Pair::established();
    pair.hss.handle(at(1), Input::Received(&frame(FrameKind::Request, 999, 3, &[0xA0])));
    let told = Output::Write(error(999, 3, ResultCode::CommandUnsupported).into());
    assert_eq!(outputs(&mut pair.hss), [told]);
    ask(&mut pair.cscf, at(1), 1, lir());
    assert_eq!(pair.run(at(1)).1.len(), 1);
}

#[test]
fn requests_are_pipelined_and_answered_in_any_order_both_ways() {
    let mut pair = Pair::established();
    ask(&mut pair.cscf, at(1), 10, lir());
    ask(&mut pair.cscf, at(1), 11, lir());
    ask(&mut pair.hss, at(1), 12, lir());
    let (cscf, hss) = pair.run(at(1));
    let hops = |outputs: &[Output]| -> Vec<u32> {
        let hop = |output: &Output| {
            let Output::Request { hop_by_hop, .. } = output else { panic!("{output:?}") };
            *hop_by_hop
        };
        outputs.iter().map(hop).collect()
    };
    let answer = |result| Box::new(lir().answer(result));
    let [first, second] = hops(&hss)[..] else { panic!("{hss:?}") };
    let (unknown, success) = (answer(ResultCode::UserUnknown), answer(ResultCode::Success));
    pair.hss.handle(at(2), Input::Answer { hop_by_hop: second, answer: unknown.clone() });
    pair.hss.handle(at(2), Input::Answer { hop_by_hop: first, answer: success.clone() });
    pair.cscf.handle(at(2), Input::Answer { hop_by_hop: hops(&cscf)[0], answer: success.clone() });
    let (cscf, hss) = pair.run(at(2));
    let answered = |token, answer| Output::Answer { token: Token(token), result: Ok(answer) };
    assert_eq!(cscf, [answered(11, unknown), answered(10, success.clone())]);
    assert_eq!(hss, [answered(12, success)]);
}

#[test]
fn a_request_without_an_answer_fails_after_5_s_and_its_late_answer_is_dropped() {
    let mut pair = Pair::established();
    ask(&mut pair.cscf, at(1000), 1, lir());
    let (_, hss) = pair.run(at(1000));
    let [Output::Request { hop_by_hop, .. }] = hss[..] else { panic!("{hss:?}") };
    assert_eq!(pair.cscf.poll_timeout(), Some(at(6000)));
    pair.cscf.handle(at(5999), Input::Deadline);
    assert_eq!(outputs(&mut pair.cscf), []);
    pair.cscf.handle(at(6000), Input::Deadline);
    assert_eq!(outputs(&mut pair.cscf), [failed(1, CxFailure::Timeout)]);
    let late = Box::new(lir().answer(ResultCode::Success));
    pair.hss.handle(at(6001), Input::Answer { hop_by_hop, answer: late });
    assert_eq!(pair.run(at(6001)), (vec![], vec![]));
}

#[test]
fn outstanding_requests_fail_at_once_when_the_connection_drops() {
    let mut pair = Pair::established();
    ask(&mut pair.cscf, at(1), 1, lir());
    ask(&mut pair.cscf, at(1), 2, lir());
    pair.run(at(1));
    pair.cscf.handle(at(2), Input::Closed);
    let lost = CxFailure::ConnectionLost;
    let closed = Output::Close(CloseReason::Closed);
    assert_eq!(outputs(&mut pair.cscf), [failed(1, lost), failed(2, lost), closed]);
    ask(&mut pair.cscf, at(3), 3, lir());
    pair.cscf.handle(at(3), Input::Closed);
    assert_eq!(outputs(&mut pair.cscf), [failed(3, CxFailure::NotConnected)]);
}

#[test]
fn a_request_before_the_proof_fails_as_not_connected() {
    let mut cscf = Connection::new(at(0), local(Role::Initiator, "secret"));
    outputs(&mut cscf);
    ask(&mut cscf, at(0), 1, lir());
    assert_eq!(outputs(&mut cscf), [failed(1, CxFailure::NotConnected)]);
}

#[test]
fn above_the_bound_requests_fail_as_overloaded_on_either_side() {
    let mut pair = Pair::established();
    let bound = u64::try_from(MAX_OUTSTANDING).unwrap();
    (0..=bound).for_each(|token| ask(&mut pair.cscf, at(1), token, lir()));
    assert_eq!(pair.run(at(1)).0, [failed(bound, CxFailure::Overloaded)]);

    let alien = frame(FrameKind::Request, 302, 0xFFFF_0000, &lir_body());
    pair.hss.handle(at(1), Input::Received(&alien));
    let busy = error(302, 0xFFFF_0000, ResultCode::TooBusy);
    assert_eq!(outputs(&mut pair.hss), [Output::Write(busy.into())]);

    let mut pair = Pair::established();
    ask(&mut pair.cscf, at(1), 5, lir());
    outputs(&mut pair.cscf);
    pair.cscf.handle(at(1), Input::Received(&error(302, first_hop(), ResultCode::TooBusy)));
    assert_eq!(outputs(&mut pair.cscf), [failed(5, CxFailure::Overloaded)]);
}

/// The identifier of the first request behind hello.
const fn first_hop() -> u32 {
    2
}

fn lir_body() -> Vec<u8> {
    let mut body = vec![0xA2, 0x02, 0x74];
    body.extend(b"sip:alice@home1.test");
    body.extend([0x05, 0x00]);
    body
}

#[test]
fn an_answer_that_cannot_be_right_fails_its_request_only() {
    let table = [
        (
            frame(FrameKind::Answer, 300, first_hop(), &[0xA1, 0, 0x19, 0x07, 0xD1]),
            ProtocolError::WrongCommand,
        ),
        (frame(FrameKind::Answer, 302, first_hop(), &[0xA0]), ProtocolError::Body),
        (frame(FrameKind::Answer, 302, first_hop(), &[0xA1, 0, 0x19, 0x0B, 0xB7]), ProtocolError::Body), // 2999
        (
            error(302, first_hop(), ResultCode::CommandUnsupported),
            ProtocolError::Refused(ResultCode::CommandUnsupported),
        ),
        (frame(FrameKind::Error, 302, first_hop(), &[]), ProtocolError::Body),
    ];
    for (octets, why) in table {
        let mut pair = Pair::established();
        ask(&mut pair.cscf, at(1), 1, lir());
        outputs(&mut pair.cscf);
        pair.cscf.handle(at(1), Input::Received(&octets));
        assert_eq!(outputs(&mut pair.cscf), [failed(1, CxFailure::Protocol(why))]);
    }
}

#[test]
fn two_open_requests_of_one_identifier_close() {
    let mut pair = Pair::established();
    let octets = frame(FrameKind::Request, 302, 77, &lir_body());
    pair.hss.handle(at(1), Input::Received(&octets));
    pair.hss.handle(at(1), Input::Received(&octets));
    assert_eq!(outputs(&mut pair.hss).last(), Some(&Output::Close(CloseReason::Unexpected)));
}

#[test]
fn an_answer_is_sent_once_and_only_to_what_was_asked() {
    let mut pair = Pair::established();
    pair.hss.handle(at(1), Input::Received(&frame(FrameKind::Request, 302, 77, &lir_body())));
    outputs(&mut pair.hss);
    let answer = || Box::new(lir().answer(ResultCode::Success));
    let sent = |hss: &mut Connection, hop_by_hop| {
        hss.handle(at(1), Input::Answer { hop_by_hop, answer: answer() });
        outputs(hss).len()
    };
    assert_eq!([sent(&mut pair.hss, 78), sent(&mut pair.hss, 77), sent(&mut pair.hss, 77)], [0, 1, 0]);
}

#[test]
fn the_watchdog_asks_after_10_s_of_silence_and_an_answer_satisfies_it() {
    let mut pair = Pair::established();
    assert_eq!(pair.cscf.poll_timeout(), Some(at(10_000)));
    pair.cscf.handle(at(10_000), Input::Deadline);
    assert_eq!(pair.run(at(10_000)), (vec![], vec![]));
    assert_eq!(pair.cscf.poll_timeout(), Some(at(20_000)));
    assert_eq!(pair.hss.poll_timeout(), Some(at(20_000)), "being asked is being heard of");
}

#[test]
fn the_watchdog_closes_after_5_s_without_an_answer() {
    let mut pair = Pair::established();
    ask(&mut pair.cscf, at(9_999), 1, lir());
    pair.cscf.handle(at(10_000), Input::Deadline);
    assert_eq!(outputs(&mut pair.cscf).len(), 2, "the request and the watchdog");
    pair.cscf.handle(at(14_999), Input::Deadline);
    assert_eq!(outputs(&mut pair.cscf), [failed(1, CxFailure::Timeout)]);
    ask(&mut pair.cscf, at(14_999), 2, lir());
    outputs(&mut pair.cscf);
    pair.cscf.handle(at(15_000), Input::Deadline);
    let closed = Output::Close(CloseReason::WatchdogTimeout);
    assert_eq!(outputs(&mut pair.cscf), [failed(2, CxFailure::ConnectionLost), closed]);
}

#[test]
fn backoff_doubles_from_100_ms_to_5_s_and_jitter_takes_up_to_half() {
    let mut backoff = Backoff::new();
    let waits: Vec<u128> = (0..8).map(|_| backoff.after_failure(u16::MAX).as_millis()).collect();
    assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    backoff.reset();
    assert_eq!(backoff.after_failure(0), Duration::from_millis(50));
}
