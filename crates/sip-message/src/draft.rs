//! A request that lacks only its topmost Via: composed by us, or relayed after edits.
//!
//! Branch and transport in that Via are chosen where the request is sent (and anew for each further address that is
//! tried), so they are written last.

use crate::header_name::HeaderName;
use crate::method::Method;
use crate::name_addr::NameAddr;
use crate::raw::{MAX_DATAGRAM, MAX_HEAD};
use crate::uri::Uri;
use bytes::Bytes;
use std::fmt::{self, Display, Write as _};
use std::io;

/// Bytes that the topmost Via, its name and the fixed parts of the start line take at most, as a rule.
const VIA_ROOM: usize = 144;

/// Room for the header lines of a request with a long route set.
const LINES: usize = 1024;

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
        Self { method, request_uri, lines: Vec::with_capacity(LINES), body: Bytes::new() }
    }

    pub(crate) const fn relayed(method: Method, request_uri: Uri, lines: Vec<u8>, body: Bytes) -> Self {
        Self { method, request_uri, lines, body }
    }

    /// Room that start line, Via and body take beside the lines.
    pub(crate) fn room(method: &Method, request_uri: &Uri, body: &Bytes) -> usize {
        method.as_str().len() + request_uri.as_str().len() + body.len() + VIA_ROOM
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

    /// The same request with another Request-URI.
    #[must_use]
    pub fn with_request_uri(mut self, request_uri: Uri) -> Self {
        self.request_uri = request_uri;
        self
    }

    /// The topmost Route entry, where there is one that reads.
    #[must_use]
    pub fn first_route(&self) -> Option<Uri> {
        let mut routes = self.values(HeaderName::Route).flat_map(crate::text::list);
        routes.next().and_then(|value| NameAddr::parse(value).ok()?.uri().ok())
    }

    /// The value of each header line of this name, up to a fold.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.lines.split(|b: &u8| *b == b'\n').filter_map(move |line| {
            let (header, value) = line.split_at_checked(memchr::memchr(b':', line)?)?;
            let is_it = HeaderName::from_bytes(header) == name;
            std::str::from_utf8(value.get(1..)?).ok().filter(|_| is_it).map(str::trim)
        })
    }

    /// The same request without the header lines of this name.
    #[must_use]
    pub fn without(&self, name: HeaderName) -> Self {
        let mut lines = Vec::with_capacity(self.lines.len());
        let mut is_it = false;
        for line in self.lines.split_inclusive(|b: &u8| *b == b'\n') {
            // A line that begins with white space goes on with the one before it.
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                let end = memchr::memchr(b':', line).unwrap_or_default();
                is_it = HeaderName::from_bytes(line.get(..end).unwrap_or_default()) == name;
            }
            if !is_it {
                lines.extend_from_slice(line);
            }
        }
        let (method, request_uri) = (self.method.clone(), self.request_uri.clone());
        Self { method, request_uri, lines, body: self.body.clone() }
    }

    /// Length on the wire with a Via value of `via` bytes.
    #[must_use]
    pub fn length_with(&self, via: usize) -> usize {
        let start = self.method.as_str().len() + self.request_uri.as_str().len() + " SIP/2.0\r\n ".len();
        start + "Via: \r\n".len() + via + self.lines.len() + 2 + self.body.len()
    }

    /// Whether the next hop will read it with a Via value of `via` bytes: neither it nor its head is too long.
    #[must_use]
    pub fn fits_with(&self, via: usize) -> bool {
        let length = self.length_with(via);
        length <= MAX_DATAGRAM && length - self.body.len() <= MAX_HEAD
    }

    /// The bytes for the wire, with `via` as the topmost Via value.
    #[must_use]
    pub fn to_bytes(&self, via: &str) -> Bytes {
        let mut out = Vec::with_capacity(self.length_with(via.len()));
        self.put_head(&mut out, via);
        out.extend_from_slice(&self.lines);
        self.put_end(&mut out);
        out.into()
    }

    /// As [`Draft::to_bytes`], for a request that is not sent again: its lines become the message.
    #[must_use]
    pub fn into_bytes(mut self, via: &str) -> Bytes {
        let mut out = std::mem::take(&mut self.lines);
        let below = out.len();
        self.put_head(&mut out, via);
        out.rotate_left(below);
        self.put_end(&mut out);
        out.into()
    }

    fn put_head(&self, out: &mut Vec<u8>, via: &str) {
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.request_uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\nVia: ");
        out.extend_from_slice(via.as_bytes());
        out.extend_from_slice(b"\r\n");
    }

    fn put_end(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
    }
}

/// Writes one header line. A line break inside the value would begin another header, so it becomes a space.
pub(crate) fn put_line(out: &mut impl io::Write, name: &str, value: impl Display) {
    // Writing to memory cannot fail.
    let _ = out.write_all(name.as_bytes());
    let _ = out.write_all(b": ");
    let _ = write!(OneLine(out), "{value}");
    let _ = out.write_all(b"\r\n");
}

struct OneLine<'a, W>(&'a mut W);

impl<W: io::Write> fmt::Write for OneLine<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let written = if memchr::memchr2(b'\r', b'\n', text.as_bytes()).is_none() {
            self.0.write_all(text.as_bytes())
        } else {
            self.0.write_all(text.replace(['\r', '\n'], " ").as_bytes())
        };
        written.map_err(|_| fmt::Error)
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
        assert_eq!(draft.into_bytes(via), bytes);
        let message = Message::parse(bytes).unwrap();
        assert_eq!((message.branch(), message.from_tag(), message.cseq()), (Some("z9hG4bKx"), Some("1"), 1));
        assert_eq!(message.body(), "hello");
    }

    #[test]
    fn a_header_is_taken_out_with_its_folds() {
        let mut draft = options().header(HeaderName::Subject, "a").without_body();
        draft.lines.extend_from_slice(b"s: b,\r\n\tc: d\r\nX: y\r\n");
        assert_eq!(draft.values(HeaderName::Subject).collect::<Vec<_>>(), ["a", "b,"]);
        let message = draft.without(HeaderName::Subject).to_bytes("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx");
        let text = String::from_utf8(message.to_vec()).unwrap();
        assert!(!text.contains("Subject") && !text.contains("c: d") && text.contains("X: y"), "{text}");
        assert!(draft.values(HeaderName::Subject).next().is_some(), "the draft itself stays as it was");
    }

    #[test]
    fn a_line_break_in_a_value_begins_no_header() {
        let draft = options().header(HeaderName::Subject, "a\r\nVia: forged").without_body();
        let message = Message::parse(draft.to_bytes("SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx")).unwrap();
        assert_eq!(message.list(HeaderName::Via).count(), 1);
        assert_eq!(message.value(HeaderName::Subject), Some("a  Via: forged"));
    }
}
