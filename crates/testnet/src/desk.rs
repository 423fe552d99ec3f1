//! One node on a desk: fed with bytes and answers of the HSS, read by bytes and questions, in virtual time.
//!
//! For tests of a role's decisions, where a whole [`crate::World`] would only be in the way.

use bytes::Bytes;
use clock::{Mono, Now, Wall};
use cx_protocol::{Answer, CxFailure, Request};
use ims_node::{
    AskId, Event, Flow, HssToken, Input, ListenerId, Loss, Node, NodeSettings, Output, Reason, Record, Role,
    Seq, Transmit,
};
use sip_message::{HeaderName, Message, PING, Response, StatusCode, Transport};
use sip_resolve::{DnsAnswer, Question};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

/// A node under test. Journal records are on disk at once; DNS is answered by [`Desk::on_dns`].
#[derive(Debug)]
pub struct Desk<R: Role> {
    /// The node.
    pub node: Node<R>,
    /// The time.
    pub now: Now,
    /// Names that resolve, with their one address and port.
    pub on_dns: fn(&Question) -> DnsAnswer,
    /// Names of which DNS was asked something.
    pub dns_asked: Vec<String>,
    /// What is on disk, by key, as of the last [`Desk::file`].
    pub journal: BTreeMap<Box<[u8]>, Box<[u8]>>,
    /// Records that were written or removed.
    pub written: usize,
    /// Flows that the node has closed.
    pub closed: Vec<Flow>,
    /// When keep-alives were sent.
    pub pings: Vec<Now>,
    /// Whether each message that is sent fails at once.
    pub is_unreachable: bool,
    /// Records that are on disk and not in `journal` yet: what is measured takes no time for that.
    unfiled: Vec<Record>,
    transmits: VecDeque<Transmit>,
    questions: VecDeque<(HssToken, Request)>,
    told: VecDeque<(AskId, R::Told)>,
    asks: u64,
    /// Why requests were refused.
    reasons: Vec<Reason>,
    last: Seq,
}

impl<R: Role> Desk<R> {
    /// A fresh node, as after its first start.
    #[must_use]
    pub fn new(settings: NodeSettings, role: R) -> Self {
        Self::at(Wall::from_unix_millis(1_800_000_000_000), [9; 32], settings, role)
    }

    /// The same with this on the clock, and this seed for all that is drawn.
    #[must_use]
    pub fn at(wall: Wall, seed: [u8; 32], settings: NodeSettings, role: R) -> Self {
        let mut desk = Self {
            node: Node::new(settings, role, seed),
            now: Now { mono: Mono::ZERO, wall },
            on_dns: |_| DnsAnswer::NoSuchDomain(None),
            dns_asked: Vec::new(),
            journal: BTreeMap::new(),
            written: 0,
            closed: Vec::new(),
            pings: Vec::new(),
            is_unreachable: false,
            unfiled: Vec::new(),
            transmits: VecDeque::new(),
            questions: VecDeque::new(),
            told: VecDeque::new(),
            asks: 0,
            reasons: Vec::new(),
            last: Seq(0),
        };
        desk.node.restore(desk.now, std::iter::empty::<Record>(), Seq(0));
        desk.drain();
        desk
    }

    /// The flow of a datagram from `remote` to this listener.
    #[must_use]
    pub fn flow(listener: u8, remote: SocketAddr) -> Flow {
        Flow { listener: ListenerId(listener), transport: Transport::Udp, remote, connection: None }
    }

    /// A datagram comes in.
    pub fn receive(&mut self, listener: u8, remote: SocketAddr, bytes: impl Into<Bytes>) {
        let (flow, bytes) = (Self::flow(listener, remote), bytes.into());
        if self.node.hears(self.now, flow, &bytes) {
            self.input(Input::message(flow, bytes));
        }
    }

    /// Anything else happens.
    pub fn input(&mut self, input: Input<R::Ask>) {
        self.node.handle(self.now, input);
        self.drain();
    }

    /// The role is asked something; `None` if it does not answer at once, but by [`Desk::told`].
    pub fn ask(&mut self, ask: R::Ask) -> Option<R::Told> {
        self.asks += 1;
        let id = AskId(self.asks);
        self.input(Input::Ask { id, ask });
        let place = self.told.iter().position(|(told, _)| *told == id)?;
        self.told.remove(place).map(|(_, told)| told)
    }

    /// The next answer that did not come at once.
    pub fn told(&mut self) -> Option<R::Told> {
        self.told.pop_front().map(|(_, told)| told)
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Transmit(transmit) => self.transmit(transmit),
                Output::AskHss { token, request } => self.questions.push_back((token, request)),
                Output::AskDns(question) => {
                    self.dns_asked.push(question.name().to_owned());
                    let answer = (self.on_dns)(&question);
                    self.node.handle(self.now, Input::Dns { question, answer });
                }
                Output::Persist { seq, record } => {
                    self.last = seq;
                    self.write(record);
                    self.node.handle(self.now, Input::Synced(seq));
                }
                Output::Close(flow) => self.closed.push(flow),
                Output::Told { id, told, .. } => self.told.push_back((id, told)),
                Output::Log(Event::Refused { reason, .. }) => self.reasons.push(reason),
                Output::Claim { .. } | Output::HssReply { .. } | Output::Log(_) => {}
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        if *transmit.bytes == *PING {
            self.pings.push(self.now);
        } else if self.is_unreachable {
            let lost = Input::SendFailed { flow: transmit.flow, loss: Loss::Refused };
            self.node.handle(self.now, lost);
        } else {
            self.transmits.push_back(transmit);
        }
    }

    /// Time passes, deadline by deadline.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.node.poll_timeout().filter(|at| *at <= end.mono) {
            self.now = self.now + at.saturating_since(self.now.mono);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// The next message sent, with where to.
    pub fn sent(&mut self) -> Option<(SocketAddr, Message)> {
        let transmit = self.transmits.pop_front()?;
        let message = Message::parse(transmit.bytes).ok()?;
        Some((transmit.flow.remote, message))
    }

    /// Forgets what was sent.
    pub fn clear(&mut self) {
        self.transmits.clear();
    }

    /// Forgets everything that the desk itself remembers, for tests that count what the node does.
    pub fn forget(&mut self) {
        self.transmits = VecDeque::new();
        self.questions = VecDeque::new();
        self.journal = BTreeMap::new();
        self.unfiled = Vec::new();
        self.dns_asked = Vec::new();
        self.reasons = Vec::new();
    }

    /// The status of the next message sent, which is a response.
    pub fn status(&mut self) -> Option<u16> {
        self.sent()?.1.status().map(StatusCode::code)
    }

    /// The status of the next message sent, which is an error answer of the node's own, and the reason that its Warning gives.
    pub fn refusal(&mut self) -> Option<(u16, Reason)> {
        let (_, message) = self.sent()?;
        Some((message.status()?.code(), self.reason(&message)?))
    }

    /// The reason that an error answer of the node's own gives in its Warning.
    #[must_use]
    pub fn reason(&self, answer: &Message) -> Option<Reason> {
        let warning = answer.value(HeaderName::Warning)?;
        self.reasons.iter().rev().find(|reason| reason.is_in(warning)).copied()
    }

    /// The next question to the HSS.
    pub fn asked(&mut self) -> Option<Request> {
        self.questions.front().map(|(_, request)| request.clone())
    }

    /// The HSS answers its oldest question, or fails to.
    pub fn hss(&mut self, answer: Result<Answer, CxFailure>) {
        if let Some((token, _)) = self.questions.pop_front() {
            self.input(Input::Hss { token, answer });
        }
    }

    /// The other side answers a request that was sent to it.
    pub fn respond(&mut self, listener: u8, from: SocketAddr, request: &Message, status: u16, headers: &str) {
        let Some(status) = StatusCode::new(status) else { return };
        let bytes = Response::to(request, status, "answered").to_bytes();
        let text = String::from_utf8_lossy(&bytes).replacen(
            "Content-Length",
            &format!("{headers}Content-Length"),
            1,
        );
        self.receive(listener, from, text);
    }

    /// The records that are on disk.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut live = self.journal.clone();
        self.unfiled.iter().cloned().for_each(|record| file(&mut live, record));
        live.into_iter().map(|(key, value)| Record { key, value: Some(value) }).collect()
    }

    /// Puts a record into the journal.
    pub fn write(&mut self, record: Record) {
        self.written += 1;
        self.unfiled.push(record);
    }

    /// Brings `journal` up to date.
    pub fn file(&mut self) {
        self.unfiled.drain(..).for_each(|record| file(&mut self.journal, record));
    }

    /// The process dies and, after a while, another one with this role takes over its journal. The monotonic clock begins anew.
    pub fn restart(&mut self, after: Duration, settings: NodeSettings, role: R) {
        self.file();
        self.now = Now { mono: Mono::ZERO, wall: self.now.wall + after };
        self.node = Node::new(settings, role, [8; 32]);
        self.node.restore(self.now, self.records(), self.last);
        self.transmits.clear();
        self.questions.clear();
        self.drain();
    }
}

fn file(journal: &mut BTreeMap<Box<[u8]>, Box<[u8]>>, Record { key, value }: Record) {
    match value {
        Some(value) => journal.insert(key, value),
        None => journal.remove(&key),
    };
}
