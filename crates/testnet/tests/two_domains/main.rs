//! Two whole domains in virtual time: watchers and presentities in both, moving between P-CSCFs and S-CSCFs, over a
//! network that loses, doubles, delays and reorders, while nodes of every kind die and come back.
//!
//! `sweep` runs many seeds and holds every recording against what the network promises; `faults` puts faults in on
//! purpose and sees that the same promises find them.
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
mod faults;
mod moves;
mod people;
mod seeds;
mod sweep;
mod tally;
mod troubles;
