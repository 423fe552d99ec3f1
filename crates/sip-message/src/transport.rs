//! The transports that this project speaks.

use std::fmt;

/// A transport that carries SIP here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams: retransmission is the transaction's work.
    Udp,
    /// A stream: delivery is the connection's work.
    Tcp,
}

impl Transport {
    /// Reads the token of a Via or of a `transport` parameter, in any case; `None` for what is not spoken here.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        if token.eq_ignore_ascii_case("udp") {
            Some(Self::Udp)
        } else if token.eq_ignore_ascii_case("tcp") {
            Some(Self::Tcp)
        } else {
            None
        }
    }

    /// The token of a Via (`UDP`, `TCP`).
    #[must_use]
    pub const fn via_token(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// The value of a URI's `transport` parameter (`udp`, `tcp`).
    #[must_use]
    pub const fn uri_token(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }

    /// Whether the transport itself delivers in order and without loss (RFC 3261 section 17).
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        match self {
            Self::Udp => false,
            Self::Tcp => true,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_token())
    }
}
