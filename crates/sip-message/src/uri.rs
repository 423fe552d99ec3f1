//! URIs: sip and sips read into parts, tel and any other scheme kept as text (RFC 3261 section 19.1, RFC 3966).

mod canonical;

use crate::charset::{self, SCHEME};
use crate::host::{self, Host, is_host, plain_host};
use crate::scan;
use crate::span::Span;
use crate::text::Params;
use crate::transport::Transport;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// What kind of URI it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other scheme; only its text is known.
    Other,
}

/// A URI, kept as the text it was written in, with the places of its parts.
///
/// `==` compares text; whether two URIs name the same resource is [`Uri::is_equivalent`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    /// Shared: a request's URIs are handed from one hand to the next.
    text: Arc<str>,
    scheme: Scheme,
    user: Option<Span>,
    host: Span,
    port: Option<u16>,
    params: Span,
    headers: Span,
}

/// Why a text is no URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UriError {
    /// No scheme, or one with a character no scheme has.
    Scheme,
    /// A space, control character, angle bracket or quote, which no URI holds.
    Character,
    /// The host is no name or address; an IPv6 address needs brackets.
    Host,
    /// The port is no number below 65536.
    Port,
    /// A parameter without a name.
    Parameter,
    /// A telephone number without a digit.
    Number,
}

/// Longest URI that is read; a longer one is refused as [`UriError::Character`].
const MAX_URI: usize = 8 * 1024;

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let bytes = text.as_bytes();
        if bytes.len() > MAX_URI || !scan::is_uri(bytes) {
            return Err(UriError::Character);
        }
        let name = charset::run(bytes, SCHEME);
        let start = name + 1;
        if name == 0 || bytes.get(name) != Some(&b':') || start == bytes.len() {
            return Err(UriError::Scheme);
        }
        match scheme_of(bytes.get(..name).unwrap_or_default()) {
            scheme @ (Scheme::Sip | Scheme::Sips) => parse_sip(text, scheme, start),
            Scheme::Tel => {
                let number = text.get(start..).and_then(|rest| rest.find(';'));
                let digits =
                    bytes.get(start..number.map_or(bytes.len(), |end| start + end)).unwrap_or_default();
                if digits.iter().all(is_separator) {
                    return Err(UriError::Number);
                }
                Ok(without_host(text, Scheme::Tel, start, number.map_or(text.len(), |end| start + end)))
            }
            Scheme::Other => Ok(without_host(text, Scheme::Other, start, text.len())),
        }
    }

    /// A sip URI of these parts, without parameters.
    ///
    /// # Errors
    /// [`UriError`] when `user` holds a character that must be escaped.
    pub fn sip(user: Option<&str>, host: &Host, port: Option<u16>) -> Result<Self, UriError> {
        let user = user.map_or_else(String::new, |user| format!("{user}@"));
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        Self::parse(&format!("sip:{user}{host}{port}"))
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn part(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// The scheme.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it is a sip or sips URI.
    #[must_use]
    pub const fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part, escapes and password as written; for `tel:` the number.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.map(|user| self.part(user))
    }

    /// The host's text; empty unless the URI is sip or sips.
    #[must_use]
    pub fn host_text(&self) -> &str {
        self.part(self.host)
    }

    /// The host; `None` unless the URI is sip or sips.
    #[must_use]
    pub fn host(&self) -> Option<Host> {
        Host::parse(self.host_text()).ok()
    }

    /// The host, where it is a numeric address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        host::address(self.host_text())
    }

    /// The port, if written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::new(self.part(self.params))
    }

    /// What stands behind the question mark, without it.
    #[must_use]
    pub fn headers(&self) -> Option<&str> {
        Some(self.part(self.headers)).filter(|text| !text.is_empty())
    }

    /// The `transport` parameter, where it names one that is spoken here.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.params().get("transport").and_then(Transport::from_token)
    }

    /// Whether it is a loose route (`lr`, RFC 3261 section 19.1.1).
    #[must_use]
    pub fn is_loose_route(&self) -> bool {
        self.params().has("lr")
    }

    /// This URI with one more parameter.
    #[must_use]
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Self {
        let (head, tail) = self.text.split_at_checked(self.params.end()).unwrap_or((&self.text, ""));
        let value = value.map_or_else(String::new, |value| format!("={value}"));
        Self::parse(&format!("{head};{name}{value}{tail}")).unwrap_or_else(|_| self.clone())
    }

    /// This URI without parameters of that name.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Self {
        let kept: String = self
            .params()
            .iter()
            .filter(|(param, _)| !param.eq_ignore_ascii_case(name))
            .map(|(param, value)| {
                value.map_or_else(|| format!(";{param}"), |value| format!(";{param}={value}"))
            })
            .collect();
        let head = self.text.get(..self.params.start()).unwrap_or_default();
        let tail = self.text.get(self.params.end()..).unwrap_or_default();
        Self::parse(&format!("{head}{kept}{tail}")).unwrap_or_else(|_| self.clone())
    }
}

/// A visual separator in a telephone number (RFC 3966 section 5.1.1).
const fn is_separator(c: &u8) -> bool {
    matches!(*c, b'-' | b'.' | b'(' | b')')
}

fn without_host(text: &str, scheme: Scheme, start: usize, params_at: usize) -> Uri {
    Uri {
        text: text.into(),
        scheme,
        user: Some(Span::new(start, params_at)),
        host: Span::new(start, start),
        port: None,
        params: Span::new(params_at, text.len()),
        headers: Span::new(text.len(), text.len()),
    }
}

fn scheme_of(name: &[u8]) -> Scheme {
    match name {
        [b's' | b'S', b'i' | b'I', b'p' | b'P'] => Scheme::Sip,
        [b's' | b'S', b'i' | b'I', b'p' | b'P', b's' | b'S'] => Scheme::Sips,
        [b't' | b'T', b'e' | b'E', b'l' | b'L'] => Scheme::Tel,
        _ => Scheme::Other,
    }
}

fn parse_sip(text: &str, scheme: Scheme, start: usize) -> Result<Uri, UriError> {
    let rest = text.get(start..).unwrap_or_default();
    // The user part may hold ';' and '?', so it is cut off first (RFC 4475 3.1.1.9); '@' cannot stand unescaped after it.
    let (user, host_at) = match scan::find(rest.as_bytes(), b'@') {
        // A user part, with a password or without, is a user at least (section 25.1).
        Some(at) if at == 0 || rest.starts_with(':') => return Err(UriError::Character),
        Some(at) => (Some(Span::new(start, start + at)), start + at + 1),
        None => (None, start),
    };
    let tail = text.get(host_at..).unwrap_or_default();
    let (host_end, port, params_at) = host_of(tail)?;
    let (host_end, params_at) = (host_at + host_end, host_at + params_at);
    let tail = text.get(params_at..).unwrap_or_default();
    let headers_at = scan::find(tail.as_bytes(), b'?').map_or(text.len(), |at| params_at + at);
    if !Params::new(text.get(params_at..headers_at).unwrap_or_default()).have_names() {
        return Err(UriError::Parameter);
    }
    Ok(Uri {
        text: text.into(),
        scheme,
        user,
        host: Span::new(host_at, host_end),
        port,
        params: Span::new(params_at, headers_at),
        headers: Span::new((headers_at + 1).min(text.len()), text.len()),
    })
}

/// Reads `host[:port]` at the front: where the host ends, the port, and where the parameters or headers begin.
fn host_of(tail: &str) -> Result<(usize, Option<u16>, usize), UriError> {
    if let Some((host, port, end)) = plain_host(tail.as_bytes())
        && matches!(tail.as_bytes().get(end), None | Some(b';' | b'?'))
    {
        return Ok((host, port, end));
    }
    let end = tail.find([';', '?']).unwrap_or(tail.len());
    let (host, port) = split_port(tail.get(..end).unwrap_or_default())?;
    if is_host(tail.get(..host).unwrap_or_default()) { Ok((host, port, end)) } else { Err(UriError::Host) }
}

/// Length of the host in `host[:port]`, and the port.
pub(crate) fn split_port(text: &str) -> Result<(usize, Option<u16>), UriError> {
    let after_bracket = text.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = text.get(after_bracket..).and_then(|tail| tail.find(':')).map(|at| after_bracket + at)
    else {
        return Ok((text.len(), None));
    };
    let digits = text.get(colon + 1..).unwrap_or_default();
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(if digits.contains(':') { UriError::Host } else { UriError::Port });
    }
    digits.parse().map(|port| (colon, Some(port))).map_err(|_| UriError::Port)
}

impl fmt::Debug for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({})", self.text)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn rfc3261_19_1_1_parts_of_a_sip_uri() {
        let u = uri("sip:alice;day=mon:pw@[2001:db8::1]:5070;transport=TCP;lr?Subject=x&a=b");
        assert_eq!(u.user(), Some("alice;day=mon:pw"));
        assert_eq!(u.host().unwrap().to_string(), "[2001:db8::1]");
        assert_eq!((u.port(), u.transport(), u.is_loose_route()), (Some(5070), Some(Transport::Tcp), true));
        assert_eq!(u.headers(), Some("Subject=x&a=b"));
        assert_eq!(uri("sip:home1.test").user(), None);
        assert_eq!(uri("tel:+1-201-555;phone-context=x").user(), Some("+1-201-555"));
        assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme(), Scheme::Other);
    }

    #[test]
    fn rfc3261_19_1_1_what_is_no_uri() {
        for (text, error) in [
            ("", UriError::Scheme),
            ("alice", UriError::Scheme),
            ("sip:", UriError::Scheme),
            ("si p:a@b", UriError::Character),
            ("<sip:a@b>", UriError::Character),
            ("sip:@b", UriError::Character),
            ("sip::secret@b", UriError::Character),
            ("sip:a@", UriError::Host),
            ("sip:a@2001:db8::10", UriError::Host),
            ("sip:a@b:70000", UriError::Port),
            ("sip:a@b:", UriError::Port),
            ("sip:a@b..test", UriError::Host),
            ("sip:a@b..", UriError::Host),
            ("sip:a@b;;lr", UriError::Parameter),
            ("sip:a@b;=x", UriError::Parameter),
            ("tel:;phone-context=x", UriError::Number),
            ("tel:()", UriError::Number),
        ] {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn parameters_are_added_and_removed() {
        let u = uri("sip:a@b;lr?x=y");
        assert_eq!(u.with_param("ob", None).as_str(), "sip:a@b;lr;ob?x=y");
        assert_eq!(u.with_param("gr", Some("1")).without_param("LR").as_str(), "sip:a@b;gr=1?x=y");
    }
}
