//! The small grammar of header values: tokens, quoted strings, lists and parameters (RFC 3261 section 25.1).

use crate::charset::{self, TOKEN};
use crate::scan;

/// Linear white space inside a value; CR and LF stand there only in a folded line.
pub(crate) const fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// Takes white space, folded lines included, off both ends.
pub(crate) fn trim(text: &str) -> &str {
    // By bytes: trim_matches decodes characters.
    let bytes = text.as_bytes();
    if let [first, .., last] | [first @ last] = bytes
        && !is_space(*first)
        && !is_space(*last)
    {
        return text;
    }
    let start = bytes.iter().position(|b| !is_space(*b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !is_space(*b)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
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
        at += scan::find_either(bytes.get(at..)?, b'"', b'\\')?;
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// A quoted string or an angle bracket is opened and never closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unbalanced;

/// Where the first value of a list ends; most lines hold but one.
fn comma(text: &str) -> Option<usize> {
    scan::find(text.as_bytes(), b',')?;
    find_outside(text, b',').ok().flatten()
}

/// The first value of a comma list, as [`list`] gives it.
pub(crate) fn first(text: &str) -> &str {
    let end = comma(text);
    trim(end.and_then(|end| text.get(..end)).unwrap_or(text))
}

/// What stands behind the first value of a comma list, from its comma on.
pub(crate) fn after_first(text: &str) -> &str {
    comma(text).and_then(|end| text.get(end..)).unwrap_or_default()
}

/// The values of a comma list, each trimmed. An empty value is yielded as the empty string; after an unbalanced quote
/// the rest is one value, which its typed reader refuses.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (value, after) = match comma(text) {
            Some(at) => (text.get(..at).unwrap_or(text), text.get(at + 1..)),
            None => (text, None),
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
        self.iter().any(|(param, _)| param.eq_ignore_ascii_case(name))
    }

    /// The value of the first parameter of this name; quotes taken off.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|(param, _)| param.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value)
            .map(unquote)
    }

    /// The first parameter of each of these names, with its value where it has one; quotes taken off.
    ///
    /// # Errors
    /// [`ParamsError`] when any is not `name[=value]`, the name a token and the value not empty. All are looked at, in
    /// the same walk.
    pub(crate) fn checked<const N: usize>(
        self,
        wanted: [&str; N],
    ) -> Result<[Option<Option<&'a str>>; N], ParamsError> {
        match self.checked_plain(wanted) {
            Some(found) => Ok(found),
            None if self.is_well_formed() => {
                let first = |name: &str| self.iter().find(|(param, _)| param.eq_ignore_ascii_case(name));
                Ok(wanted.map(|name| first(name).map(|(_, value)| value.map(unquote))))
            }
            None => Err(ParamsError),
        }
    }

    /// [`Params::checked`] for what parameters mostly are: tokens, without quotes and white space. `None` says nothing.
    fn checked_plain<const N: usize>(self, wanted: [&str; N]) -> Option<[Option<Option<&'a str>>; N]> {
        let mut found = [None; N];
        let mut rest = self.0;
        while let Some(text) = rest.strip_prefix(';') {
            let name = charset::run(text.as_bytes(), TOKEN);
            let (name, tail) = text.split_at_checked(name).filter(|_| name > 0)?;
            let value = match tail.strip_prefix('=') {
                Some(tail) => {
                    let (value, tail) = tail.split_at_checked(scan::plain_run(tail.as_bytes()))?;
                    rest = tail;
                    Some(Some(value).filter(|value| !value.is_empty())?)
                }
                None => {
                    rest = tail;
                    None
                }
            };
            let here = wanted.iter().zip(&mut found).find(|(wanted, _)| name.eq_ignore_ascii_case(wanted));
            if let Some((_, first @ None)) = here {
                *first = Some(value);
            }
        }
        rest.is_empty().then_some(found)
    }

    /// Whether no parameter is without a name.
    pub(crate) fn have_names(self) -> bool {
        self.0.is_empty() || self.checked_plain([]).is_some() || self.iter().all(|(name, _)| !name.is_empty())
    }

    /// Whether every parameter is `name[=value]` with a token for a name and a token, host or quoted string for a value.
    fn is_well_formed(self) -> bool {
        find_outside(self.0, 0).is_ok()
            && self.iter().all(|(name, value)| {
                !name.is_empty() && charset::all(name.as_bytes(), TOKEN) && value.is_none_or(is_value)
            })
    }
}

/// Whether a tag or branch can be compared, and written anew, as it is: not empty, and no white space in it.
pub(crate) fn is_mark(value: &str) -> bool {
    !value.is_empty() && !scan::has_blank(value.as_bytes())
}

/// A quoted string, or something without white space in it: a fold inside a branch or a tag would be another branch or tag
/// once it is written anew.
fn is_value(value: &str) -> bool {
    !value.is_empty() && (value.starts_with('"') || !value.bytes().any(is_space))
}

/// A parameter is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParamsError;

/// Takes the quotes off a quoted string; escapes inside stay as written.
#[must_use]
pub fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text)
}

/// The text as a quoted string (RFC 3261 section 25.1): quotation marks and backslashes are escaped, and each control character
/// becomes a blank.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(if c.is_control() { ' ' } else { c });
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_25_1_a_quoted_string_holds_any_text() {
        assert_eq!(quote("a \"b\" \\ \r\n\u{e4}"), "\"a \\\"b\\\" \\\\   \u{e4}\"");
    }

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
        assert_eq!(params.checked(["lr", "x"]), Ok([Some(None), None]));
        assert_eq!(params.checked(["EXPIRES"]), Ok([Some(Some("60"))]));
        let plain = Params::new(";a;b=1;A=2");
        assert_eq!(plain.checked(["b", "a"]), Ok([Some(Some("1")), Some(None)]));
        for bad in [";", ";;a", ";a=", ";=b", ";a=\"b"] {
            assert_eq!(Params::new(bad).checked(["a"]), Err(ParamsError), "{bad}");
        }
    }
}
