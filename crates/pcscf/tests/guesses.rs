//! Who guesses passwords is slowed, and keeps nobody out, without a network.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use pcscf::{Cause, Pcscf, SubscribeReg};
use sip_message::HeaderName;
use std::time::Duration;
use testnet::Desk;

const OWNER: &str = "198.51.100.9:5080";

/// Somebody at this address answers a challenge as alice. The registrar says this; gives what the phone is told, with Retry-After.
fn answers(desk: &mut Desk<Pcscf>, (from, number): (&str, u32), verdict: (u16, &str)) -> (u16, Option<u32>) {
    let digest = "Authorization: Digest username=\"alice@home1.test\", realm=\"home1.test\", nonce=\"n\", \
                  uri=\"sip:home1.test\", response=\"0123\"\r\n";
    desk.clear();
    desk.receive(GM, address(from), register(number, &format!("{CONTACT}\r\n{digest}")));
    let (_, sent) = desk.sent().unwrap();
    let answer = match sent.status() {
        Some(_) => {
            assert_eq!(desk.reason(&sent), Some(Cause::TooManyGuesses.reason()));
            sent
        }
        None => {
            let (status, headers) = verdict;
            desk.respond(MW, address(ICSCF), &sent, status, headers);
            desk.sent().unwrap().1
        }
    };
    let retry_after = answer.value(HeaderName::RetryAfter).and_then(|value| value.parse().ok());
    (answer.status().unwrap().code(), retry_after)
}

const WRONG: (u16, &str) = (401, "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"m\"\r\n");
const STALE: (u16, &str) =
    (401, "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"m\", stale=true\r\n");
const RIGHT: (u16, &str) = (
    200,
    "Contact: <sip:alice@198.51.100.7:5080>;expires=600\r\nService-Route: <sip:orig@scscf1a.home1.test;lr>\r\n",
);

/// A desk where somebody at `UE` has given six wrong answers.
fn guessed() -> Desk<Pcscf> {
    let mut desk = desk_with(SubscribeReg::Off);
    for number in 1..=6 {
        let verdict = if number % 3 == 0 { (403, "") } else { WRONG };
        assert_eq!(answers(&mut desk, (UE, number), verdict), (verdict.0, None), "answer {number}");
    }
    desk
}

#[test]
fn who_guesses_is_told_when_to_come_again_and_its_guesses_go_no_further() {
    let mut desk = guessed();
    assert_eq!(answers(&mut desk, (UE, 7), WRONG), (500, Some(1)));
    desk.pass(Duration::from_secs(1));
    assert_eq!(answers(&mut desk, (UE, 8), WRONG), (401, None));
    assert_eq!(answers(&mut desk, (UE, 9), WRONG), (500, Some(2)));
    // Whoever asks for a challenge guesses nothing.
    desk.clear();
    desk.receive(GM, address(UE), register(10, &format!("{CONTACT}\r\n")));
    assert_eq!(forwarded(&mut desk).1.cseq(), 10);
}

#[test]
fn the_owner_registers_while_somebody_guesses() {
    let mut desk = guessed();
    assert_eq!(answers(&mut desk, (OWNER, 7), RIGHT), (200, None), "from another address");
    let mut desk = guessed();
    let behind_the_same_nat = UE.replace(":5080", ":6080");
    assert_eq!(answers(&mut desk, (&behind_the_same_nat, 7), RIGHT), (200, None));
}

#[test]
fn who_is_registered_on_the_flow_is_never_slowed() {
    let mut desk = desk_with(SubscribeReg::Off);
    assert_eq!(answers(&mut desk, (UE, 1), RIGHT), (200, None));
    for number in 2..=20 {
        assert_eq!(answers(&mut desk, (UE, number), WRONG), (401, None));
    }
}

#[test]
fn a_stale_nonce_and_an_absent_registrar_are_no_wrong_answers() {
    for verdict in [STALE, (504, ""), (480, "")] {
        let mut desk = desk_with(SubscribeReg::Off);
        for number in 1..=20 {
            assert_eq!(answers(&mut desk, (UE, number), verdict).0, verdict.0);
        }
    }
}
