//! The user agent in virtual time: what goes in are words and raw messages, what comes out are requests and reports.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

mod inbound;
mod keepalive;
mod leaving;
mod lines;
mod lost;
mod moving;
mod publication;
mod reg_event;
mod registration;
mod subscription;
mod support;
mod witness;
