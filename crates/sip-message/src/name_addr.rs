//! Addresses in headers: `"Display" <uri>;params` or `uri;params` (RFC 3261 section 20.10).

use crate::text::{Params, after_quoted, trim};
use crate::uri::{Uri, UriError};

/// One value of From, To, Contact, Route and their like, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: Option<&'a str>,
    uri: &'a str,
    params: Params<'a>,
}

/// Why a header value is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameAddrError {
    /// A quote or bracket is not closed, or text stands where none may.
    Syntax,
    /// A URI without brackets holds a comma, question mark or semicolon of its own (section 20).
    NeedsBrackets,
    /// A parameter behind the address is malformed.
    Parameter,
    /// The URI is none.
    Uri(UriError),
}

impl<'a> NameAddr<'a> {
    /// Reads one value, which is not a list.
    ///
    /// # Errors
    /// See [`NameAddrError`].
    pub fn parse(value: &'a str) -> Result<Self, NameAddrError> {
        let value = trim(value);
        let parsed = match bracket(value)? {
            Some(open) => Self::with_brackets(value, open)?,
            None => Self::without_brackets(value)?,
        };
        if parsed.params.is_well_formed() { Ok(parsed) } else { Err(NameAddrError::Parameter) }
    }

    fn with_brackets(value: &'a str, open: usize) -> Result<Self, NameAddrError> {
        let display = trim(value.get(..open).unwrap_or_default());
        let inner = value.get(open + 1..).unwrap_or_default();
        let close = inner.find('>').ok_or(NameAddrError::Syntax)?;
        let params = trim(inner.get(close + 1..).unwrap_or_default());
        if !(params.is_empty() || params.starts_with(';')) || !is_display_name(display) {
            return Err(NameAddrError::Syntax);
        }
        Ok(Self {
            display: (!display.is_empty()).then_some(display),
            uri: inner.get(..close).unwrap_or_default(),
            params: Params::new(params),
        })
    }

    fn without_brackets(value: &'a str) -> Result<Self, NameAddrError> {
        let end = value.find(';').unwrap_or(value.len());
        let uri = trim(value.get(..end).unwrap_or_default());
        if uri.contains(['?', ',']) {
            return Err(NameAddrError::NeedsBrackets);
        }
        Ok(Self { display: None, uri, params: Params::new(value.get(end..).unwrap_or_default()) })
    }

    /// The display name as written, quotes included.
    #[must_use]
    pub const fn display(&self) -> Option<&'a str> {
        self.display
    }

    /// The URI's text.
    #[must_use]
    pub const fn uri_text(&self) -> &'a str {
        self.uri
    }

    /// The URI.
    ///
    /// # Errors
    /// [`NameAddrError::Uri`] when it is none.
    pub fn uri(&self) -> Result<Uri, NameAddrError> {
        Uri::parse(self.uri).map_err(NameAddrError::Uri)
    }

    /// The header parameters behind the address.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        self.params
    }

    /// The `tag` parameter.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag")
    }
}

/// Where the bracket of a name-addr opens, a quoted display name passed over.
fn bracket(value: &str) -> Result<Option<usize>, NameAddrError> {
    let after_quote = if value.starts_with('"') {
        after_quoted(value.as_bytes(), 0).ok_or(NameAddrError::Syntax)?
    } else {
        0
    };
    Ok(value.get(after_quote..).and_then(|rest| rest.find('<')).map(|at| after_quote + at))
}

/// Section 25.1: a display name is one quoted string, or tokens; an unquoted comma or quote inside is refused.
fn is_display_name(display: &str) -> bool {
    if display.starts_with('"') {
        return after_quoted(display.as_bytes(), 0) == Some(display.len());
    }
    display.bytes().all(|b| !matches!(b, b',' | b'"' | b';' | b'>' | b':' | b'@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_20_10_forms_of_an_address() {
        let rows = [
            (
                r#""A. G. <Bell>" <sip:agb@bell.test> ;tag=a48s"#,
                Some(r#""A. G. <Bell>""#),
                "sip:agb@bell.test",
                Some("a48s"),
            ),
            ("sip:+12125551212@server.test;tag=887s", None, "sip:+12125551212@server.test", Some("887s")),
            (
                "Anonymous <sip:c8oqz84zk7z@privacy.test>;tag=hyh8",
                Some("Anonymous"),
                "sip:c8oqz84zk7z@privacy.test",
                Some("hyh8"),
            ),
            ("caller<sip:caller@example.com>", Some("caller"), "sip:caller@example.com", None),
            (r#""Quot \" ed"<sip:x;a=b?c=d>"#, Some(r#""Quot \" ed""#), "sip:x;a=b?c=d", None),
        ];
        for (text, display, uri, tag) in rows {
            let address = NameAddr::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"));
            assert_eq!((address.display(), address.uri_text(), address.tag()), (display, uri, tag), "{text}");
        }
    }

    #[test]
    fn rfc4475_addresses_that_are_none() {
        let rows = [
            (r#""Mr. J. User <sip:j.user@example.com>"#, NameAddrError::Syntax),
            ("Bell, Alexander <sip:a.g.bell@example.com>;tag=43", NameAddrError::Syntax),
            ("sip:user@example.com?Route=%3Csip:x%3E", NameAddrError::NeedsBrackets),
            ("<sip:a@b", NameAddrError::Syntax),
            ("<sip:a@b>x", NameAddrError::Syntax),
            ("<sip:a@b>;;tag=x", NameAddrError::Parameter),
        ];
        for (text, error) in rows {
            assert_eq!(NameAddr::parse(text), Err(error), "{text}");
        }
        let spaced = NameAddr::parse("\"Watson, Thomas\" < sip:t.watson@example.org >").unwrap();
        assert_eq!(spaced.uri(), Err(NameAddrError::Uri(UriError::Character)));
    }
}
