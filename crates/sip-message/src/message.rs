//! A message whose mandatory headers have been checked, once, where it came in.

use crate::checked::Checked;
use crate::defect::Defect;
use crate::header_name::HeaderName;
use crate::host;
use crate::method::Method;
use crate::name_addr::NameAddr;
use crate::raw::RawMessage;
use crate::span::Span;
use crate::text;
use crate::uri::Uri;
use bytes::Bytes;
use std::net::SocketAddr;
use std::ops::Deref;

/// A request or response that may be acted on: start line, Via, From, To, Call-ID, CSeq, Max-Forwards and Content-Length
/// are well formed (RFC 3261 sections 8.1.1 and 16.3 step 1). Every other header is read on demand.
#[derive(Debug, Clone)]
pub struct Message {
    raw: RawMessage,
    checked: Checked,
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
        // Read in place: a message is large to move.
        let (mut raw, defect) =
            RawMessage::begin(bytes).map_err(|defect| Malformed { defect, message: None })?;
        let checked = match raw.read_lines(defect) {
            None => Checked::headers_of(&raw),
            Some(defect) => Err(defect),
        };
        match checked {
            Ok(checked) => {
                raw.cut_body(checked.body);
                Ok(Self { raw, checked })
            }
            Err(defect) => Err(Malformed { defect, message: Some(Box::new(raw)) }),
        }
    }

    fn text(&self, span: Option<Span>) -> Option<&str> {
        span.and_then(|span| self.raw.str(span))
    }

    /// The branch of the topmost Via; `None` from an RFC 2543 element, which is matched otherwise.
    #[must_use]
    pub fn branch(&self) -> Option<&str> {
        self.text(self.checked.branch)
    }

    /// Host and port in the topmost Via, as [`crate::Via::sent_by`].
    #[must_use]
    pub fn sent_by(&self) -> &str {
        self.text(Some(self.checked.sent_by)).unwrap_or_default()
    }

    /// The tag of From.
    #[must_use]
    pub fn from_tag(&self) -> Option<&str> {
        self.text(self.checked.from_tag)
    }

    /// The tag of To; a request that has one belongs to a dialog.
    #[must_use]
    pub fn to_tag(&self) -> Option<&str> {
        self.text(self.checked.to_tag)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.raw.value(HeaderName::CallId).unwrap_or_default()
    }

    /// The sequence number of CSeq.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.checked.cseq
    }

    /// The method of CSeq: that of the request, also in its response.
    #[must_use]
    pub fn cseq_method(&self) -> &str {
        match self.raw.method() {
            Some(method) => method.as_str(),
            None => self
                .raw
                .value(HeaderName::CSeq)
                .and_then(|value| value.split_ascii_whitespace().nth(1))
                .unwrap_or_default(),
        }
    }

    /// Hops left, where the header is there.
    #[must_use]
    pub const fn max_forwards(&self) -> Option<u8> {
        self.checked.max_forwards
    }

    /// The Request-URI; `None` in a response.
    #[must_use]
    pub const fn request_uri(&self) -> Option<&Uri> {
        self.checked.request_uri.as_ref()
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
        self.raw.first(name).and_then(|value| NameAddr::parse(value).ok())
    }

    /// The seconds in Expires; a number too large to count means the largest.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        self.raw.value(HeaderName::Expires).and_then(delta_seconds)
    }

    /// The seconds in Retry-After, its comment and parameters left out (RFC 3261 section 20.33).
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        let value = self.raw.value(HeaderName::RetryAfter)?;
        value.split([';', '(']).next().and_then(delta_seconds)
    }

    /// See [`RawMessage::stamp_source`].
    pub fn stamp_source(&mut self, source: SocketAddr) {
        let host = self.text(self.checked.plain_host);
        if host.and_then(host::address) == Some(source.ip()) {
            // Nothing to add, as Via::stamped would find after reading the whole value.
            self.raw.stamped_via = None;
        } else {
            self.raw.stamp_source(source);
        }
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

/// Delta-seconds (RFC 3261 section 25.1); a number past 2^32-1 reads as that, as section 20.19 has it.
#[must_use]
pub fn delta_seconds(text: &str) -> Option<u32> {
    let text = text::trim(text);
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3261_20_33_retry_after_with_comment_and_parameters() {
        let rows = [
            ("18000;duration=3600", Some(18000)),
            ("120 (I'm in a meeting)", Some(120)),
            ("5", Some(5)),
            ("soon", None),
            ("", None),
        ];
        for (value, seconds) in rows {
            let text = format!(
                "SIP/2.0 503 Busy\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:f@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n\
                Call-ID: c\r\nCSeq: 1 PUBLISH\r\nRetry-After: {value}\r\nContent-Length: 0\r\n\r\n"
            );
            assert_eq!(Message::parse(text.into()).unwrap().retry_after(), seconds, "{value}");
        }
    }
}
