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

    /// A stable name, in snake_case, for counters and programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSip => "not_sip",
            Self::TooLarge => "message_too_large",
            Self::TooManyHeaders => "too_many_header_lines",
            Self::RequestLine => "malformed_request_line",
            Self::StatusLine => "malformed_status_line",
            Self::Version => "unknown_version",
            Self::NoEndOfHead => "no_end_of_head",
            Self::HeaderLine => "malformed_header_line",
            Self::Repeated(_) => "repeated_header",
            Self::Missing(field) => field.missing(),
            Self::Malformed(field) => field.malformed(),
            Self::MethodMismatch => "method_mismatch",
            Self::BodyTooShort => "body_too_short",
        }
    }

    /// The section that asks for it.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::NotSip | Self::Version => "RFC 3261 7",
            Self::TooLarge | Self::TooManyHeaders => "RFC 3261 21.4.11",
            Self::RequestLine => "RFC 3261 7.1",
            Self::StatusLine => "RFC 3261 7.2",
            Self::NoEndOfHead | Self::HeaderLine | Self::Repeated(_) => "RFC 3261 7.3",
            Self::Missing(_) | Self::Malformed(_) | Self::MethodMismatch => "RFC 3261 8.1.1",
            Self::BodyTooShort => "RFC 3261 18.3",
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

impl Field {
    const fn missing(self) -> &'static str {
        match self {
            Self::Via => "no_via",
            Self::From => "no_from",
            Self::To => "no_to",
            Self::CallId => "no_call_id",
            Self::CSeq => "no_cseq",
            Self::MaxForwards | Self::ContentLength | Self::RequestUri | Self::Other => "missing_header",
        }
    }

    const fn malformed(self) -> &'static str {
        match self {
            Self::Via => "malformed_via",
            Self::From => "malformed_from",
            Self::To => "malformed_to",
            Self::CallId => "malformed_call_id",
            Self::CSeq => "malformed_cseq",
            Self::MaxForwards => "malformed_max_forwards",
            Self::ContentLength => "malformed_content_length",
            Self::RequestUri => "malformed_request_uri",
            Self::Other => "malformed_header",
        }
    }
}
