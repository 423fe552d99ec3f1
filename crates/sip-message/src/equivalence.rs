//! When two URIs name the same resource (RFC 3261 section 19.1.4).

use crate::escape::same_unescaped;
use crate::text::Params;
use crate::uri::{Scheme, Uri};

/// Parameters, or header fields, of a URI that are compared one by one; a URI with more is compared as text. Each is held
/// against each, and whoever sends two such URIs is not to have us do that for long.
const MAX_COMPARED: usize = 64;

impl Uri {
    /// Whether both name the same resource by the rules of RFC 3261 section 19.1.4.
    #[must_use]
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.scheme() != other.scheme() {
            return false;
        }
        if self.has_many_parts() || other.has_many_parts() {
            return self == other;
        }
        if !self.is_sip() {
            return match self.scheme() {
                Scheme::Tel => self.address_of_record() == other.address_of_record(),
                Scheme::Sip | Scheme::Sips | Scheme::Other => self.as_str() == other.as_str(),
            };
        }
        let same_user = match (self.user(), other.user()) {
            (Some(a), Some(b)) => same_unescaped(a, b, false),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_user
            && self.host() == other.host()
            && self.port() == other.port()
            && params_agree(self.params(), other.params())
            && params_agree(other.params(), self.params())
            && same_headers(self.headers(), other.headers())
    }

    fn has_many_parts(&self) -> bool {
        let headers = self.headers().map_or(0, |headers| headers.split('&').count());
        headers > MAX_COMPARED || self.params().iter().nth(MAX_COMPARED).is_some()
    }
}

/// Section 19.1.4: a parameter in both must match; user, ttl, method, maddr and transport in one only never match; any
/// other parameter in one only is ignored.
fn params_agree(ours: Params<'_>, theirs: Params<'_>) -> bool {
    let must_be_in_both = ["user", "ttl", "method", "maddr", "transport"];
    ours.iter().all(|(name, value)| {
        let same =
            |other: Option<&str>| same_unescaped(value.unwrap_or_default(), other.unwrap_or_default(), true);
        // One that stands twice, which it must not, has all of its values.
        let mut others = theirs.iter().filter(|(other, _)| same_unescaped(name, other, true)).peekable();
        match others.peek() {
            Some(_) => others.any(|(_, other)| same(other)),
            None => !must_be_in_both.iter().any(|special| same_unescaped(name, special, true)),
        }
    })
}

fn same_headers(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let contains = |list: &str, one: &str| list.split('&').any(|other| same_unescaped(one, other, true));
    let all_in = |list: &str, other: &str| list.split('&').all(|one| contains(other, one));
    match (ours, theirs) {
        (None, None) => true,
        // One that stands twice here may stand once there, and another one twice.
        (Some(a), Some(b)) => a.split('&').count() == b.split('&').count() && all_in(a, b) && all_in(b, a),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"))
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
            ("sip:a@b;method=X;method=Y", "sip:a@b;method=Y;method=X"),
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
            ("sip:a@b?c=d&c=d", "sip:a@b?c=d&e=f"),
            ("sip:a@b", "sips:a@b"),
        ] {
            assert!(!uri(a).is_equivalent(&uri(b)) && !uri(b).is_equivalent(&uri(a)), "{a} {b}");
        }
    }

    #[test]
    fn a_uri_of_very_many_parts_is_only_equivalent_to_its_own_text() {
        for part in [";p=1", "&h=1"] {
            let begin = if part.starts_with('&') { "a@b?h=1" } else { "a@b" };
            let long = |count: usize, scheme: &str| uri(&format!("{scheme}:{begin}{}", part.repeat(count)));
            for (count, equivalent) in [(MAX_COMPARED - 1, true), (MAX_COMPARED + 1, false)] {
                assert_eq!(
                    long(count, "sip").is_equivalent(&long(count, "SIP")),
                    equivalent,
                    "{count} {part}"
                );
                assert!(long(count, "sip").is_equivalent(&long(count, "sip")));
            }
        }
    }
}
