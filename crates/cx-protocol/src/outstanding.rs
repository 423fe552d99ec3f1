//! Requests sent and not answered yet.

use crate::{Command, CxFailure};
use clock::{Deadlines, Mono};
use std::collections::BTreeMap;
use std::time::Duration;

/// Requests outstanding on one connection, each way. Above it one of ours fails as [`CxFailure::Overloaded`], and one
/// of the peer's is answered 3004.
pub const MAX_OUTSTANDING: usize = 4096;

/// How long a request may wait for its answer; then it fails as [`CxFailure::Timeout`].
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(5);

/// The caller's own mark on a request, given back with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A request without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) token: Token,
    pub(crate) command: Command,
}

/// The table that joins answers to requests by hop-by-hop identifier (RFC 6733 §3).
#[derive(Debug, Default)]
pub(crate) struct Outstanding {
    by_hop: BTreeMap<u32, Pending>,
    deadlines: Deadlines<u32>,
    last_hop: u32,
}

impl Outstanding {
    /// Enters a request and gives it its hop-by-hop identifier.
    pub(crate) fn enter(&mut self, now: Mono, pending: Pending) -> Result<u32, CxFailure> {
        if self.by_hop.len() >= MAX_OUTSTANDING {
            return Err(CxFailure::Overloaded);
        }
        let hop = self.fresh_hop();
        self.by_hop.insert(hop, pending);
        self.deadlines.set(hop, now + REQUEST_DEADLINE);
        Ok(hop)
    }

    /// An identifier that no outstanding request has; also for the connection's own requests.
    pub(crate) fn fresh_hop(&mut self) -> u32 {
        loop {
            self.last_hop = self.last_hop.wrapping_add(1);
            if !self.by_hop.contains_key(&self.last_hop) {
                return self.last_hop;
            }
        }
    }

    /// Takes the request that an answer belongs to; `None` if it came too late.
    pub(crate) fn take(&mut self, hop: u32) -> Option<Pending> {
        self.deadlines.cancel(&hop);
        self.by_hop.remove(&hop)
    }

    /// Takes one request whose deadline has passed.
    pub(crate) fn take_due(&mut self, now: Mono) -> Option<Pending> {
        let hop = self.deadlines.pop_due(now)?;
        self.by_hop.remove(&hop)
    }

    /// Takes any request, the oldest first.
    pub(crate) fn take_any(&mut self) -> Option<Pending> {
        let (&hop, _) = self.by_hop.first_key_value()?;
        self.take(hop)
    }

    /// The earliest deadline.
    pub(crate) fn next_deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }
}
