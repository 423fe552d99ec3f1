//! One whole domain in virtual time: its services, its edge cases, what fails and comes back, and two sweeps over seeds
//! in which everything goes wrong that a network and a machine can do wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test"
)]

#[path = "../domain/mod.rs"]
mod domain;

mod course;
mod edges;
mod failures;
mod invariants;
mod services;
mod sweep;
