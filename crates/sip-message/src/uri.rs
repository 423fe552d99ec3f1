//! URIs: sip and sips read into parts, tel and any other scheme kept as text (RFC 3261 section 19.1, RFC 3966).

use crate::escape::same_unescaped;
use crate::host::{Host, is_host};
use crate::text::Params;
use crate::transport::Transport;
use std::fmt;
use std::ops::Range;

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
    text: Box<str>,
    scheme: Scheme,
    user: Option<Range<u32>>,
    host: Range<u32>,
    port: Option<u16>,
    params: Range<u32>,
    headers: Range<u32>,
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
}

/// Longest URI that is read; a longer one is refused as [`UriError::Character`].
const MAX_URI: usize = 8 * 1024;

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let forbidden = |b: u8| b <= b' ' || b == 0x7f || matches!(b, b'<' | b'>' | b'"');
        if text.len() > MAX_URI || text.bytes().any(forbidden) {
            return Err(UriError::Character);
        }
        let (scheme, rest) = text.split_once(':').ok_or(UriError::Scheme)?;
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        if scheme.is_empty() || !scheme.bytes().all(letter) || rest.is_empty() {
            return Err(UriError::Scheme);
        }
        let known = if scheme.eq_ignore_ascii_case("sip") {
            Scheme::Sip
        } else if scheme.eq_ignore_ascii_case("sips") {
            Scheme::Sips
        } else if scheme.eq_ignore_ascii_case("tel") {
            Scheme::Tel
        } else {
            Scheme::Other
        };
        let at = scheme.len() + 1;
        match known {
            Scheme::Sip | Scheme::Sips => parse_sip(text, known, at),
            Scheme::Tel => Ok(without_host(text, known, at, rest.find(';').map_or(text.len(), |p| at + p))),
            Scheme::Other => Ok(without_host(text, known, at, text.len())),
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

    fn part(&self, range: &Range<u32>) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or_default()
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
        self.user.as_ref().map(|range| self.part(range))
    }

    /// The host's text; empty unless the URI is sip or sips.
    #[must_use]
    pub fn host_text(&self) -> &str {
        self.part(&self.host)
    }

    /// The host; `None` unless the URI is sip or sips.
    #[must_use]
    pub fn host(&self) -> Option<Host> {
        Host::parse(self.host_text()).ok()
    }

    /// Whether the host is this name or numeric address, in any case.
    #[must_use]
    pub fn is_host(&self, host: &str) -> bool {
        self.host_text().eq_ignore_ascii_case(host)
    }

    /// The port, if written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The URI parameters.
    #[must_use]
    pub fn params(&self) -> Params<'_> {
        Params::new(self.part(&self.params))
    }

    /// What stands behind the question mark, without it.
    #[must_use]
    pub fn headers(&self) -> Option<&str> {
        Some(self.part(&self.headers)).filter(|text| !text.is_empty())
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
        let (head, tail) = self.text.split_at_checked(self.params.end as usize).unwrap_or((&self.text, ""));
        let value = value.map_or_else(String::new, |value| format!("={value}"));
        Self::parse(&format!("{head};{name}{value}{tail}")).unwrap_or_else(|_| self.clone())
    }

    /// This URI without parameters of that name.
    #[must_use]
    pub fn without_param(&self, name: &str) -> Self {
        let kept: String = self
            .params()
            .iter()
            .filter(|(own, _)| !own.eq_ignore_ascii_case(name))
            .map(|(own, value)| value.map_or_else(|| format!(";{own}"), |value| format!(";{own}={value}")))
            .collect();
        let head = self.text.get(..self.params.start as usize).unwrap_or_default();
        let tail = self.text.get(self.params.end as usize..).unwrap_or_default();
        Self::parse(&format!("{head}{kept}{tail}")).unwrap_or_else(|_| self.clone())
    }

    /// Scheme, user and host alone, in one spelling: how an address of record is looked up (RFC 3261 section 10.3
    /// step 5). Scheme and host in lower case; for `tel:` the number without visual separators (RFC 3966 section 4).
    #[must_use]
    pub fn address_of_record(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel => {
                let digit = |c: &char| !matches!(c, '-' | '.' | '(' | ')');
                return format!(
                    "tel:{}",
                    self.user().unwrap_or_default().chars().filter(digit).collect::<String>()
                );
            }
            Scheme::Other => return self.text.to_string(),
        };
        let host = self.host_text().to_ascii_lowercase();
        match self.user() {
            Some(user) => format!("{scheme}:{}@{host}", crate::escape::normalise(user)),
            None => format!("{scheme}:{host}"),
        }
    }

    /// Whether both name the same resource by the rules of RFC 3261 section 19.1.4.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        if !self.is_sip() {
            return match self.scheme {
                Scheme::Tel => self.address_of_record() == other.address_of_record(),
                Scheme::Sip | Scheme::Sips | Scheme::Other => self.text == other.text,
            };
        }
        let same_user = match (self.user(), other.user()) {
            (Some(a), Some(b)) => same_unescaped(a, b, false),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_user
            && self.host() == other.host()
            && self.port == other.port
            && params_agree(self.params(), other.params())
            && params_agree(other.params(), self.params())
            && same_headers(self.headers(), other.headers())
    }
}

/// Section 19.1.4: a parameter in both must match; user, ttl, method, maddr and transport in one only never match; any
/// other parameter in one only is ignored.
fn params_agree(ours: Params<'_>, theirs: Params<'_>) -> bool {
    let must_be_in_both = ["user", "ttl", "method", "maddr", "transport"];
    ours.iter().all(|(name, value)| {
        match theirs.iter().find(|(other, _)| same_unescaped(name, other, true)) {
            Some((_, other)) => same_unescaped(value.unwrap_or_default(), other.unwrap_or_default(), true),
            None => !must_be_in_both.iter().any(|special| name.eq_ignore_ascii_case(special)),
        }
    })
}

fn same_headers(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let contains = |list: &str, one: &str| list.split('&').any(|other| same_unescaped(one, other, true));
    match (ours, theirs) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a.split('&').count() == b.split('&').count() && a.split('&').all(|one| contains(b, one))
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_URI is far below u32::MAX")]
const fn span(start: usize, end: usize) -> Range<u32> {
    start as u32..end as u32
}

fn without_host(text: &str, scheme: Scheme, start: usize, params_at: usize) -> Uri {
    Uri {
        text: text.into(),
        scheme,
        user: Some(span(start, params_at)),
        host: span(start, start),
        port: None,
        params: span(params_at, text.len()),
        headers: span(text.len(), text.len()),
    }
}

fn parse_sip(text: &str, scheme: Scheme, start: usize) -> Result<Uri, UriError> {
    let rest = text.get(start..).unwrap_or_default();
    // The user part may hold ';' and '?', so it is cut off first (RFC 4475 3.1.1.9); '@' cannot stand unescaped after it.
    let (user, host_at) = match rest.find('@') {
        Some(0) => return Err(UriError::Character),
        Some(at) => (Some(span(start, start + at)), start + at + 1),
        None => (None, start),
    };
    let tail = text.get(host_at..).unwrap_or_default();
    let headers_at = tail.find('?').map_or(text.len(), |at| host_at + at);
    let params_at =
        text.get(host_at..headers_at).and_then(|part| part.find(';')).map_or(headers_at, |at| host_at + at);
    let (host_length, port) = split_port(text.get(host_at..params_at).unwrap_or_default())?;
    let host = span(host_at, host_at + host_length);
    if !is_host(text.get(host_at..host_at + host_length).unwrap_or_default()) {
        return Err(UriError::Host);
    }
    let params = text.get(params_at..headers_at).unwrap_or_default();
    if Params::new(params).iter().any(|(name, _)| name.is_empty()) {
        return Err(UriError::Parameter);
    }
    let headers = span((headers_at + 1).min(text.len()), text.len());
    Ok(Uri { text: text.into(), scheme, user, host, port, params: span(params_at, headers_at), headers })
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
            ("sip:a@", UriError::Host),
            ("sip:a@2001:db8::10", UriError::Host),
            ("sip:a@b:70000", UriError::Port),
            ("sip:a@b:", UriError::Port),
            ("sip:a@b;;lr", UriError::Parameter),
            ("sip:a@b;=x", UriError::Parameter),
        ] {
            assert_eq!(Uri::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn rfc3261_19_1_4_equivalent_uris() {
        for (a, b) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("tel:+1-201-555-0123", "tel:+12015550123"),
        ] {
            assert!(uri(a).is_equivalent(&uri(b)) && uri(b).is_equivalent(&uri(a)), "{a} {b}");
        }
    }

    #[test]
    fn rfc3261_19_1_4_different_uris() {
        for (a, b) in [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@b", "sips:a@b"),
        ] {
            assert!(!uri(a).is_equivalent(&uri(b)) && !uri(b).is_equivalent(&uri(a)), "{a} {b}");
        }
    }

    #[test]
    fn an_address_of_record_has_one_spelling() {
        assert_eq!(uri("sip:%61lice@HOME1.test:5060;gr=x?y=z").address_of_record(), "sip:alice@home1.test");
        assert_eq!(uri("tel:+1(201)555-0123;x=y").address_of_record(), "tel:+12015550123");
    }

    #[test]
    fn parameters_are_added_and_removed() {
        let u = uri("sip:a@b;lr?x=y");
        assert_eq!(u.with_param("ob", None).as_str(), "sip:a@b;lr;ob?x=y");
        assert_eq!(u.with_param("gr", Some("1")).without_param("LR").as_str(), "sip:a@b;gr=1?x=y");
    }
}
