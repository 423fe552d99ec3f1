//! Servers that failed, or that asked to be left alone.

use crate::query::{Hop, ResolveError};
use clock::Mono;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::SocketAddr;

/// Penalties of each kind at a time; above it the one that ends first is forgotten, which costs a try that fails.
pub const MAX_PENALTIES: usize = 1024;

/// Keys with the time until which they count.
#[derive(Debug)]
struct Until<K>(HashMap<K, Mono>);

impl<K: Hash + Eq + Copy> Until<K> {
    fn insert(&mut self, now: Mono, key: K, until: Mono) {
        if self.0.len() >= MAX_PENALTIES && !self.0.contains_key(&key) {
            self.0.retain(|_, until| now < *until);
        }
        if self.0.len() >= MAX_PENALTIES
            && let Some(first) = self.0.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            self.0.remove(&first);
        }
        let held = self.0.entry(key).or_insert(until);
        *held = until.max(*held);
    }

    fn get(&self, now: Mono, key: &K) -> Option<Mono> {
        self.0.get(key).copied().filter(|until| now < *until)
    }
}

#[derive(Debug)]
pub(crate) struct Penalties {
    unavailable: Until<SocketAddr>,
    suspect: Until<Hop>,
}

impl Penalties {
    pub(crate) fn new() -> Self {
        Self { unavailable: Until(HashMap::new()), suspect: Until(HashMap::new()) }
    }

    /// RFC 3261 21.5.4: it sent 503 with Retry-After, so nothing goes there before `until`, by any transport.
    pub(crate) fn unavailable(&mut self, now: Mono, server: SocketAddr, until: Mono) {
        self.unavailable.insert(now, server, until);
    }

    pub(crate) fn suspect(&mut self, now: Mono, hop: Hop, until: Mono) {
        self.suspect.insert(now, hop, until);
    }

    pub(crate) fn reachable(&mut self, hop: &Hop) {
        if !self.suspect.0.is_empty() {
            self.suspect.0.remove(hop);
        }
    }

    /// Takes the unavailable hops out and puts the suspect ones last.
    pub(crate) fn apply(&self, now: Mono, mut hops: Vec<Hop>) -> Result<Vec<Hop>, ResolveError> {
        if !self.unavailable.0.is_empty() {
            let first = hops.iter().filter_map(|hop| self.unavailable.get(now, &hop.address)).min();
            hops.retain(|hop| self.unavailable.get(now, &hop.address).is_none());
            if hops.is_empty() {
                return Err(first.map_or(ResolveError::NoRecords, ResolveError::AllUnavailable));
            }
        }
        self.put_suspects_last(now, &mut hops);
        Ok(hops)
    }

    pub(crate) fn put_suspects_last(&self, now: Mono, hops: &mut [Hop]) {
        if !self.suspect.0.is_empty() {
            hops.sort_by_key(|hop| self.suspect.get(now, hop).is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_message::Transport;
    use std::time::Duration;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn hop(last: u8, transport: Transport) -> Hop {
        Hop { address: SocketAddr::from(([192, 0, 2, last], 5060)), transport }
    }

    #[test]
    fn sip_15_a_server_that_sent_retry_after_is_skipped_by_every_transport_until_then() {
        let mut penalties = Penalties::new();
        let (udp, tcp, other) = (hop(1, Transport::Udp), hop(1, Transport::Tcp), hop(2, Transport::Udp));
        penalties.unavailable(at(0), udp.address, at(5000));
        penalties.unavailable(at(1), udp.address, at(2000));
        let all = vec![udp, tcp, other];
        assert_eq!(penalties.apply(at(4999), all.clone()), Ok(vec![other]), "the longer one holds");
        assert_eq!(penalties.apply(at(5000), all.clone()), Ok(all));
        let refused = Err(ResolveError::AllUnavailable(at(5000)));
        assert_eq!(penalties.apply(at(4999), vec![tcp]), refused);
    }

    #[test]
    fn sip_15_a_hop_that_failed_comes_last_until_it_answers() {
        let mut penalties = Penalties::new();
        let (udp, tcp) = (hop(1, Transport::Udp), hop(1, Transport::Tcp));
        penalties.suspect(at(0), udp, at(30_000));
        assert_eq!(penalties.apply(at(29_999), vec![udp, tcp]), Ok(vec![tcp, udp]));
        assert_eq!(penalties.apply(at(30_000), vec![udp, tcp]), Ok(vec![udp, tcp]));
        assert_eq!(penalties.apply(at(0), vec![udp]), Ok(vec![udp]), "better than none");
        penalties.reachable(&udp);
        assert_eq!(penalties.apply(at(0), vec![udp, tcp]), Ok(vec![udp, tcp]));
    }

    #[test]
    fn a_full_table_forgets_the_expired_and_then_what_ends_first() {
        let mut until = Until(HashMap::new());
        for key in 0..MAX_PENALTIES {
            until.insert(at(0), key, at(1000 + key as u64));
        }
        until.insert(at(0), usize::MAX, at(9000));
        assert_eq!(until.get(at(0), &0), None);
        assert_eq!(until.0.len(), MAX_PENALTIES);
        until.insert(at(1500), usize::MAX - 1, at(9000));
        assert_eq!(until.0.len(), MAX_PENALTIES - 499);
        assert!(until.get(at(1500), &501).is_some());
    }
}
