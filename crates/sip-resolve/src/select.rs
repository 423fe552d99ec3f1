//! The order in which servers are tried (RFC 2782, "Usage rules").

use crate::query::Hop;
use crate::question::Srv;
use sip_message::Transport;
use std::net::{IpAddr, SocketAddr};

/// Hops of one lookup; what would come after them is left out, because a request has timed out long before.
pub const MAX_HOPS: usize = 16;

/// One server of an SRV record set, with its addresses in the order they are tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) priority: u16,
    pub(crate) weight: u16,
    pub(crate) port: u16,
    pub(crate) addresses: Vec<IpAddr>,
}

/// What has a place among others by priority and weight.
pub(crate) trait Weighted {
    /// Lower comes first.
    fn priority(&self) -> u16;
    /// Its share of the first place among those of its priority.
    fn weight(&self) -> u16;
}

impl Weighted for Server {
    fn priority(&self) -> u16 {
        self.priority
    }

    fn weight(&self) -> u16 {
        self.weight
    }
}

impl Weighted for Srv {
    fn priority(&self) -> u16 {
        self.priority
    }

    fn weight(&self) -> u16 {
        self.weight
    }
}

/// The servers that one transport leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) transport: Transport,
    pub(crate) servers: Vec<Server>,
}

/// A small generator (SplitMix64): choosing a server needs spread, not secrecy.
struct Generator(u64);

impl Generator {
    /// A number from 0 to `last`, both included.
    fn up_to(&mut self, last: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % last.saturating_add(1)
    }
}

/// The hops in the order they are tried: `choices` one after the other, in each the servers by priority and, where
/// that is equal, by chance according to weight. A hop appears once.
pub(crate) fn hops(choices: &[Choice], seed: u64) -> Vec<Hop> {
    let mut generator = Generator(seed);
    let mut hops = Vec::new();
    for Choice { transport, servers } in choices {
        for server in drawn(servers.iter().collect(), &mut generator) {
            for ip in &server.addresses {
                let hop = Hop { address: SocketAddr::new(*ip, server.port), transport: *transport };
                if hops.len() < MAX_HOPS && !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
    }
    hops
}

/// As many of these records as there can be hops, in the order that chance gives them. They are too many to ask for the addresses of
/// all, and each is to have its share all the same.
pub(crate) fn some(records: Vec<&Srv>, seed: u64) -> Vec<&Srv> {
    drawn(records, &mut Generator(seed)).take(MAX_HOPS).collect()
}

/// One after the other, by priority, and by weight where that is equal.
fn drawn<'a, T: Weighted>(mut left: Vec<&'a T>, generator: &mut Generator) -> impl Iterator<Item = &'a T> {
    // RFC 2782: servers of weight 0 stand first, so that they have a small chance.
    left.sort_by_key(|one| (one.priority(), one.weight() != 0));
    std::iter::from_fn(move || take_next(&mut left, generator))
}

fn take_next<'a, T: Weighted>(servers: &mut Vec<&'a T>, generator: &mut Generator) -> Option<&'a T> {
    let priority = servers.first()?.priority();
    let equal = servers.iter().take_while(|server| server.priority() == priority);
    let total: u64 = equal.clone().map(|server| u64::from(server.weight())).sum();
    if total == 0 {
        // Nobody has said anything of weights: each is as good as the others.
        let last = u64::try_from(equal.count()).unwrap_or_default().saturating_sub(1);
        let chosen = usize::try_from(generator.up_to(last)).unwrap_or_default();
        return Some(servers.remove(chosen));
    }
    let chosen = generator.up_to(total);
    let mut running = 0;
    let position = equal.clone().position(|server| {
        running += u64::from(server.weight());
        running >= chosen
    });
    Some(servers.remove(position?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(priority: u16, weight: u16, last: u8) -> Server {
        Server { priority, weight, port: 5060, addresses: vec![[192, 0, 2, last].into()] }
    }

    fn order(servers: &[Server], seed: u64) -> Vec<u8> {
        let choice = Choice { transport: Transport::Udp, servers: servers.to_vec() };
        let last = |hop: Hop| match hop.address.ip() {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(_) => 0,
        };
        hops(&[choice], seed).into_iter().map(last).collect()
    }

    #[test]
    fn rfc2782_lower_priority_comes_first_whatever_the_weight() {
        let servers = [server(20, 60_000, 1), server(10, 0, 2), server(30, 5, 3)];
        for seed in 0..100 {
            assert_eq!(order(&servers, seed), [2, 1, 3]);
        }
    }

    #[test]
    fn rfc2782_weights_share_the_first_place_in_proportion() {
        let servers = [server(10, 60, 1), server(10, 30, 2), server(10, 10, 3), server(10, 0, 4)];
        let mut first = [0_u32; 5];
        for seed in 0..10_000 {
            let order = order(&servers, seed);
            first[usize::from(order[0])] += 1;
            assert_eq!(order.len(), 4, "every server has its place");
        }
        // Three standard deviations; the zero weight stands for 1 in 101.
        let expected = [(1, 5940, 150), (2, 2970, 140), (3, 990, 90), (4, 99, 30)];
        for (last, mean, spread) in expected {
            assert!(first[last].abs_diff(mean) <= spread, "{last}: {first:?}");
        }
    }

    #[test]
    fn rfc2782_without_weights_each_has_the_first_place_as_often() {
        let servers = [server(10, 0, 1), server(10, 0, 2), server(10, 0, 3), server(20, 0, 4)];
        let mut first = [0_u32; 5];
        for seed in 0..9_000 {
            let order = order(&servers, seed);
            first[usize::from(order[0])] += 1;
            assert_eq!((order.len(), order[3]), (4, 4), "priority comes before chance");
        }
        assert!((1..=3).all(|last| first[last].abs_diff(3000) <= 150), "{first:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_order() {
        let servers: Vec<Server> = (1..=9).map(|last| server(10, 10, last)).collect();
        assert_eq!(order(&servers, 7), order(&servers, 7));
        assert_ne!(order(&servers, 7), order(&servers, 8));
    }

    #[test]
    fn a_hop_appears_once_and_there_are_at_most_16() {
        assert_eq!(order(&[server(10, 0, 1), server(20, 0, 1)], 0), [1]);
        let many: Vec<Server> = (1..=20).map(|last| server(u16::from(last), 0, last)).collect();
        assert_eq!(order(&many, 0), (1..=16).collect::<Vec<u8>>());
    }

    #[test]
    fn rfc3263_4_1_transports_are_tried_in_the_order_given() {
        let choices = [Transport::Tcp, Transport::Udp]
            .map(|transport| Choice { transport, servers: vec![server(10, 0, 1)] });
        let transports: Vec<Transport> = hops(&choices, 0).iter().map(|hop| hop.transport).collect();
        assert_eq!(transports, [Transport::Tcp, Transport::Udp]);
    }
}
