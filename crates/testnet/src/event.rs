//! What is going to happen.

use crate::connection::{ConnectionId, Side};
use crate::process::{Place, ProcessId};
use bytes::Bytes;
use cx_protocol::{Answer, CxFailure, Request};
use ims_node::{Flow, HssRequestId, HssToken, Loss, Seq};
use sip_resolve::{DnsAnswer, Question};
use std::net::SocketAddr;

/// One thing that will happen at its time. Events for a process that has died by then come to nothing.
#[derive(Debug)]
pub(crate) enum Event {
    /// A datagram arrives; `flow` is the sender's, for the report that nobody was there.
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Bytes, sender: ProcessId, flow: Flow },
    /// A message could not be sent.
    SendFailed { process: ProcessId, flow: Flow },
    /// A connection's opening reaches the listener.
    Connect(ConnectionId),
    /// The opening has been answered.
    Connected(ConnectionId),
    /// The opening was refused, or nobody answered it.
    ConnectFailed(ConnectionId, Loss),
    /// A message arrives at this end of a connection.
    Stream { connection: ConnectionId, side: Side, bytes: Bytes },
    /// This end of a connection learns that it is over.
    Closed { connection: ConnectionId, side: Side, loss: Loss },
    /// DNS answers.
    Dns { process: ProcessId, question: Question, answer: DnsAnswer },
    /// A request reaches the HSS.
    HssAsked { process: ProcessId, token: HssToken, request: Box<Request> },
    /// The HSS's answer, or the news that there is none, reaches the process.
    HssAnswered { process: ProcessId, token: HssToken, answer: Box<Result<Answer, CxFailure>> },
    /// A request of the HSS reaches a node.
    HssRequest { hss: usize, place: Place, id: HssRequestId, request: Box<Request> },
    /// The node's answer reaches the HSS.
    HssReplied { hss: usize, peer: Box<str>, answer: Box<Result<Answer, CxFailure>> },
    /// A sync has ended.
    Synced { process: ProcessId, seq: Seq },
}
