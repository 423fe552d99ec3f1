//! Header field names: the ones this project looks at, in full and compact form (RFC 3261 sections 7.3.3 and 20).

use crate::scan::{self, FRONT};
use std::fmt;

macro_rules! header_names {
    ($($variant:ident $text:literal $compact:literal,)*) => {
        /// The name of a header field. A field nobody here reads is [`HeaderName::Other`]; its bytes travel untouched.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum HeaderName {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// Any other field.
            Other,
        }

        impl HeaderName {
            /// The full name, or the empty string for [`HeaderName::Other`].
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* Self::Other => "" }
            }

            const ALL: &'static [(Self, &'static str)] = &[$((Self::$variant, $text),)*];

            #[cfg(test)]
            const COMPACT: &'static [&'static str] = &[$($compact,)*];
        }
    };
}

header_names! {
    Accept "Accept" "",
    AcceptEncoding "Accept-Encoding" "",
    Allow "Allow" "",
    AllowEvents "Allow-Events" "u",
    AuthenticationInfo "Authentication-Info" "",
    Authorization "Authorization" "",
    CallId "Call-ID" "i",
    Contact "Contact" "m",
    ContentEncoding "Content-Encoding" "e",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    CSeq "CSeq" "",
    Date "Date" "",
    Event "Event" "o",
    Expires "Expires" "",
    From "From" "f",
    MaxBreadth "Max-Breadth" "",
    MaxForwards "Max-Forwards" "",
    MinExpires "Min-Expires" "",
    PAccessNetworkInfo "P-Access-Network-Info" "",
    PAssertedIdentity "P-Asserted-Identity" "",
    PAssertedService "P-Asserted-Service" "",
    PAssociatedUri "P-Associated-URI" "",
    PCalledPartyId "P-Called-Party-ID" "",
    PChargingFunctionAddresses "P-Charging-Function-Addresses" "",
    PChargingVector "P-Charging-Vector" "",
    PPreferredIdentity "P-Preferred-Identity" "",
    PProfileKey "P-Profile-Key" "",
    PServedUser "P-Served-User" "",
    PUserDatabase "P-User-Database" "",
    PVisitedNetworkId "P-Visited-Network-ID" "",
    Path "Path" "",
    Privacy "Privacy" "",
    ProxyAuthenticate "Proxy-Authenticate" "",
    ProxyAuthorization "Proxy-Authorization" "",
    ProxyRequire "Proxy-Require" "",
    RecordRoute "Record-Route" "",
    Require "Require" "",
    RetryAfter "Retry-After" "",
    Route "Route" "",
    Server "Server" "",
    ServiceRoute "Service-Route" "",
    SipEtag "SIP-ETag" "",
    SipIfMatch "SIP-If-Match" "",
    Subject "Subject" "s",
    SubscriptionState "Subscription-State" "",
    Supported "Supported" "k",
    SuppressIfMatch "Suppress-If-Match" "",
    Timestamp "Timestamp" "",
    To "To" "t",
    Unsupported "Unsupported" "",
    UserAgent "User-Agent" "",
    Via "Via" "v",
    Warning "Warning" "",
    WwwAuthenticate "WWW-Authenticate" "",
}

impl HeaderName {
    /// Finds a name in any case, full or compact.
    #[must_use]
    pub fn from_bytes(name: &[u8]) -> Self {
        Self::at_front(&scan::front(name), name.len())
    }

    /// As [`HeaderName::from_bytes`], of the name that ends at `length`.
    #[inline]
    pub(crate) fn at_front(front: &[u8; FRONT], length: usize) -> Self {
        let Some([first, .., last]) = front.get(..length) else {
            let [letter, ..] = *front;
            return if length == 1 { Self::from_compact(letter.to_ascii_lowercase()) } else { Self::Other };
        };
        let [_, second, ..] = *front;
        match BY_SLOT.get(slot([*first, second, *last], length)) {
            Some(known) if known.is(front, length) => known.name,
            Some(_) | None => Self::Other,
        }
    }

    #[inline(never)]
    const fn from_compact(letter: u8) -> Self {
        match letter {
            b'v' => Self::Via,
            b'f' => Self::From,
            b't' => Self::To,
            b'm' => Self::Contact,
            b'i' => Self::CallId,
            b'l' => Self::ContentLength,
            b'c' => Self::ContentType,
            b'e' => Self::ContentEncoding,
            b'k' => Self::Supported,
            b's' => Self::Subject,
            b'o' => Self::Event,
            b'u' => Self::AllowEvents,
            _ => Self::Other,
        }
    }

    /// A bit of its own.
    pub(crate) const fn bit(self) -> u64 {
        const { assert!((Self::Other as u8) < 64) };
        1 << self as u8
    }

    /// Whether the field may stand only once in a message (RFC 3261 section 7.3.1: not defined as a list).
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(
            self,
            Self::CallId
                | Self::CSeq
                | Self::From
                | Self::To
                | Self::MaxForwards
                | Self::ContentLength
                | Self::ContentType
                | Self::Expires
                | Self::Event
                | Self::SubscriptionState
        )
    }
}

/// A name in the shape in which it is compared: bit 0x20 of a letter is its case, all else must be the same.
#[derive(Clone, Copy)]
struct Known {
    name: HeaderName,
    length: usize,
    text: [u128; 2],
    /// The bits that count.
    mask: [u128; 2],
}

/// Every name at the place that its length, its first two letters and its last one give, so that a look-up compares once.
static BY_SLOT: [Known; 256] = by_slot();

const SECOND_FACTOR: usize = 9;
const LENGTH_FACTOR: usize = 25;

/// Two factors under which no two names meet; the compiler checks it.
const fn slot([first, second, last]: [u8; 3], length: usize) -> usize {
    let (first, second, last) = (first | 0x20, second | 0x20, last | 0x20);
    (first as usize + second as usize * SECOND_FACTOR + length * LENGTH_FACTOR + last as usize) % 256
}

#[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
const fn by_slot() -> [Known; 256] {
    let mut table = [Known::NONE; 256];
    let mut at = 0;
    while at < HeaderName::ALL.len() {
        let (name, text) = HeaderName::ALL[at];
        let text = text.as_bytes();
        let slot = slot([text[0], text[1], text[text.len() - 1]], text.len());
        assert!(table[slot].length == 0, "two names meet: choose other factors");
        table[slot] = Known::new(name, text);
        at += 1;
    }
    table
}

impl Known {
    const NONE: Self = Self { name: HeaderName::Other, length: 0, text: [0; 2], mask: [0; 2] };

    #[expect(clippy::indexing_slicing, reason = "evaluated while compiling")]
    const fn new(name: HeaderName, text: &[u8]) -> Self {
        let (mut front, mut mask) = ([0; FRONT], [0; FRONT]);
        let mut at = 0;
        while at < text.len() {
            mask[at] = if text[at].is_ascii_alphabetic() { !0x20 } else { !0 };
            front[at] = text[at] & mask[at];
            at += 1;
        }
        Self { name, length: text.len(), text: words(&front), mask: words(&mask) }
    }

    /// Whether the first `length` bytes of `front` are this name.
    #[inline]
    fn is(&self, front: &[u8; FRONT], length: usize) -> bool {
        let ([a, b], [mask_a, mask_b], [text_a, text_b]) = (words(front), self.mask, self.text);
        self.length == length && (a & mask_a ^ text_a) | (b & mask_b ^ text_b) == 0
    }
}

/// As numbers, which compare at once.
#[inline]
const fn words(front: &[u8; FRONT]) -> [u128; 2] {
    match front.as_chunks().0 {
        [a, b] => [u128::from_ne_bytes(*a), u128::from_ne_bytes(*b)],
        _ => [0; 2],
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sip_13_every_name_is_found_in_any_case_and_compact() {
        for (&(name, text), compact) in HeaderName::ALL.iter().zip(HeaderName::COMPACT) {
            assert_eq!(HeaderName::from_bytes(text.as_bytes()), name, "{text}");
            if !compact.is_empty() {
                assert_eq!(HeaderName::from_bytes(compact.as_bytes()), name, "{compact}");
                assert_eq!(
                    HeaderName::from_bytes(compact.to_ascii_uppercase().as_bytes()),
                    name,
                    "{compact}"
                );
            }
        }
    }

    #[test]
    fn a_name_nobody_reads_is_other() {
        for name in ["", "x", "X-Foo", "Vi", "Viaa", "To-Tag", "Call\rID", "Record\rRoute", "\u{14}o"] {
            assert_eq!(HeaderName::from_bytes(name.as_bytes()), HeaderName::Other, "{name}");
        }
    }
}
