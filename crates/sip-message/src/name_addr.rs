//! Addresses in headers: `"Display" <uri>;params` or `uri;params` (RFC 3261 section 20.10).

use crate::scan;
use crate::text::{Params, after_quoted, is_mark, trim};
use crate::uri::{Uri, UriError};

/// One value of From, To, Contact, Route and their like, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    display: Option<&'a str>,
    uri: &'a str,
    params: Params<'a>,
    tag: Option<&'a str>,
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
        let after_quote = match value.as_bytes() {
            quoted @ [b'"', ..] => after_quoted(quoted, 0).ok_or(NameAddrError::Syntax)?,
            _ => 0,
        };
        let open = scan::find(value.as_bytes().get(after_quote..).unwrap_or_default(), b'<');
        let (display, uri, params) = match open {
            Some(open) => with_brackets(value, after_quote, after_quote + open)?,
            None => without_brackets(value)?,
        };
        let display = Some(display).filter(|display| !display.is_empty());
        let params = Params::new(params);
        let [tag] = params.checked(["tag"]).map_err(|_| NameAddrError::Parameter)?;
        // Section 19.3: a tag is a token, and one without a value cannot be told from none.
        if tag.is_some_and(|tag| !tag.is_some_and(is_mark)) {
            return Err(NameAddrError::Parameter);
        }
        Ok(Self { display, uri, params, tag: tag.flatten() })
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
        self.tag
    }
}

/// Display name, URI and parameters of `display <uri>;params`; a quoted display name ends at `after_quote`, the bracket
/// stands at `open`.
fn with_brackets(value: &str, after_quote: usize, open: usize) -> Result<(&str, &str, &str), NameAddrError> {
    let display = value.get(after_quote..open).unwrap_or_default();
    let inner = value.get(open + 1..).unwrap_or_default();
    let close = scan::find(inner.as_bytes(), b'>').ok_or(NameAddrError::Syntax)?;
    let params = trim(inner.get(close + 1..).unwrap_or_default());
    // Section 25.1: a display name is one quoted string, or tokens; an unquoted comma or quote inside is refused.
    let fits = if after_quote > 0 {
        trim(display).is_empty()
    } else {
        display.bytes().all(|b| !matches!(b, b',' | b'"' | b';' | b'>' | b':' | b'@'))
    };
    if !fits || !(params.is_empty() || params.starts_with(';')) {
        return Err(NameAddrError::Syntax);
    }
    Ok((trim(value.get(..open).unwrap_or_default()), inner.get(..close).unwrap_or_default(), params))
}

fn without_brackets(value: &str) -> Result<(&str, &str, &str), NameAddrError> {
    let end = value.find(';').unwrap_or(value.len());
    let uri = trim(value.get(..end).unwrap_or_default());
    if uri.contains(['?', ',']) {
        return Err(NameAddrError::NeedsBrackets);
    }
    Ok(("", uri, value.get(end..).unwrap_or_default()))
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
