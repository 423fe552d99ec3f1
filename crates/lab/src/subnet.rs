//! A network on loopback that nobody else uses.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};

/// The network in which the files of `config/` put their nodes.
pub(crate) const CONFIGURED: Prefix = Prefix([127, 0, 10]);

/// Networks that are tried, from 127.0.10.0/24 on.
pub(crate) const MAX_TRIED: u16 = 1000;

/// Whoever has this socket in a network has the network.
const HOLD: HostPort = HostPort { host: 1, port: 5060 };

/// A host of such a network, and a port there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: u8,
    pub(crate) port: u16,
}

/// The first three octets of the addresses of a 127.x.y.0/24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix(pub(crate) [u8; 3]);

impl Prefix {
    /// The address of this host.
    pub(crate) const fn host(self, host: u8) -> Ipv4Addr {
        let Self([a, b, c]) = self;
        Ipv4Addr::new(a, b, c, host)
    }

    /// The number of that address, if it is in here.
    pub(crate) fn host_of(self, address: Ipv4Addr) -> Option<u8> {
        let [a, b, c, host] = address.octets();
        (self.0 == [a, b, c]).then_some(host)
    }

    /// `text` with every address of the other network turned into the one of the same host in this one.
    pub(crate) fn rewrite(self, other: Self, text: &str) -> String {
        let [a, b, c] = other.0;
        let theirs = format!("{a}.{b}.{c}.");
        let [a, b, c] = self.0;
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(&theirs) {
            out.push_str(before);
            let inside = out.ends_with(|c: char| c.is_ascii_digit() || c == '.');
            if !inside && after.starts_with(|c: char| c.is_ascii_digit()) {
                out.push_str(&format!("{a}.{b}.{c}."));
            } else {
                out.push_str(&theirs);
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// A network, taken for as long as this lives.
#[derive(Debug)]
pub(crate) struct Subnet {
    prefix: Prefix,
    _hold: UdpSocket,
}

impl Subnet {
    /// Takes the first network in which all of these are free, over UDP and TCP; where one is `wished`, that one or none.
    ///
    /// A node that a dead lab left behind keeps its network taken until it has ended.
    pub(crate) fn take(needed: &[HostPort], wished: Option<Prefix>) -> Option<Self> {
        let [_, second, third] = CONFIGURED.0;
        let first = u16::from_be_bytes([second, third]);
        let candidates = (first..first + MAX_TRIED).map(u16::to_be_bytes);
        let mut candidates = candidates.map(|[second, third]| Prefix([127, second, third]));
        match wished {
            Some(prefix) => Self::try_take(needed, prefix),
            None => candidates.find_map(|prefix| Self::try_take(needed, prefix)),
        }
    }

    fn try_take(needed: &[HostPort], prefix: Prefix) -> Option<Self> {
        let at = |place: HostPort| SocketAddr::from((prefix.host(place.host), place.port));
        let hold = UdpSocket::bind(at(HOLD)).ok()?;
        let free =
            |place: HostPort| UdpSocket::bind(at(place)).is_ok() && TcpListener::bind(at(place)).is_ok();
        needed.iter().all(|place| free(*place)).then_some(Self { prefix, _hold: hold })
    }

    /// Which one it is.
    pub(crate) const fn prefix(&self) -> Prefix {
        self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_move_with_their_network() {
        let other = Prefix([127, 0, 33]);
        let rows = [
            ("a 127.0.10.2:5300, \"127.0.10.17\"", "a 127.0.33.2:5300, \"127.0.33.17\""),
            ("127.0.100.2 127.0.1.2 127.0.10.x", "127.0.100.2 127.0.1.2 127.0.10.x"),
            ("1127.0.10.2 9.127.0.10.2", "1127.0.10.2 9.127.0.10.2"),
            ("", ""),
        ];
        for (text, moved) in rows {
            assert_eq!(other.rewrite(CONFIGURED, text), moved);
        }
        assert_eq!(CONFIGURED.host_of(other.host(5)), None);
        assert_eq!(other.host_of(other.host(5)), Some(5));
    }

    const fn sip(host: u8) -> HostPort {
        HostPort { host, port: 5060 }
    }

    /// A network that no lab takes of its own accord.
    fn unused_prefix(row: u8) -> Prefix {
        let [.., last] = std::process::id().to_be_bytes();
        Prefix([127, 200 + row, last])
    }

    #[test]
    fn a_network_is_one_lab_s_until_it_is_given_back() {
        let needed = [11, 12].map(sip);
        let first = Subnet::take(&needed, Some(unused_prefix(0))).unwrap();
        assert_eq!(first.prefix(), unused_prefix(0));
        assert!(Subnet::take(&needed, Some(unused_prefix(0))).is_none(), "that one or none");
        drop(first);
        assert_eq!(Subnet::take(&needed, Some(unused_prefix(0))).unwrap().prefix(), unused_prefix(0));
    }

    #[test]
    fn a_network_with_one_address_in_use_is_passed_over() {
        let node = TcpListener::bind((unused_prefix(1).host(11), 5060)).unwrap();
        assert!(Subnet::try_take(&[sip(11)], unused_prefix(1)).is_none());
        drop(node);
        let node = UdpSocket::bind((unused_prefix(1).host(11), 5060)).unwrap();
        assert!(Subnet::try_take(&[sip(11)], unused_prefix(1)).is_none());
        drop(node);
        assert!(Subnet::try_take(&[sip(11)], unused_prefix(1)).is_some());
    }
}
