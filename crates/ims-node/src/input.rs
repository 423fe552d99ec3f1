//! What happens to a node.

use crate::ask::NoAsk;
use crate::flow::{Flow, Loss};
use crate::ids::{AskId, HssRequestId, HssToken};
use crate::received::Received;
use crate::record::Seq;
use bytes::Bytes;
use cx_protocol::{Answer, CxFailure, Request};
use sip_resolve::{DnsAnswer, Question};
use std::time::Duration;

/// One thing that happened to a node whose role is asked `A`.
#[derive(Debug)]
pub enum Input<A = NoAsk> {
    /// A datagram, or a message cut from a stream.
    Message {
        /// Where it came from.
        flow: Flow,
        /// What was read.
        received: Received,
    },
    /// The head of a message on a stream that cannot be followed any further; it is answered 400 and the connection
    /// closed.
    Unframed {
        /// Where it came from.
        flow: Flow,
        /// The head.
        head: Received,
    },
    /// Something could not be sent on this flow, or no connection could be had; or the network says that a datagram did not
    /// arrive (ICMP), which anybody can say.
    SendFailed {
        /// The flow as it stood in the [`crate::Transmit`].
        flow: Flow,
        /// How.
        loss: Loss,
    },
    /// The peer of a connection has answered a keep-alive ([`crate::Effects::ping`]).
    Pong {
        /// The connection.
        flow: Flow,
    },
    /// A connection ended.
    Closed {
        /// The connection.
        flow: Flow,
        /// How.
        loss: Loss,
    },
    /// DNS answered.
    Dns {
        /// What was asked.
        question: Question,
        /// What it said.
        answer: DnsAnswer,
    },
    /// The HSS answered, or did not.
    Hss {
        /// Which request it was.
        token: HssToken,
        /// The answer.
        answer: Result<Answer, CxFailure>,
    },
    /// The HSS asks something of us (RTR, PPR).
    HssRequest {
        /// For the answer.
        id: HssRequestId,
        /// What it asks.
        request: Request,
    },
    /// The connection with the HSS was lost.
    HssLost,
    /// The journal has synced everything up to this record.
    Synced(Seq),
    /// The journal has no room for new state, or has room again.
    JournalFull(bool),
    /// Whether sockets and journal take more than answers to what comes in; if not, [`crate::Role::work`] waits. How much of it may be
    /// under way the node knows itself.
    Room(bool),
    /// For how long whoever reads the sockets has not come to the end of what was there to read; zero when it has.
    Behind(Duration),
    /// The role is asked something that is not SIP ([`crate::Role::on_ask`]).
    Ask {
        /// For the answer.
        id: AskId,
        /// What it is asked.
        ask: A,
    },
    /// A deadline may have passed.
    Timeout,
    /// Take no new state any more; finish what runs.
    Drain,
    /// Answer 503 to everything that still waits.
    GiveUp,
}

impl<A> Input<A> {
    /// These bytes have come on this flow: a datagram, or a message cut from a stream.
    pub fn message(flow: Flow, bytes: impl Into<Bytes>) -> Self {
        Self::Message { flow, received: Received::read(bytes.into()) }
    }
}

impl Input {
    /// The same for a node whose role is asked something: the network does not ask.
    #[must_use]
    pub fn of_any<A>(self) -> Input<A> {
        match self {
            Self::Message { flow, received } => Input::Message { flow, received },
            Self::Unframed { flow, head } => Input::Unframed { flow, head },
            Self::SendFailed { flow, loss } => Input::SendFailed { flow, loss },
            Self::Pong { flow } => Input::Pong { flow },
            Self::Closed { flow, loss } => Input::Closed { flow, loss },
            Self::Dns { question, answer } => Input::Dns { question, answer },
            Self::Hss { token, answer } => Input::Hss { token, answer },
            Self::HssRequest { id, request } => Input::HssRequest { id, request },
            Self::HssLost => Input::HssLost,
            Self::Synced(seq) => Input::Synced(seq),
            Self::JournalFull(is_full) => Input::JournalFull(is_full),
            Self::Room(has_room) => Input::Room(has_room),
            Self::Behind(behind) => Input::Behind(behind),
            Self::Ask { ask, .. } => match ask {},
            Self::Timeout => Input::Timeout,
            Self::Drain => Input::Drain,
            Self::GiveUp => Input::GiveUp,
        }
    }
}
