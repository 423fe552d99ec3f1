//! Requests that wait for a connection in progress.

use cx_protocol::{CxFailure, MAX_OUTSTANDING, Request, Token};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// How long a request waits for a connection in progress; then it fails as not connected.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(1);

/// The requests, oldest first, at most [`MAX_OUTSTANDING`]; above it a request fails as overloaded.
#[derive(Debug, Default)]
pub(super) struct Held {
    waiting: VecDeque<(Instant, Token, Box<Request>)>,
}

impl Held {
    /// Keeps a request.
    pub(super) fn push(&mut self, token: Token, request: Box<Request>) -> Result<(), CxFailure> {
        if self.waiting.len() >= MAX_OUTSTANDING {
            return Err(CxFailure::Overloaded);
        }
        self.waiting.push_back((Instant::now() + CONNECT_PATIENCE, token, request));
        Ok(())
    }

    /// Takes the oldest request, to be sent or failed.
    pub(super) fn pop(&mut self) -> Option<(Token, Box<Request>)> {
        self.waiting.pop_front().map(|(_, token, request)| (token, request))
    }

    /// When the oldest request has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.front().map(|(deadline, ..)| *deadline)
    }

    /// Takes one request that has waited long enough.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Token> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.pop().map(|(token, _)| token)
    }
}
