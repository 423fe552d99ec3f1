//! Searches many bytes at a time: names and values are so short that a general search spends most of its time on setting
//! itself up.

use wide::u8x16;

/// Bytes looked at together by [`line_ends`].
pub(crate) const BLOCK: usize = 64;

/// Where CR and where LF stand in a block: bit 0 is its first byte.
#[inline]
pub(crate) fn line_ends(block: &[u8; BLOCK]) -> (u64, u64) {
    (marks(block, b'\r'), marks(block, b'\n'))
}

#[inline]
fn marks(block: &[u8; BLOCK], wanted: u8) -> u64 {
    let (parts, _) = block.as_chunks::<16>();
    parts.iter().rev().fold(0, |marks, part| marks << 16 | u64::from(equal(part, wanted)))
}

#[inline]
fn equal(part: &[u8; 16], wanted: u8) -> u32 {
    u8x16::new(*part).simd_eq(u8x16::splat(wanted)).to_bitmask()
}

/// Bytes in which nearly every header line has its colon.
pub(crate) const FRONT: usize = 32;

/// The first bytes, with zeros behind them where there are not as many.
pub(crate) fn front(bytes: &[u8]) -> [u8; FRONT] {
    let mut front = [0; FRONT];
    front.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    front
}

/// Where the first colon stands.
#[inline]
pub(crate) fn colon(front: &[u8; FRONT]) -> Option<usize> {
    let (parts, _) = front.as_chunks::<16>();
    let marks = parts.iter().rev().fold(0, |marks, part| marks << 16 | equal(part, b':'));
    (marks != 0).then(|| marks.trailing_zeros() as usize)
}

/// Where the first byte stands that is marked by `block`, or, where there are fewer than 16, chosen by `single`.
#[inline]
fn first(bytes: &[u8], block: impl Fn(u8x16) -> u8x16, single: impl Fn(u8) -> bool) -> Option<usize> {
    let (parts, rest) = bytes.as_chunks::<16>();
    let marked = |part: &[u8; 16], at: usize| {
        let marks = block(u8x16::new(*part)).to_bitmask();
        (marks != 0).then(|| at + marks.trailing_zeros() as usize)
    };
    let mut at = 0;
    for part in parts {
        let found = marked(part, at);
        if found.is_some() {
            return found;
        }
        at += 16;
    }
    // The last bytes are looked at once more with those before them, which are known by then to have no mark.
    match bytes.last_chunk() {
        Some(last) if !rest.is_empty() => marked(last, bytes.len() - 16),
        Some(_) => None,
        None => bytes.iter().position(|b| single(*b)),
    }
}

/// Where `wanted` first stands.
#[inline]
pub(crate) fn find(bytes: &[u8], wanted: u8) -> Option<usize> {
    first(bytes, |block| block.simd_eq(u8x16::splat(wanted)), |b| b == wanted)
}

/// Where one of both first stands.
#[inline]
pub(crate) fn find_either(bytes: &[u8], a: u8, b: u8) -> Option<usize> {
    first(
        bytes,
        |block| block.simd_eq(u8x16::splat(a)) | block.simd_eq(u8x16::splat(b)),
        |byte| byte == a || byte == b,
    )
}

/// Whether a blank or control character is there.
#[inline]
pub(crate) fn has_blank(bytes: &[u8]) -> bool {
    first(bytes, blanks, |b| b <= b' ').is_some()
}

#[inline]
fn blanks(block: u8x16) -> u8x16 {
    block.min(u8x16::splat(b' ')).simd_eq(block)
}

/// How many bytes at the front are neither blank nor control character nor one of `;`, `"` and `<`.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    let ends = |block: u8x16| {
        let is = |b: u8| block.simd_eq(u8x16::splat(b));
        blanks(block) | is(b';') | is(b'"') | is(b'<')
    };
    let end = first(bytes, ends, |b| b <= b' ' || matches!(b, b';' | b'"' | b'<'));
    end.unwrap_or(bytes.len())
}

/// Whether every byte may stand in a URI: no blank, control character, angle bracket or quote.
#[inline]
pub(crate) fn is_uri(bytes: &[u8]) -> bool {
    let ends = |block: u8x16| {
        let is = |b: u8| block.simd_eq(u8x16::splat(b));
        blanks(block) | is(b'"') | is(b'<') | is(b'>') | is(0x7f)
    };
    first(bytes, ends, |b| b <= b' ' || matches!(b, b'"' | b'<' | b'>' | 0x7f)).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_is_found_wherever_it_stands() {
        for length in 1..40 {
            for at in 0..length {
                for filler in [b'a', b'!', b'9', 0x80, 0xff] {
                    let mut text = vec![filler; length];
                    assert_eq!(
                        (find(&text, b':'), has_blank(&text), plain_run(&text)),
                        (None, false, length)
                    );
                    text[at] = b':';
                    assert_eq!([find(&text, b':'), find_either(&text, b'?', b':')], [Some(at); 2]);
                    for odd in *b"\0\t\r\n \"<>\x7f" {
                        text[at] = odd;
                        assert!(!is_uri(&text), "{odd}");
                    }
                    for end in *b"\0\t\r\n ;\"<" {
                        text[at] = end;
                        assert_eq!((has_blank(&text), plain_run(&text)), (end <= b' ', at), "{end}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_first_colon_is_found() {
        for at in 0..FRONT - 1 {
            let mut front = [0xba; FRONT];
            (front[at], front[at + 1]) = (b':', b':');
            assert_eq!(colon(&front), Some(at));
        }
        assert_eq!(colon(&[b';'; FRONT]), None);
    }

    #[test]
    fn every_line_end_of_a_block_is_marked() {
        for at in 0..BLOCK - 1 {
            let mut block = [b'a'; BLOCK];
            (block[at], block[at + 1]) = (b'\r', b'\n');
            assert_eq!(line_ends(&block), (1 << at, 2 << at));
        }
    }
}
