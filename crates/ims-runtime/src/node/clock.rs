//! The one place where a node's clocks are read.

use clock::{Mono, Now, Wall};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The clocks of this process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    /// Monotonic time begins now.
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Both clocks.
    pub(crate) fn now(self) -> Now {
        let millis = u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono::at(self.start.elapsed()), wall: Wall::from_unix_millis(millis) }
    }

    /// For tokio's timers.
    pub(crate) fn instant(self, at: Mono) -> Instant {
        self.start + at.since_start()
    }

    /// Wall time, as fine as it comes.
    pub(crate) fn unix_nanos() -> u64 {
        u64::try_from(since_epoch().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where wall time comes from")]
fn since_epoch() -> Duration {
    // A machine that believes it is before 1970 is at 1970.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
