//! A SUBSCRIBE of ours outside any dialog: what its answers and NOTIFYs are recognised by (RFC 6665 section 4.4.1).

use sip_message::{Draft, HeaderName, Method, Uri};

/// The part of an initial SUBSCRIBE that its dialog goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentSubscribe {
    /// A new Call-ID.
    pub call_id: Box<str>,
    /// A new From tag.
    pub local_tag: Box<str>,
    /// Who subscribes: From.
    pub local_uri: Uri,
    /// Whose state: To.
    pub remote_uri: Uri,
    /// The number in CSeq.
    pub cseq: u32,
}

impl SentSubscribe {
    /// The request to `request_uri` with From, To, Call-ID, CSeq and Max-Forwards. The caller adds Route, Event,
    /// Expires, Accept, Contact and the rest.
    #[must_use]
    pub fn request(&self, request_uri: Uri) -> Draft {
        Draft::new(Method::Subscribe, request_uri)
            .header(HeaderName::From, format_args!("<{}>;tag={}", self.local_uri, self.local_tag))
            .header(HeaderName::To, format_args!("<{}>", self.remote_uri))
            .header(HeaderName::CallId, &self.call_id)
            .header(HeaderName::CSeq, format_args!("{} SUBSCRIBE", self.cseq))
            .header(HeaderName::MaxForwards, crate::dialog::MAX_FORWARDS)
    }
}
