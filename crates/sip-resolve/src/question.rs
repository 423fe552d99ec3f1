//! DNS questions and answers as data.

use std::net::IpAddr;
use std::time::Duration;

/// A type of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Services of a domain (RFC 3403).
    Naptr,
    /// Servers of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

/// One question for a DNS server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    name: Box<str>,
    kind: Kind,
}

impl Question {
    /// The question for the records `kind` of `name`. Case and a trailing dot make no difference.
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.trim_end_matches('.').to_ascii_lowercase().into(), kind }
    }

    /// The name, in lower case and without a trailing dot.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of record.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// A NAPTR record (RFC 3403 section 4.1); a regular expression is not needed here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naptr {
    /// Lower comes first, and higher is then not looked at.
    pub order: u16,
    /// Lower comes first among equal orders.
    pub preference: u16,
    /// `s` when the replacement is the name of SRV records.
    pub flags: Box<str>,
    /// Such as `SIP+D2U`.
    pub service: Box<str>,
    /// The name to go on with.
    pub replacement: Box<str>,
}

/// An SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Srv {
    /// Lower comes first.
    pub priority: u16,
    /// Share of the requests among equal priorities.
    pub weight: u16,
    /// Port of the server.
    pub port: u16,
    /// Name of the server; `.` says that the service is not offered.
    pub target: Box<str>,
}

/// The records of an answer, all of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Records {
    /// To a question for [`Kind::Naptr`].
    Naptr(Vec<Naptr>),
    /// To a question for [`Kind::Srv`].
    Srv(Vec<Srv>),
    /// To a question for [`Kind::A`] or [`Kind::Aaaa`].
    Addresses(Vec<IpAddr>),
}

/// What DNS says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DnsAnswer {
    /// These records, for as long as the shortest-lived of them.
    Records(Records, Duration),
    /// The name exists without such records. For how long that holds (RFC 2308 section 5: the smaller of the SOA's
    /// TTL and its MINIMUM field); without an SOA record it is not to be remembered.
    NoRecords(Option<Duration>),
    /// There is no such name, for as long.
    NoSuchDomain(Option<Duration>),
    /// No answer in time, or the server's failure.
    Failed,
}

impl DnsAnswer {
    /// Whether the records are of the kind that `question` asks for; an answer without records always is.
    pub(crate) fn fits(&self, question: &Question) -> bool {
        match self {
            Self::Records(Records::Naptr(_), _) => question.kind == Kind::Naptr,
            Self::Records(Records::Srv(_), _) => question.kind == Kind::Srv,
            Self::Records(Records::Addresses(list), _) => match question.kind {
                Kind::A => list.iter().all(IpAddr::is_ipv4),
                Kind::Aaaa => list.iter().all(IpAddr::is_ipv6),
                Kind::Naptr | Kind::Srv => false,
            },
            Self::NoRecords(_) | Self::NoSuchDomain(_) | Self::Failed => true,
        }
    }
}
