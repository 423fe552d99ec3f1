//! Requests that a role begins itself, and how a request ends.

use crate::decision::Next;
use sip_event::Answer;
use sip_message::{Draft, Message, StatusCode};
use sip_resolve::ResolveError;

/// A request to send in the node's own name.
#[derive(Debug)]
pub struct OwnRequest<O> {
    /// The request, complete but for its Via.
    pub draft: Draft,
    /// Where it goes.
    pub next: Next,
    /// What the role goes on with when it has ended.
    pub then: O,
}

/// How a request that was sent ended.
#[derive(Debug)]
pub enum Outcome {
    /// With a final response.
    Response(Box<Message>),
    /// Timer F, at the last address tried.
    TimedOut,
    /// No address could be reached.
    Unreachable,
    /// There is no address.
    Unresolved(ResolveError),
}

impl Outcome {
    /// What the response says to the machine whose request it answers; `None` where no response came.
    #[must_use]
    pub fn answer(&self) -> Option<Answer<'_>> {
        match self {
            Self::Response(response) => Answer::of(response),
            Self::TimedOut | Self::Unreachable | Self::Unresolved(_) => None,
        }
    }

    /// The status; `None` where no response came.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Response(response) => response.status(),
            Self::TimedOut | Self::Unreachable | Self::Unresolved(_) => None,
        }
    }
}
