//! What can go wrong between asking and being answered.

use crate::{FrameError, ResultCode};
use std::fmt;

/// Why a request has no answer. Nothing is known about whether it was carried out, except where it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CxFailure {
    /// There is no connection to send it on; it was not sent.
    NotConnected,
    /// The peer did not answer within [`REQUEST_DEADLINE`](crate::REQUEST_DEADLINE).
    Timeout,
    /// The connection ended before the answer came.
    ConnectionLost,
    /// Too many requests are outstanding here, or the peer said that it is too busy; it was not carried out.
    Overloaded,
    /// One of the two sides did not understand the other.
    Protocol(ProtocolError),
}

/// How two sides misunderstood each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProtocolError {
    /// The message does not fit into a frame; it was not sent.
    TooLong,
    /// The body could not be written, or not read as what the command says.
    Body,
    /// The answer is to another command than the request.
    WrongCommand,
    /// The peer refused the message itself with this result.
    Refused(ResultCode),
}

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer, or the network, closed it.
    Closed,
    /// No proof within [`HELLO_DEADLINE`](crate::HELLO_DEADLINE).
    HelloTimeout,
    /// The peer's hello cannot be read.
    BadHello,
    /// The peer does not have our secret.
    BadProof,
    /// The peer refused our hello with this result.
    HelloRefused(ResultCode),
    /// The peer speaks this other version.
    Version(u8),
    /// The peer sent a frame that has no place in this state.
    Unexpected,
    /// The peer sent what are no frames.
    Frame(FrameError),
    /// The peer went silent.
    WatchdogTimeout,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer or the network closed the connection"),
            Self::HelloTimeout => f.write_str("the peer did not prove in time that it has the secret"),
            Self::BadHello => f.write_str("the hello, the peer's first message, cannot be read"),
            Self::BadProof => f.write_str("the peer has another secret"),
            Self::HelloRefused(result) => {
                write!(f, "the peer refused our hello, the first message on a connection ({result:?})")
            }
            Self::Version(version) => write!(f, "the peer speaks version {version}"),
            Self::Unexpected => f.write_str("the peer sent a frame out of place"),
            Self::Frame(error) => write!(f, "the peer sent what is no frame ({error:?})"),
            Self::WatchdogTimeout => f.write_str("the peer went silent"),
        }
    }
}
