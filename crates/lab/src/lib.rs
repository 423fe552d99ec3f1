//! Whole networks out of the real binaries, on loopback.
//!
//! [`Lab::up`] takes a free 127.x.y.0/24, moves the configuration there, starts name server, HSS, presence server and
//! CSCFs, and returns when all have said that they are ready. [`Agent`] is a UE in it. [`play`] brings a figure of the
//! contribution about, reads from the nodes' recordings what crossed the sockets, and compares it with the figure.
//! [`mod@bench`] measures what requests and registrations cost the nodes.
//!
//! [`Smsc`] is an SMS-C, for phones without SIP.
//!
//! An ended lab leaves no process and no file. If it is killed, its processes see their standard input end and follow;
//! its directory is removed by the next lab.
//!
//! Not here: any protocol, but for the requests of [`mod@bench`]. Linux only: elsewhere 127.x.y.z is no loopback without being configured.

mod account;
mod agent;
mod attachment;
pub mod bench;
mod error;
mod lab;
mod overlay;
pub mod phones;
mod place;
mod plan;
mod play;
mod process;
mod record;
mod recordings;
mod rules;
mod scene;
mod script;
mod smsc;
mod subnet;
mod tape;

pub use account::Account;
pub use agent::{Access, Agent, Event};
pub use attachment::{Attachment, NodeLine};
pub use error::LabError;
pub use lab::{Lab, Options};
pub use plan::{Addresses, Role, ShortMessages};
pub use play::{Performance, Staging, play};
pub use process::Ended;
pub use recordings::{Party, recordings};
pub use scene::follow;
pub use script::{Configuration, Moved, PLAYED, moves};
pub use smsc::{Esme, NotSent, Received, Smsc};
