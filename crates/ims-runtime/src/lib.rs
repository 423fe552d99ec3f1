//! The tokio shell around a node: command line, configuration, logs, signals, operator commands, sockets, DNS, Cx.
//!
//! It knows no role. Decisions are made below it, in `ims-node` and in the roles; here are the clock, the files and the
//! network that those are kept free of.

pub mod cli;
pub mod config;
pub mod ctl;
pub mod cx;
pub mod dns;
pub mod health;
mod journal;
pub mod logging;
pub mod node;
pub mod node_config;
pub mod recording;
pub mod signals;
