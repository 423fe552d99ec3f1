//! Searches eight bytes at a time: names and values are so short that a general search spends most of its time on
//! setting itself up.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Bit 7 of each byte below `bound`, exact up to the first one: a borrow runs upward only. `bound` is at most 128.
const fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(LOW * bound as u64) & !word & HIGH
}

/// Where the first byte with a bit in `marks(word)` stands. The last seven bytes are not looked at.
#[inline]
fn first(bytes: &[u8], marks: impl Fn(u64) -> u64) -> Option<usize> {
    let mut at = 0;
    loop {
        let word = bytes.get(at..)?.first_chunk()?;
        let marks = marks(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
}

/// Where the first colon stands; `None` also when it stands at the very end.
#[inline]
pub(crate) fn colon(bytes: &[u8]) -> Option<usize> {
    first(bytes, |word| below(word ^ (LOW * b':' as u64), 1))
}

/// Where the first CR, LF or any other control character up to them stands; `None` also when at the very end.
#[inline]
pub(crate) fn control(bytes: &[u8]) -> Option<usize> {
    first(bytes, |word| below(word, b'\r' + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_is_found_wherever_it_stands() {
        for at in 0..40 {
            for filler in [b'a', b'9', b'\x0e', b';', 0x80, 0xff] {
                let mut text = [filler; 48];
                text[at] = b':';
                text[at + 1] = b':';
                assert_eq!(colon(&text), Some(at), "{filler}");
                (text[at], text[at + 1]) = (b'\r', b'\n');
                assert_eq!(control(&text), Some(at), "{filler}");
                assert_eq!(colon(&text), None, "{filler}");
            }
        }
        assert_eq!((colon(b"abcdefg"), control(b"")), (None, None));
    }
}
