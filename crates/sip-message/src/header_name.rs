//! Header field names: the ones this project looks at, in full and compact form (RFC 3261 sections 7.3.3 and 20).

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

            #[cfg(test)]
            const ALL: &'static [(Self, &'static str, &'static str)] = &[$((Self::$variant, $text, $compact),)*];
        }
    };
}

header_names! {
    Accept "Accept" "",
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
    PAssociatedUri "P-Associated-URI" "",
    PCalledPartyId "P-Called-Party-ID" "",
    PChargingFunctionAddresses "P-Charging-Function-Addresses" "",
    PChargingVector "P-Charging-Vector" "",
    PPreferredIdentity "P-Preferred-Identity" "",
    PServedUser "P-Served-User" "",
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
        match *name {
            [letter] => Self::from_compact(letter.to_ascii_lowercase()),
            [first, ..] => candidates(name.len(), first.to_ascii_lowercase())
                .iter()
                .find(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
                .map_or(Self::Other, |known| *known),
            [] => Self::Other,
        }
    }

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

/// Names of this length that begin with this (lower-case) letter: at most three, so that a look-up compares little.
fn candidates(length: usize, first: u8) -> &'static [HeaderName] {
    use HeaderName as N;
    match (length, first) {
        (2, b't') => &[N::To],
        (3, b'v') => &[N::Via],
        (4, b'c') => &[N::CSeq],
        (4, b'd') => &[N::Date],
        (4, b'f') => &[N::From],
        (4, b'p') => &[N::Path],
        (5, b'a') => &[N::Allow],
        (5, b'e') => &[N::Event],
        (5, b'r') => &[N::Route],
        (6, b'a') => &[N::Accept],
        (6, b's') => &[N::Server],
        (7, b'c') => &[N::CallId, N::Contact],
        (7, b'e') => &[N::Expires],
        (7, b'p') => &[N::Privacy],
        (7, b'r') => &[N::Require],
        (7, b's') => &[N::Subject],
        (7, b'w') => &[N::Warning],
        (8, b's') => &[N::SipEtag],
        (9, b's') => &[N::Supported],
        (9, b't') => &[N::Timestamp],
        (10, b'u') => &[N::UserAgent],
        (11, b'm') => &[N::MinExpires, N::MaxBreadth],
        (11, b'r') => &[N::RetryAfter],
        (11, b'u') => &[N::Unsupported],
        (12, b'a') => &[N::AllowEvents],
        (12, b'c') => &[N::ContentType],
        (12, b'm') => &[N::MaxForwards],
        (12, b'r') => &[N::RecordRoute],
        (12, b's') => &[N::SipIfMatch],
        (13, b'a') => &[N::Authorization],
        (13, b'p') => &[N::ProxyRequire, N::PServedUser],
        (13, b's') => &[N::ServiceRoute],
        (14, b'c') => &[N::ContentLength],
        (16, b'c') => &[N::ContentEncoding],
        (16, b'p') => &[N::PAssociatedUri],
        (16, b'w') => &[N::WwwAuthenticate],
        (17, b'p') => &[N::PChargingVector, N::PCalledPartyId],
        (17, b's') => &[N::SuppressIfMatch],
        (18, b'p') => &[N::ProxyAuthenticate],
        (18, b's') => &[N::SubscriptionState],
        (19, b'a') => &[N::AuthenticationInfo],
        (19, b'p') => &[N::PAssertedIdentity, N::ProxyAuthorization],
        (20, b'p') => &[N::PPreferredIdentity, N::PVisitedNetworkId],
        (21, b'p') => &[N::PAccessNetworkInfo],
        (29, b'p') => &[N::PChargingFunctionAddresses],
        _ => &[],
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
        for &(name, text, compact) in HeaderName::ALL {
            assert_eq!(HeaderName::from_bytes(text.as_bytes()), name, "{text}");
            assert_eq!(HeaderName::from_bytes(text.to_ascii_lowercase().as_bytes()), name, "{text}");
            assert_eq!(HeaderName::from_bytes(text.to_ascii_uppercase().as_bytes()), name, "{text}");
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
        for name in ["", "x", "X-Foo", "Vi", "Viaa", "To-Tag"] {
            assert_eq!(HeaderName::from_bytes(name.as_bytes()), HeaderName::Other, "{name}");
        }
    }
}
