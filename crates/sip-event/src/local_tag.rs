//! Our tag of a dialog that is found by a number: 64 random bits in hexadecimal digits.

/// The number as a tag.
#[must_use]
pub fn text(number: u64) -> String {
    format!("{number:016x}")
}

/// The number in a tag; `None` when the tag is none of ours.
#[must_use]
pub fn number(tag: &str) -> Option<u64> {
    u64::from_str_radix(tag, 16).ok().filter(|number| text(*number) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_spelling_is_read() {
        assert_eq!(number(&text(0xab)), Some(0xab));
        for tag in ["", "ab", "00000000000000AB", "+0000000000000ab", "000000000000000ab", "ghijklmnopqrstuv"]
        {
            assert_eq!(number(tag), None, "{tag}");
        }
    }
}
