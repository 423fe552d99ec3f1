//! What a role starts beside its answer.

use crate::ask::NoAsk;
use crate::cause::NodeCause;
use crate::flow::Flow;
use crate::ids::AskId;
use crate::output::Event;
use crate::own::OwnRequest;
use crate::random::Random;
use crate::record::{Record, Seq};
use crate::refusal::Refusal;
use clock::{Mono, Now};
use cx_protocol::Request;
use sip_message::{HeaderName, Response, StatusCode};

use crate::inbound::InboundRequest;

/// Whether new state can be promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// It can.
    Open,
    /// The journal has had no room since then.
    Full(Mono),
    /// The node is ending.
    Ending,
}

/// Collects records to keep, requests to send, questions to ask, answers to tell, events to log; also the generator,
/// because drawing from it is an effect too. `O` is what the role remembers of a request of its own, `T` what it answers.
#[derive(Debug)]
pub struct Effects<O, T = NoAsk> {
    /// The node's generator.
    pub random: Random,
    pub(crate) storage: Storage,
    pub(crate) last_seq: u64,
    /// The last record that something said to others depends on.
    pub(crate) last_promise: u64,
    /// The answer to the request at hand waits for every record so far.
    pub(crate) holds_answer: bool,
    pub(crate) records: Vec<(Seq, Record)>,
    pub(crate) requests: Vec<OwnRequest<O>>,
    pub(crate) questions: Vec<(Request, O)>,
    pub(crate) told: Vec<(AskId, T)>,
    pub(crate) events: Vec<Event>,
    pub(crate) flows: Vec<(Flow, FlowAct)>,
}

/// What is done with a flow as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlowAct {
    Ping,
    Close,
    Claim,
    Unclaim,
}

impl<O, T> Effects<O, T> {
    /// Nothing to do yet.
    #[must_use]
    pub const fn new(random: Random) -> Self {
        Self {
            random,
            storage: Storage::Open,
            last_seq: 0,
            last_promise: 0,
            holds_answer: false,
            records: Vec::new(),
            requests: Vec::new(),
            questions: Vec::new(),
            told: Vec::new(),
            events: Vec::new(),
            flows: Vec::new(),
        }
    }

    /// Whether new state can be promised.
    #[must_use]
    pub const fn storage(&self) -> Storage {
        self.storage
    }

    /// What cannot be kept is not promised.
    ///
    /// # Errors
    /// 500 with Retry-After while the journal is full: that concerns this moment and requests that keep something, and
    /// 503 would have the whole server avoided (RFC 3261 section 21.5.4). The longer it lasts, the longer the pause. 503
    /// when the node is ending.
    pub fn check_storage(&self, now: Now) -> Result<(), Refusal> {
        match self.storage {
            Storage::Open => Ok(()),
            Storage::Full(since) => {
                let lasted = now.mono.saturating_since(since).as_secs();
                Err(Refusal::no_room(NodeCause::JournalFull, lasted))
            }
            Storage::Ending => Err(crate::refusal::draining()),
        }
    }

    /// Keeps `value` under `key` from now on. What is sent in the node's own name from here on waits until it is on
    /// disk.
    pub fn persist(&mut self, key: impl Into<Box<[u8]>>, value: impl Into<Box<[u8]>>) {
        self.record(Record { key: key.into(), value: Some(value.into()) });
        self.last_promise = self.last_seq;
    }

    /// Keeps a hint under `key`, or removes the hint if `value` is `None`. No message waits until a hint is on disk: a process that has lost
    /// the hint does what it would have done with the hint, and something superfluous besides.
    pub fn hint(&mut self, key: Box<[u8]>, value: Option<Box<[u8]>>) {
        self.record(Record { key, value });
    }

    /// Removes what was kept under `key`.
    pub fn forget(&mut self, key: impl Into<Box<[u8]>>) {
        self.record(Record { key: key.into(), value: None });
        self.last_promise = self.last_seq;
    }

    /// The answer to the request at hand waits until all that was kept so far is on disk, as if it kept something itself:
    /// it repeats a promise that may not be kept yet.
    pub const fn hold_answer(&mut self) {
        self.holds_answer = true;
    }

    fn record(&mut self, record: Record) {
        self.last_seq += 1;
        self.records.push((Seq(self.last_seq), record));
    }

    /// Sends a request of the node's own.
    pub fn send(&mut self, request: OwnRequest<O>) {
        self.requests.push(request);
    }

    /// Asks the HSS something that no request waits for.
    pub fn ask_hss(&mut self, request: Request, then: O) {
        self.questions.push((request, then));
    }

    /// Answers what [`crate::Role::on_ask`] has left open. Whoever asked may have stopped waiting; that is no fault.
    pub fn tell(&mut self, id: AskId, told: T) {
        self.told.push((id, told));
    }

    /// Sends a double CRLF, by which a flow is kept alive (RFC 5626 section 3.5.1). On a connection the peer answers it:
    /// [`crate::Role::on_pong`].
    pub fn ping(&mut self, flow: Flow) {
        self.flows.push((flow, FlowAct::Ping));
    }

    /// Closes the connection of this flow; one without a number is any to its other end. UDP has nothing to close.
    pub fn close(&mut self, flow: Flow) {
        self.flows.push((flow, FlowAct::Close));
    }

    /// Somebody is registered on this flow: if it is a connection, it gives way to no stranger.
    pub fn claim(&mut self, flow: Flow) {
        self.flows.push((flow, FlowAct::Claim));
    }

    /// Nobody is registered on this flow any more.
    pub fn unclaim(&mut self, flow: Flow) {
        self.flows.push((flow, FlowAct::Unclaim));
    }

    /// Reports something for the log.
    pub fn log(&mut self, what: &'static str, about: &str) {
        self.events.push(Event::Role { what, about: about.into() });
    }

    /// The answer to an OPTIONS that ends here: what the network carries (RFC 3261 section 11.2).
    #[must_use]
    pub fn capabilities(&mut self, request: &InboundRequest) -> Response {
        self.response(request, StatusCode::OK).header(HeaderName::Allow, crate::refusal::ALLOW)
    }

    /// A response to `request` with a fresh To tag.
    #[must_use]
    pub fn response(&mut self, request: &InboundRequest, status: StatusCode) -> Response {
        let tag = self.random.token();
        Response::to(request.message(), status, &tag)
    }
}

impl<O, T> Effects<O, T> {
    /// Whether the role has started anything.
    pub(crate) fn is_any(&self) -> bool {
        let Self { records, requests, questions, told, events, flows, .. } = self;
        !(records.is_empty()
            && requests.is_empty()
            && questions.is_empty()
            && told.is_empty()
            && events.is_empty()
            && flows.is_empty())
    }

    /// A tag for an answer that nothing is kept of.
    pub(crate) fn random_tag(&mut self) -> String {
        self.random.token()
    }
}
