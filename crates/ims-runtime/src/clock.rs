//! The one place where a process's clocks are read.

use ::clock::{Mono, Now, Wall};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// The clocks of this process. The machine's wall clock is read once, at the start; from there on wall time goes as monotonic time
/// does. So a step of the machine's clock neither ends nor prolongs what runs, and everybody who was granted an hour has an hour;
/// what is kept is counted by the machine's clock when the process starts again.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    wall_at_start: Duration,
}

impl Clock {
    /// Monotonic time begins now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: Instant::now(), wall_at_start: since_epoch() }
    }

    /// Both clocks.
    #[must_use]
    pub fn now(self) -> Now {
        let elapsed = self.start.elapsed();
        let millis = u64::try_from((self.wall_at_start + elapsed).as_millis()).unwrap_or(u64::MAX);
        Now { mono: Mono::at(elapsed), wall: Wall::from_unix_millis(millis) }
    }

    /// How far the machine's wall clock has been moved since the start, forwards or backwards.
    #[must_use]
    pub fn stepped(self) -> Duration {
        since_epoch().abs_diff(self.wall_at_start + self.start.elapsed())
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the machine's clock stands still, and so falls behind as if it had been set back.
    #[tokio::test(start_paused = true)]
    async fn a_step_of_the_machines_clock_moves_no_deadline() {
        let clock = Clock::start();
        let (before, hour) = (clock.now(), Duration::from_secs(3600));
        tokio::time::advance(hour).await;
        let after = clock.now();
        assert_eq!(after.mono.saturating_since(before.mono), hour);
        assert_eq!(after.wall.saturating_since(before.wall), hour);
        assert!(clock.stepped() > hour / 2, "{:?}", clock.stepped());
    }
}
