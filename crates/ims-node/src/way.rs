//! The way of a dialog, as the Record-Route entries of an answer tell it, and where a URI leads (RFC 3261 sections 16.6 and 16.7).

use sip_message::{HeaderName, Message, Uri};

/// Where a URI leads: host and port, and the address that stands in their place. Not the transport, which clients leave off
/// and add as they like.
#[must_use]
pub fn where_to(uri: &Uri) -> String {
    let uri = uri.without_default_port();
    let host = uri.host_text().trim_end_matches('.').to_ascii_lowercase();
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    let address = uri.params().get("maddr").map_or_else(String::new, |maddr| format!(";{maddr}"));
    format!("{host}{port}{address}")
}

/// Where a Route entry or remote target leads: also to whom, for many a user is behind one host.
#[must_use]
pub fn hop_to(uri: &Uri) -> String {
    format!("{}@{}", uri.user().unwrap_or_default(), where_to(uri))
}

/// Whether the URI names the domain or a host in it, and leaves address and port to DNS: then it leads to a SIP server of
/// that domain, and to nothing else there.
#[must_use]
pub fn is_server_of(uri: &Uri, domain: &str) -> bool {
    let (host, domain) = (uri.host_text().trim_end_matches('.'), domain.trim_end_matches('.'));
    let split = host.len().checked_sub(domain.len()).and_then(|at| host.split_at_checked(at));
    let is_in = |(node, end): (&str, &str)| {
        end.eq_ignore_ascii_case(domain) && (node.is_empty() || node.ends_with('.'))
    };
    split.is_some_and(is_in) && uri.port().is_none() && !uri.params().has("maddr")
}

/// Record-Route of an answer, as a proxy sees it that put entries of its own on top of those that came with the request.
#[derive(Debug)]
pub struct Recorded<'a> {
    entries: Vec<&'a str>,
    /// How many stand above ours: those of the proxies that the request passed after us.
    above: usize,
    ours: usize,
}

impl<'a> Recorded<'a> {
    /// The list of `answer`, where this proxy put `ours` entries on top of `below`; `None` if it is too short to hold them.
    #[must_use]
    pub fn of(answer: &'a Message, ours: usize, below: usize) -> Option<Self> {
        let entries: Vec<&str> = answer.list(HeaderName::RecordRoute).collect();
        let above = entries.len().checked_sub(below + ours)?;
        (ours > 0).then_some(Self { entries, above, ours })
    }

    /// The one of our entries that is for the calling side: the lowest.
    #[must_use]
    pub fn own(&self) -> Option<&'a str> {
        self.entries.get(self.own_at()).copied()
    }

    /// The entries that the calling side finds behind ours, nearest first.
    pub fn ahead(&self) -> impl Iterator<Item = &'a str> {
        self.entries.iter().take(self.above).rev().copied()
    }

    /// The whole list with `entry` in place of [`Recorded::own`], as a proxy may edit its own (section 16.7 step 8).
    #[must_use]
    pub fn with_own(&self, entry: &str) -> String {
        let own_at = self.own_at();
        let entries = self.entries.iter().enumerate();
        let edited = entries.map(|(at, written)| if at == own_at { entry } else { written });
        edited.collect::<Vec<_>>().join(", ")
    }

    const fn own_at(&self) -> usize {
        self.above + self.ours - 1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

    use super::*;

    #[test]
    fn rfc3261_16_6_where_a_uri_leads_is_host_port_and_maddr() {
        let rows = [
            ("sip:ps1@PS1.home1.test.;transport=tcp", "ps1.home1.test"),
            ("sip:ps1.home1.test:5060", "ps1.home1.test"),
            ("sip:ps1.home1.test:5061", "ps1.home1.test:5061"),
            ("sip:ps1.home1.test;maddr=10.0.0.9", "ps1.home1.test;10.0.0.9"),
            ("sip:x@[2001:DB8::1]:6379", "[2001:db8::1]:6379"),
        ];
        for (uri, expected) in rows {
            assert_eq!(where_to(&Uri::parse(uri).unwrap()), expected);
        }
    }

    #[test]
    fn rfc3263_4_a_server_of_a_domain_is_a_name_that_dns_is_asked_for() {
        let rows = [
            ("sip:home1.test", true),
            ("sip:rr@SCSCF1A.home1.test.;lr", true),
            ("sip:scscf1a.home1.test:3868", false),
            ("sip:scscf1a.home1.test;maddr=10.0.0.9", false),
            ("sip:nothome1.test", false),
            ("sip:10.0.0.9", false),
            ("sip:test", false),
        ];
        for (uri, expected) in rows {
            assert_eq!(is_server_of(&Uri::parse(uri).unwrap(), "home1.test"), expected, "{uri}");
        }
    }

    fn message(start: &str, routes: &str) -> Message {
        let text = format!(
            "{start}\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\n\
             CSeq: 1 SUBSCRIBE\r\nMax-Forwards: 9\r\n{routes}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into_bytes().into()).unwrap()
    }

    #[test]
    fn rfc3261_16_7_a_proxy_finds_its_entries_by_how_many_came_with_the_request() {
        let answer = message(
            "SIP/2.0 200 OK",
            "Record-Route: <sip:last>, <sip:after>\r\nRecord-Route: <sip:own-2>,<sip:own-1>, <sip:before>\r\n",
        );
        let recorded = Recorded::of(&answer, 2, 1).unwrap();
        assert_eq!(recorded.own(), Some("<sip:own-1>"));
        assert_eq!(recorded.ahead().collect::<Vec<_>>(), ["<sip:after>", "<sip:last>"]);
        assert_eq!(
            recorded.with_own("<sip:x>"),
            "<sip:last>, <sip:after>, <sip:own-2>, <sip:x>, <sip:before>"
        );
        assert!(Recorded::of(&message("SIP/2.0 200 OK", ""), 1, 1).is_none());
    }
}
