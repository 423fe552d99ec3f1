//! Who is who, and where.

use super::home::Size;
use std::net::SocketAddr;

pub(crate) const DOMAIN: &str = "home1.test";
pub(crate) const ALICE: &str = "sip:alice@home1.test";
pub(crate) const CAROL: &str = "sip:carol@home1.test";
pub(crate) const ERIN: &str = "sip:erin@home1.test";
pub(crate) const GRACE: &str = "sip:grace@home1.test";
pub(crate) const HEIDI: &str = "sip:heidi@home1.test";
pub(crate) const BOB: &str = "sip:bob@home2.test";
pub(crate) const DAVE: &str = "sip:dave@home2.test";

/// The nodes of home1.test in a test of one domain.
pub(crate) const NODES: [&str; 5] = ["pcscf1a", "icscf1", "scscf1a", "ps1", "hss1"];

/// The user agents with the numbers of their domains and their last octets.
pub(crate) const UES: [(&str, u8, u8); 5] =
    [("alice", 1, 31), ("carol", 1, 32), ("erin", 1, 33), ("bob", 2, 41), ("dave", 2, 42)];

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Pcscf,
    Icscf,
    Scscf,
    Hss,
    PresenceServer,
}

pub(crate) fn domain_of(number: u8) -> String {
    format!("home{number}.test")
}

/// The nodes of a domain, with their last octets.
pub(crate) fn nodes_of(number: u8, size: Size) -> Vec<(String, Kind, u8)> {
    let first = [
        ("pcscf", "a", Kind::Pcscf, 11),
        ("icscf", "", Kind::Icscf, 13),
        ("scscf", "a", Kind::Scscf, 14),
        ("hss", "", Kind::Hss, 16),
        ("ps", "", Kind::PresenceServer, 17),
    ];
    let second = [("pcscf", "b", Kind::Pcscf, 12), ("scscf", "b", Kind::Scscf, 15)];
    let second = match size {
        Size::Small => &second[..0],
        Size::Whole => &second,
    };
    let all = first.iter().chain(second);
    all.map(|(what, which, kind, last)| (format!("{what}{number}{which}"), *kind, octet(number, *last)))
        .collect()
}

/// home1.test lies from 11 on, home2.test from 21 on.
pub(crate) fn octet(number: u8, of_the_first: u8) -> u8 {
    of_the_first + 10 * (number - 1)
}

/// `127.0.10.LAST:PORT`, as in the lab's configuration.
pub(crate) fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 10, last], port))
}
