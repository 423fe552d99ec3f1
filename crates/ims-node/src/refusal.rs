//! Error answers (rule SIP-22).

use crate::breadth::max_breadth;
use crate::cause::NodeCause;
use crate::reason::Reason;
use cx_protocol::CxFailure;
use sip_message::{HeaderName, Message, StatusCode};
use std::fmt::Display;

/// The methods that pass through this network.
pub(crate) const ALLOW: &str = "REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE, OPTIONS";

/// Seconds after which a client that was turned away may come again.
pub(crate) const RETRY_AFTER_S: u32 = 5;

pub(crate) fn method_not_allowed() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, NodeCause::NoCalls).with(HeaderName::Allow, ALLOW)
}

pub(crate) fn draining() -> Refusal {
    Refusal::unavailable(NodeCause::Draining, RETRY_AFTER_S)
}

/// An error answer.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The check that failed: stands in Warning and log, and is counted.
    pub reason: Reason,
    /// Headers that the status asks for (Min-Expires, Allow-Events, Retry-After, ...).
    pub headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    /// An error answer without further headers.
    #[must_use]
    pub fn new(status: StatusCode, reason: impl Into<Reason>) -> Self {
        Self { status, reason: reason.into(), headers: Vec::new() }
    }

    /// 403 to who is not one of the nodes that this one takes such a request from.
    #[must_use]
    pub fn outsider() -> Self {
        Self::new(StatusCode::FORBIDDEN, NodeCause::Outsider)
    }

    /// A 503 answer. Retry-After says after how many seconds the sender may try again (RFC 3261 section 21.5.4).
    #[must_use]
    pub fn unavailable(reason: impl Into<Reason>, retry_after_s: u32) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason).with(HeaderName::RetryAfter, retry_after_s)
    }

    /// A 500 answer: there is no room for what this request asks for. Retry-After says after how many seconds the sender may try again.
    /// The answer is no 503, because a 503 would make the sender avoid the whole server, which serves other requests (RFC 3261 section
    /// 21.5.4).
    #[must_use]
    pub fn no_room(reason: impl Into<Reason>, retry_after_s: u64) -> Self {
        let pause = retry_after_s.clamp(1, LONGEST_PAUSE_S);
        Self::new(StatusCode::SERVER_ERROR, reason).with(HeaderName::RetryAfter, pause)
    }

    /// Whether a request may go on: a proxy looks at this before it asks anybody where to (RFC 3261 section 16.3 step 3, RFC
    /// 5393 section 5.3.3).
    ///
    /// # Errors
    /// 483; OPTIONS might be answered here, but a hop count is also a proxy's defence. 440 where no breadth is left.
    pub fn check_hops(message: &Message) -> Result<(), Self> {
        if message.max_forwards() == Some(0) {
            return Err(Self::new(StatusCode::TOO_MANY_HOPS, NodeCause::NoHopLeft));
        }
        if max_breadth(message) == 0 {
            return Err(Self::new(StatusCode::MAX_BREADTH_EXCEEDED, NodeCause::NoBreadthLeft));
        }
        Ok(())
    }

    /// Whether `demands` (Require, Proxy-Require) names no extension beside the `known` ones (RFC 3261 sections 8.2.2.3
    /// and 16.3).
    ///
    /// # Errors
    /// 420, with those it names in Unsupported.
    pub fn check_demands(message: &Message, demands: HeaderName, known: &[&str]) -> Result<(), Self> {
        let is_known =
            |tag: &str| tag.is_empty() || known.iter().any(|extension| extension.eq_ignore_ascii_case(tag));
        let unknown: Vec<&str> = message.list(demands).filter(|tag| !is_known(tag)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let cause = if demands == HeaderName::ProxyRequire {
            NodeCause::UnknownProxyRequire
        } else {
            NodeCause::UnknownRequire
        };
        Err(Self::new(StatusCode::BAD_EXTENSION, cause).with(HeaderName::Unsupported, unknown.join(", ")))
    }

    /// 415, with the media types that are understood and, if the body is encoded, that no encoding is (RFC 3261 section
    /// 8.2.3).
    #[must_use]
    pub fn of_body(message: &Message, reason: impl Into<Reason>, understood: &str) -> Self {
        let refusal =
            Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, reason).with(HeaderName::Accept, understood);
        if is_encoded(message) { refusal.with(HeaderName::AcceptEncoding, IDENTITY) } else { refusal }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// 504 for a request that needs an answer of the HSS, when the HSS gives none.
impl From<CxFailure> for Refusal {
    fn from(failure: CxFailure) -> Self {
        let cause = match failure {
            CxFailure::Overloaded => NodeCause::HssCannotTell,
            CxFailure::NotConnected
            | CxFailure::Timeout
            | CxFailure::ConnectionLost
            | CxFailure::Protocol(_) => NodeCause::HssSilent,
        };
        Self::new(StatusCode::SERVER_TIMEOUT, cause)
    }
}

/// The longest time after which somebody for whom there is no room is told to come again, in seconds.
const LONGEST_PAUSE_S: u64 = 60;

/// The encoding that is none.
const IDENTITY: &str = "identity";

/// Whether who does not understand the body leaves it out (RFC 3261 section 20.11); without a word it has to be understood.
#[must_use]
pub fn is_body_optional(message: &Message) -> bool {
    let is_disposition = |name: &[u8]| name.eq_ignore_ascii_case(b"Content-Disposition");
    let value = message.header_lines().find(|(name, _)| is_disposition(name)).map(|(_, value)| value);
    let value = value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
    let value = sip_message::unfold(value);
    let handling = value.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut handling = handling.filter(|(name, _)| name.trim().eq_ignore_ascii_case("handling"));
    handling
        .next()
        .is_some_and(|(_, word)| sip_message::unquote(word.trim()).eq_ignore_ascii_case("optional"))
}

/// Whether the body is compressed or otherwise encoded.
#[must_use]
pub fn is_encoded(message: &Message) -> bool {
    message.list(HeaderName::ContentEncoding).any(|coding| !coding.eq_ignore_ascii_case(IDENTITY))
}
