//! Octets as letters that a URI's user part may hold: base64url without padding (RFC 4648 section 5).
//!
//! A quarter shorter than hexadecimal digits: what a node writes into Record-Route comes back in every message of the
//! dialog, and what is longer than 1300 bytes no longer fits into a datagram.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The letters of these octets.
#[must_use]
pub fn encode(octets: &[u8]) -> String {
    let mut out = String::with_capacity((octets.len() * 4).div_ceil(3));
    for group in octets.chunks(3) {
        let bits =
            group.iter().fold(0, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - group.len()));
        for place in 0..=group.len() {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize);
            out.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    out
}

/// The octets of these letters; `None` unless [`encode`] would write them so.
#[must_use]
pub fn decode(letters: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(letters.len() * 3 / 4);
    for group in letters.as_bytes().chunks(4) {
        let bits = group.iter().try_fold(0, |bits, letter| Some(bits << 6 | value(*letter)?))?;
        let [_, octets @ ..] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let (kept, rest) = octets.split_at_checked(group.len().checked_sub(1).filter(|kept| *kept > 0)?)?;
        if rest.iter().any(|octet| *octet != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

fn value(letter: u8) -> Option<u32> {
    let (first, from) = match letter {
        b'A'..=b'Z' => (b'A', 0),
        b'a'..=b'z' => (b'a', 26),
        b'0'..=b'9' => (b'0', 52),
        b'-' => (b'-', 62),
        b'_' => (b'_', 63),
        _ => return None,
    };
    Some(from + u32::from(letter - first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of RFC 4648 section 10, without padding, and one with both letters that base64 has not.
    #[test]
    fn rfc4648_10_vectors() {
        let rows: [(&[u8], &str); 8] = [
            (b"", ""),
            (b"f", "Zg"),
            (b"fo", "Zm8"),
            (b"foo", "Zm9v"),
            (b"foob", "Zm9vYg"),
            (b"fooba", "Zm9vYmE"),
            (b"foobar", "Zm9vYmFy"),
            (&[0xfb, 0xff], "-_8"),
        ];
        for (octets, letters) in rows {
            assert_eq!(encode(octets), letters);
            assert_eq!(decode(letters).as_deref(), Some(octets));
        }
    }

    #[test]
    fn what_is_not_written_so_is_not_read() {
        for letters in ["Z", "Zm9vY", "Zh", "Zm9", "Zg==", "Zm+v", "Zm 9"] {
            assert_eq!(decode(letters), None, "{letters}");
        }
    }
}
