//! The small grammar of header values: tokens, quoted strings, lists and parameters (RFC 3261 section 25.1).

/// Whether the byte may stand in a token.
pub(crate) const fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Linear white space inside a value; CR and LF stand there only in a folded line.
pub(crate) const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Takes white space, folded lines included, off both ends.
pub(crate) fn trim(text: &str) -> &str {
    // Most values have none, and trim_matches walks by characters.
    match text.as_bytes() {
        [first, .., last] if !is_space(*first) && !is_space(*last) => text,
        _ => text.trim_matches(|c: char| c.is_ascii() && is_space(c as u8)),
    }
}

/// Where `stop` first stands outside quoted strings and angle brackets.
///
/// # Errors
/// [`Unbalanced`] when a quoted string or bracket never ends.
pub(crate) fn find_outside(text: &str, stop: u8) -> Result<Option<usize>, Unbalanced> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr3(b'"', b'<', stop, rest)) {
        at += found;
        match bytes.get(at) {
            Some(b'"') => at = after_quoted(bytes, at).ok_or(Unbalanced)?,
            Some(b'<') => {
                at += 1 + memchr::memchr(b'>', bytes.get(at..).unwrap_or_default()).ok_or(Unbalanced)?
            }
            Some(_) | None => return Ok(Some(at)),
        }
    }
    Ok(None)
}

/// Where the text goes on behind the quoted string that begins at `at`.
pub(crate) fn after_quoted(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += 1;
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// A quoted string or an angle bracket is opened and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// The values of a comma list, each trimmed. An empty value is yielded as the empty string; after an unbalanced quote
/// the rest is one value, which its typed reader refuses.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (value, after) = match find_outside(text, b',') {
            Ok(Some(at)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
            Ok(None) | Err(Unbalanced) => (text, None),
        };
        rest = after;
        Some(trim(value))
    })
}

/// Parameters behind a value: `;name`, `;name=token` or `;name="quoted"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// The parameters in `text`, which is empty or begins with a semicolon.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The text as written.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Each parameter's name and, where it has one, value; quotes stay on.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let mut rest = trim(self.0).strip_prefix(';');
        std::iter::from_fn(move || {
            let text = rest?;
            let (one, after) = match find_outside(text, b';') {
                Ok(Some(at)) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
                Ok(None) | Err(Unbalanced) => (text, None),
            };
            rest = after;
            Some(match one.split_once('=') {
                Some((name, value)) => (trim(name), Some(trim(value))),
                None => (trim(one), None),
            })
        })
    }

    /// Whether a parameter of this name is there, in any case.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of this name; quotes taken off.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, value)| value).map(unquote)
    }

    /// Whether every parameter is `name[=value]` with a token for a name and a token, host or quoted string for a value.
    pub(crate) fn is_well_formed(self) -> bool {
        find_outside(self.0, 0).is_ok()
            && self.iter().all(|(name, value)| {
                !name.is_empty() && name.bytes().all(is_token) && value.is_none_or(|value| !value.is_empty())
            })
    }
}

/// Takes the quotes off a quoted string; escapes inside stay as written.
#[must_use]
pub fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_13_commas_in_quotes_and_brackets_do_not_split() {
        let values: Vec<_> = list(r#""a, \"b" <sip:x;p=1,2>, <sip:y>,sip:z"#).collect();
        assert_eq!(values, [r#""a, \"b" <sip:x;p=1,2>"#, "<sip:y>", "sip:z"]);
        assert_eq!(list("a,,b").collect::<Vec<_>>(), ["a", "", "b"]);
    }

    #[test]
    fn params_are_found_in_any_case_with_space_and_quotes() {
        let params = Params::new("; Expires = 60 ;lr; +sip.instance=\"<urn:x;y>\"");
        assert_eq!(params.get("expires"), Some("60"));
        assert!(params.has("LR"));
        assert_eq!(params.get("+sip.instance"), Some("<urn:x;y>"));
        assert_eq!(params.get("none"), None);
        assert!(params.is_well_formed());
        for bad in [";", ";;a", ";a=", ";=b", ";a=\"b"] {
            assert!(!Params::new(bad).is_well_formed(), "{bad}");
        }
    }
}
