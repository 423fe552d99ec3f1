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

/// Whether an escape of this byte stands for the character itself (the unreserved set of RFC 3261 section 25.1).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// The bytes that stand there, each with whether it is an escape that is not the same as its character.
fn unescaped(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (byte, taken) = next(rest)?;
        rest = rest.get(taken..).unwrap_or_default();
        Some((byte, taken == 3 && !is_unreserved(byte)))
    })
}

/// Whether both are the same characters once unescaped; a reserved character is not the same as its escape (section
/// 19.1.4).
pub(crate) fn same_unescaped(a: &str, b: &str, ignore_case: bool) -> bool {
    let fold = |byte: u8| if ignore_case { byte.to_ascii_lowercase() } else { byte };
    let folded = |(byte, is_escape)| (fold(byte), is_escape);
    unescaped(a).map(folded).eq(unescaped(b).map(folded))
}

/// The same text with every escape taken off that need not be there, the others in upper case.
pub(crate) fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        normal.push_str(before);
        let taken = match next(escape.as_bytes()) {
            Some((byte, 3)) if is_unreserved(byte) => {
                normal.push(char::from(byte));
                3
            }
            Some((_, 3)) => {
                normal.extend(escape.chars().take(3).map(|c| c.to_ascii_uppercase()));
                3
            }
            // It begins no escape, nor may it together with what is written behind it.
            _ => {
                normal.push_str("%25");
                1
            }
        };
        // An escape is ASCII, so that this is where a character begins.
        rest = escape.get(taken..).unwrap_or_default();
    }
    normal.push_str(rest);
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_19_1_2_escapes_stand_for_their_character() {
        assert!(same_unescaped("%61lice", "alice", false));
        assert!(same_unescaped("%C3%BC", "%c3%bc", false));
        assert!(!same_unescaped("Alice", "alice", false));
        assert!(!same_unescaped("a%3Bb", "a;b", false) && same_unescaped("a%3Bb", "a%3bb", false));
        assert!(same_unescaped("%", "%", false) && !same_unescaped("null-%00", "null-", false));
    }

    #[test]
    fn one_spelling_for_escaped_text() {
        assert_eq!(normalise("%61%20%c3"), "a%20%C3");
        assert_eq!(normalise("b:x%3ax%3B;%"), "b:x%3Ax%3B;%25");
        assert_eq!(normalise("ü%6%%39e"), "ü%256%259e");
    }
}
