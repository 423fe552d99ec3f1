//! What can be wrong with a message, and whether the sender is told (RFC 3261 section 16.3, RFC 4475).

use crate::status::StatusCode;

/// The first thing found wrong with a message. It is always the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// No SIP start line at all.
    NotSip,
    /// Longer than [`crate::MAX_MESSAGE`], or its head than [`crate::MAX_HEAD`].
    TooLarge,
    /// More than [`crate::MAX_HEADER_LINES`] header lines.
    TooManyHeaders,
    /// The request line has a blank too many, or something that is no URI.
    RequestLine,
    /// The status line has no status from 100 to 699.
    StatusLine,
    /// Not SIP/2.0.
    Version,
    /// No blank line ends the header fields.
    NoEndOfHead,
    /// A header line without a name, or with a bare CR or LF in it.
    HeaderLine,
    /// A field that may stand once stands twice.
    Repeated(Field),
    /// A mandatory field is not there.
    Missing(Field),
    /// A mandatory field does not read.
    Malformed(Field),
    /// The method in CSeq is not that of the request line.
    MethodMismatch,
    /// Content-Length says more bytes than came.
    BodyTooShort,
}

/// The mandatory fields (RFC 3261 section 8.1.1) and the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant is the field it names")]
pub enum Field {
    Via,
    From,
    To,
    CallId,
    CSeq,
    MaxForwards,
    ContentLength,
    RequestUri,
    Other,
}

impl Defect {
    /// The status that tells the sender of a request. What is no SIP is not answered; nor is any response.
    #[must_use]
    pub const fn status(self) -> Option<StatusCode> {
        match self {
            Self::NotSip | Self::StatusLine => None,
            Self::Version => Some(StatusCode::VERSION_NOT_SUPPORTED),
            Self::TooLarge => Some(StatusCode::ENTITY_TOO_LARGE),
            Self::TooManyHeaders
            | Self::RequestLine
            | Self::NoEndOfHead
            | Self::HeaderLine
            | Self::Repeated(_)
            | Self::Missing(_)
            | Self::Malformed(_)
            | Self::MethodMismatch
            | Self::BodyTooShort => Some(StatusCode::BAD_REQUEST),
        }
    }

    /// A short cause for the Warning header and the log.
    #[must_use]
    pub const fn cause(self) -> &'static str {
        match self {
            Self::NotSip => "not SIP",
            Self::TooLarge => "message too large",
            Self::TooManyHeaders => "too many header lines",
            Self::RequestLine => "malformed request line",
            Self::StatusLine => "malformed status line",
            Self::Version => "only SIP/2.0 is spoken",
            Self::NoEndOfHead => "no blank line ends the headers",
            Self::HeaderLine => "malformed header line",
            Self::Repeated(field) | Self::Missing(field) | Self::Malformed(field) => self.field_cause(field),
            Self::MethodMismatch => "CSeq names another method",
            Self::BodyTooShort => "body shorter than Content-Length",
        }
    }

    const fn field_cause(self, field: Field) -> &'static str {
        match (self, field) {
            (Self::Missing(_), Field::Via) => "no Via",
            (Self::Missing(_), Field::From) => "no From",
            (Self::Missing(_), Field::To) => "no To",
            (Self::Missing(_), Field::CallId) => "no Call-ID",
            (Self::Missing(_), Field::CSeq) => "no CSeq",
            (Self::Missing(_), _) => "a mandatory header is missing",
            (_, Field::Via) => "malformed Via",
            (_, Field::From) => "malformed From",
            (_, Field::To) => "malformed To",
            (_, Field::CallId) => "malformed Call-ID",
            (_, Field::CSeq) => "malformed CSeq",
            (_, Field::MaxForwards) => "malformed Max-Forwards",
            (_, Field::ContentLength) => "malformed Content-Length",
            (_, Field::RequestUri) => "malformed Request-URI",
            (_, Field::Other) => "a header stands twice that may stand once",
        }
    }
}
