//! The host of a URI or Via: a domain name, an IPv4 address or an IPv6 reference (RFC 3261 section 25.1).

use crate::charset::{self, HOST};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// A host. Names are kept as written; they compare without regard to case (section 19.1.4).
#[derive(Debug, Clone)]
pub enum Host {
    /// A domain name, without a trailing dot's meaning changed.
    Name(Box<str>),
    /// A numeric address; IPv6 is written in brackets.
    Address(IpAddr),
}

/// The text is neither a domain name nor an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostError;

impl Host {
    /// Reads a host as it stands in a URI: IPv6 in brackets.
    ///
    /// # Errors
    /// [`HostError`] when the text is empty, has a character no host name has, or a bracket without an IPv6 address.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if let Some(address) = address(text) {
            return Ok(Self::Address(address));
        }
        if is_name(text) { Ok(Self::Name(text.into())) } else { Err(HostError) }
    }

    /// The address, when the host is numeric.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }

    /// The domain name, when the host is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Address(_) => None,
        }
    }

    /// Whether this host is the domain name `name`.
    #[must_use]
    pub fn is_name(&self, name: &str) -> bool {
        self.name()
            .is_some_and(|host| host.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.')))
    }
}

/// The numeric address that a host is, if it is one.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    match text.as_bytes() {
        [b'[', inner @ .., b']'] => std::str::from_utf8(inner).ok().and_then(parse_ipv6).map(IpAddr::V6),
        [b'0'..=b'9', ..] => text.parse().ok().map(IpAddr::V4),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    matches!(text.len(), 1..=255)
        && charset::all(text.as_bytes(), HOST)
        && !text.starts_with('.')
        && !text.contains("..")
}

/// Whether [`Host::parse`] would read the text.
pub(crate) fn is_host(text: &str) -> bool {
    match text.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').and_then(parse_ipv6).is_some(),
        None => is_name(text),
    }
}

/// A host name or IPv4 address at the front of `text`, and the port behind it: length of the host, port, length of both.
/// `None` says nothing but that it is not as plain as most are.
pub(crate) fn plain_host(text: &[u8]) -> Option<(usize, Option<u16>, usize)> {
    let host = charset::run(text, HOST);
    let name = text.get(..host).unwrap_or_default();
    if !matches!(host, 1..=255) || name.first() == Some(&b'.') || name.windows(2).any(|pair| pair == b"..") {
        return None;
    }
    let Some(digits) = text.get(host..).and_then(|rest| rest.strip_prefix(b":")) else {
        return Some((host, None, host));
    };
    let mut port = 0_u16;
    let mut end = 0;
    while let Some(digit) = digits.get(end).filter(|b| b.is_ascii_digit()) {
        port = port.checked_mul(10)?.checked_add((digit - b'0').into())?;
        end += 1;
    }
    (end > 0).then_some((host, Some(port), host + 1 + end))
}

/// RFC 5118 4.10: an address with one colon too many before an embedded IPv4 address (a slip of RFC 3261's grammar)
/// is read as if it had two.
fn parse_ipv6(text: &str) -> Option<Ipv6Addr> {
    text.parse()
        .ok()
        .or_else(|| text.contains(":::").then(|| text.replacen(":::", "::", 1).parse().ok()).flatten())
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(name), Self::Name(_)) => other.is_name(name),
            (Self::Address(a), Self::Address(b)) => a == b,
            (Self::Name(_), Self::Address(_)) | (Self::Address(_), Self::Name(_)) => false,
        }
    }
}

impl Eq for Host {}

impl std::hash::Hash for Host {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        match self {
            Self::Name(name) => name.trim_end_matches('.').to_ascii_lowercase().hash(state),
            Self::Address(address) => address.hash(state),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(v4)) => write!(f, "{v4}"),
            Self::Address(IpAddr::V6(v6)) => write!(f, "[{v6}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_25_1_hosts_are_names_or_addresses() {
        assert_eq!(Host::parse("home1.test").unwrap().name(), Some("home1.test"));
        assert_eq!(Host::parse("127.0.0.1").unwrap().address(), Some([127, 0, 0, 1].into()));
        assert_eq!(Host::parse("[2001:db8::9:1]").unwrap().to_string(), "[2001:db8::9:1]");
        for bad in ["", "[::1", "2001:db8::1", "a b", "host;", "[name]", ".x"] {
            assert_eq!(Host::parse(bad), Err(HostError), "{bad}");
        }
    }

    #[test]
    fn rfc5118_4_10_three_colons_read_as_two() {
        assert_eq!(Host::parse("[2001:db8:::192.0.2.1]"), Host::parse("[2001:db8::192.0.2.1]"));
    }

    #[test]
    fn rfc3261_19_1_4_host_names_compare_without_case() {
        assert_eq!(Host::parse("HOME1.Test"), Host::parse("home1.test"));
    }
}
