//! What a node wants done.

use crate::ask::NoAsk;
use crate::flow::Flow;
use crate::ids::{AskId, HssRequestId, HssToken};
use crate::pressure::Pressure;
use crate::reason::Reason;
use crate::record::{Record, Seq};
use bytes::Bytes;
use cx_protocol::{Answer, Request};
use sip_message::StatusCode;
use sip_resolve::Question;
use std::net::SocketAddr;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The way to take.
    pub flow: Flow,
    /// For a response whose connection is gone: the address to open a new one to (RFC 3261 section 18.2.2).
    pub fallback: Option<SocketAddr>,
    /// The message.
    pub bytes: Bytes,
    /// Hold it back until the journal has synced this record: it tells of state that must survive.
    pub after: Option<Seq>,
}

/// One thing to do for a node whose role answers `T`.
#[derive(Debug)]
pub enum Output<T = NoAsk> {
    /// Send a message.
    Transmit(Transmit),
    /// Close a connection; a flow without a number is any to its other end.
    Close(Flow),
    /// Somebody is registered on this connection, or nobody is any more: only a connection that nobody has a claim to gives
    /// way when there are too many.
    Claim {
        /// The connection.
        flow: Flow,
        /// Whether somebody has a claim to it.
        is_claimed: bool,
    },
    /// Ask DNS.
    AskDns(Question),
    /// Ask the HSS.
    AskHss {
        /// For the answer.
        token: HssToken,
        /// What to ask.
        request: Request,
    },
    /// Answer the HSS.
    HssReply {
        /// Which request is answered.
        id: HssRequestId,
        /// The answer.
        answer: Answer,
        /// Hold it back until the journal has synced this record.
        after: Option<Seq>,
    },
    /// Write to the journal.
    Persist {
        /// Its number.
        seq: Seq,
        /// What to write.
        record: Record,
    },
    /// The role answers what it was asked. An answer is never dropped for want of room.
    Told {
        /// What is answered.
        id: AskId,
        /// The answer.
        told: T,
        /// Hold it back until the journal has synced this record.
        after: Option<Seq>,
    },
    /// Something for the log.
    Log(Event),
}

impl<T> Output<T> {
    /// The journal record that must be synced before this may be carried out.
    #[must_use]
    pub const fn after(&self) -> Option<Seq> {
        match self {
            Self::Transmit(transmit) => transmit.after,
            Self::HssReply { after, .. } | Self::Told { after, .. } => *after,
            Self::Close(_)
            | Self::Claim { .. }
            | Self::AskDns(_)
            | Self::AskHss { .. }
            | Self::Persist { .. }
            | Self::Log(_) => None,
        }
    }

    /// The same with the answer of a role, where it is one, put in another form.
    pub fn map_told<U>(self, form: impl FnOnce(T) -> U) -> Output<U> {
        match self {
            Self::Transmit(transmit) => Output::Transmit(transmit),
            Self::Close(flow) => Output::Close(flow),
            Self::Claim { flow, is_claimed } => Output::Claim { flow, is_claimed },
            Self::AskDns(question) => Output::AskDns(question),
            Self::AskHss { token, request } => Output::AskHss { token, request },
            Self::HssReply { id, answer, after } => Output::HssReply { id, answer, after },
            Self::Persist { seq, record } => Output::Persist { seq, record },
            Self::Told { id, told, after } => Output::Told { id, told: form(told), after },
            Self::Log(event) => Output::Log(event),
        }
    }
}

/// What is logged. Identities are left out or redacted; a Call-ID finds the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// We answered a request with an error of our own.
    Refused {
        /// The status.
        status: StatusCode,
        /// The check that failed.
        reason: Reason,
        /// The method.
        method: Box<str>,
        /// The Call-ID.
        call_id: Box<str>,
        /// The branch, where there is one.
        branch: Box<str>,
    },
    /// A message was dropped without an answer.
    Dropped {
        /// Why.
        reason: Reason,
        /// Where it came from.
        from: SocketAddr,
    },
    /// A next hop failed and another is tried, or none is left.
    HopFailed {
        /// The address.
        address: SocketAddr,
        /// What happened.
        cause: &'static str,
        /// The Call-ID of the request.
        call_id: Box<str>,
    },
    /// The node has become more or less hard-pressed.
    Pressure(Pressure),
    /// Anything a role reports.
    Role {
        /// What happened.
        what: &'static str,
        /// The Call-ID or key it concerns.
        about: Box<str>,
    },
}
