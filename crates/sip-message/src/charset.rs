//! Which bytes may stand where (RFC 3261 section 25.1), as one table: a look-up for each byte instead of a chain of
//! comparisons.

/// A token.
pub(crate) const TOKEN: u8 = 1;
/// A domain name or IPv4 address.
pub(crate) const HOST: u8 = 1 << 1;
/// The name of a URI scheme.
pub(crate) const SCHEME: u8 = 1 << 2;

static CLASSES: [u8; 256] = classes();

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0_u8;
    loop {
        table[b as usize] = classes_of(b);
        if b == u8::MAX {
            return table;
        }
        b += 1;
    }
}

const fn classes_of(b: u8) -> u8 {
    let name = b.is_ascii_alphanumeric();
    let token = name || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
    (if token { TOKEN } else { 0 })
        | (if name || matches!(b, b'-' | b'.' | b'_') { HOST } else { 0 })
        | (if name || matches!(b, b'-' | b'.' | b'+') { SCHEME } else { 0 })
}

/// Whether the byte is of one of these classes.
#[inline]
pub(crate) fn is(b: u8, class: u8) -> bool {
    CLASSES.get(usize::from(b)).is_some_and(|classes| classes & class != 0)
}

/// How many bytes at the front are of this class.
#[inline]
pub(crate) fn run(bytes: &[u8], class: u8) -> usize {
    bytes.iter().position(|b| !is(*b, class)).unwrap_or(bytes.len())
}

/// Whether all bytes are of this class. Looks at every byte, which is quicker than stopping at the first wrong one.
#[inline]
pub(crate) fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().fold(class, |all, b| all & CLASSES.get(usize::from(*b)).copied().unwrap_or_default()) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_25_1_runs_end_where_the_class_does() {
        for (text, class, length) in [
            ("z9hG4bK-.!%*_+`'~;x", TOKEN, 17),
            ("first.example_1-2:5060", HOST, 17),
            ("soap.beep+x-y://", SCHEME, 13),
            ("\u{fc}", TOKEN | HOST | SCHEME, 0),
            ("", TOKEN, 0),
        ] {
            assert_eq!(run(text.as_bytes(), class), length, "{text}");
            assert!(all(&text.as_bytes()[..length], class), "{text}");
            assert_eq!(all(text.as_bytes(), class), length == text.len(), "{text}");
        }
    }
}
