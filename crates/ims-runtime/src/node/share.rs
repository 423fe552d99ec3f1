//! What the connections of a node share: room for half messages, and counts of those that were cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Bytes of messages half read on all connections together; the connection whose peer sends more is cut off.
pub const MAX_HALF_READ: usize = 64 * 1024 * 1024;

/// Shared by all connections of a node.
#[derive(Debug, Default)]
pub(crate) struct Common {
    half_read: AtomicUsize,
    /// Bytes that wait to be written.
    pub(super) queued: AtomicUsize,
    stalled: AtomicU64,
    idle: AtomicU64,
    crowded: AtomicU64,
    silent: AtomicU64,
}

/// Why a connection was cut off by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CutOff {
    /// It left a message half sent, sent none at all, or took nothing.
    Stalled,
    /// Nothing has come or gone on it for long.
    Idle,
    /// There is no room for what it has half sent.
    Crowded,
    /// Nothing is heard of its peer, who owes an answer.
    Silent,
}

impl Common {
    pub(super) fn count(&self, why: CutOff) {
        let counter = match why {
            CutOff::Stalled => &self.stalled,
            CutOff::Idle => &self.idle,
            CutOff::Crowded => &self.crowded,
            CutOff::Silent => &self.silent,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// By name, for the operator.
    pub(super) fn metrics(&self) -> [(&'static str, u64); 6] {
        [
            ("half_read_bytes", self.half_read.load(Relaxed) as u64),
            ("queued_bytes", self.queued.load(Relaxed) as u64),
            ("connections_stalled", self.stalled.load(Relaxed)),
            ("connections_idle", self.idle.load(Relaxed)),
            ("connections_crowded", self.crowded.load(Relaxed)),
            ("connections_silent", self.silent.load(Relaxed)),
        ]
    }
}

/// One connection's share of the room; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    common: Arc<Common>,
    held: usize,
}

impl Share {
    pub(super) const fn of(common: Arc<Common>) -> Self {
        Self { common, held: 0 }
    }

    /// It holds so much from now on; false if that is too much for all together.
    #[must_use]
    pub(super) fn hold(&mut self, held: usize) -> bool {
        let before = std::mem::replace(&mut self.held, held);
        if held <= before {
            self.common.half_read.fetch_sub(before - held, Relaxed);
            return true;
        }
        let more = held - before;
        self.common.half_read.fetch_add(more, Relaxed) + more <= MAX_HALF_READ
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.common.half_read.fetch_sub(self.held, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_share_the_room_and_give_it_back() {
        let common = Arc::new(Common::default());
        let share = || Share::of(Arc::clone(&common));
        let (mut one, mut other) = (share(), share());
        assert!(one.hold(MAX_HALF_READ - 1));
        assert!(other.hold(1) && !other.hold(2));
        drop(other);
        assert!(one.hold(MAX_HALF_READ) && one.hold(7));
        assert_eq!(common.metrics().first(), Some(&("half_read_bytes", 7)));
        drop(one);
        assert_eq!(common.metrics().first(), Some(&("half_read_bytes", 0)));
    }
}
