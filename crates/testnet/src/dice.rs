//! Chance, decided by the seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::time::Duration;

/// What chance decides; each has a sequence of its own, so that a lost packet more does not change a node's tags.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Network = 1,
    Disk = 2,
    Seeds = 3,
}

#[derive(Debug)]
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64, purpose: Purpose) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(purpose as u64);
        Self(generator)
    }

    /// True so many times out of a thousand.
    pub(crate) fn chance(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.0.next_u64() % 1000 < u64::from(per_mille)
    }

    /// From nothing up to and including `most`.
    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(if nanos == 0 { 0 } else { self.0.next_u64() % nanos.saturating_add(1) })
    }

    /// The seed of a process.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}
