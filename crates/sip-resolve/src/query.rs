//! What is asked of the resolver, and what it gives.

use clock::Mono;
use sip_message::{Host, Transport};
use std::fmt;
use std::net::SocketAddr;

/// The parts of a URI that say where a request goes (RFC 3263 section 4).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The `maddr` parameter if there is one, else the host.
    pub host: Host,
    /// The port, if written.
    pub port: Option<u16>,
    /// The `transport` parameter, if written.
    pub transport: Option<Transport>,
    /// Whether the scheme is `sips`.
    pub secure: bool,
}

/// A question to the resolver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Query {
    /// The next hop of a SIP request.
    Sip(Target),
    /// The servers of another service, by its SRV name such as `_cx._tcp.home1.test` (RFC 2782).
    Service {
        /// The SRV name.
        name: Box<str>,
        /// The transport that the name says; it is only passed on.
        transport: Transport,
    },
}

/// One way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hop {
    /// Where.
    pub address: SocketAddr,
    /// How.
    pub transport: Transport,
}

/// Why there is no hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResolveError {
    /// The name does not exist: whoever wrote it is wrong.
    NoSuchDomain,
    /// The name exists, but nothing there serves this request.
    NoRecords,
    /// DNS did not answer, or answered that it cannot.
    DnsFailed,
    /// The target asks for a transport that is not spoken here.
    Unsupported,
    /// Too many lookups wait for DNS ([`MAX_LOOKUPS`](crate::MAX_LOOKUPS)).
    Busy,
    /// Every server asked to be left alone; the first of them no longer at this time.
    AllUnavailable(Mono),
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchDomain => "no such domain",
            Self::NoRecords => "the domain has no server for this",
            Self::DnsFailed => "DNS did not answer",
            Self::Unsupported => "transport not supported",
            Self::Busy => "too many lookups",
            Self::AllUnavailable(_) => "every server asked to be left alone",
        })
    }
}

impl std::error::Error for ResolveError {}
