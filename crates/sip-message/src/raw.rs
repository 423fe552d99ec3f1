//! A message cut into its lines, nothing checked yet (RFC 3261 section 7).

use crate::charset::{self, TOKEN};
use crate::defect::Defect;
use crate::header_name::HeaderName;
use crate::lines::{Line, Lines};
use crate::method::Method;
use crate::scan;
use crate::span::Span;
use crate::status::StatusCode;
use crate::text::{self, trim};
use crate::via::Via;
use bytes::Bytes;
use std::borrow::Cow;
use std::net::SocketAddr;

/// Most header lines of a message; more is [`Defect::TooManyHeaders`].
pub const MAX_HEADER_LINES: usize = 256;

/// Largest head of a message that is read, in bytes: a longer one is [`Defect::TooLarge`], and closes a stream.
pub const MAX_HEAD: usize = 32 * 1024;
/// Largest payload of a datagram over IPv4, in bytes: nothing larger is sent, whatever it goes over, for it may have to go on
/// by UDP.
pub const MAX_DATAGRAM: usize = 65_507;
/// Largest message that is read, in bytes; a larger one is [`Defect::TooLarge`].
pub const MAX_MESSAGE: usize = 65_535;

/// What the start line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Request { method: Method, uri: Span },
    Response { status: StatusCode, reason: Span },
}

/// A message as its bytes and the places of its lines. Header values are read from it on demand.
#[derive(Debug, Clone)]
pub struct RawMessage {
    bytes: Bytes,
    pub(crate) start: Start,
    lines: Lines,
    body_at: usize,
    /// The topmost Via value with the source it really came from, where that differs from what is written.
    pub(crate) stamped_via: Option<Box<str>>,
}

impl RawMessage {
    /// Reads the start line: what is wrong with it stands beside what could be read, because even a malformed request is
    /// answered by its Via. [`RawMessage::read_lines`] reads the rest. `Err` is for bytes that are no SIP at all.
    #[inline]
    pub(crate) fn begin(bytes: Bytes) -> Result<(Self, Option<Defect>), Defect> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Defect::TooLarge);
        }
        let end = memchr::memchr(b'\n', &bytes).ok_or(Defect::NotSip)?;
        let line = bytes.get(..end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Defect::NotSip)?;
        let (start, defect) = start_line_of(line)?;
        Ok((Self { bytes, start, lines: Lines::new(), body_at: end + 1, stamped_via: None }, defect))
    }

    /// Cuts what follows the start line into lines, and says what is wrong first.
    pub(crate) fn read_lines(&mut self, mut defect: Option<Defect>) -> Option<Defect> {
        let body_at = self.lines.read(&self.bytes, self.body_at, &mut defect);
        if body_at.unwrap_or(self.bytes.len()) > MAX_HEAD {
            // A stream would have been closed: who reads this by UDP must not hand it on to one.
            defect = Some(Defect::TooLarge);
        }
        self.body_at = body_at.unwrap_or_else(|| {
            defect.get_or_insert(Defect::NoEndOfHead);
            self.bytes.len()
        });
        defect
    }

    /// The whole message as received.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What follows the blank line, cut to Content-Length once that has been checked.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.bytes.slice(self.body_at..)
    }

    /// Everything before the body.
    pub(crate) fn head(&self) -> &[u8] {
        self.bytes.get(..self.body_at).unwrap_or_default()
    }

    pub(crate) fn body_length(&self) -> usize {
        self.bytes.len() - self.body_at
    }

    /// Forgets what stands behind the body (RFC 3261 section 18.3).
    pub(crate) fn cut_body(&mut self, length: usize) {
        self.bytes.truncate(self.body_at + length);
    }

    /// The method; `None` in a response.
    #[must_use]
    pub const fn method(&self) -> Option<&Method> {
        match &self.start {
            Start::Request { method, .. } => Some(method),
            Start::Response { .. } => None,
        }
    }

    /// The status; `None` in a request.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        match &self.start {
            Start::Request { .. } => None,
            Start::Response { status, .. } => Some(*status),
        }
    }

    /// The Request-URI as written; empty in a response.
    #[must_use]
    pub fn request_uri_text(&self) -> &str {
        match &self.start {
            Start::Request { uri, .. } => self.str(*uri).unwrap_or_default(),
            Start::Response { .. } => "",
        }
    }

    /// The reason phrase as written, which may hold any bytes; empty in a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.start {
            Start::Request { .. } => &[],
            Start::Response { reason, .. } => self.bytes.get(reason.range()).unwrap_or_default(),
        }
    }

    pub(crate) fn str(&self, span: Span) -> Option<&str> {
        self.bytes.get(span.range()).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(crate) const fn lines(&self) -> &Lines {
        &self.lines
    }

    /// A whole line with its end, folds included, as received.
    pub(crate) fn line_bytes(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.place()).unwrap_or_default()
    }

    /// Name and value of every header line, in order, as received.
    pub fn header_lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.all().iter().map(|line| {
            let head = self.bytes.get(line.place().start..line.value().start()).unwrap_or_default();
            let name = head.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
            (name, self.value_bytes(line))
        })
    }

    pub(crate) fn value_bytes(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.value().range()).unwrap_or_default()
    }

    /// The values of all lines of this name, in order, as received.
    pub fn values_bytes(&self, name: HeaderName) -> impl Iterator<Item = &[u8]> {
        self.lines.named(name).map(|line| self.value_bytes(line))
    }

    /// The values of all lines of this name, in order; a line that is not UTF-8 is passed over.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.lines.named(name).filter_map(|line| self.str(line.value()))
    }

    /// The first value of this name, folds still in it.
    #[must_use]
    pub fn value(&self, name: HeaderName) -> Option<&str> {
        self.values(name).next()
    }

    /// The first value of this name with every fold read as one space (RFC 3261 section 7.3.1).
    #[must_use]
    pub fn unfolded(&self, name: HeaderName) -> Option<Cow<'_, str>> {
        self.value(name).map(unfold)
    }

    /// The values of all lines of this name as one list, split at commas.
    pub fn list(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.values(name).flat_map(text::list)
    }

    /// The first value of what [`RawMessage::list`] gives.
    pub(crate) fn first(&self, name: HeaderName) -> Option<&str> {
        self.value(name).map(text::first)
    }

    /// Whether a list header holds this token, in any case.
    #[must_use]
    pub fn list_has(&self, name: HeaderName, token: &str) -> bool {
        self.list(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Notes where the request really came from, so that every response and every relayed copy carries it in the
    /// topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4).
    pub fn stamp_source(&mut self, source: SocketAddr) {
        let value = self.first(HeaderName::Via);
        let stamped =
            value.and_then(|value| Via::parse(value).ok().and_then(|via| via.stamped(value, source)));
        self.stamped_via = stamped.map(String::into_boxed_str);
    }

    /// The topmost Via value, with its real source once stamped.
    #[must_use]
    pub fn top_via(&self) -> Option<&str> {
        self.stamped_via.as_deref().or_else(|| self.first(HeaderName::Via))
    }
}

/// Reads every fold as one space.
#[must_use]
pub fn unfold(value: &str) -> Cow<'_, str> {
    if !value.contains('\n') {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.split("\r\n").map(trim).collect::<Vec<_>>().join(" "))
}

/// Reads the start line. Bytes that do not even name SIP are no message.
fn start_line_of(line: &[u8]) -> Result<(Start, Option<Defect>), Defect> {
    if line.len() >= 4 && line.get(..4).is_some_and(|head| head.eq_ignore_ascii_case(b"SIP/")) {
        return status_line(line).map(|start| (start, None));
    }
    request_line(line)
}

fn status_line(line: &[u8]) -> Result<Start, Defect> {
    let rest =
        line.get(8..).filter(|_| line.get(..8).is_some_and(|head| head.eq_ignore_ascii_case(b"SIP/2.0 ")));
    let rest = rest.ok_or(Defect::StatusLine)?;
    let (digits, tail) = rest.split_at_checked(3).ok_or(Defect::StatusLine)?;
    let code = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).and_then(StatusCode::new);
    let status = code.filter(|_| matches!(tail, [] | [b' ', ..])).ok_or(Defect::StatusLine)?;
    // RFC 4475 3.1.1.13: the phrase may be empty; a missing space before it loses nothing.
    let reason_at = line.len() - tail.len() + usize::from(!tail.is_empty());
    Ok(Start::Response { status, reason: Span::new(reason_at, line.len()) })
}

fn request_line(line: &[u8]) -> Result<(Start, Option<Defect>), Defect> {
    let (method, rest) = line.split_at_checked(charset::run(line, TOKEN)).ok_or(Defect::NotSip)?;
    let method_end = method.len();
    let method = std::str::from_utf8(method).ok().filter(|_| rest.first() == Some(&b' '));
    let method = method.and_then(Method::parse).ok_or(Defect::NotSip)?;
    if let Some(uri) = rest.get(1..).and_then(|rest| rest.strip_suffix(b" SIP/2.0"))
        && !uri.is_empty()
        && uri.is_ascii()
        && scan::is_uri(uri)
    {
        let uri = Span::new(method_end + 1, method_end + 1 + uri.len());
        return Ok((Start::Request { method, uri }, None));
    }
    let text = std::str::from_utf8(line).map_err(|_| Defect::NotSip)?;
    let trimmed = text.trim_end();
    let version_at = match text.strip_suffix(" SIP/2.0") {
        Some(head) => head.len(),
        None => trimmed.rfind(' ').ok_or(Defect::NotSip)?,
    };
    let version = trimmed.get(version_at + 1..).unwrap_or_default();
    let uri = Span::new(method_end + 1, version_at.max(method_end + 1));
    let uri_text = text.get(uri.range()).unwrap_or_default();
    let defect = if !version.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("SIP/")) {
        return Err(Defect::NotSip);
    } else if !version.eq_ignore_ascii_case("SIP/2.0") {
        Some(Defect::Version)
    } else if uri_text.is_empty()
        || uri_text.bytes().any(|b| matches!(b, b' ' | b'\t' | b'<' | b'>'))
        || trimmed.len() != text.len()
    {
        Some(Defect::RequestLine)
    } else {
        None
    };
    Ok((Start::Request { method, uri }, defect))
}
