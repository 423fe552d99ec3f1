//! The node's seeded generator: tags, branches, nonces, tokens.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// A generator whose whole output follows from its seed: the operating system's in production, a test's own in a test.
#[derive(Debug)]
pub struct Random(ChaCha12Rng);

/// Length of [`Random::token`].
pub(crate) const TOKEN: usize = 12;

const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Random {
    /// A generator from a 32-byte seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self(ChaCha12Rng::from_seed(seed))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 32 random bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A token of 12 letters and digits: 60 random bits, enough for a tag (RFC 3261 section 19.3 asks for 32).
    pub fn token(&mut self) -> String {
        let mut token = String::with_capacity(TOKEN);
        self.put_token(&mut token);
        token
    }

    /// A token of 24 letters and digits: 120 random bits, for what must not be guessed.
    pub fn secret(&mut self) -> String {
        let mut secret = String::with_capacity(2 * TOKEN);
        self.put_token(&mut secret);
        self.put_token(&mut secret);
        secret
    }

    pub(crate) fn put_token(&mut self, out: &mut String) {
        let mut bits = self.bits();
        let mut token = [0; TOKEN];
        for letter in &mut token {
            *letter = ALPHABET.get((bits % 32) as usize).copied().unwrap_or_default();
            bits /= 32;
        }
        out.push_str(std::str::from_utf8(&token).unwrap_or_default());
    }
}
