//! The check of the mandatory headers, and what is remembered of it (RFC 3261 sections 8.1.1, 16.3 step 1 and 20).

use crate::defect::{Defect, Field};
use crate::header_name::HeaderName;
use crate::name_addr::NameAddr;
use crate::raw::{RawMessage, Start};
use crate::scan;
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
        let head = Head { raw, text: simdutf8::basic::from_utf8(raw.head()).ok() };
        if head.text.is_none() && ROUTING.iter().any(|name| head.hides(*name)) {
            return Err(Defect::HeaderLine);
        }
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

/// Headers by which a message finds its way and its end, and may be left out. A line of theirs that cannot be read would
/// stand in what is sent on and count for nothing here: another line would seem to be the topmost, or there to be none.
const ROUTING: [HeaderName; 7] = [
    HeaderName::ContentLength,
    HeaderName::MaxForwards,
    HeaderName::Via,
    HeaderName::Route,
    HeaderName::RecordRoute,
    HeaderName::Path,
    HeaderName::ServiceRoute,
];

/// The head as one text, where it is one: to look at the whole is quicker than at each of eight parts.
struct Head<'a> {
    raw: &'a RawMessage,
    text: Option<&'a str>,
}

impl<'a> Head<'a> {
    fn text(&self, span: Span) -> Option<&'a str> {
        self.text.map_or_else(|| self.raw.str(span), |text| text.get(span.range()))
    }

    /// Whether a line of this name is no UTF-8.
    fn hides(&self, name: HeaderName) -> bool {
        self.raw.lines().named(name).any(|line| self.text(line.value()).is_none())
    }

    /// As [`RawMessage::value`].
    #[inline]
    fn value(&self, name: HeaderName) -> Option<&'a str> {
        match self.text {
            Some(text) => self.raw.lines().first(name).and_then(|line| text.get(line.value().range())),
            None => self.raw.value(name), // Some other line may be the odd one.
        }
    }
}

fn tag(head: &Head<'_>, name: HeaderName, field: Field) -> Result<Option<Span>, Defect> {
    let value = head.value(name).ok_or(Defect::Missing(field))?;
    let address = NameAddr::parse(value).map_err(|_| Defect::Malformed(field))?;
    let uri = address.uri_text().as_bytes();
    if scan::has_blank(uri) || scan::find(uri, b':').is_none() {
        return Err(Defect::Malformed(field));
    }
    Ok(address.tag().map(|tag| Span::of(tag, head.raw.bytes())))
}

/// Section 20.16: a number below 2^31 and the method.
fn cseq(head: &Head<'_>) -> Result<u32, Defect> {
    let value = head.value(HeaderName::CSeq).ok_or(Defect::Missing(Field::CSeq))?;
    let (number, rest) = digits(value);
    let number = number.and_then(|number| u32::try_from(number).ok()).filter(|n| *n <= 0x7fff_ffff);
    let method = rest.trim_ascii_start();
    if method.len() == rest.len() || number.is_none() {
        return Err(Defect::Malformed(Field::CSeq));
    }
    match (head.raw.method(), number) {
        (Some(request_method), Some(number)) if request_method.as_str() == method => Ok(number),
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
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let (number, rest) = digits(text);
    number.filter(|_| rest.is_empty())
}

/// The number at the front, as [`decimal`], and what stands behind it.
fn digits(text: &str) -> (Option<u64>, &str) {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or_default();
    (number.parse().ok(), rest)
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
