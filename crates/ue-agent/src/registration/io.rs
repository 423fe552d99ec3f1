//! What goes into a registration and what comes out of it.

use ims_node::Outcome;
use sip_message::StatusCode;
use std::time::Duration;

/// What happens to a registration.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    /// The user wants to be registered; when it is so already, again.
    Register,
    /// The user wants to be no more.
    Deregister,
    /// The REGISTER of this number has ended.
    Ended {
        /// Its CSeq.
        cseq: u32,
        /// How.
        outcome: &'a Outcome,
    },
    /// The connection over which we are registered is gone, and with it the registration (RFC 5626 section 4.4).
    FlowClosed,
    /// The P-CSCF does not know the flow that we have now; it is told of it after this wait.
    FlowUnknown(Duration),
    /// The network seems to have lost us.
    Lost,
    /// Another P-CSCF is to be registered through.
    Moved,
    /// The network has ended it.
    Terminated {
        /// The event of RFC 3680.
        event: &'static str,
        /// After which wait the network wants it again, if at all.
        again: Option<Duration>,
    },
    /// The time of [`Registration::deadline`] has come.
    Deadline,
}

/// What a registration wants done, or tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// Send this REGISTER.
    Send(Register),
    /// Registered for so many seconds.
    Registered(u32),
    /// Not registered any more, as was wished.
    Gone,
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
        /// After which wait it is tried again; without one not until the user asks.
        retry: Option<Duration>,
    },
}

/// A REGISTER to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Register {
    pub(crate) call_id: Box<str>,
    pub(crate) tag: Box<str>,
    pub(crate) cseq: u32,
    pub(crate) expires: u32,
    pub(crate) authorization: String,
}

/// Why a REGISTER came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Refused.
    Refused {
        /// With this status.
        status: StatusCode,
        /// The text of its Warning.
        warning: Option<String>,
    },
    /// Challenged again and again: the password is wrong.
    WrongPassword,
    /// No challenge that we can answer.
    Unanswerable,
    /// Accepted, but our contact is not among those bound.
    NotBound,
    /// No answer came.
    NoAnswer,
    /// The P-CSCF cannot be reached.
    Unreachable,
    /// The connection has ended.
    FlowClosed,
    /// The P-CSCF does not know our flow.
    FlowUnknown,
    /// The network has ended the registration, by this event of RFC 3680.
    ByNetwork(&'static str),
}
