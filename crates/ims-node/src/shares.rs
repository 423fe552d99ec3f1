//! What each sender of requests is still served while the node is hard-pressed. Whoever asks for little is served; what is
//! turned away is what the few who ask for much ask beyond that.

use crate::site::site;
use clock::Mono;
use hashbrown::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Shares are counted anew after this time.
const WINDOW: Duration = Duration::from_millis(250);

/// Requests of one address and port that are taken within a window.
const SHARE: u32 = 8;

/// Requests of one site ([`site`]) that are taken within a window, whatever their ports: phones behind one NAT have room, and
/// many ports get nobody more than this.
const SHARE_OF_SITE: u32 = 64;

/// Requests of one address and port, or of a site beyond its share, that are answered 503 within a window. More are dropped: an
/// answer helps nobody who sends so much, and takes the time of others.
const REFUSED: u32 = 64;

/// Addresses and ports, and sites, that are counted within a window; whoever is one more has no share.
pub(crate) const MAX_SOURCES: usize = 8192;

/// See the module. Nothing is counted while there is enough for everybody.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    window_ends: Mono,
    /// Of a site no more of them than it has shares.
    by_source: HashMap<SocketAddr, Count, foldhash::fast::RandomState>,
    by_site: HashMap<IpAddr, Count, foldhash::fast::RandomState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    taken: u32,
    /// Beyond the share.
    refused: u32,
}

impl Shares {
    /// One more request of this source; whether it is within its share.
    pub(crate) fn take(&mut self, now: Mono, source: SocketAddr) -> bool {
        self.begin_window(now);
        let Some(of_site) = entry(&mut self.by_site, site(source.ip())) else { return false };
        if of_site.taken >= SHARE_OF_SITE {
            of_site.refused += 1;
            return false;
        }
        let Some(of_source) = entry(&mut self.by_source, source) else { return false };
        if of_source.taken >= SHARE {
            of_source.refused += 1;
            return false;
        }
        of_source.taken += 1;
        of_site.taken += 1;
        true
    }

    /// Whether this source has been refused so much that it is not even answered any more; of a source that has had no share,
    /// whether its site has.
    pub(crate) fn is_deaf(&mut self, now: Mono, source: SocketAddr) -> bool {
        self.begin_window(now);
        let of_source = self.by_source.get(&source);
        of_source
            .or_else(|| self.by_site.get(&site(source.ip())))
            .is_some_and(|count| count.refused > REFUSED)
    }

    fn begin_window(&mut self, now: Mono) {
        if now >= self.window_ends {
            self.window_ends = now + WINDOW;
            self.by_source.clear();
            self.by_site.clear();
        }
    }
}

/// What is counted under `key`; `None` where the table is full of others.
fn entry<K: std::hash::Hash + Eq>(
    table: &mut HashMap<K, Count, foldhash::fast::RandomState>,
    key: K,
) -> Option<&mut Count> {
    if table.len() >= MAX_SOURCES && !table.contains_key(&key) {
        return None;
    }
    Some(table.entry(key).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, host], port))
    }

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    #[test]
    fn whoever_asks_for_much_has_its_share_and_whoever_asks_for_little_is_served() {
        let mut shares = Shares::default();
        let of = |shares: &mut Shares, ms: u64, from: SocketAddr, count: u32| {
            (0..count).filter(|_| shares.take(at(ms), from)).count()
        };
        assert_eq!(of(&mut shares, 1, source(1, 5060), 1000), 8);
        assert_eq!(of(&mut shares, 2, source(2, 5060), 3), 3);
        assert_eq!(of(&mut shares, 3, source(1, 5062), 3), 3, "a neighbour of the one who asks for much");
        // Many ports of one address.
        let taken: usize = (6000..7000).map(|port| of(&mut shares, 4, source(3, port), 8)).sum();
        assert_eq!(taken, 64);
        assert_eq!(of(&mut shares, 250, source(1, 5060), 1000), 0, "the window has begun at 1 ms");
        assert_eq!(of(&mut shares, 251, source(1, 5060), 1000), 8);
    }

    #[test]
    fn whoever_does_not_hear_that_it_is_too_much_is_not_told_any_more() {
        let mut shares = Shares::default();
        assert_eq!((0..SHARE + REFUSED).filter(|_| shares.take(at(1), source(1, 5060))).count(), 8);
        assert!(!shares.is_deaf(at(2), source(1, 5060)));
        shares.take(at(3), source(1, 5060));
        assert!(shares.is_deaf(at(4), source(1, 5060)) && !shares.is_deaf(at(4), source(1, 5062)));
        assert!(!shares.is_deaf(at(251), source(1, 5060)));
    }

    #[test]
    fn a_site_with_many_ports_or_addresses_takes_nobodys_place() {
        let ports = |port| source(1, port);
        let addresses = |number: u16| SocketAddr::new(([0x2001, 0xdb8, 0, 0, 0, 0, 0, number]).into(), 5060);
        for of in [&ports as &dyn Fn(u16) -> SocketAddr, &addresses] {
            let mut shares = Shares::default();
            assert_eq!((0..60_000).filter(|number| shares.take(at(1), of(*number))).count(), 64);
            assert!(shares.is_deaf(at(2), of(60_001)), "all of that site");
            assert!(shares.take(at(3), source(2, 5060)));
        }
    }

    #[test]
    fn a_full_table_has_no_share_for_newcomers() {
        let mut shares = Shares::default();
        for number in 0..MAX_SOURCES {
            let host = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            assert!(shares.take(at(1), SocketAddr::new(host, 5060)));
        }
        assert!(!shares.take(at(2), source(1, 5060)));
        assert!(shares.take(at(251), source(1, 5060)));
    }
}
