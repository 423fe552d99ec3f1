//! What is kept of every registration, in bytes of the allocator.
//!
//! Measured after Timer J, when no transaction lingers. The messages are as long as those of the lab.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use cx_protocol::{
    Answer, DefaultHandling, ImplicitRegistrationSet, Impu, PublicIdentity, ResultCode, Saa, ServiceProfile,
};
use scscf::Scscf;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use testnet::{Desk, bytes_of_each};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many of each.
const MANY: usize = 10_000;

/// Bytes that a registration may cost, the allocator's own included.
const MOST_OF_A_REGISTRATION: usize = 880;

/// Bytes that a challenge may cost, which can be answered for four minutes.
const MOST_OF_A_CHALLENGE: usize = 550;

/// Bytes that a subscription to a registration may cost.
const MOST_OF_A_SUBSCRIPTION: usize = 700;

fn user(number: usize) -> String {
    format!("user{number:05}@home1.test")
}

/// A REGISTER as the I-CSCF sends it on.
fn register(number: usize, cseq: u32, headers: &str) -> String {
    let user = user(number);
    let path = format!("<sip:ft000013c47f000a1f656fd68e91{number:012}@pcscf1a.home1.test;lr;ob>");
    format!(
        "REGISTER sip:home1.test SIP/2.0\r\nVia: SIP/2.0/UDP {ICSCF};branch=z9hG4bK{number:016}{cseq}\r\n\
         Max-Forwards: 68\r\nFrom: <sip:{user}>;tag={number:016}\r\nTo: <sip:{user}>\r\nCall-ID: {number:032}\r\n\
         CSeq: {cseq} REGISTER\r\nPath: {path}\r\nRequire: path\r\nSupported: path, gruu\r\n\
         Contact: <sip:user{number:05}@198.51.100.7:5080;ob>;+sip.instance=\"<urn:uuid:{number:036}>\"\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

/// A user of one identity, with the filter criteria of the lab.
fn profile(number: usize) -> Answer {
    let impu = Impu::new(&format!("sip:{}", user(number))).unwrap();
    let identities = vec![PublicIdentity { impu, barred: false, display: None }];
    let identities = ImplicitRegistrationSet { identities };
    let profile = ServiceProfile { identities, criteria: criteria(DefaultHandling::Terminated) };
    Answer::Saa(Saa { result: ResultCode::Success, impi: None, profile: Some(profile) })
}

fn register_one(desk: &mut Desk<Scscf>, number: usize) {
    desk.receive(0, address(ICSCF), register(number, 1, ""));
    desk.hss(Ok(maa_of(&user(number))));
    let (_, response) = desk.sent().unwrap();
    let challenge = &response.list_of_challenges()[0];
    let answer = authorization_as(&user(number), challenge, "alice-secret", 1);
    desk.receive(0, address(ICSCF), register(number, 2, &answer));
    desk.hss(Ok(profile(number)));
    assert_eq!(desk.status(), Some(200));
    answer_third_party(desk);
    desk.pass(Duration::from_millis(20));
    desk.forget();
}

/// The P-CSCF watches; the NOTIFY is confirmed.
fn watch(desk: &mut Desk<Scscf>, number: usize) {
    let user = user(number);
    let text = format!(
        "SUBSCRIBE sip:{user} SIP/2.0\r\nVia: SIP/2.0/UDP {PCSCF};branch=z9hG4bKs{number:016}\r\nMax-Forwards: 70\r\n\
         Route: <sip:orig@scscf1a.home1.test;lr>\r\nFrom: <sip:pcscf1a.home1.test>;tag={number:016}\r\nTo: <sip:{user}>\r\n\
         Call-ID: s{number:031}\r\nCSeq: 1 SUBSCRIBE\r\nP-Asserted-Identity: <sip:pcscf1a.home1.test>\r\n\
         P-Charging-Vector: icid-value={number:032}\r\nEvent: reg\r\nExpires: 600000\r\nAccept: application/reginfo+xml\r\n\
         Contact: <sip:pcscf1a.home1.test>\r\nContent-Length: 0\r\n\r\n"
    );
    desk.receive(0, address(PCSCF), text);
    assert_eq!(desk.status(), Some(200));
    let (_, notify) = forwarded(desk);
    desk.respond(0, address(PCSCF), &notify, 200, "");
    desk.pass(Duration::from_millis(20));
    desk.forget();
}

/// One test, because all threads share the allocator.
#[test]
fn a_registration_takes_little() {
    let mut desk = desk();
    // It has been at work: its tables of transactions have their size.
    (0..MANY).step_by(10).for_each(|number| register_one(&mut desk, number));
    (0..MANY).step_by(10).for_each(|number| watch(&mut desk, number));
    desk.pass(Duration::from_secs(3700));
    assert_eq!((desk.node.role().registered(), desk.node.role().reg_watches()), (0, 0));
    desk.forget();

    let region = Region::new(ALLOCATOR);
    (0..MANY).for_each(|number| register_one(&mut desk, number));
    desk.pass(Duration::from_secs(35));
    let challenged = bytes_of_each("a registration with its challenge", &region, MANY);
    desk.pass(Duration::from_secs(250));
    let registered = bytes_of_each("a registration", &region, MANY);
    assert_eq!(desk.node.role().registered(), MANY);

    (0..MANY).for_each(|number| watch(&mut desk, number));
    desk.pass(Duration::from_secs(40));
    let watched = bytes_of_each("a registration with a subscription to it", &region, MANY);
    assert_eq!(desk.node.role().reg_watches(), MANY);

    assert!(registered < MOST_OF_A_REGISTRATION);
    assert!(challenged - registered < MOST_OF_A_CHALLENGE);
    assert!(watched - registered < MOST_OF_A_SUBSCRIPTION);
}
