//! When a client comes back: before what it holds expires, and after something failed.

use clock::{Mono, Now};
use std::time::Duration;

/// Shortest wait before a refresh, so that a server granting a second or less is not asked in a loop.
pub(crate) const MIN_REFRESH: Duration = Duration::from_secs(1);

/// Waits between tries; each machine doubles them up to the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// A random number of the caller's, so that clients do not come back together: a refresh is sent after 80 % (0) to
    /// 90 % (255) of the lifetime.
    pub jitter: u8,
    /// The wait after a first failure.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Schedule {
    /// When to refresh what expires `left` from now.
    pub(crate) fn refresh_at(&self, now: Now, left: Duration) -> Mono {
        let jitter = left / 10 * u32::from(self.jitter) / u32::from(u8::MAX);
        now.mono + (left / 10 * 8 + jitter).max(MIN_REFRESH)
    }

    /// How long to wait after so many failures before this one.
    pub(crate) fn wait(&self, failures: u8) -> Duration {
        self.first_wait.saturating_mul(1 << failures.min(16)).min(self.longest_wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(jitter: u8) -> Schedule {
        Schedule { jitter, first_wait: Duration::from_secs(2), longest_wait: Duration::from_secs(60) }
    }

    #[test]
    fn sub_s_07_refresh_at_80_to_90_percent() {
        let rows = [(3600, 0, 2880), (3600, 255, 3240), (60, 0, 48), (60, 255, 54), (1, 0, 1), (0, 255, 1)];
        for (left, jitter, seconds) in rows {
            let at = schedule(jitter).refresh_at(Now::ZERO, Duration::from_secs(left));
            assert_eq!(at.since_start(), Duration::from_secs(seconds), "{left} {jitter}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u64> = [0, 1, 2, 3, 4, 5, 255].map(|n| schedule(0).wait(n).as_secs()).to_vec();
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60]);
    }
}
