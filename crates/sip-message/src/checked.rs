//! The check of the mandatory headers, and what is remembered of it (RFC 3261 sections 8.1.1, 16.3 step 1 and 20).

use crate::defect::{Defect, Field};
use crate::header_name::HeaderName;
use crate::name_addr::NameAddr;
use crate::raw::{RawMessage, Start};
use crate::span::Span;
use crate::text;
use crate::uri::Uri;
use crate::via::Via;

/// What the mandatory headers say.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) request_uri: Option<Uri>,
    pub(crate) cseq: u32,
    pub(crate) max_forwards: Option<u8>,
    pub(crate) sent_by: Span,
    /// The host in `sent_by`, unless the Via asks for its answer by `rport`.
    pub(crate) plain_host: Option<Span>,
    pub(crate) branch: Option<Span>,
    pub(crate) from_tag: Option<Span>,
    pub(crate) to_tag: Option<Span>,
    /// Length of the body.
    pub(crate) body: usize,
}

impl Checked {
    pub(crate) fn headers_of(raw: &RawMessage) -> Result<Self, Defect> {
        if let Some(name) = raw.lines().repeated() {
            return Err(Defect::Repeated(field_of(name)));
        }
        let head = Head { raw, text: std::str::from_utf8(raw.head()).ok() };
        let request_uri = match raw.start {
            Start::Request { uri, .. } => Some(request_uri(head.text(uri).unwrap_or_default())?),
            Start::Response { .. } => None,
        };
        let via = head.value(HeaderName::Via).map(text::first).ok_or(Defect::Missing(Field::Via))?;
        let via = Via::parse(via).map_err(|_| Defect::Malformed(Field::Via))?;
        let from_tag = tag(&head, HeaderName::From, Field::From)?;
        let to_tag = tag(&head, HeaderName::To, Field::To)?;
        let call_id = head.value(HeaderName::CallId).ok_or(Defect::Missing(Field::CallId))?;
        if call_id.is_empty() || call_id.bytes().any(|b| b <= b' ') {
            return Err(Defect::Malformed(Field::CallId));
        }
        Ok(Self {
            request_uri,
            cseq: cseq(&head)?,
            max_forwards: max_forwards(&head)?,
            plain_host: Some(via.host_text())
                .filter(|_| !via.asks_rport())
                .map(|host| Span::of(host, raw.bytes())),
            sent_by: Span::of(via.sent_by(), raw.bytes()),
            branch: via.branch().map(|branch| Span::of(branch, raw.bytes())),
            from_tag,
            to_tag,
            body: body_length(&head)?,
        })
    }
}

/// The head as one text, where it is one: to look at the whole is quicker than at each of eight parts.
struct Head<'a> {
    raw: &'a RawMessage,
    text: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn text(&self, span: Span) -> Option<&'a str> {
        self.text.map_or_else(|| self.raw.str(span), |text| text.get(span.range()))
    }

    /// As [`RawMessage::value`].
    fn value(&self, name: HeaderName) -> Option<&'a str> {
        self.raw.lines().named(name).find_map(|line| self.text(line.value()))
    }
}

fn tag(head: &Head<'_>, name: HeaderName, field: Field) -> Result<Option<Span>, Defect> {
    let value = head.value(name).ok_or(Defect::Missing(field))?;
    let address = NameAddr::parse(value).map_err(|_| Defect::Malformed(field))?;
    let uri = address.uri_text().as_bytes();
    if uri.iter().fold(u8::MAX, |least, b| least.min(*b)) <= b' ' || !uri.contains(&b':') {
        return Err(Defect::Malformed(field));
    }
    Ok(address.tag().map(|tag| Span::of(tag, head.raw.bytes())))
}

/// Section 20.16: a number below 2^31 and the method.
fn cseq(head: &Head<'_>) -> Result<u32, Defect> {
    let value = head.value(HeaderName::CSeq).ok_or(Defect::Missing(Field::CSeq))?;
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = value.split_at_checked(digits).ok_or(Defect::Malformed(Field::CSeq))?;
    let number = decimal(number).and_then(|number| u32::try_from(number).ok()).filter(|n| *n <= 0x7fff_ffff);
    let method = rest.trim_ascii_start();
    if method.len() == rest.len() || number.is_none() {
        return Err(Defect::Malformed(Field::CSeq));
    }
    match (head.raw.method(), number) {
        (Some(own), Some(number)) if own.as_str() == method => Ok(number),
        _ if method.is_empty() || method.bytes().any(|b| b.is_ascii_whitespace()) => {
            Err(Defect::Malformed(Field::CSeq))
        }
        (Some(_), _) => Err(Defect::MethodMismatch),
        (None, number) => number.ok_or(Defect::Malformed(Field::CSeq)),
    }
}

/// Section 20.22: 0 to 255.
fn max_forwards(head: &Head<'_>) -> Result<Option<u8>, Defect> {
    let Some(value) = head.value(HeaderName::MaxForwards) else { return Ok(None) };
    let hops = decimal(value).and_then(|hops| u8::try_from(hops).ok());
    hops.map(Some).ok_or(Defect::Malformed(Field::MaxForwards))
}

fn body_length(head: &Head<'_>) -> Result<usize, Defect> {
    let came = head.raw.body_length();
    let Some(value) = head.value(HeaderName::ContentLength) else { return Ok(came) };
    let length = decimal(value).and_then(|length| usize::try_from(length).ok());
    match length {
        None => Err(Defect::Malformed(Field::ContentLength)),
        Some(length) if length > came => Err(Defect::BodyTooShort),
        Some(length) => Ok(length),
    }
}

/// A number of decimal digits alone, however many leading zeros; `None` when it is none or larger than `u64`.
fn decimal(text: &str) -> Option<u64> {
    let text = text::trim(text);
    let digit = |b: u8| b.is_ascii_digit().then(|| u64::from(b - b'0'));
    let number = text.bytes().try_fold(0_u64, |number, b| number.checked_mul(10)?.checked_add(digit(b)?));
    number.filter(|_| !text.is_empty())
}

/// RFC 3261 section 19.1.1: header fields have no place in a Request-URI.
fn request_uri(text: &str) -> Result<Uri, Defect> {
    let uri = Uri::parse(text).ok().filter(|uri| uri.headers().is_none());
    uri.ok_or(Defect::Malformed(Field::RequestUri))
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
