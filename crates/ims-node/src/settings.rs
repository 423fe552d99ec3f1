//! What a node knows about itself and its neighbours.

use crate::flow::ListenerId;
use crate::silence::Acquaintance;
use sip_message::Uri;
use sip_transaction::Timers;
use std::cmp::Reverse;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Who is on the other side of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// UEs (Gm): believed in nothing but what their registration says.
    Ue,
    /// Other nodes (Mw, ISC): believed if they are listed peers.
    Network,
}

/// A local address on which SIP is spoken over UDP and TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The address bound, as the other side reaches it.
    pub address: SocketAddr,
    /// Who is out there.
    pub side: Side,
}

/// Addresses that are believed, and for whom they may speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Exact addresses, never a range.
    pub addresses: Vec<IpAddr>,
    /// Domains whose identities it may assert; empty means one of our own nodes, which may assert any.
    pub domains: Vec<Box<str>>,
}

/// A node's settings.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    /// The node's name, as it stands in its own URIs: `scscf1a.home1.test`.
    pub name: Box<str>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Addresses by which others reach it though it is not bound to them (behind a port mapping).
    pub aliases: Vec<SocketAddr>,
    /// Whom it believes.
    pub peers: Vec<Peer>,
    /// Timers between nodes.
    pub timers: Timers,
    /// Timers towards UEs.
    pub ue_timers: Timers,
    /// How long a hop may say nothing at all before the next one is tried or, where none is left, the request is answered
    /// 504. Longer than [`Timers::until_t2`], at which whoever lives says 100.
    pub failover_after: Duration,
    /// How long a hop that failed is tried last.
    pub suspicion: Duration,
    /// Which address families DNS is asked for.
    pub resolver: sip_resolve::ResolverSettings,
}

impl NodeSettings {
    /// Settings with the timers of the RFC.
    #[must_use]
    pub fn new(name: &str, listeners: Vec<Listener>, peers: Vec<Peer>) -> Self {
        Self {
            name: name.into(),
            listeners,
            aliases: Vec::new(),
            peers,
            timers: Timers::DEFAULT,
            ue_timers: Timers::DEFAULT,
            failover_after: Duration::from_millis(4500),
            suspicion: Duration::from_secs(30),
            resolver: sip_resolve::ResolverSettings::default(),
        }
    }

    /// The listener of this number.
    #[must_use]
    pub fn listener(&self, id: ListenerId) -> Option<&Listener> {
        self.listeners.get(usize::from(id.0))
    }

    /// Who is behind this listener.
    #[must_use]
    pub fn side(&self, id: ListenerId) -> Side {
        self.listener(id).map_or(Side::Ue, |listener| listener.side)
    }

    /// Whether a node at this address is believed.
    #[must_use]
    pub fn is_peer(&self, address: IpAddr) -> bool {
        self.peers.iter().any(|peer| peer.addresses.contains(&address))
    }

    /// Whether the node at this address is one of our own network.
    #[must_use]
    pub fn acquaintance(&self, address: IpAddr) -> Acquaintance {
        let is_own = |peer: &Peer| peer.domains.is_empty() && peer.addresses.contains(&address);
        if self.peers.iter().any(is_own) { Acquaintance::Own } else { Acquaintance::Other }
    }

    /// The listener from which `remote` is reached: on the network side, of its address family, and of those the one
    /// whose address has the longest prefix in common with it (RFC 6724 section 5, rule 8), for a node in several
    /// networks.
    #[must_use]
    pub fn listener_towards(&self, remote: SocketAddr) -> Option<ListenerId> {
        let numbered = || self.listeners.iter().zip(0_u8..);
        let rated = numbered().filter_map(|(listener, id)| {
            let prefix = common_prefix(listener.address.ip(), remote.ip())?;
            Some(((listener.side == Side::Network, prefix, Reverse(id)), id))
        });
        rated.max().map(|(_, id)| ListenerId(id))
    }

    /// Whether the URI names this node: its name, or one of its addresses, with the right port where one is written.
    #[must_use]
    pub fn is_own(&self, uri: &Uri) -> bool {
        if !uri.is_sip() {
            return false;
        }
        let port = uri.port();
        let own_port = |address: SocketAddr| port.unwrap_or(5060) == address.port();
        let mut addresses =
            self.listeners.iter().map(|listener| listener.address).chain(self.aliases.iter().copied());
        if uri.is_host(&self.name) {
            return port.is_none() || addresses.any(own_port);
        }
        uri.address().is_some_and(|ip| addresses.any(|address| address.ip() == ip && own_port(address)))
    }
}

/// How many leading bits two addresses have in common; `None` if they are of different families.
fn common_prefix(a: IpAddr, b: IpAddr) -> Option<u32> {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        (IpAddr::V6(a), IpAddr::V6(b)) => Some((a.to_bits() ^ b.to_bits()).leading_zeros()),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_in_several_networks_sends_from_the_one_its_peer_is_in() {
        let listener = |address: &str, side| Listener { address: address.parse().unwrap(), side };
        let listeners = vec![
            listener("10.77.11.14:5060", Side::Ue),
            listener("10.77.1.14:5060", Side::Network),
            listener("10.77.3.14:5060", Side::Network),
            listener("[2001:db8::14]:5060", Side::Ue),
        ];
        let settings = NodeSettings::new("scscf1a.home1.test", listeners, Vec::new());
        let rows = [
            ("10.77.1.11:5062", Some(1)),
            ("10.77.3.23:5060", Some(2)),
            ("10.77.11.99:5060", Some(1)),
            ("192.0.2.1:5060", Some(1)),
            ("[2001:db8::1]:5060", Some(3)),
        ];
        for (remote, expected) in rows {
            let found = settings.listener_towards(remote.parse().unwrap());
            assert_eq!(found, expected.map(ListenerId), "{remote}");
        }
        let none = NodeSettings::new("x", Vec::new(), Vec::new());
        assert_eq!(none.listener_towards("10.77.1.11:5062".parse().unwrap()), None);
    }
}
