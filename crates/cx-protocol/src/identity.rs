//! Who is meant: private identities, public identities, S-CSCF names.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Error as EncodeError, Write};
use minicbor::{Decode, Encode, Encoder};
use std::fmt;
use std::sync::Arc;

/// Octets of an identity; a longer one is refused.
pub const MAX_IDENTITY: usize = 512;

/// Why a text is no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadIdentity {
    /// Nothing there.
    Empty,
    /// More than [`MAX_IDENTITY`] octets.
    TooLong,
    /// Neither `sip:`, `sips:` nor (for a public identity) `tel:`.
    Scheme,
    /// No host, or one with characters that no host has.
    Host,
    /// A user part with control characters, blanks or a broken escape.
    User,
    /// A telephone number without digits, or with characters that no number has.
    Number,
}

impl fmt::Display for BadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "an empty identity",
            Self::TooLong => "an identity that is too long",
            Self::Scheme => "an identity of another scheme than sip:, sips: or tel:",
            Self::Host => "an identity without a valid host",
            Self::User => "an identity with an invalid user part",
            Self::Number => "an identity without a valid telephone number",
        })
    }
}

impl std::error::Error for BadIdentity {}

/// A private identity: the digest username, compared octet by octet. Hidden in `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Impi(Box<str>);

impl Impi {
    /// Takes a digest username as it is.
    ///
    /// # Errors
    /// [`BadIdentity`] if it is empty, too long or has control characters.
    pub fn new(username: &str) -> Result<Self, BadIdentity> {
        check_length(username)?;
        if username.chars().any(char::is_control) {
            return Err(BadIdentity::User);
        }
        Ok(Self(username.into()))
    }

    /// The private identity of a user who named none: the URI of the public one, user and host alone (TS 23.003 section 13.3).
    ///
    /// # Errors
    /// [`BadIdentity`] says what is wrong with the URI, which must be a SIP URI.
    pub fn derived(uri: &str) -> Result<Self, BadIdentity> {
        check_length(uri)?;
        let SipParts { user, host, .. } = SipParts::parse(uri)?;
        Self::new(&user.map_or_else(|| host.clone(), |user| format!("{user}@{host}")))
    }

    /// The username.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A public identity in canonical form, so that equality is equality of addresses-of-record.
///
/// `sip:user@host` or `tel:number`: scheme and host in lower case, no port, password, parameters or headers, needless
/// escapes undone (RFC 3261 §10.3 step 5); a telephone number in its one form ([`telephone`]), also where it was written as a
/// SIP URI with `user=phone` (RFC 3261 §19.1.6). `sips:` becomes `sip:`, the same user. Without its `gr` parameter a public GRUU is its owner's identity (RFC 5627 §3.1.1). Hidden in `Debug`.
///
/// A copy shares the text: a node files what it knows of a user under the identity in several tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Impu(Arc<str>);

impl Impu {
    /// Makes the canonical form of a URI (without angle brackets).
    ///
    /// # Errors
    /// [`BadIdentity`] says what is wrong with it.
    pub fn new(uri: &str) -> Result<Self, BadIdentity> {
        check_length(uri)?;
        if let Some(number) = strip_scheme(uri, "tel:") {
            let number = telephone::number(number).map_err(|_| BadIdentity::Number)?;
            return Ok(Self(format!("tel:{number}").into()));
        }
        let sip = SipParts::parse(uri)?;
        if let Some(number) = sip.number {
            return Ok(Self(format!("tel:{number}").into()));
        }
        Ok(Self(match sip.user {
            Some(user) => format!("sip:{user}@{}", sip.host).into(),
            None => format!("sip:{}", sip.host).into(),
        }))
    }

    /// The canonical URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The home domain: the host of a SIP identity; a telephone number has none.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        let rest = self.0.strip_prefix("sip:")?;
        Some(rest.rsplit_once('@').map_or(rest, |(_, host)| host))
    }
}

/// The name of an S-CSCF: a SIP URI, canonical: scheme and host in lower case, parameters and headers removed.
///
/// A port stays, because it decides how the name is resolved (RFC 3263 §4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScscfName(Box<str>);

impl ScscfName {
    /// Makes the canonical form of a SIP URI (without angle brackets).
    ///
    /// # Errors
    /// [`BadIdentity`] says what is wrong with it.
    pub fn new(uri: &str) -> Result<Self, BadIdentity> {
        check_length(uri)?;
        let sip = SipParts::parse(uri)?;
        let user = sip.user.map(|user| format!("{user}@")).unwrap_or_default();
        let port = sip.port.map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Self(format!("{}{user}{}{port}", sip.scheme, sip.host).into()))
    }

    /// The canonical URI, without parameters: `sip:scscf1a.home1.test`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host, by which its Cx connection is found.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once(':').map_or(&*self.0, |(_, rest)| rest);
        let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        match rest.find(']') {
            Some(end) => rest.get(..=end).unwrap_or(rest),
            None => rest.split_once(':').map_or(rest, |(host, _)| host),
        }
    }
}

/// The parts of a SIP URI that an identity keeps.
struct SipParts {
    scheme: &'static str,
    user: Option<String>,
    /// The telephone number that the user is.
    number: Option<String>,
    host: String,
    port: Option<u16>,
}

impl SipParts {
    fn parse(uri: &str) -> Result<Self, BadIdentity> {
        let (scheme, rest) = if let Some(rest) = strip_scheme(uri, "sip:") {
            ("sip:", rest)
        } else if let Some(rest) = strip_scheme(uri, "sips:") {
            ("sips:", rest)
        } else {
            return Err(BadIdentity::Scheme);
        };
        // A user part may hold `;` and `?` but never `@` (RFC 3261 §25.1), so the first `@` ends it.
        let (userinfo, rest) = match rest.split_once('@') {
            Some((userinfo, rest)) => (Some(userinfo), rest),
            None => (None, rest),
        };
        let user = userinfo.map(canonical_user).transpose()?;
        let parameters = rest.split('?').next().unwrap_or_default();
        let number = userinfo.filter(|_| telephone::is_phone(parameters)).and_then(telephone::number_of_user);
        let host_port = rest.split([';', '?']).next().unwrap_or_default();
        let (host, port) = split_port(host_port)?;
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let host_is_valid = match bare {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && !host.starts_with('.') && !host.contains("..") && host.chars().all(valid)
            }
        };
        if !host_is_valid {
            return Err(BadIdentity::Host);
        }
        // A name may end in a dot, and is the same name.
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        Ok(Self { scheme, user, number, host, port })
    }
}

fn check_length(text: &str) -> Result<(), BadIdentity> {
    match text.len() {
        0 => Err(BadIdentity::Empty),
        1..=MAX_IDENTITY => Ok(()),
        _ => Err(BadIdentity::TooLong),
    }
}

fn strip_scheme<'a>(uri: &'a str, scheme: &str) -> Option<&'a str> {
    let head = uri.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| uri.get(scheme.len()..)).flatten()
}

fn split_port(host_port: &str) -> Result<(&str, Option<u16>), BadIdentity> {
    let after_address = host_port.find(']').map_or(0, |end| end + 1);
    let Some(colon) = host_port.get(after_address..).and_then(|rest| rest.find(':')) else {
        return Ok((host_port, None));
    };
    let (host, port) = host_port.split_at(after_address + colon);
    let port = port.strip_prefix(':').and_then(|digits| digits.parse().ok()).ok_or(BadIdentity::Host)?;
    Ok((host, Some(port)))
}

/// The user without its password, every escape of a character that needs none undone, the others in upper case.
fn canonical_user(userinfo: &str) -> Result<String, BadIdentity> {
    let user = userinfo.split(':').next().unwrap_or_default();
    let mut canonical = String::with_capacity(user.len());
    let mut rest = user.chars();
    while let Some(c) = rest.next() {
        if c == '%' {
            let mut digit = || rest.next().and_then(|c| c.to_digit(16)).and_then(|d| u8::try_from(d).ok());
            let (Some(high), Some(low)) = (digit(), digit()) else { return Err(BadIdentity::User) };
            let octet = high * 16 + low;
            if octet.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&octet) {
                canonical.push(char::from(octet));
            } else {
                canonical.push_str(&format!("%{octet:02X}"));
            }
        } else if c.is_control() || c.is_whitespace() || matches!(c, '<' | '>' | '"') {
            return Err(BadIdentity::User);
        } else {
            canonical.push(c);
        }
    }
    if canonical.is_empty() { Err(BadIdentity::User) } else { Ok(canonical) }
}

impl fmt::Debug for Impi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Impi(<hidden>)")
    }
}

impl fmt::Debug for Impu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Impu(<hidden>)")
    }
}

impl fmt::Debug for ScscfName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScscfName({})", self.0)
    }
}

/// Text in every body: written as it is, checked and made canonical again when read.
macro_rules! text_on_the_wire {
    ($name:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
                e.str(&self.0)?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
                Self::new(d.str()?).map_err(|_| DecodeError::message($what))
            }
        }
    };
}

text_on_the_wire!(Impi, "a private identity that is none");
text_on_the_wire!(Impu, "a public identity that is none");
text_on_the_wire!(ScscfName, "an S-CSCF name that is no SIP URI");
