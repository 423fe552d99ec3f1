//! What a role decides, by value: forgetting to answer does not compile.

use crate::flow::Flow;
use crate::refusal::Refusal;
use cx_protocol::Request;
use sip_message::{HeaderName, Message, Response, Uri};
use std::time::Duration;

/// What becomes of a request.
#[must_use]
#[derive(Debug)]
pub enum Decision<W> {
    /// Answer it.
    Reply(Response),
    /// Answer it with an error, a Warning and a log line.
    Refuse(Refusal),
    /// Send it on.
    Forward(Box<ForwardPlan<W>>),
    /// Send back this answer of somebody else, which came before.
    Relay(Box<Message>),
    /// Ask the HSS first; the role goes on with the answer.
    AskHss(Request, W),
}

/// What becomes of the response to a request that was sent on.
#[must_use]
#[derive(Debug)]
pub enum Verdict<W> {
    /// Send it back, with these header values put in place of the ones that stand there.
    Relay(Vec<(HeaderName, Option<String>)>),
    /// Do this with the request instead: another server, another question, an answer of our own.
    Instead(Decision<W>),
}

impl<W> From<Refusal> for Decision<W> {
    fn from(refusal: Refusal) -> Self {
        Self::Refuse(refusal)
    }
}

/// Where a request goes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// By the topmost Route, else the Request-URI (RFC 3261 section 16.6 step 6).
    Route,
    /// On this flow, whatever the Request-URI says: a registered UE (RFC 5626 section 5.3).
    Flow(Flow),
}

/// How a request is sent on. The node itself lowers Max-Forwards, removes its own topmost Route entries and applies
/// the trust-domain rules; here stands what the role wants besides.
#[derive(Debug)]
pub struct ForwardPlan<W> {
    /// Another Request-URI.
    pub request_uri: Option<Uri>,
    /// Discard every Route that is left.
    pub discard_routes: bool,
    /// Route entries to put on top, the first one topmost.
    pub routes: Vec<String>,
    /// Record-Route entries to put on top, the first one topmost.
    pub record_routes: Vec<String>,
    /// Headers to set (all lines of that name replaced) or, without a value, to remove.
    pub headers: Vec<(HeaderName, Option<String>)>,
    /// Values to put on top of list headers (Path, P-Called-Party-ID).
    pub pushes: Vec<(HeaderName, String)>,
    /// Where it goes.
    pub next: Next,
    /// How long each address that it can go to may say nothing at all, where that is not [`crate::NodeSettings::failover_after`].
    pub patience: Option<Duration>,
    /// How many there are whom the role may send it to, this one counted, if it gets no answer: each has its part of the
    /// time that is left.
    pub attempts: usize,
    /// What the role goes on with when the answer comes; `None` relays it.
    pub then: Option<W>,
}

impl<W> ForwardPlan<W> {
    /// On by Route or Request-URI, nothing changed.
    #[must_use]
    pub const fn by_route() -> Self {
        Self {
            request_uri: None,
            discard_routes: false,
            routes: Vec::new(),
            record_routes: Vec::new(),
            headers: Vec::new(),
            pushes: Vec::new(),
            next: Next::Route,
            patience: None,
            attempts: 1,
            then: None,
        }
    }

    /// As a decision.
    pub fn decide(self) -> Decision<W> {
        Decision::Forward(Box::new(self))
    }
}
