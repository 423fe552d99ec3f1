//! A PUBLISH as the compositor takes it (RFC 3903 sections 4.1 and 6).

use sip_message::{HeaderName, RawMessage};

/// The part of a PUBLISH that [`crate::Publications::publish`] decides on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishRequest<'a> {
    /// What tells this PUBLISH from every other one, whatever way it takes: a fingerprint of its sender, Call-ID, CSeq number, From
    /// tag and what it asks for; not zero.
    pub fingerprint: u64,
    /// Who sends it: a fingerprint of what is the same in all that one phone publishes; zero where that is not known.
    pub source: u64,
    /// SIP-If-Match.
    pub if_match: IfMatch<'a>,
    /// Expires, in seconds.
    pub expires: Option<u32>,
    /// The body, where there is one.
    pub body: Option<PublishBody<'a>>,
}

/// SIP-If-Match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMatch<'a> {
    /// Not there: an initial publication.
    Absent,
    /// One entity-tag.
    Tag(&'a str),
    /// None at all, or more than one.
    Malformed,
}

/// A body, and what the event package says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishBody<'a> {
    /// A document that the package understands.
    Document {
        /// Content-Type as it came.
        content_type: &'a str,
        /// The document as it came.
        document: &'a [u8],
    },
    /// Of a type that the package does not understand.
    UnknownType,
    /// Of a type that the package understands, but not well formed.
    Malformed,
}

impl<'a> IfMatch<'a> {
    /// Reads the header of a PUBLISH.
    #[must_use]
    pub fn of(request: &'a RawMessage) -> Self {
        let mut tags = request.list(HeaderName::SipIfMatch);
        match (tags.next(), tags.next()) {
            (None, _) => Self::Absent,
            (Some(tag), None) if !tag.is_empty() => Self::Tag(tag),
            (Some(_), _) => Self::Malformed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip_message::Message;

    #[test]
    fn pub_03_if_match_holds_one_tag() {
        let rows = [
            ("", IfMatch::Absent),
            ("SIP-If-Match: e1\r\n", IfMatch::Tag("e1")),
            ("SIP-If-Match: e1, e2\r\n", IfMatch::Malformed),
            ("SIP-If-Match: e1\r\nSIP-If-Match: e2\r\n", IfMatch::Malformed),
            ("SIP-If-Match:\r\n", IfMatch::Malformed),
        ];
        for (line, expected) in rows {
            let text = format!(
                "PUBLISH sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:b@x>;tag=1\r\n\
                 To: <sip:b@x>\r\nCall-ID: c\r\nCSeq: 1 PUBLISH\r\n{line}Content-Length: 0\r\n\r\n"
            );
            let request = Message::parse(text.into()).unwrap();
            assert_eq!(IfMatch::of(&request), expected, "{line}");
        }
    }
}
