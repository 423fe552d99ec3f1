//! One node on a desk: fed with bytes and answers of the HSS, read by bytes and questions, in virtual time.
//!
//! For tests of a role's decisions, where a whole [`crate::World`] would only be in the way.

use bytes::Bytes;
use clock::{Mono, Now, Wall};
use cx_protocol::{Answer, CxFailure, Request};
use ims_node::{Flow, HssToken, Input, ListenerId, Node, NodeSettings, Output, Role, Seq, Transmit};
use sip_message::{Message, Response, StatusCode, Transport};
use sip_resolve::{DnsAnswer, Question};
use std::collections::VecDeque;
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
    transmits: VecDeque<Transmit>,
    questions: VecDeque<(HssToken, Request)>,
    records: Vec<ims_node::Record>,
}

impl<R: Role> Desk<R> {
    /// A fresh node, as after its first start.
    #[must_use]
    pub fn new(settings: NodeSettings, role: R) -> Self {
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(1_800_000_000_000) };
        let mut node = Node::new(settings, role, [9; 32]);
        node.restore(now, std::iter::empty::<ims_node::Record>(), Seq(0));
        let on_dns: fn(&Question) -> DnsAnswer = |_| DnsAnswer::NoSuchDomain(None);
        let mut desk = Self {
            node,
            now,
            on_dns,
            transmits: VecDeque::new(),
            questions: VecDeque::new(),
            records: Vec::new(),
        };
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

    fn drain(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Transmit(transmit) => self.transmits.push_back(transmit),
                Output::AskHss { token, request } => self.questions.push_back((token, request)),
                Output::AskDns(question) => {
                    let answer = (self.on_dns)(&question);
                    self.node.handle(self.now, Input::Dns { question, answer });
                }
                Output::Persist { seq, record } => {
                    self.records.push(record);
                    self.node.handle(self.now, Input::Synced(seq));
                }
                Output::Close(_)
                | Output::Claim { .. }
                | Output::HssReply { .. }
                | Output::Told { .. }
                | Output::Log(_) => {}
            }
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
        self.records = Vec::new();
    }

    /// The status of the next message sent, which is a response.
    pub fn status(&mut self) -> Option<u16> {
        self.sent()?.1.status().map(StatusCode::code)
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

    /// The records that are on disk, newest of each key.
    #[must_use]
    pub fn records(&self) -> Vec<ims_node::Record> {
        let mut live: Vec<ims_node::Record> = Vec::new();
        for record in &self.records {
            live.retain(|other| other.key != record.key);
            live.extend(record.value.is_some().then(|| record.clone()));
        }
        live
    }

    /// Puts a record into the journal.
    pub fn write(&mut self, record: ims_node::Record) {
        self.records.push(record);
    }

    /// The process dies and another one, with this role, takes over its journal.
    pub fn restart(&mut self, settings: NodeSettings, role: R) {
        let live = self.records();
        self.node = Node::new(settings, role, [8; 32]);
        let last = Seq(self.records.len().try_into().unwrap_or(u64::MAX));
        self.node.restore(self.now, &live, last);
        self.questions.clear();
        self.drain();
    }
}
