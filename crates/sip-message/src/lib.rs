//! Bytes to SIP and back (RFC 3261 sections 7, 19, 20 and 25).

mod host;
mod transport;

pub use host::{Host, HostError};
pub use transport::Transport;
