//! Whole networks out of the real binaries, on loopback.
//!
//! [`Lab::up`] takes a free 127.x.y.0/24, moves the configuration there, starts name server, HSS, presence server and
//! CSCFs, and returns when all have said that they are ready. [`Agent`] is a UE in it. [`play`] brings a figure of the
//! contribution about, reads from the nodes' recordings what crossed the sockets, and compares it with the figure.
//!
//! An ended lab leaves no process and no file. If it is killed, its processes see their standard input end and follow;
//! its directory is removed by the next lab.
//!
//! Not here: any protocol. Linux only: elsewhere 127.x.y.z is no loopback without being configured.

mod account;
mod agent;
mod attachment;
mod error;
mod lab;
mod place;
mod plan;
mod play;
mod process;
mod record;
mod rules;
mod subnet;
mod tape;

pub use account::Account;
pub use agent::{Access, Agent, Event};
pub use attachment::{Attachment, NodeLine};
pub use error::LabError;
pub use lab::{Lab, Options};
pub use plan::{Addresses, Role};
pub use play::{PLAYED, Performance, play};
pub use process::Ended;
