//! Connections that nobody has a claim to: no phone is registered on them, and no peer has opened them. When there are too
//! many connections, a newcomer takes the place of one of these.

use super::tcp::ConnectionId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// How long ago something came on a connection: the number of the message among all that came.
type Turn = u64;

/// See the module. As many as there are connections, at most.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    known: HashMap<ConnectionId, (IpAddr, Turn)>,
    /// Of each address, the one that has been idle for longest first.
    by_address: HashMap<IpAddr, BTreeMap<Turn, ConnectionId>>,
    /// The address that holds most last.
    by_count: BTreeSet<(usize, IpAddr)>,
    last_turn: Turn,
}

impl Strangers {
    /// A connection from this address is one of them from now on, and has just been used.
    pub(super) fn insert(&mut self, id: ConnectionId, address: IpAddr) {
        self.remove(id);
        self.last_turn += 1;
        self.known.insert(id, (address, self.last_turn));
        let own = self.by_address.entry(address).or_default();
        self.by_count.remove(&(own.len(), address));
        own.insert(self.last_turn, id);
        self.by_count.insert((own.len(), address));
    }

    /// Something has come on this connection.
    pub(super) fn used(&mut self, id: ConnectionId) {
        let Some((address, turn)) = self.known.get_mut(&id) else { return };
        let Some(own) = self.by_address.get_mut(address) else { return };
        self.last_turn += 1;
        own.remove(turn);
        own.insert(self.last_turn, id);
        *turn = self.last_turn;
    }

    /// It is none of them any more.
    pub(super) fn remove(&mut self, id: ConnectionId) {
        let Some((address, turn)) = self.known.remove(&id) else { return };
        let Some(own) = self.by_address.get_mut(&address) else { return };
        self.by_count.remove(&(own.len(), address));
        own.remove(&turn);
        if own.is_empty() {
            self.by_address.remove(&address);
        } else {
            self.by_count.insert((own.len(), address));
        }
    }

    /// The one that gives way first: of the address that holds most, the one that has been idle for longest.
    pub(super) fn first_to_go(&self) -> Option<ConnectionId> {
        let (_, address) = self.by_count.last()?;
        self.first_of(*address)
    }

    /// The one of this address that gives way first.
    pub(super) fn first_of(&self, address: IpAddr) -> Option<ConnectionId> {
        self.by_address.get(&address)?.first_key_value().map(|(_, id)| *id)
    }
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
        assert!(
            strangers.by_address.is_empty() && strangers.by_count.is_empty() && strangers.known.is_empty()
        );
        gone
    }

    #[test]
    fn the_idlest_of_the_address_that_holds_most_goes_first() {
        let mut strangers = Strangers::default();
        for (id, last) in [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3)] {
            strangers.insert(id, address(last));
        }
        strangers.used(2);
        // 3 and 4 of the crowded address; then one each is left, of which the highest address goes first.
        assert_eq!(strangers.first_of(address(2)), Some(3));
        assert_eq!(order(strangers), [3, 4, 5, 2, 1]);
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

    /// Against a plain list, over steps that follow from a small generator.
    #[test]
    fn the_tables_agree_whatever_happens() {
        let (mut strangers, mut plain) = (Strangers::default(), Vec::<(ConnectionId, IpAddr)>::new());
        let mut state = 1_u64;
        for step in 0..5000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (id, what) = (state >> 40 & 31, state >> 33 & 3);
            let at = plain.iter().position(|(own, _)| *own == id);
            match (what, at) {
                (0 | 1, None) => {
                    let from = address(u8::try_from(step % 5).unwrap());
                    strangers.insert(id, from);
                    plain.push((id, from));
                }
                (2, at) => {
                    strangers.used(id);
                    if let Some(own) = at.map(|at| plain.remove(at)) {
                        plain.push(own);
                    }
                }
                (3, at) => {
                    strangers.remove(id);
                    at.map(|at| plain.remove(at));
                }
                _ => {}
            }
            let count = |ip: IpAddr| plain.iter().filter(|(_, own)| *own == ip).count();
            let fullest = plain.iter().map(|(_, ip)| (count(*ip), *ip)).max();
            let expected = fullest.and_then(|(_, ip)| plain.iter().find(|(_, own)| *own == ip));
            assert_eq!(strangers.first_to_go(), expected.map(|(id, _)| *id), "after step {step}");
        }
    }
}
