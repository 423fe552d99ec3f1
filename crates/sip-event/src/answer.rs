//! What a response says to the machine whose request it answers.

use sip_message::{HeaderName, Message, StatusCode, delta_seconds};

/// The part of a response to SUBSCRIBE or PUBLISH that decides what comes next. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The status.
    pub status: StatusCode,
    /// Expires.
    pub expires: Option<u32>,
    /// Min-Expires.
    pub min_expires: Option<u32>,
    /// Retry-After.
    pub retry_after: Option<u32>,
    /// SIP-ETag.
    pub etag: Option<&'a str>,
}

impl<'a> Answer<'a> {
    /// A bare status.
    #[must_use]
    pub const fn status(status: StatusCode) -> Self {
        Self { status, expires: None, min_expires: None, retry_after: None, etag: None }
    }

    /// Reads a response; `None` for a request.
    #[must_use]
    pub fn of(response: &'a Message) -> Option<Self> {
        Some(Self {
            status: response.status()?,
            expires: response.expires(),
            min_expires: response.value(HeaderName::MinExpires).and_then(delta_seconds),
            retry_after: response.retry_after(),
            etag: response.value(HeaderName::SipEtag).filter(|tag| !tag.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_from_its_headers() {
        let text = "SIP/2.0 423 Interval Too Brief\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:f@x>;tag=1\r\n\
            To: <sip:b@x>;tag=2\r\nCall-ID: c\r\nCSeq: 1 PUBLISH\r\nMin-Expires: 60\r\nExpires: 7\r\nSIP-ETag: e1\r\n\
            Retry-After: 9 (busy)\r\nContent-Length: 0\r\n\r\n";
        let response = Message::parse(text.into()).unwrap();
        let expected = Answer {
            status: StatusCode::INTERVAL_TOO_BRIEF,
            expires: Some(7),
            min_expires: Some(60),
            retry_after: Some(9),
            etag: Some("e1"),
        };
        assert_eq!(Answer::of(&response), Some(expected));
    }
}
