//! Who is who: comparing the URIs of watchers with those that rules name.

use crate::uri::{canonical_uri, is_scheme, unescaped};

/// A URI reduced to what makes it this user and no other.
///
/// RFC 5025 §3.1.1.2 calls URIs of different schemes never equivalent. Here `sip`, `sips` and `pres` name the same
/// user: the network resolves `pres:` to SIP (RFC 3859), asserts one AOR for both SIP schemes, and an `except` that is
/// missed because of the scheme would show what it was written to hide. A `tel` URI is nobody's SIP URI, as the RFC says, but
/// one that says `user=phone`: that is the same number.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// `sip`, `sips` or `pres`, without parameters.
    User { user: Box<str>, host: Box<str> },
    /// A telephone number in its one form: `tel`, or `sip` with `user=phone` (RFC 3261 §19.1.6).
    Tel(Box<str>),
    /// Another scheme, in the form in which it is compared.
    Other { scheme: Box<str>, user: Box<str>, domain: Box<str> },
}

impl Identity {
    /// The identity of a URI; `None` when it is none.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (scheme, rest) = uri.trim().split_once(':')?;
        if !is_scheme(scheme) || rest.is_empty() {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sip" | "sips" | "pres" => user(rest),
            "tel" => telephone::number(rest).ok().map(|number| Self::Tel(number.into())),
            _ => {
                let whole = canonical_uri(uri);
                let rest = whole.split_once(':').map_or("", |(_, rest)| rest);
                let (user, domain) = rest.rsplit_once('@').unwrap_or((rest, ""));
                let (user, domain) = (user.into(), domain.to_ascii_lowercase().into());
                Some(Self::Other { scheme: scheme.into(), user, domain })
            }
        }
    }

    /// The domain the identity belongs to, without a port; a telephone number belongs to none.
    pub(crate) fn domain(&self) -> Option<&str> {
        match self {
            Self::User { host, .. } => Some(without_port(host)),
            Self::Tel(_) => None,
            Self::Other { domain, .. } => Some(cut(domain)).filter(|d| !d.is_empty()),
        }
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<hidden>")
    }
}

/// Whether two URIs name the same user: the scheme among `sip`, `sips` and `pres`, the case of the host, URI
/// parameters and the visual separators of telephone numbers make no difference. False when either is no URI.
#[must_use]
pub fn same_user(left: &str, right: &str) -> bool {
    Identity::parse(left).is_some_and(|left| Some(left) == Identity::parse(right))
}

/// A domain as rules name it, ready for comparison; `None` when it is not plain ASCII.
///
/// RFC 4745 §7.1.3 compares by `ToASCII`; an A-label is taken as it is, and a domain that would first have to be made one
/// is not guessed at.
pub(crate) fn domain(text: &str) -> Option<Box<str>> {
    let decoded = percent_decoded(text.trim())?;
    let plain = decoded.strip_suffix('.').unwrap_or(&decoded);
    (plain.is_ascii() && !plain.is_empty()).then(|| plain.to_ascii_lowercase().into())
}

/// The name that a number written as a SIP URI is too: another network's number comes as a name there.
pub(crate) fn name_of_number(uri: &str) -> Option<Identity> {
    let (scheme, rest) = uri.trim().split_once(':')?;
    let is_sip = scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips");
    let is_number = matches!(Identity::parse(uri), Some(Identity::Tel(_)));
    name(rest).filter(|_| is_sip && is_number)
}

fn user(rest: &str) -> Option<Identity> {
    // The host ends the URI but for parameters; the user part may hold a semicolon of its own (RFC 3261 §25.1).
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let parameters = host.split('?').next().unwrap_or_default();
    if let Some(number) = telephone::number_of_user(user).filter(|_| telephone::is_phone(parameters)) {
        return Some(Identity::Tel(number.into()));
    }
    name(rest)
}

fn name(rest: &str) -> Option<Identity> {
    let (user, host) = rest.rsplit_once('@').unwrap_or(("", rest));
    let user = user.split_once(':').map_or(user, |(user, _password)| user);
    let host = cut(host);
    let host = host.strip_suffix('.').unwrap_or(host);
    // A second @ cannot be told from one that pretends to another domain.
    if host.is_empty() || user.contains('@') {
        return None;
    }
    // RFC 3261 §19.1.4: an escaped character equals itself, so an except cannot be evaded by escaping.
    let user = unescaped(user)?.into();
    Some(Identity::User { user, host: host.to_ascii_lowercase().into() })
}

/// Without URI parameters and headers.
fn cut(host: &str) -> &str {
    host.split([';', '?']).next().unwrap_or_default()
}

/// A colon inside the brackets of an IPv6 address begins no port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((before, port)) if !port.contains(']') => before,
        Some(_) | None => host,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (hex, rest) = piece.split_at_checked(2)?;
        if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(hex, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}
