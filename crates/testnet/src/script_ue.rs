//! A UE that does what a test tells it to.

use crate::node::{NodeOutput, VirtualNode};
use bytes::Bytes;
use clock::{Mono, Now};
use ims_node::{Flow, Input, ListenerId, Output, Record, Seq, Transmit};
use sip_message::{Draft, Message, Method, Response, StatusCode, Transport};
use sip_resolve::Hop;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// RFC 3261 section 17.1.2.2: requests go out again after T1, doubling up to T2, until 64 times T1 have passed.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const TIMER_F: Duration = Duration::from_secs(32);

type Answering = Box<dyn FnMut(&Message) -> Option<StatusCode>>;

/// A user agent without a will of its own: sends what it is given (again, over UDP, until it is answered), keeps what
/// it gets, and answers requests. It keeps everything; a test ends before that matters.
pub struct ScriptUe {
    address: SocketAddr,
    answering: Answering,
    sent: u64,
    waiting: BTreeMap<String, Waiting>,
    responses: Vec<Message>,
    requests: Vec<Message>,
    answered: BTreeSet<RequestKey>,
    repeats: u64,
    outputs: VecDeque<NodeOutput>,
}

/// What a request and its repeats have in common.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct RequestKey {
    branch: String,
    method: String,
}

struct Waiting {
    transmit: Transmit,
    resend: Mono,
    interval: Duration,
    until: Mono,
}

impl ScriptUe {
    /// A UE at this address that answers every NOTIFY and MESSAGE 200 and everything else 405.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            answering: Box::new(|request| match request.method() {
                Some(Method::Notify | Method::Message) => Some(StatusCode::OK),
                Some(_) | None => Some(StatusCode::METHOD_NOT_ALLOWED),
            }),
            sent: 0,
            waiting: BTreeMap::new(),
            responses: Vec::new(),
            requests: Vec::new(),
            answered: BTreeSet::new(),
            repeats: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Answers requests by this rule instead; `None` leaves one unanswered.
    pub fn answer_by(&mut self, rule: impl FnMut(&Message) -> Option<StatusCode> + 'static) {
        self.answering = Box::new(rule);
    }

    /// Sends a request, with a Via on top, and returns its branch.
    pub fn send(&mut self, now: Now, draft: &Draft, to: Hop) -> String {
        let Hop { address: remote, transport } = to;
        self.sent += 1;
        let branch = format!("z9hG4bK-ue-{}-{}-{}", self.address, now.wall.unix_millis(), self.sent);
        let branch = branch.replace(':', "-");
        let via = format!("SIP/2.0/{transport} {};rport;branch={branch}", self.address);
        let flow = Flow { listener: ListenerId(0), transport, remote, connection: None };
        let transmit = Transmit { flow, fallback: None, bytes: draft.to_bytes(&via), after: None };
        let (resend, until) = match transport {
            Transport::Udp => (now.mono + T1, now.mono + TIMER_F),
            Transport::Tcp => (now.mono + TIMER_F, now.mono + TIMER_F),
        };
        let waiting = Waiting { transmit: transmit.clone(), resend, interval: T1, until };
        self.waiting.insert(branch.clone(), waiting);
        self.outputs.push_back(Output::Transmit(transmit));
        branch
    }

    /// The first final response to the request of this branch.
    #[must_use]
    pub fn response(&self, branch: &str) -> Option<&Message> {
        self.responses.iter().find(|response| response.branch() == Some(branch))
    }

    /// Every first final response, in order.
    #[must_use]
    pub fn responses(&self) -> &[Message] {
        &self.responses
    }

    /// Every request that came, in order, each once however often it came.
    #[must_use]
    pub fn requests(&self) -> &[Message] {
        &self.requests
    }

    /// How many requests came again.
    #[must_use]
    pub const fn repeats(&self) -> u64 {
        self.repeats
    }

    fn on_message(&mut self, flow: Flow, bytes: Bytes) {
        // What cannot be read is somebody else's mistake, and shows as a missing answer.
        let Ok(mut message) = Message::parse(bytes) else { return };
        match message.status() {
            Some(status) if status.is_provisional() => {}
            Some(_) => {
                if message.branch().is_some_and(|branch| self.waiting.remove(branch).is_some()) {
                    self.responses.push(message);
                }
            }
            None => {
                message.stamp_source(flow.remote);
                self.on_request(flow, message);
            }
        }
    }

    fn on_request(&mut self, flow: Flow, request: Message) {
        let branch = request.branch().unwrap_or_default().to_owned();
        let is_new = self.answered.insert(RequestKey { branch, method: request.cseq_method().to_owned() });
        self.repeats += u64::from(!is_new);
        let status = (self.answering)(&request);
        if let Some(status) = status {
            let bytes = Response::to(&request, status, "ue").to_bytes();
            self.outputs.push_back(Output::Transmit(Transmit { flow, fallback: None, bytes, after: None }));
        }
        if is_new {
            self.requests.push(request);
        }
    }

    fn on_deadline(&mut self, now: Now) {
        self.waiting.retain(|_, waiting| waiting.until > now.mono);
        for waiting in self.waiting.values_mut().filter(|waiting| waiting.resend <= now.mono) {
            waiting.interval = (waiting.interval * 2).min(T2);
            waiting.resend = now.mono + waiting.interval;
            self.outputs.push_back(Output::Transmit(waiting.transmit.clone()));
        }
    }
}

impl VirtualNode for ScriptUe {
    fn restore(&mut self, _now: Now, _records: &[Record], _last: Seq) {}

    fn receive(&mut self, _now: Now, flow: Flow, bytes: Bytes) {
        self.on_message(flow, bytes);
    }

    fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Timeout => self.on_deadline(now),
            Input::Message { .. }
            | Input::SendFailed { .. }
            | Input::Closed { .. }
            | Input::Pong { .. }
            | Input::Unframed { .. }
            | Input::Dns { .. }
            | Input::Hss { .. }
            | Input::HssRequest { .. }
            | Input::HssLost
            | Input::Synced(_)
            | Input::JournalFull(_)
            | Input::Room(_)
            | Input::Behind(_)
            | Input::Ask { .. }
            | Input::Drain
            | Input::GiveUp => {}
        }
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.waiting.values().map(|waiting| waiting.resend.min(waiting.until)).min()
    }

    fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }
}
