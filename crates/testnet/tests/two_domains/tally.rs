//! What courses have seen.

use crate::domain::Kind;
use std::collections::BTreeMap;
use std::fmt;

/// Counts, by what was counted.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<&'static str, u64>);

/// All that has to happen in a sweep: one in which it did not has shown nothing.
const NEEDED: [&str; 18] = [
    "drops",
    "duplicates",
    "reorderings",
    "restarts of a P-CSCF",
    "restarts of an I-CSCF",
    "restarts of an S-CSCF",
    "restarts of an HSS",
    "restarts of a presence server",
    "moves to another P-CSCF",
    "moves to another S-CSCF",
    "accepted changes",
    "NOTIFYs",
    "denials",
    "courses without a crash",
    "courses by identity",
    "courses by dialog",
    "courses over UDP",
    "courses over TCP",
];

pub(crate) const fn restarts(kind: Kind) -> &'static str {
    match kind {
        Kind::Pcscf => "restarts of a P-CSCF",
        Kind::Icscf => "restarts of an I-CSCF",
        Kind::Scscf => "restarts of an S-CSCF",
        Kind::Hss => "restarts of an HSS",
        Kind::PresenceServer => "restarts of a presence server",
    }
}

impl Tally {
    pub(crate) fn count(&mut self, what: &'static str, times: u64) {
        *self.0.entry(what).or_default() += times;
    }

    pub(crate) fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(what, times)| self.count(what, *times));
    }

    pub(crate) fn assert_something_happened(&self) {
        for what in NEEDED {
            assert!(self.of(what) > 0, "the sweep saw no {what}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>9} {what}"))
    }
}
