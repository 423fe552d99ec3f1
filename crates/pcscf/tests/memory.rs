//! What is kept of every registration, in bytes of the allocator.
//!
//! Measured after Timer J, when no transaction lingers. The messages are as long as those of the lab.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod common;

use common::*;
use pcscf::{Pcscf, SubscribeReg};
use sip_message::{HeaderName, Message};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::net::SocketAddr;
use std::time::Duration;
use testnet::{Desk, bytes_of_each};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// So many of each.
const MANY: u16 = 10_000;

/// Bytes that a binding may cost, the allocator's own included.
const MOST_OF_A_BINDING: usize = 700;

/// Bytes that its subscription to the registration may cost.
const MOST_OF_A_SUBSCRIPTION: usize = 900;

/// It has been at work before, so that its tables of transactions have their size.
fn node(subscribe_reg: SubscribeReg) -> Desk<Pcscf> {
    let mut desk = desk_with(subscribe_reg);
    for number in 0..1000 {
        register(&mut desk, number, 60);
    }
    desk.pass(Duration::from_secs(200));
    desk.forget();
    assert_eq!((desk.node.role().registered(), desk.node.role().reg_subscriptions()), (0, 0));
    desk
}

fn phone(number: u16) -> SocketAddr {
    SocketAddr::new(address(UE).ip(), 10_000 + number)
}

/// One user registers; where the P-CSCF subscribes to the registration, the S-CSCF accepts.
fn register(desk: &mut Desk<Pcscf>, number: u16, seconds: u32) {
    let (user, from) = (format!("sip:user{number:05}@home1.test"), phone(number));
    let contact =
        format!("Contact: <sip:user{number:05}@{from};ob>;+sip.instance=\"<urn:uuid:{number:036}>\"");
    let text = format!(
        "REGISTER sip:home1.test SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bK{number:016}{seconds}\r\n\
         Max-Forwards: 70\r\nFrom: <{user}>;tag={number:016}\r\nTo: <{user}>\r\nCall-ID: {number:032}\r\n\
         CSeq: 2 REGISTER\r\n{contact}\r\nContent-Length: 0\r\n\r\n"
    );
    desk.receive(GM, from, text);
    let (_, message) = forwarded(desk);
    let headers = format!("{contact};expires={seconds}\r\n{SERVICE_ROUTE}P-Associated-URI: <{user}>\r\n");
    desk.respond(MW, address(ICSCF), &message, 200, &headers);
    assert_eq!(desk.status(), Some(200));
    if let Some((_, subscribe)) = desk.sent() {
        watch(desk, &subscribe, number, seconds);
    }
    desk.pass(Duration::from_millis(20));
    desk.forget();
}

/// The S-CSCF accepts a subscription to a registration; its NOTIFY comes first, as it may.
fn watch(desk: &mut Desk<Pcscf>, subscribe: &Message, number: u16, seconds: u32) {
    let body = format!(
        "<?xml version=\"1.0\"?><reginfo xmlns='urn:ietf:params:xml:ns:reginfo' version='0' state='full'>\
         <registration aor='sip:user{number:05}@home1.test' id='r' state='active'></registration></reginfo>"
    );
    let to = format!("<sip:user{number:05}@home1.test>;tag={number:016}");
    let notify = format!(
        "NOTIFY sip:pcscf1a.home1.test SIP/2.0\r\nVia: SIP/2.0/UDP {SCSCF};branch=z9hG4bKn{number:016}{seconds}\r\n\
         From: {to}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 NOTIFY\r\nMax-Forwards: 70\r\nEvent: reg\r\n\
         Subscription-State: active;expires={seconds}\r\nContact: <sip:scscf1a.home1.test>\r\n\
         Content-Type: application/reginfo+xml\r\nContent-Length: {}\r\n\r\n{body}",
        subscribe.value(HeaderName::From).unwrap(),
        subscribe.call_id(),
        body.len()
    );
    desk.receive(MW, address(SCSCF), notify);
    assert_eq!(desk.status(), Some(200));
    let headers = format!("Expires: {seconds}\r\nContact: <sip:scscf1a.home1.test>\r\n");
    desk.respond(MW, address(SCSCF), subscribe, 200, &headers);
}

fn of_all(what: &str, subscribe_reg: SubscribeReg) -> usize {
    let mut desk = node(subscribe_reg);
    let region = Region::new(ALLOCATOR);
    (0..MANY).for_each(|number| register(&mut desk, number, 3600));
    desk.pass(Duration::from_secs(40));
    let subscriptions = if subscribe_reg == SubscribeReg::On { MANY } else { 0 };
    let role = desk.node.role();
    assert_eq!((role.registered(), role.reg_subscriptions()), (MANY.into(), subscriptions.into()));
    bytes_of_each(what, &region, MANY.into())
}

/// One test, because all threads share the allocator.
#[test]
fn a_registration_takes_little() {
    let binding = of_all("a binding", SubscribeReg::Off);

    let watched = of_all("a binding with its subscription", SubscribeReg::On);
    assert!(binding < MOST_OF_A_BINDING);
    assert!(watched - binding < MOST_OF_A_SUBSCRIPTION);
}
