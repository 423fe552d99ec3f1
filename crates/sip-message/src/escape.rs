//! Percent escapes in URIs: compared as the characters they stand for (RFC 3261 section 19.1.2).

/// One character of an escaped text: its byte and how much text it took.
fn next(text: &[u8]) -> Option<(u8, usize)> {
    match *text {
        [b'%', high, low, ..] => match (hex(high), hex(low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, 3)),
            _ => Some((b'%', 1)),
        },
        [byte, ..] => Some((byte, 1)),
        [] => None,
    }
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn unescaped(text: &str) -> impl Iterator<Item = u8> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, taken) = next(rest)?;
        rest = rest.get(taken..).unwrap_or_default();
        Some(byte)
    })
}

/// Whether both are the same characters once unescaped.
pub(crate) fn same_unescaped(a: &str, b: &str, ignore_case: bool) -> bool {
    let fold = |byte: u8| if ignore_case { byte.to_ascii_lowercase() } else { byte };
    unescaped(a).map(fold).eq(unescaped(b).map(fold))
}

/// The same text with every escape taken off that need not be there, the others in upper case.
pub(crate) fn normalise(text: &str) -> String {
    use std::fmt::Write as _;
    if !text.contains('%') {
        return text.to_owned();
    }
    unescaped(text).fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_19_1_2_escapes_stand_for_their_character() {
        assert!(same_unescaped("%61lice", "alice", false));
        assert!(same_unescaped("%C3%BC", "%c3%bc", false));
        assert!(!same_unescaped("Alice", "alice", false));
        assert!(same_unescaped("%", "%", false) && !same_unescaped("null-%00", "null-", false));
    }

    #[test]
    fn one_spelling_for_escaped_text() {
        assert_eq!(normalise("%61%20%c3"), "a%20%C3");
    }
}
