//! One whole domain in virtual time: its services, its edge cases, what fails and comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "../domain/mod.rs"]
mod domain;

mod edges;
mod failures;
mod reg_event;
mod services;
