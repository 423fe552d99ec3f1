//! The base timers of RFC 3261 section 17, from which every other follows.

use std::time::Duration;

/// T1, T2 and T4. A network leg has one set; a radio leg has a slower one (rule SIP-08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate: the first retransmission comes after it.
    pub t1: Duration,
    /// Longest gap between retransmissions.
    pub t2: Duration,
    /// How long a message may stay in the network.
    pub t4: Duration,
}

impl Timers {
    /// The values of RFC 3261 table 4.
    pub const DEFAULT: Self =
        Self { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    /// The values of TS 24.229 table 7.7.1 for the leg between UE and P-CSCF.
    pub const RADIO: Self =
        Self { t1: Duration::from_secs(2), t2: Duration::from_secs(16), t4: Duration::from_secs(17) };

    /// 64*T1: Timers F and J, and the life of a transaction.
    #[must_use]
    pub const fn timer_f(self) -> Duration {
        self.t1.saturating_mul(64)
    }

    /// How long a client takes from its first sending until its Timer E is set to T2: the time after which whoever lives
    /// has said at least 100 (RFC 4320 section 4.1).
    #[must_use]
    pub fn until_t2(self) -> Duration {
        let (mut gap, mut passed) = (self.t1, Duration::ZERO);
        while gap < self.t2 && !gap.is_zero() {
            passed += gap;
            gap *= 2;
        }
        passed
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self::DEFAULT
    }
}
