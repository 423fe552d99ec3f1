//! A request that lacks only its topmost Via: composed by us, or relayed after edits.
//!
//! Branch and transport in that Via are chosen where the request is sent (and anew for each further address that is
//! tried), so they are written last.

use crate::header_name::HeaderName;
use crate::method::Method;
use crate::name_addr::NameAddr;
use crate::uri::Uri;
use bytes::Bytes;
use std::fmt::{Display, Write};

/// A request ready but for its topmost Via.
#[derive(Debug, Clone)]
pub struct Draft {
    method: Method,
    request_uri: Uri,
    /// Header lines, each with its CRLF.
    lines: Vec<u8>,
    body: Bytes,
}

impl Draft {
    /// An empty request; the caller adds From, To, Call-ID and CSeq, and finishes with [`Draft::with_body`].
    #[must_use]
    pub fn new(method: Method, request_uri: Uri) -> Self {
        Self { method, request_uri, lines: Vec::with_capacity(512), body: Bytes::new() }
    }

    pub(crate) const fn relayed(method: Method, request_uri: Uri, lines: Vec<u8>, body: Bytes) -> Self {
        Self { method, request_uri, lines, body }
    }

    /// Adds a header line at the end. Line breaks in `value` are written as spaces: a value is one line.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        put_line(&mut self.lines, name.as_str(), value);
        self
    }

    /// Adds a header line of any name at the end.
    #[must_use]
    pub fn header_named(mut self, name: &str, value: impl Display) -> Self {
        put_line(&mut self.lines, name, value);
        self
    }

    /// Adds Content-Type, Content-Length and the body.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self =
            self.header(HeaderName::ContentType, content_type).header(HeaderName::ContentLength, body.len());
        self.body = body;
        self
    }

    /// Adds a Content-Length of zero.
    #[must_use]
    pub fn without_body(self) -> Self {
        self.header(HeaderName::ContentLength, 0)
    }

    /// The method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The Request-URI.
    #[must_use]
    pub const fn request_uri(&self) -> &Uri {
        &self.request_uri
    }

    /// The topmost Route entry, where there is one that reads.
    #[must_use]
    pub fn first_route(&self) -> Option<Uri> {
        let routes = self.lines.split(|b: &u8| *b == b'\n').filter_map(|line| {
            let (name, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
            let is_route = HeaderName::from_bytes(name) == HeaderName::Route;
            std::str::from_utf8(value.get(1..)?).ok().filter(|_| is_route)
        });
        routes.flat_map(crate::text::list).next().and_then(|value| NameAddr::parse(value).ok()?.uri().ok())
    }

    /// Length on the wire with a Via value of `via` bytes.
    #[must_use]
    pub fn length_with(&self, via: usize) -> usize {
        let start = self.method.as_str().len() + self.request_uri.as_str().len() + " SIP/2.0\r\n ".len();
        start + "Via: \r\n".len() + via + self.lines.len() + 2 + self.body.len()
    }

    /// The bytes for the wire, with `via` as the topmost Via value.
    #[must_use]
    pub fn to_bytes(&self, via: &str) -> Bytes {
        let mut out = Vec::with_capacity(self.length_with(via.len()));
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.request_uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\nVia: ");
        out.extend_from_slice(via.as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.lines);
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out.into()
    }
}

/// Writes one header line. A line break inside the value would begin another header, so it becomes a space.
pub(crate) fn put_line(out: &mut Vec<u8>, name: &str, value: impl Display) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    // Writing to a vector cannot fail.
    let _ = write!(OneLine(out), "{value}");
    out.extend_from_slice(b"\r\n");
}

struct OneLine<'a>(&'a mut Vec<u8>);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_none() {
            self.0.extend_from_slice(text.as_bytes());
        } else {
            self.0.extend(text.bytes().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { b }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn options() -> Draft {
        Draft::new(Method::Options, Uri::parse("sip:home1.test").unwrap())
            .header(HeaderName::From, "<sip:a@home1.test>;tag=1")
            .header(HeaderName::To, "<sip:home1.test>")
            .header(HeaderName::CallId, "c1")
            .header(HeaderName::CSeq, "1 OPTIONS")
    }

    #[test]
    fn a_composed_request_reads_back() {
        let draft = options().with_body("text/plain", Bytes::from_static(b"hello"));
        let via = "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx";
        let bytes = draft.to_bytes(via);
        assert_eq!(bytes.len(), draft.length_with(via.len()));
        let message = Message::parse(bytes).unwrap();
        assert_eq!((message.branch(), message.from_tag(), message.cseq()), (Some("z9hG4bKx"), Some("1"), 1));
        assert_eq!(message.body(), "hello");
    }

    #[test]
    fn a_line_break_in_a_value_begins_no_header() {
        let draft = options().header(HeaderName::Subject, "a\r\nVia: forged").without_body();
        let message = Message::parse(draft.to_bytes("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx")).unwrap();
        assert_eq!(message.list(HeaderName::Via).count(), 1);
        assert_eq!(message.value(HeaderName::Subject), Some("a  Via: forged"));
    }
}
