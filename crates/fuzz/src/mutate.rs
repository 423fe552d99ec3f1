//! Small changes to an input, all of them following from a seed.

/// Pieces that parsers look for.
const WORDS: [&[u8]; 24] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\r\n ",
    b"\n",
    b"\0",
    b"\"",
    b"\\",
    b"<",
    b">",
    b";",
    b",",
    b"@",
    b":",
    b"[",
    b"]",
    b"%00",
    b"%2C",
    b"?",
    b"=",
    b"Content-Length: 7\r\n",
    b"l:",
    b"4294967296",
    b"-1",
    b"\xff\xff\xff\xff",
];

/// Longest input that is made.
const LONGEST: usize = 8 * 1024;

/// A generator of changes (SplitMix64).
#[derive(Debug, Clone)]
pub struct Mutator(u64);

impl Mutator {
    /// All that it will do follows from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, 0 for a limit of 0.
    #[expect(clippy::cast_possible_truncation, reason = "a number below a usize")]
    pub const fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { (self.bits() % limit as u64) as usize }
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        all.get(self.below(all.len()))
    }

    /// `input` with one to eight changes; `other` is another input to take pieces from.
    #[must_use]
    pub fn changed(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut bytes, other);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len() + 1);
        let piece = self.piece(bytes.len() - at);
        let end = at + piece;
        match self.below(7) {
            0 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            1 => bytes.insert(at, self.bits().to_le_bytes()[0]),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes.get(at..end).unwrap_or_default().to_vec();
                bytes.splice(at..at, again);
            }
            5 => {
                let word = self.one_of(&WORDS).copied().unwrap_or_default();
                bytes.splice(at..end.min(at + word.len()), word.iter().copied());
            }
            _ => {
                let from = self.below(other.len() + 1);
                let to = from + self.piece(other.len() - from);
                bytes.splice(at..end, other.get(from..to).unwrap_or_default().iter().copied());
            }
        }
    }

    /// Length of a piece: mostly short.
    const fn piece(&mut self, limit: usize) -> usize {
        let limit = if self.0.is_multiple_of(4) || limit < 16 { limit } else { 16 };
        self.below(limit + 1)
    }
}
