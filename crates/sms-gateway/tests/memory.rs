//! What is kept of every user with a publication, in bytes of the allocator.
//!
//! Measured after Timer J, when no transaction lingers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test"
)]

mod support;

use cx_protocol::{Answer, Impu, ResultCode, Uda};
use sms_gateway::{Ask, Told};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Duration;
use support::{Gateway, update};
use testnet::bytes_of_each;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MANY: u32 = 10_000;

/// Bytes that a user may cost, the allocator's own included.
const MOST: usize = 750;

/// A user says a status, which is published and confirmed.
fn publish(gateway: &mut Gateway, number: u32) {
    let from = format!("+1555{number:07}");
    let told = gateway.ask(Ask::Update(update(&from, "busy in a meeting")));
    assert_eq!(told, Some(Told::Taken));
    let impus = vec![Impu::new(&format!("sip:user{number:05}@home1.test")).unwrap()];
    let presence_server = Some("sip:ps1.home1.test".into());
    let result = ResultCode::Success;
    gateway.hss(Ok(Answer::Uda(Uda {
        result,
        server_name: None,
        impus,
        state: None,
        presence_server,
        agents: Vec::new(),
    })));
    let publish = gateway.publish();
    // As long as a presence server's entity-tag.
    gateway.takes(&publish, &format!("{number:043}"));
    assert_eq!(gateway.messages().len(), 1);
    gateway.pass(Duration::from_millis(20));
    gateway.forget();
}

#[test]
fn what_is_kept_of_a_user() {
    let mut gateway = Gateway::new();
    (0..1000).for_each(|number| publish(&mut gateway, 9_000_000 + number));
    gateway.pass(Duration::from_secs(60));
    gateway.forget();
    let region = Region::new(ALLOCATOR);
    (0..MANY).for_each(|number| publish(&mut gateway, number));
    gateway.pass(Duration::from_secs(60));
    gateway.forget();
    assert!(bytes_of_each("a user with a publication", &region, MANY as usize) <= MOST);
}
