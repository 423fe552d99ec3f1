//! What goes into a connection, and what comes out.

use crate::{Answer, CloseReason, CxFailure, Request, Token};
use bytes::Bytes;

/// What happens to a connection.
#[derive(Debug)]
pub enum Input<'a> {
    /// Octets came.
    Received(&'a [u8]),
    /// The caller asks the peer.
    Request {
        /// Comes back with the answer.
        token: Token,
        /// What to ask.
        request: Box<Request>,
    },
    /// The caller answers the peer. An answer to what is not being asked is dropped.
    Answer {
        /// From [`Output::Request`].
        hop_by_hop: u32,
        /// What to answer.
        answer: Box<Answer>,
    },
    /// The time given by [`Connection::poll_timeout`](crate::Connection::poll_timeout) has come.
    Deadline,
    /// The stream ended.
    Closed,
}

/// What a connection wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these octets.
    Write(Bytes),
    /// The peer has proved that it has the secret; requests may be sent from now on.
    Established {
        /// Its name, in lower case.
        host: Box<str>,
        /// Its domain, in lower case.
        realm: Box<str>,
    },
    /// The peer asks.
    Request {
        /// To be given back with the answer.
        hop_by_hop: u32,
        /// What it asks.
        request: Box<Request>,
    },
    /// What became of a request: exactly one for each.
    Answer {
        /// The caller's mark.
        token: Token,
        /// The answer, or why there is none.
        result: Result<Box<Answer>, CxFailure>,
    },
    /// Close the stream when all before this is written. Nothing comes after it.
    Close(CloseReason),
}
