//! Connections that nobody has a claim to: no phone is registered on them, and their other end is no peer. When there are too
//! many connections, a newcomer takes the place of one of these.

use super::events::ConnectionId;
use ims_node::site;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// The number of a message among all that came: the lower it is, the longer ago the message came.
type Turn = u64;

/// How much a site holds: the number of its connections, then how long ago something came on the idlest of them.
type Rank = (usize, Reverse<Turn>, IpAddr);

/// See the module. As many as there are connections, at most. Addresses count by [`site`].
#[derive(Debug, Default)]
pub(super) struct Strangers {
    known: HashMap<ConnectionId, (IpAddr, Turn)>,
    /// Of each site, the one that has been idle for longest first.
    by_site: HashMap<IpAddr, BTreeMap<Turn, ConnectionId>>,
    /// The site that holds most last.
    by_rank: BTreeSet<Rank>,
    last_turn: Turn,
}

impl Strangers {
    /// A connection from this address is one of them from now on, and has just been used.
    pub(super) fn insert(&mut self, id: ConnectionId, address: IpAddr) {
        self.remove(id);
        let site = site(address);
        self.last_turn += 1;
        let turn = self.last_turn;
        self.known.insert(id, (site, turn));
        self.change(site, |connections| connections.insert(turn, id));
    }

    /// Something has come on this connection.
    pub(super) fn used(&mut self, id: ConnectionId) {
        let Some((site, turn)) = self.known.get_mut(&id) else { return };
        self.last_turn += 1;
        let (site, before) = (*site, std::mem::replace(turn, self.last_turn));
        let now = self.last_turn;
        self.change(site, |connections| {
            connections.remove(&before);
            connections.insert(now, id)
        });
    }

    /// It is none of them any more.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        if let Some((site, turn)) = self.known.remove(&id) {
            self.change(site, |connections| connections.remove(&turn));
        }
    }

    /// Changes what a site holds, and with it its rank.
    fn change<T>(&mut self, site: IpAddr, what: impl FnOnce(&mut BTreeMap<Turn, ConnectionId>) -> T) {
        let connections = self.by_site.entry(site).or_default();
        if let Some(rank) = rank(site, connections) {
            self.by_rank.remove(&rank);
        }
        what(connections);
        match rank(site, connections) {
            Some(rank) => drop(self.by_rank.insert(rank)),
            None => drop(self.by_site.remove(&site)),
        }
    }

    /// The connection that gives way first: the idlest connection of the site that holds most of them. Where several sites hold
    /// as many, it is the idlest of all their connections.
    pub(super) fn first_to_go(&self) -> Option<ConnectionId> {
        let (_, _, site) = self.by_rank.last()?;
        self.first_of(*site)
    }

    /// The connection of this address's site that gives way first.
    pub(super) fn first_of(&self, address: IpAddr) -> Option<ConnectionId> {
        self.by_site.get(&site(address))?.first_key_value().map(|(_, id)| *id)
    }
}

/// `None` for one that holds nothing.
fn rank(site: IpAddr, connections: &BTreeMap<Turn, ConnectionId>) -> Option<Rank> {
    connections.first_key_value().map(|(turn, _)| (connections.len(), Reverse(*turn), site))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// In which order they go.
    fn order(mut strangers: Strangers) -> Vec<ConnectionId> {
        let mut gone = Vec::new();
        while let Some(id) = strangers.first_to_go() {
            strangers.remove(id);
            gone.push(id);
        }
        assert!(strangers.by_site.is_empty() && strangers.by_rank.is_empty() && strangers.known.is_empty());
        gone
    }

    #[test]
    fn the_idlest_of_the_address_that_holds_most_goes_first() {
        let mut strangers = Strangers::default();
        for (id, last) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3)] {
            strangers.insert(id, address(last));
        }
        strangers.used(2);
        // 3 and 4 of the crowded address; then one each is left, of which the idlest goes first.
        assert_eq!(strangers.first_of(address(2)), Some(3));
        assert_eq!(order(strangers), [3, 4, 1, 5, 2]);
    }

    #[test]
    fn who_has_a_claim_is_none_of_them() {
        let mut strangers = Strangers::default();
        strangers.insert(1, address(1));
        strangers.insert(2, address(1));
        strangers.remove(1);
        strangers.used(1);
        strangers.remove(7);
        assert_eq!(order(strangers), [2]);
    }

    #[test]
    fn many_addresses_of_one_prefix_are_one_site() {
        let mut strangers = Strangers::default();
        strangers.insert(1, address(1));
        let of_prefix = |last| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        strangers.insert(2, of_prefix(1));
        strangers.insert(3, of_prefix(2));
        assert_eq!(strangers.first_of(of_prefix(9)), Some(2));
        assert_eq!(order(strangers), [2, 1, 3]);
    }

    /// Against a plain list, over steps that follow from a small generator.
    #[test]
    fn the_tables_agree_whatever_happens() {
        let (mut strangers, mut plain) = (Strangers::default(), Vec::<(ConnectionId, IpAddr)>::new());
        let mut state = 1_u64;
        for step in 0..5000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (id, what) = (state >> 40 & 31, state >> 33 & 3);
            let at = plain.iter().position(|(known, _)| *known == id);
            match (what, at) {
                (0 | 1, None) => {
                    let from = address(u8::try_from(step % 5).unwrap());
                    strangers.insert(id, from);
                    plain.push((id, from));
                }
                (2, at) => {
                    strangers.used(id);
                    if let Some(entry) = at.map(|at| plain.remove(at)) {
                        plain.push(entry);
                    }
                }
                (3, at) => {
                    strangers.remove(id);
                    at.map(|at| plain.remove(at));
                }
                _ => {}
            }
            let count = |ip: IpAddr| plain.iter().filter(|(_, from)| *from == ip).count();
            let fullest = plain.iter().map(|(_, ip)| count(*ip)).max();
            let expected = plain.iter().find(|(_, ip)| Some(count(*ip)) == fullest);
            assert_eq!(strangers.first_to_go(), expected.map(|(id, _)| *id), "after step {step}");
        }
    }
}
