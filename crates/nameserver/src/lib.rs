//! Authoritative DNS for the lab: zone files of RFC 1035 section 5 served over UDP and TCP.
//!
//! The work is done by hickory-server; here are the configuration, errors that name file and line, and reloading a zone
//! in place. Not here: recursion, dynamic updates, zone transfers, DNSSEC. Any other authoritative server, with the
//! same zone files, does as well.

mod config;
mod server;
mod zone;

pub use config::{NameserverConfig, ViewConfig, ZoneConfig};
pub use server::{Nameserver, check, reload, run};
pub use zone::{MAX_ZONE_BYTES, Zone, ZoneError};
