//! A message whose mandatory headers have been checked, once, where it came in.

use crate::defect::{Defect, Field};
use crate::header_name::HeaderName;
use crate::method::Method;
use crate::name_addr::NameAddr;
use crate::raw::{RawMessage, Start};
use crate::text;
use crate::uri::Uri;
use crate::via::Via;
use bytes::Bytes;
use std::net::SocketAddr;
use std::ops::{Deref, Range};

/// A request or response that may be acted on: start line, Via, From, To, Call-ID, CSeq, Max-Forwards and Content-Length
/// are well formed (RFC 3261 sections 8.1.1 and 16.3 step 1). Every other header is read on demand.
#[derive(Debug, Clone)]
pub struct Message {
    raw: RawMessage,
    request_uri: Option<Uri>,
    cseq: u32,
    max_forwards: Option<u8>,
    branch: Option<Range<usize>>,
    from_tag: Option<Range<usize>>,
    to_tag: Option<Range<usize>>,
}

/// Bytes that are no usable message.
#[derive(Debug)]
pub struct Malformed {
    /// What is wrong.
    pub defect: Defect,
    /// The message as far as it could be read; `None` when not even a start line was there.
    pub message: Option<Box<RawMessage>>,
}

impl Message {
    /// Reads one message: a datagram, or what a [`crate::Framer`] cut from a stream. Bytes behind Content-Length are
    /// dropped; a missing Content-Length means that the body goes to the end (section 18.3).
    ///
    /// # Errors
    /// [`Malformed`] says what is wrong and, for a request, whether the sender can be told.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let (raw, defect) = RawMessage::split(bytes).map_err(|defect| Malformed { defect, message: None })?;
        if let Some(defect) = defect {
            return Err(Malformed { defect, message: Some(Box::new(raw)) });
        }
        Self::check(raw)
    }

    fn check(raw: RawMessage) -> Result<Self, Malformed> {
        let mut message = Self {
            raw,
            request_uri: None,
            cseq: 0,
            max_forwards: None,
            branch: None,
            from_tag: None,
            to_tag: None,
        };
        match message.check_headers() {
            Ok(()) => Ok(message),
            Err(defect) => Err(Malformed { defect, message: Some(Box::new(message.raw)) }),
        }
    }

    fn check_headers(&mut self) -> Result<(), Defect> {
        check_repeated(&self.raw)?;
        if let Start::Request { .. } = self.raw.start {
            self.request_uri = Some(request_uri(self.raw.request_uri_text())?);
        }
        let via = self.raw.list(HeaderName::Via).next().ok_or(Defect::Missing(Field::Via))?;
        let branch = Via::parse(via).map_err(|_| Defect::Malformed(Field::Via))?.branch();
        let from_tag = self.tag(HeaderName::From, Field::From)?;
        let to_tag = self.tag(HeaderName::To, Field::To)?;
        let call_id = self.raw.value(HeaderName::CallId).ok_or(Defect::Missing(Field::CallId))?;
        if call_id.is_empty() || call_id.bytes().any(|b| b <= b' ') {
            return Err(Defect::Malformed(Field::CallId));
        }
        let cseq = self.cseq_number()?;
        let max_forwards = self.max_forwards_value()?;
        let body = self.body_length()?;
        (self.branch, self.from_tag, self.to_tag) = (branch.map(|t| self.range(t)), from_tag, to_tag);
        (self.cseq, self.max_forwards) = (cseq, max_forwards);
        self.raw.cut_body(body);
        Ok(())
    }

    fn tag(&self, name: HeaderName, field: Field) -> Result<Option<Range<usize>>, Defect> {
        let value = self.raw.value(name).ok_or(Defect::Missing(field))?;
        let address = NameAddr::parse(value).map_err(|_| Defect::Malformed(field))?;
        let uri = address.uri_text();
        if uri.is_empty() || uri.bytes().any(|b| b <= b' ') || !uri.contains(':') {
            return Err(Defect::Malformed(field));
        }
        Ok(address.tag().map(|tag| self.range(tag)))
    }

    /// Section 20.16: a number below 2^31 and the method.
    fn cseq_number(&self) -> Result<u32, Defect> {
        let value = self.raw.value(HeaderName::CSeq).ok_or(Defect::Missing(Field::CSeq))?;
        let mut parts = value.split_ascii_whitespace();
        let (number, method) = parts.next().zip(parts.next()).ok_or(Defect::Malformed(Field::CSeq))?;
        let number = decimal(number).filter(|n| *n <= 0x7fff_ffff && parts.next().is_none());
        let number = number.ok_or(Defect::Malformed(Field::CSeq))?;
        if self.raw.method().is_some_and(|own| own.as_str() != method) {
            return Err(Defect::MethodMismatch);
        }
        u32::try_from(number).map_err(|_| Defect::Malformed(Field::CSeq))
    }

    /// Section 20.22: 0 to 255.
    fn max_forwards_value(&self) -> Result<Option<u8>, Defect> {
        let Some(value) = self.raw.value(HeaderName::MaxForwards) else { return Ok(None) };
        let hops = decimal(value).and_then(|hops| u8::try_from(hops).ok());
        hops.map(Some).ok_or(Defect::Malformed(Field::MaxForwards))
    }

    fn body_length(&self) -> Result<usize, Defect> {
        let came = self.raw.body_length();
        let Some(value) = self.raw.value(HeaderName::ContentLength) else { return Ok(came) };
        let length = decimal(value).and_then(|length| usize::try_from(length).ok());
        match length {
            None => Err(Defect::Malformed(Field::ContentLength)),
            Some(length) if length > came => Err(Defect::BodyTooShort),
            Some(length) => Ok(length),
        }
    }

    /// Where a slice of this message's own text stands in it.
    fn range(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.raw.bytes().as_ptr() as usize);
        start..start + part.len()
    }

    fn text(&self, range: Option<&Range<usize>>) -> Option<&str> {
        range.and_then(|range| self.raw.str(range.clone()))
    }

    /// The branch of the topmost Via; `None` from an RFC 2543 element, which is matched otherwise.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.text(self.branch.as_ref())
    }

    /// The tag of From.
    #[must_use]
    pub fn from_tag(&self) -> Option<&str> {
        self.text(self.from_tag.as_ref())
    }

    /// The tag of To; a request that has one belongs to a dialog.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.text(self.to_tag.as_ref())
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.raw.value(HeaderName::CallId).unwrap_or_default()
    }

    /// The sequence number of CSeq.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// The method of CSeq: that of the request, also in its response.
    #[must_use]
    pub fn cseq_method(&self) -> &str {
        self.raw
            .value(HeaderName::CSeq)
            .and_then(|value| value.split_ascii_whitespace().nth(1))
            .unwrap_or_default()
    }

    /// Hops left, where the header is there.
    #[must_use]
    pub const fn max_forwards(&self) -> Option<u8> {
        self.max_forwards
    }

    /// The Request-URI; `None` in a response.
    #[must_use]
    pub const fn request_uri(&self) -> Option<&Uri> {
        self.request_uri.as_ref()
    }

    /// The URI in From.
    #[must_use]
    pub fn from_uri(&self) -> Option<Uri> {
        self.address(HeaderName::From)
    }

    /// The URI in To.
    #[must_use]
    pub fn to_uri(&self) -> Option<Uri> {
        self.address(HeaderName::To)
    }

    fn address(&self, name: HeaderName) -> Option<Uri> {
        self.raw
            .value(name)
            .and_then(|value| NameAddr::parse(value).ok())
            .and_then(|address| address.uri().ok())
    }

    /// The first value of a header of addresses (Route, Contact, P-Asserted-Identity, ...).
    #[must_use]
    pub fn first_address(&self, name: HeaderName) -> Option<NameAddr<'_>> {
        self.raw.list(name).next().and_then(|value| NameAddr::parse(value).ok())
    }

    /// The seconds in Expires; a number too large to count means the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.raw.value(HeaderName::Expires).and_then(delta_seconds)
    }

    /// See [`RawMessage::stamp_source`].
    pub fn stamp_source(&mut self, source: SocketAddr) {
        self.raw.stamp_source(source);
    }
}

impl Deref for Message {
    type Target = RawMessage;
    fn deref(&self) -> &RawMessage {
        &self.raw
    }
}

impl Malformed {
    /// The method, where there is a request line: an ACK is never answered.
    #[must_use]
    pub fn method(&self) -> Option<&Method> {
        self.message.as_ref().and_then(|raw| raw.method())
    }
}

/// A number of decimal digits alone, however many leading zeros; `None` when it is none or larger than `u64`.
fn decimal(text: &str) -> Option<u64> {
    let text = text::trim(text);
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Delta-seconds (RFC 3261 section 25.1); a number past 2^32-1 reads as that, as section 20.19 has it.
#[must_use]
pub fn delta_seconds(text: &str) -> Option<u32> {
    let text = text::trim(text);
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

/// RFC 3261 section 19.1.1: header fields have no place in a Request-URI.
fn request_uri(text: &str) -> Result<Uri, Defect> {
    let uri = Uri::parse(text).ok().filter(|uri| uri.headers().is_none());
    uri.ok_or(Defect::Malformed(Field::RequestUri))
}

/// RFC 4475 section 3.3.8: fields that are no list stand once.
fn check_repeated(raw: &RawMessage) -> Result<(), Defect> {
    let mut seen = 0_u64;
    for line in raw.lines() {
        if !line.name.is_single() {
            continue;
        }
        let bit = 1_u64 << (line.name as u8);
        if seen & bit != 0 {
            return Err(Defect::Repeated(field_of(line.name)));
        }
        seen |= bit;
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "header names are an open vocabulary")]
const fn field_of(name: HeaderName) -> Field {
    match name {
        HeaderName::CallId => Field::CallId,
        HeaderName::CSeq => Field::CSeq,
        HeaderName::From => Field::From,
        HeaderName::To => Field::To,
        HeaderName::MaxForwards => Field::MaxForwards,
        HeaderName::ContentLength => Field::ContentLength,
        _ => Field::Other,
    }
}
