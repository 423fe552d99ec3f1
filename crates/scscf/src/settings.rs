//! What an S-CSCF is told.

use std::net::IpAddr;
use std::time::Duration;

/// Whether the presentity's S-CSCF stays on the way of a dialog (rule RT-ST-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminatingRecordRoute {
    /// It does: figures 1 and 2.
    On,
    /// It does not: TS 24.141.
    Off,
}

/// Settings of an S-CSCF.
#[derive(Debug, Clone)]
pub struct ScscfSettings {
    /// The node's name, under which the HSS knows it: `scscf1a.home1.test`.
    pub name: Box<str>,
    /// The domain it serves.
    pub domain: Box<str>,
    /// Whether it stays on the way when it serves the presentity.
    pub terminating_record_route: TerminatingRecordRoute,
    /// Shortest registration; a shorter wish gets 423.
    pub min_expires_s: u32,
    /// Longest registration; a longer wish is shortened to it.
    pub max_expires_s: u32,
    /// 64 times T1: so long a transaction may last.
    pub timer_f: Duration,
    /// How long an application server may stay silent before its criterion's default handling applies.
    pub as_patience: Duration,
    /// Whether the `uri` of a digest must be the Request-URI. Off: a difference is only logged, because some phones
    /// name their proxy there.
    pub strict_digest_uri: StrictDigestUri,
    /// The addresses of our network's nodes, as `peers` of the node has them.
    pub own_addresses: Vec<IpAddr>,
    /// Those of other operators' nodes. A dialog may lead to addresses of both where its Record-Route or Contact has an address instead
    /// of a name.
    pub peer_addresses: Vec<IpAddr>,
    /// The domains of those operators.
    pub peer_domains: Vec<Box<str>>,
}

/// See [`ScscfSettings::strict_digest_uri`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictDigestUri {
    /// A difference is refused.
    On,
    /// A difference is logged.
    Off,
}

impl ScscfSettings {
    /// Settings with the usual limits.
    #[must_use]
    pub fn new(name: &str, domain: &str) -> Self {
        Self {
            name: name.into(),
            domain: domain.into(),
            terminating_record_route: TerminatingRecordRoute::On,
            min_expires_s: 60,
            max_expires_s: 600_000,
            timer_f: Duration::from_millis(64 * 500),
            as_patience: Duration::from_millis(4500),
            strict_digest_uri: StrictDigestUri::Off,
            own_addresses: Vec::new(),
            peer_addresses: Vec::new(),
            peer_domains: Vec::new(),
        }
    }

    /// Our SIP URI.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("sip:{}", self.name)
    }

    /// Our Contact where we are the end of a dialog.
    pub(crate) fn contact(&self) -> String {
        format!("<{}>", self.uri())
    }
}
