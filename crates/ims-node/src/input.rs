//! What happens to a node.

use crate::flow::{Flow, Loss};
use crate::ids::{CommandId, HssRequestId, HssToken};
use crate::record::Seq;
use bytes::Bytes;
use cx_protocol::{Answer, CxFailure, Request};
use sip_resolve::{DnsAnswer, Question};
use std::time::Duration;

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// A datagram, or a message cut from a stream.
    Message {
        /// Where it came from.
        flow: Flow,
        /// Its bytes.
        bytes: Bytes,
    },
    /// The head of a message on a stream that cannot be followed any further; it is answered 400 and the connection
    /// closed.
    Unframed {
        /// Where it came from.
        flow: Flow,
        /// The head.
        head: Bytes,
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
    /// The journal has synced everything up to this record.
    Synced(Seq),
    /// The journal has no room for new state, or has room again.
    JournalFull(bool),
    /// Whether sockets and journal take more than answers to what comes in; if not, [`crate::Role::work`] waits. How much of it may be
    /// under way the node knows itself.
    Room(bool),
    /// For how long whoever reads the sockets has not come to the end of what was there to read; zero when it has.
    Behind(Duration),
    /// An operator's command, cut into words.
    Command {
        /// For the answer.
        id: CommandId,
        /// The words.
        words: Vec<String>,
    },
    /// A deadline may have passed.
    Timeout,
    /// Take no new state any more; finish what runs.
    Drain,
    /// Answer 503 to everything that still waits.
    GiveUp,
}
