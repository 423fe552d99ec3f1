//! The two clock readings and the pair of them that every machine is handed.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of the monotonic clock: time since an arbitrary start of this process.
///
/// In nanoseconds, which lasts for 584 years and takes eight octets: timers are kept in great numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(u64);

impl Mono {
    /// The start of the process.
    pub const ZERO: Self = Self(0);

    /// The reading `since_start` after the start of the process.
    #[must_use]
    pub const fn at(since_start: Duration) -> Self {
        Self(nanos(since_start))
    }

    /// Time since the start of the process.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(nanos(later)))
    }
}

impl Sub<Duration> for Mono {
    type Output = Self;
    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(earlier)))
    }
}

/// A longer time is as good as for ever.
const fn nanos(time: Duration) -> u64 {
    let seconds = time.as_secs().saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos() as u64)
}

/// A reading of the wall clock, in milliseconds since 1970-01-01T00:00:00Z.
///
/// In one process it goes as the monotonic clock does; from one process to the next it may jump. What outlives a process is kept
/// in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wall(u64);

impl Wall {
    /// The reading `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Wall {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// What makes a begun second a whole one.
const ALMOST_A_SECOND: Duration = Duration::from_nanos(999_999_999);

/// Both clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// For timers.
    pub mono: Mono,
    /// For what is kept or shown.
    pub wall: Wall,
}

impl Now {
    /// Both clocks at their origin, for tests that start there.
    pub const ZERO: Self = Self { mono: Mono::ZERO, wall: Wall(0) };

    /// The monotonic reading at which the wall clock will show `deadline`; now, if that has passed.
    #[must_use]
    pub fn mono_at(&self, deadline: Wall) -> Mono {
        self.mono + deadline.saturating_since(self.wall)
    }

    /// Whole seconds until then, begun ones too; none for what has passed or never comes.
    #[must_use]
    pub fn seconds_until(&self, then: Option<Mono>) -> u64 {
        then.map_or(0, |then| then.saturating_since(self.mono).saturating_add(ALMOST_A_SECOND).as_secs())
    }
}

impl Add<Duration> for Now {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        Self { mono: self.mono + later, wall: self.wall + later }
    }
}
