//! One spelling for what names a user or a domain, whatever a phone adds to it (RFC 3261 section 10.3 step 5, TS 23.003
//! section 13.4).

use super::{Scheme, Uri};

impl Uri {
    /// Whether the host is this name or numeric address, in any case, with or without a dot at its end.
    #[must_use]
    pub fn is_host(&self, host: &str) -> bool {
        without_dot(self.host_text()).eq_ignore_ascii_case(without_dot(host))
    }

    /// This URI without the port that it has anyway (RFC 3261 section 19.1.2). Written behind a name it says that the name
    /// is a server's and not a domain's (RFC 3263 section 4.2), which is not what is meant in the address of a user.
    #[must_use]
    pub fn without_default_port(&self) -> Self {
        let default = match self.scheme {
            Scheme::Sip => 5060,
            Scheme::Sips => 5061,
            Scheme::Tel | Scheme::Other => return self.clone(),
        };
        if self.port != Some(default) {
            return self.clone();
        }
        let head = self.text.get(..self.host.end()).unwrap_or_default();
        let tail = self.text.get(self.params.start()..).unwrap_or_default();
        // The parameters begin behind their semicolon, or where the headers' question mark is.
        Self::parse(&format!("{head}{tail}")).unwrap_or_else(|_| self.clone())
    }

    /// The number that a `tel:` URI or a SIP URI with `user=phone` (RFC 3261 section 19.1.6) names, in its one form
    /// ([`telephone`]).
    #[must_use]
    pub fn telephone_number(&self) -> Option<String> {
        match self.scheme {
            Scheme::Tel => telephone::number(self.text.split_once(':')?.1).ok(),
            Scheme::Sip | Scheme::Sips => {
                let is_phone =
                    self.params().get("user").is_some_and(|value| value.eq_ignore_ascii_case("phone"));
                self.user().filter(|_| is_phone).and_then(telephone::number_of_user)
            }
            Scheme::Other => None,
        }
    }

    /// Scheme, user and host alone, in one spelling: how an address of record is looked up (RFC 3261 section 10.3
    /// step 5). Without a password, which makes nobody another user; scheme and host in lower case; a telephone number, as `tel:`
    /// or as `sip:` with `user=phone`, as [`Uri::telephone_number`] behind `tel:`.
    #[must_use]
    pub fn address_of_record(&self) -> String {
        if let Some(number) = self.telephone_number() {
            return format!("tel:{number}");
        }
        let scheme = match self.scheme {
            Scheme::Sip => "sip",
            Scheme::Sips => "sips",
            Scheme::Tel | Scheme::Other => return self.text.to_string(),
        };
        let host = match self.host() {
            // An IPv6 address can be written in many ways.
            Some(address) if self.host_text().starts_with('[') => address.to_string(),
            Some(_) | None => without_dot(self.host_text()).to_ascii_lowercase(),
        };
        match self.user() {
            Some(user) => {
                let user = user.split(':').next().unwrap_or_default();
                format!("{scheme}:{}@{host}", crate::escape::normalise(user))
            }
            None => format!("{scheme}:{host}"),
        }
    }
}

/// RFC 3261 section 25.1: a name may end in a dot, and is the same name.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn an_address_of_record_has_one_spelling() {
        assert_eq!(uri("sip:%61lice@HOME1.test.:5060;gr=x?y=z").address_of_record(), "sip:alice@home1.test");
        assert_eq!(uri("sip:bob:secret@home1.test").address_of_record(), "sip:bob@home1.test");
        assert_eq!(uri("sip:bob%3asecret@home1.test").address_of_record(), "sip:bob%3Asecret@home1.test");
        assert_eq!(uri("sip:a@[2001:DB8:0::1]").address_of_record(), "sip:a@[2001:db8::1]");
        assert_eq!(uri("sip:+1-201-5550123@HOME1.test;user=phone").address_of_record(), "tel:+12015550123");
        assert_eq!(uri("sip:+1-201-5550123@home1.test").address_of_record(), "sip:+1-201-5550123@home1.test");
        assert_eq!(uri("sip:1001@home1.test;user=phone").address_of_record(), "sip:1001@home1.test");
        assert_eq!(uri("tel:+1(201)555-0123;x=y").address_of_record(), "tel:+12015550123");
    }

    #[test]
    fn rfc3261_25_1_a_name_that_ends_in_a_dot_is_the_same_name() {
        for (text, host, same) in [
            ("sip:a@home1.test.", "home1.test", true),
            ("sip:a@HOME1.test", "home1.test.", true),
            ("sip:a@home1.test.", "home1.test.", true),
            ("sip:a@xhome1.test.", "home1.test", false),
            ("tel:+1", "home1.test", false),
        ] {
            assert_eq!(uri(text).is_host(host), same, "{text} {host}");
        }
    }

    #[test]
    fn rfc3261_19_1_2_a_default_port_says_nothing() {
        for (text, bare) in [
            ("sip:a@b:5060", "sip:a@b"),
            ("sip:a@b:5060;gr=1;transport=tcp?x=y", "sip:a@b;gr=1;transport=tcp?x=y"),
            ("sip:b:5060?x=y", "sip:b?x=y"),
            ("sips:a@b:5061", "sips:a@b"),
            ("sip:a:5060@[2001:db8::1]:5060;lr", "sip:a:5060@[2001:db8::1];lr"),
            ("sip:a@b:5061", "sip:a@b:5061"),
            ("sips:a@b:5060", "sips:a@b:5060"),
            ("sip:a@b;x=:5060", "sip:a@b;x=:5060"),
            ("tel:5060", "tel:5060"),
        ] {
            assert_eq!(uri(text).without_default_port().as_str(), bare, "{text}");
        }
    }
}
