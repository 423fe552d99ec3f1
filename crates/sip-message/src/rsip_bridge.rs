//! To and from rsip's message values.
//!
//! rsip models a message as a value; it is not let near bytes from the wire, which it cannot read in full (folding,
//! compact forms, IPv6, unknown methods). A user agent composes headers as `rsip::Headers` and hands them to
//! [`Draft::from_rsip`]; [`RawMessage::to_rsip`] gives a message that was read here as rsip sees it.

use crate::draft::Draft;
use crate::header_name::HeaderName;
use crate::method::Method;
use crate::raw::{RawMessage, unfold};
use crate::uri::Uri;
use bytes::Bytes;
use rsip::headers::Header;

/// What rsip cannot say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RsipError {
    /// A method outside its fourteen.
    Method,
    /// A URI with a scheme, IPv6 host or parameter it does not read.
    Uri,
    /// A header value that is not UTF-8.
    Header,
}

impl Draft {
    /// A request with the headers of an rsip value. Method and Request-URI come beside it, because rsip cannot name
    /// every one; Content-Length is written here.
    #[expect(clippy::wildcard_enum_match_arm, reason = "header names are an open vocabulary")]
    #[must_use]
    pub fn from_rsip(method: Method, request_uri: Uri, headers: &rsip::Headers, body: Bytes) -> Self {
        let mut draft = Self::new(method, request_uri);
        let mut content_type = None;
        for header in headers.iter() {
            let text = header.to_string();
            let Some((name, value)) = text.split_once(": ") else { continue };
            match HeaderName::from_bytes(name.as_bytes()) {
                HeaderName::ContentLength => {}
                HeaderName::ContentType => content_type = Some(value.to_owned()),
                _ => draft = draft.header_named(name, value),
            }
        }
        match content_type {
            Some(content_type) => draft.with_body(&content_type, body),
            None => draft.without_body(),
        }
    }
}

impl TryFrom<&rsip::Request> for Draft {
    type Error = RsipError;

    fn try_from(request: &rsip::Request) -> Result<Self, RsipError> {
        let method = Method::parse(&request.method.to_string()).ok_or(RsipError::Method)?;
        // rsip writes some hosts so that nobody can read them back (IPv6 without brackets).
        let uri = Uri::parse(&request.uri.to_string()).map_err(|_| RsipError::Uri)?;
        Ok(Self::from_rsip(method, uri, &request.headers, Bytes::copy_from_slice(&request.body)))
    }
}

impl RawMessage {
    /// This message as rsip sees it: names in full, folds read as spaces.
    ///
    /// # Errors
    /// [`RsipError`] names what rsip has no word for.
    pub fn to_rsip(&self) -> Result<rsip::SipMessage, RsipError> {
        let headers = self.rsip_headers()?;
        let body = self.body().to_vec();
        if let Some(status) = self.status() {
            let status_code = rsip::StatusCode::from(status.code());
            return Ok(rsip::Response { status_code, version: rsip::Version::V2, headers, body }.into());
        }
        let method = self.method().ok_or(RsipError::Method)?;
        let method: rsip::Method = method.as_str().parse().map_err(|_| RsipError::Method)?;
        let uri = rsip::Uri::try_from(self.request_uri_text()).map_err(|_| RsipError::Uri)?;
        Ok(rsip::Request { method, uri, version: rsip::Version::V2, headers, body }.into())
    }

    fn rsip_headers(&self) -> Result<rsip::Headers, RsipError> {
        let mut headers = rsip::Headers::default();
        for (name, value) in self.header_lines() {
            let value = std::str::from_utf8(value).map_err(|_| RsipError::Header)?;
            let known = HeaderName::from_bytes(name);
            let name = if known == HeaderName::Other {
                std::str::from_utf8(name).map_err(|_| RsipError::Header)?
            } else {
                known.as_str()
            };
            headers.push(rsip_header(known, name, unfold(value).into_owned()));
        }
        Ok(headers)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "header names are an open vocabulary")]
fn rsip_header(known: HeaderName, name: &str, value: String) -> Header {
    use rsip::headers::UntypedHeader as _;
    use rsip::headers::untyped as h;
    match known {
        HeaderName::Accept => h::Accept::new(value).into(),
        HeaderName::Allow => h::Allow::new(value).into(),
        HeaderName::Authorization => h::Authorization::new(value).into(),
        HeaderName::CallId => h::CallId::new(value).into(),
        HeaderName::Contact => h::Contact::new(value).into(),
        HeaderName::ContentLength => h::ContentLength::new(value).into(),
        HeaderName::ContentType => h::ContentType::new(value).into(),
        HeaderName::CSeq => h::CSeq::new(value).into(),
        HeaderName::Event => h::Event::new(value).into(),
        HeaderName::Expires => h::Expires::new(value).into(),
        HeaderName::From => h::From::new(value).into(),
        HeaderName::MaxForwards => h::MaxForwards::new(value).into(),
        HeaderName::MinExpires => h::MinExpires::new(value).into(),
        HeaderName::RecordRoute => h::RecordRoute::new(value).into(),
        HeaderName::Require => h::Require::new(value).into(),
        HeaderName::Route => h::Route::new(value).into(),
        HeaderName::SubscriptionState => h::SubscriptionState::new(value).into(),
        HeaderName::Supported => h::Supported::new(value).into(),
        HeaderName::To => h::To::new(value).into(),
        HeaderName::Via => h::Via::new(value).into(),
        HeaderName::WwwAuthenticate => h::WwwAuthenticate::new(value).into(),
        _ => Header::Other(name.to_owned(), value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use rsip::prelude::*;

    #[test]
    fn rsip_reads_what_we_compose_as_we_do() {
        let headers = rsip::Headers::from(vec![
            rsip::headers::From::new("<sip:alice@home1.test>;tag=a").into(),
            rsip::headers::To::new("<sip:bob@home2.test>").into(),
            rsip::headers::CallId::new("c1@home1.test").into(),
            rsip::headers::CSeq::new("3 PUBLISH").into(),
            Header::Other("SIP-If-Match".into(), "e1".into()),
            rsip::headers::ContentType::new("application/pidf+xml").into(),
            rsip::headers::ContentLength::new("999").into(),
        ]);
        let uri = Uri::parse("sip:alice@home1.test").unwrap();
        let draft = Draft::from_rsip(Method::Publish, uri, &headers, Bytes::from_static(b"<presence/>"));
        let ours = Message::parse(draft.to_bytes("SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKx")).unwrap();
        let theirs = rsip::Request::try_from(ours.to_rsip().unwrap()).unwrap();
        assert_eq!(theirs.method, rsip::Method::Publish);
        assert_eq!(theirs.call_id_header().unwrap().value(), ours.call_id());
        assert_eq!(theirs.from_header().unwrap().typed().unwrap().tag().unwrap().value(), "a");
        assert_eq!(theirs.via_header().unwrap().typed().unwrap().branch().unwrap().value(), "z9hG4bKx");
        assert_eq!(theirs.cseq_header().unwrap().typed().unwrap().seq, ours.cseq());
        assert_eq!(ours.value(HeaderName::ContentLength), Some("11"));
        assert_eq!(theirs.body, b"<presence/>");
    }
}
