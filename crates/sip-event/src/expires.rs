//! How long a subscription or publication is granted (RFC 6665 section 4.2.1.1, RFC 3903 section 6 step 4).

use clock::Now;
use clock::Wall;
use sip_message::StatusCode;
use std::time::Duration;

/// What we grant, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Granted when nothing is asked; lowered to `max_s` if above.
    pub default_s: u32,
    /// Less than this, but not zero, is refused.
    pub min_s: u32,
    /// More than this is shortened.
    pub max_s: u32,
}

/// The seconds that go into the 2xx's Expires; zero ends or fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Granted(u32);

/// The interval asked for is too short: 423 with Min-Expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooBrief {
    /// The value of Min-Expires, in seconds.
    pub min: u32,
}

/// From this many seconds on a SUBSCRIBE is never too brief, whatever our minimum (RFC 6665 section 4.2.1.1).
const ONE_HOUR: u32 = 3600;

/// The duration of a subscription for the Expires of its SUBSCRIBE.
///
/// # Errors
/// [`TooBrief`] when more than zero, less than an hour and less than our minimum is asked.
pub fn grant(requested: Option<u32>, limits: &Limits) -> Result<Granted, TooBrief> {
    match requested {
        Some(asked) if asked > 0 && asked < ONE_HOUR && asked < limits.min_s => {
            Err(TooBrief { min: limits.min_s.min(ONE_HOUR) })
        }
        Some(_) | None => Ok(limits.shorten(requested)),
    }
}

/// The lifetime of a publication for the Expires of its PUBLISH.
///
/// # Errors
/// [`TooBrief`] when more than zero and less than our minimum is asked; the one-hour exception is SUBSCRIBE's alone.
pub fn grant_publication(requested: Option<u32>, limits: &Limits) -> Result<Granted, TooBrief> {
    match requested {
        Some(asked) if asked > 0 && asked < limits.min_s => Err(TooBrief { min: limits.min_s }),
        Some(_) | None => Ok(limits.shorten(requested)),
    }
}

impl Limits {
    fn shorten(&self, requested: Option<u32>) -> Granted {
        Granted(requested.unwrap_or(self.default_s).min(self.max_s))
    }
}

impl Granted {
    /// Nothing is to be kept: unsubscribe, fetch or remove.
    pub const ZERO: Self = Self(0);

    /// The value of Expires.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// Whether nothing is to be kept.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// What is left of it now, where it ends then.
    #[must_use]
    pub fn left(self, now: Now, ends: Wall) -> Self {
        let left = ends.saturating_since(now.wall).as_secs();
        Self(u32::try_from(left).unwrap_or(u32::MAX).min(self.0))
    }

    /// When it ends.
    pub(crate) fn ends(self, now: Now) -> Wall {
        now.wall + self.duration()
    }

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl TooBrief {
    /// The status that tells the sender.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        StatusCode::INTERVAL_TOO_BRIEF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { default_s: 3600, min_s: 60, max_s: 7200 };

    #[test]
    fn sub_n_03_04_what_a_subscribe_is_granted() {
        let long_minimum = Limits { min_s: 4000, ..LIMITS };
        let low_default = Limits { max_s: 1800, ..LIMITS };
        let rows = [
            (None, LIMITS, Ok(3600)),
            (None, low_default, Ok(1800)),
            (Some(0), LIMITS, Ok(0)),
            (Some(1), LIMITS, Err(60)),
            (Some(59), LIMITS, Err(60)),
            (Some(60), LIMITS, Ok(60)),
            (Some(7200), LIMITS, Ok(7200)),
            (Some(7201), LIMITS, Ok(7200)),
            (Some(u32::MAX), LIMITS, Ok(7200)),
            (Some(3599), long_minimum, Err(3600)),
            (Some(3600), long_minimum, Ok(3600)),
        ];
        for (asked, limits, granted) in rows {
            let result = grant(asked, &limits).map(Granted::seconds).map_err(|brief| brief.min);
            assert_eq!(result, granted, "{asked:?}");
            assert!(granted.is_err() || asked.is_none_or(|asked| granted.unwrap() <= asked));
        }
    }

    #[test]
    fn pub_04_what_a_publish_is_granted() {
        let long_minimum = Limits { min_s: 4000, ..LIMITS };
        let rows = [
            (None, LIMITS, Ok(3600)),
            (Some(0), LIMITS, Ok(0)),
            (Some(1), LIMITS, Err(60)),
            (Some(59), LIMITS, Err(60)),
            (Some(60), LIMITS, Ok(60)),
            (Some(7201), LIMITS, Ok(7200)),
            (Some(3600), long_minimum, Err(4000)),
        ];
        for (asked, limits, granted) in rows {
            let result = grant_publication(asked, &limits).map(Granted::seconds).map_err(|brief| brief.min);
            assert_eq!(result, granted, "{asked:?}");
        }
    }
}
