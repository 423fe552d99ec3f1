//! The tokio shell around a node: command line, configuration, logs, signals, operator commands, sockets, DNS, Cx.
//!
//! It knows no role. Decisions are made below it, in `ims-node` and in the roles; here are the clock, the files and the
//! network that those are kept free of.

pub mod cli;
mod clock;
pub mod config;
pub mod ctl;
pub mod cx;
pub mod dns;
pub mod health;
mod journal;
mod log_sample;
pub mod logging;
pub mod node;
pub mod node_config;
mod open_files;
pub mod recording;
pub mod signals;
pub mod state_lock;

pub use clock::Clock;

/// The allocator of the nodes; each takes it in its `main.rs`. Messages are blocks of 1 to 2 KiB, which the C library's
/// allocator keeps looking for and joining, and the journal's thread gives back what the node's took.
pub use mimalloc::MiMalloc as Allocator;
