//! Via: where a response goes (RFC 3261 sections 18.2 and 20.42, RFC 3581).

use crate::charset::{self, TOKEN};
use crate::host::{self, Host, is_host, plain_host};
use crate::text::{Params, is_mark, is_space, trim};
use crate::uri::split_port;
use std::net::{IpAddr, SocketAddr};

/// One Via value, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    transport: &'a str,
    sent_by: &'a str,
    host: &'a str,
    port: Option<u16>,
    params: Params<'a>,
    branch: Option<&'a str>,
    rport: Option<Option<&'a str>>,
}

/// The text is no Via value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViaError;

/// The cookie that begins every branch of RFC 3261 (section 8.1.1.7).
pub const BRANCH_COOKIE: &str = "z9hG4bK";

impl<'a> Via<'a> {
    /// Reads one value, which is not a list.
    ///
    /// # Errors
    /// [`ViaError`] when protocol, transport, sent-by or a parameter is malformed.
    pub fn parse(value: &'a str) -> Result<Self, ViaError> {
        let value = trim(value);
        let rest = match value.strip_prefix("SIP/2.0/") {
            Some(rest) => trim(rest),
            None => {
                protocol_part(value, "SIP").and_then(|rest| protocol_part(rest, "2.0")).ok_or(ViaError)?
            }
        };
        let end = charset::run(rest.as_bytes(), TOKEN);
        let (transport, rest) = rest.split_at_checked(end).ok_or(ViaError)?;
        if transport.is_empty() || !rest.bytes().next().is_some_and(is_space) {
            return Err(ViaError);
        }
        let rest = trim(rest);
        let (sent_by, host, port) = sent_by_of(rest)?;
        let params = Params::new(rest.get(sent_by..).unwrap_or_default());
        let [branch, rport] = params.checked(["branch", "rport"]).map_err(|_| ViaError)?;
        if branch.is_some_and(|branch| !branch.is_some_and(is_mark)) {
            return Err(ViaError);
        }
        let sent_by = trim(rest.get(..sent_by).unwrap_or_default());
        Ok(Self { transport, sent_by, host, port, params, branch: branch.flatten(), rport })
    }

    /// The transport token as written.
    #[must_use]
    pub const fn transport(&self) -> &'a str {
        self.transport
    }

    /// Host and port as written: part of what matches a request to its transaction (section 17.2.3).
    #[must_use]
    pub const fn sent_by(&self) -> &'a str {
        self.sent_by
    }

    /// The sent-by host.
    #[must_use]
    pub fn host(&self) -> Option<Host> {
        Host::parse(self.host).ok()
    }

    /// The sent-by host, where it is a numeric address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        host::address(self.host)
    }

    /// The sent-by port, if written.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> Params<'a> {
        self.params
    }

    /// The branch, if it is one of RFC 3261 with something behind the cookie.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.branch.filter(|branch| {
            branch
                .split_at_checked(BRANCH_COOKIE.len())
                .is_some_and(|(cookie, rest)| !rest.is_empty() && cookie.eq_ignore_ascii_case(BRANCH_COOKIE))
        })
    }

    /// The `received` address; brackets around IPv6 are accepted as RFC 5118 section 4.5 asks.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.get("received")?;
        text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// Whether the client wants its answer sent to the port it sent from (RFC 3581 section 4).
    pub(crate) const fn asks_rport(&self) -> bool {
        self.rport.is_some()
    }

    pub(crate) const fn host_text(&self) -> &'a str {
        self.host
    }

    /// The port in `rport`, once the receiver has put it there.
    #[must_use]
    pub fn rport(&self) -> Option<u16> {
        self.rport??.parse().ok()
    }

    /// This value with `received` and `rport` as seen from `source`; `None` when it is already right.
    ///
    /// RFC 3261 section 18.2.1 asks for `received` when sent-by names another host; RFC 3581 section 4 for both when
    /// the client sent an `rport`.
    #[must_use]
    pub fn stamped(&self, value: &str, source: SocketAddr) -> Option<String> {
        let asked = self.asks_rport();
        let same = self.address() == Some(source.ip());
        if same && !asked {
            return None;
        }
        let kept: String = self
            .params
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("received") && !name.eq_ignore_ascii_case("rport"))
            .map(|(name, value)| value.map_or_else(|| format!(";{name}"), |value| format!(";{name}={value}")))
            .collect();
        let head = trim(value).split(';').next().unwrap_or_default();
        let rport = if asked { format!(";rport={}", source.port()) } else { String::new() };
        Some(format!("{}{kept};received={}{rport}", trim(head), source.ip()))
    }
}

/// Takes `expected` and the slash behind it, with the white space that may stand around both.
fn protocol_part<'a>(text: &'a str, expected: &str) -> Option<&'a str> {
    let (part, rest) = text.split_once('/')?;
    trim(part).eq_ignore_ascii_case(expected).then(|| trim(rest))
}

/// The sent-by at the front of `text`: its length, host and port. White space may stand around the colon.
fn sent_by_of(text: &str) -> Result<(usize, &str, Option<u16>), ViaError> {
    if let Some((host, port, end)) = plain_host(text.as_bytes())
        && matches!(text.as_bytes().get(end), None | Some(b';'))
    {
        return Ok((end, text.get(..host).unwrap_or_default(), port));
    }
    let end = text.find(';').unwrap_or(text.len());
    let sent_by = trim(text.get(..end).unwrap_or_default());
    let (host, port) = if sent_by.bytes().any(is_space) {
        let (host, port) = sent_by.rsplit_once(':').ok_or(ViaError)?;
        (host.len(), Some(trim(port).parse().map_err(|_| ViaError)?))
    } else {
        split_port(sent_by).map_err(|_| ViaError)?
    };
    let host = trim(sent_by.get(..host).unwrap_or_default());
    if is_host(host) { Ok((end, host, port)) } else { Err(ViaError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_20_42_parts_of_a_via() {
        let via = Via::parse(
            "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
        )
        .unwrap();
        assert_eq!(
            (via.transport(), via.port(), via.branch()),
            ("UDP", Some(4000), Some("z9hG4bKa7c6a8dlze.1"))
        );
        assert_eq!(via.host().unwrap().name(), Some("first.example.com"));
        let v6 = Via::parse(
            "SIP/2.0/TCP [2001:db8::9:1];received=[2001:db8::9:255];rport=5;branch=z9hG4bKas3-111",
        )
        .unwrap();
        assert_eq!(v6.received(), Some("2001:db8::9:255".parse().unwrap()));
        assert_eq!(v6.rport(), Some(5));
    }

    #[test]
    fn rfc4475_what_is_no_via() {
        for bad in [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0 UDP a",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP ::1;branch=x",
            "HTTP/2.0/UDP a",
        ] {
            assert_eq!(Via::parse(bad), Err(ViaError), "{bad}");
        }
    }

    #[test]
    fn rfc3261_8_1_1_7_a_branch_needs_more_than_the_cookie() {
        assert_eq!(Via::parse("SIP/2.0/UDP a;branch=z9hG4bK").unwrap().branch(), None);
        assert_eq!(Via::parse("SIP/2.0/UDP a;branch=1").unwrap().branch(), None);
    }

    #[test]
    fn rfc3581_4_source_is_stamped_where_it_differs_or_is_asked_for() {
        let source = "192.0.2.1:6000".parse().unwrap();
        for (value, stamped) in [
            ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", None),
            (
                "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKx",
                Some("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;received=192.0.2.1;rport=6000"),
            ),
            (
                "SIP/2.0/UDP ue.test;branch=z9hG4bKx;received=9.9.9.9",
                Some("SIP/2.0/UDP ue.test;branch=z9hG4bKx;received=192.0.2.1"),
            ),
        ] {
            assert_eq!(Via::parse(value).unwrap().stamped(value, source).as_deref(), stamped, "{value}");
        }
    }
}
