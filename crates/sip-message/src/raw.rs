//! A message cut into its lines, nothing checked yet (RFC 3261 section 7).

use crate::defect::Defect;
use crate::header_name::HeaderName;
use crate::method::Method;
use crate::status::StatusCode;
use crate::text::{self, is_token, trim};
use crate::via::Via;
use bytes::Bytes;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::Range;

/// Most header lines of a message; more is [`Defect::TooManyHeaders`].
pub const MAX_HEADER_LINES: usize = 256;

/// Largest message that is read, in bytes; a larger one is [`Defect::TooLarge`].
pub const MAX_MESSAGE: usize = 65_535;

/// What the start line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Start {
    Request { method: Method, uri: Range<usize> },
    Response { status: StatusCode, reason: Range<usize> },
}

/// One header line: its name, and where line and value stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: HeaderName,
    start: u32,
    value: u32,
    value_end: u32,
    end: u32,
}

/// A message as its bytes and the places of its lines. Header values are read from it on demand.
#[derive(Debug, Clone)]
pub struct RawMessage {
    bytes: Bytes,
    pub(crate) start: Start,
    lines: Vec<Line>,
    body_at: usize,
    /// The topmost Via value with the source it really came from, where that differs from what is written.
    pub(crate) stamped_via: Option<Box<str>>,
}

impl RawMessage {
    /// Cuts a message into lines. The first thing found wrong is handed back beside what could be read, because even a
    /// malformed request is answered by its Via; `Err` is for bytes that are no SIP at all.
    pub(crate) fn split(bytes: Bytes) -> Result<(Self, Option<Defect>), Defect> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Defect::TooLarge);
        }
        let start_end = memchr::memchr(b'\n', &bytes).ok_or(Defect::NotSip)?;
        let start_line =
            bytes.get(..start_end).and_then(|line| line.strip_suffix(b"\r")).ok_or(Defect::NotSip)?;
        let (start, mut defect) = start_line_of(start_line)?;
        let mut lines = Vec::with_capacity(24);
        let body_at = split_lines(&bytes, start_end + 1, &mut lines, &mut defect);
        let body_at = body_at.unwrap_or_else(|| {
            defect.get_or_insert(Defect::NoEndOfHead);
            bytes.len()
        });
        Ok((Self { bytes, start, lines, body_at, stamped_via: None }, defect))
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
            Start::Request { uri, .. } => self.str(uri.clone()).unwrap_or_default(),
            Start::Response { .. } => "",
        }
    }

    /// The reason phrase as written, which may hold any bytes; empty in a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.start {
            Start::Request { .. } => &[],
            Start::Response { reason, .. } => self.bytes.get(reason.clone()).unwrap_or_default(),
        }
    }

    pub(crate) fn str(&self, range: Range<usize>) -> Option<&str> {
        self.bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    pub(crate) fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A whole line with its end, folds included, as received.
    pub(crate) fn line_bytes(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.start as usize..line.end as usize).unwrap_or_default()
    }

    /// Name and value of every header line, in order, as received.
    pub fn header_lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines.iter().map(|line| {
            let head = self.bytes.get(line.start as usize..line.value as usize).unwrap_or_default();
            let name = head.split(|b| *b == b':').next().unwrap_or_default().trim_ascii();
            (name, self.value_bytes(line))
        })
    }

    pub(crate) fn value_bytes(&self, line: &Line) -> &[u8] {
        self.bytes.get(line.value as usize..line.value_end as usize).unwrap_or_default()
    }

    /// The values of all lines of this name, in order; a line that is not UTF-8 is passed over.
    pub fn values(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.lines
            .iter()
            .filter(move |line| line.name == name)
            .filter_map(|line| std::str::from_utf8(self.value_bytes(line)).ok())
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

    /// Whether a list header holds this token, in any case.
    #[must_use]
    pub fn list_has(&self, name: HeaderName, token: &str) -> bool {
        self.list(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Notes where the request really came from, so that every response and every relayed copy carries it in the
    /// topmost Via (RFC 3261 section 18.2.1, RFC 3581 section 4).
    pub fn stamp_source(&mut self, source: SocketAddr) {
        let value = self.list(HeaderName::Via).next();
        let stamped =
            value.and_then(|value| Via::parse(value).ok().and_then(|via| via.stamped(value, source)));
        self.stamped_via = stamped.map(String::into_boxed_str);
    }

    /// The topmost Via value, with its real source once stamped.
    #[must_use]
    pub fn top_via(&self) -> Option<&str> {
        self.stamped_via.as_deref().or_else(|| self.list(HeaderName::Via).next())
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

/// Reads the header lines from `at` on; gives where the body begins, or nothing when no blank line ends the head.
fn split_lines(
    bytes: &[u8],
    mut at: usize,
    lines: &mut Vec<Line>,
    defect: &mut Option<Defect>,
) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        // One search finds the end of the line and any bare CR or LF in it.
        let length = memchr::memchr2(b'\r', b'\n', rest)?;
        let line = rest.get(..length)?;
        if rest.get(length) != Some(&b'\r') || rest.get(length + 1)? != &b'\n' {
            defect.get_or_insert(Defect::HeaderLine);
            at += length + 1;
            continue;
        }
        match *line {
            [] => return Some(at + 2),
            [b' ' | b'\t', ..] => extend_fold(lines, line, at, defect),
            _ if lines.len() == MAX_HEADER_LINES => {
                defect.get_or_insert(Defect::TooManyHeaders);
            }
            _ => match header_line(line, at) {
                Some(found) => lines.push(found),
                None => {
                    defect.get_or_insert(Defect::HeaderLine);
                }
            },
        }
        at += length + 2;
    }
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_MESSAGE is far below u32::MAX")]
fn header_line(line: &[u8], at: usize) -> Option<Line> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    let value = line.get(colon + 1..)?;
    let known = HeaderName::from_bytes(name);
    if known == HeaderName::Other && (name.is_empty() || !name.iter().copied().all(is_token)) {
        return None;
    }
    let blank = value.len() - value.trim_ascii_start().len();
    let start = at + colon + 1 + blank;
    Some(Line {
        name: known,
        start: at as u32,
        value: start as u32,
        value_end: (start + value.trim_ascii().len()) as u32,
        end: (at + line.len() + 2) as u32,
    })
}

#[expect(clippy::cast_possible_truncation, reason = "MAX_MESSAGE is far below u32::MAX")]
fn extend_fold(lines: &mut [Line], line: &[u8], at: usize, defect: &mut Option<Defect>) {
    let Some(last) = lines.last_mut() else {
        defect.get_or_insert(Defect::HeaderLine);
        return;
    };
    last.end = (at + line.len() + 2) as u32;
    let text = line.trim_ascii();
    if text.is_empty() {
        return;
    }
    let text_at = at + line.len() - line.trim_ascii_start().len();
    if last.value == last.value_end {
        last.value = text_at as u32;
    }
    last.value_end = (text_at + text.len()) as u32;
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
    Ok(Start::Response { status, reason: reason_at..line.len() })
}

fn request_line(line: &[u8]) -> Result<(Start, Option<Defect>), Defect> {
    let text = std::str::from_utf8(line).map_err(|_| Defect::NotSip)?;
    let (method_text, _) = text.split_once(' ').ok_or(Defect::NotSip)?;
    let method = Method::parse(method_text).ok_or(Defect::NotSip)?;
    let trimmed = text.trim_end();
    let version_at = trimmed.rfind(' ').ok_or(Defect::NotSip)?;
    let version = trimmed.get(version_at + 1..).unwrap_or_default();
    let uri = method_text.len() + 1..version_at.max(method_text.len() + 1);
    let uri_text = text.get(uri.clone()).unwrap_or_default();
    let defect = if !version.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("SIP/")) {
        return Err(Defect::NotSip);
    } else if !version.eq_ignore_ascii_case("SIP/2.0") {
        Some(Defect::Version)
    } else if uri_text.is_empty() || uri_text.contains([' ', '\t', '<', '>']) || trimmed.len() != text.len() {
        Some(Defect::RequestLine)
    } else {
        None
    };
    Ok((Start::Request { method, uri }, defect))
}
