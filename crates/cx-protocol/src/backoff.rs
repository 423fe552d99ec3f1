//! How long to wait before connecting again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that double from 100 ms to 5 s, each shortened by up to half so that clients do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    next: Duration,
}

impl Backoff {
    /// As after a success.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: FIRST }
    }

    /// The wait after one more failure. `jitter` is random; its whole range is used.
    #[must_use]
    pub fn after_failure(&mut self, jitter: u16) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(LONGEST);
        let half = wait / 2;
        half + half * u32::from(jitter) / u32::from(u16::MAX)
    }

    /// Starts again with the shortest wait: a connection was established.
    pub const fn reset(&mut self) {
        self.next = FIRST;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}
