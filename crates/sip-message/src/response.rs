//! Responses of our own (RFC 3261 section 8.2.6).

use crate::draft::put_line;
use crate::header_name::HeaderName;
use crate::name_addr::NameAddr;
use crate::raw::RawMessage;
use crate::relay::put_status_line;
use crate::status::StatusCode;
use crate::text;
use bytes::Bytes;
use std::fmt::Display;

/// A response being composed. Via, From, To, Call-ID and CSeq come from the request.
#[derive(Debug, Clone)]
pub struct Response {
    status: StatusCode,
    lines: Vec<u8>,
    body: Option<(Box<str>, Bytes)>,
}

/// Room for the header lines of a response whose request has come a long way.
const LINES: usize = 1024;

impl Response {
    /// A response to `request`. `to_tag` is put on To unless To has a tag already; a 100 gets none.
    #[must_use]
    pub fn to(request: &RawMessage, status: StatusCode, to_tag: &str) -> Self {
        let mut lines = Vec::with_capacity(LINES);
        // Line by line as they came: a line of commas would else become a line for each.
        for (at, vias) in request.values(HeaderName::Via).enumerate() {
            match (at, request.stamped_via.as_deref()) {
                (0, Some(stamped)) => {
                    put_line(&mut lines, "Via", format_args!("{stamped}{}", text::after_first(vias)));
                }
                (_, Some(_) | None) => put_line(&mut lines, "Via", vias),
            }
        }
        for name in
            [HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq, HeaderName::Timestamp]
        {
            let Some(value) = request.unfolded(name) else { continue };
            let has_tag = || NameAddr::parse(&value).is_ok_and(|address| address.tag().is_some());
            if name == HeaderName::To && status != StatusCode::TRYING && !has_tag() {
                put_line(&mut lines, name.as_str(), format_args!("{value};tag={to_tag}"));
            } else {
                put_line(&mut lines, name.as_str(), value);
            }
        }
        Self { status, lines, body: None }
    }

    /// Adds a header line.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: impl Display) -> Self {
        put_line(&mut self.lines, name.as_str(), value);
        self
    }

    /// Adds these header lines of the request (Record-Route into a dialog's 2xx, Path into a REGISTER's).
    #[must_use]
    pub fn copy(mut self, request: &RawMessage, name: HeaderName) -> Self {
        for value in request.values(name) {
            put_line(&mut self.lines, name.as_str(), value);
        }
        self
    }

    /// Adds a body, with its type and length.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: Bytes) -> Self {
        self.body = Some((content_type.into(), body));
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// The bytes for the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let body = self.body.as_ref().map_or_else(Bytes::new, |(_, body)| body.clone());
        let mut out = Vec::with_capacity(self.lines.len() + body.len() + 128);
        put_status_line(&mut out, self.status.code(), self.status.reason().as_bytes());
        out.extend_from_slice(&self.lines);
        if let Some((content_type, _)) = &self.body {
            put_line(&mut out, "Content-Type", content_type);
        }
        put_line(&mut out, "Content-Length", body.len());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&body);
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    /// Found by the mutations of `crates/fuzz`.
    #[test]
    fn an_answer_is_not_much_longer_than_what_it_answers() {
        let text = format!(
            "OPTIONS sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h1{}\r\nFrom: <sip:f@x>;tag=1\r\nTo: <sip:b@x>\r\ni: c\r\n\
             CSeq: 7 OPTIONS\r\nl: 0\r\n\r\n",
            ",".repeat(1000)
        );
        let length = text.len();
        let mut request = Message::parse(text.into()).unwrap();
        request.stamp_source("192.0.2.1:5060".parse().unwrap());
        let answer = Response::to(&request, StatusCode::OK, "t").to_bytes();
        assert!(answer.len() < length + 100, "{}", answer.len());
        assert_eq!(Message::parse(answer).unwrap().list(HeaderName::Via).count(), 1001);
    }

    #[test]
    fn rfc3261_8_2_6_2_what_is_copied_from_the_request() {
        let text = "SUBSCRIBE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h1;branch=z9hG4bK1\r\nv: SIP/2.0/UDP h2;branch=z9hG4bK2\r\n\
            f: <sip:f@x>;tag=1\r\nt: \"B\"\r\n  <sip:b@x>\r\ni: c\r\nCSeq: 7 SUBSCRIBE\r\n\
            Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nl: 0\r\n\r\n";
        let mut request = Message::parse(text.into()).unwrap();
        request.stamp_source("192.0.2.1:5060".parse().unwrap());
        let response = Response::to(&request, StatusCode::OK, "t1").copy(&request, HeaderName::RecordRoute);
        let read = Message::parse(response.to_bytes()).unwrap();
        assert_eq!(read.status(), Some(StatusCode::OK));
        let vias: Vec<&str> = read.list(HeaderName::Via).collect();
        assert_eq!(
            vias,
            ["SIP/2.0/UDP h1;branch=z9hG4bK1;received=192.0.2.1", "SIP/2.0/UDP h2;branch=z9hG4bK2"]
        );
        assert_eq!(
            (read.from_tag(), read.to_tag(), read.call_id(), read.cseq()),
            (Some("1"), Some("t1"), "c", 7)
        );
        assert_eq!(read.list(HeaderName::RecordRoute).count(), 2);
        let again = Response::to(&read, StatusCode::OK, "t2").to_bytes();
        assert_eq!(Message::parse(again).unwrap().to_tag(), Some("t1"));
    }
}
