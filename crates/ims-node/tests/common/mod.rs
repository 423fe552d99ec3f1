//! A node around a tiny role, fed with bytes and read by bytes, in virtual time.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use bytes::Bytes;
use clock::{Mono, Now, Wall};
use ims_node::{
    AskId, Decision, Effects, Flow, ForwardPlan, InboundRequest, Input, Listener, ListenerId, NoAsk, Node,
    NodeCause, NodeSettings, Outcome, Output, Peer, Reason, Role, Side, Transmit, Verdict,
};
use sip_message::{Defect, Field, HeaderName, Message, Transport};
use std::net::SocketAddr;
use std::time::Duration;

/// Decides by a function; sends nothing of its own.
pub struct Fake {
    pub decide: fn(&InboundRequest, &mut Effects<()>) -> Decision<()>,
    pub verdict: fn(&Outcome) -> Verdict<()>,
    pub own: Vec<Option<u16>>,
    /// The flow that was last said to be gone.
    pub closed: Option<Flow>,
}

impl Fake {
    pub fn forwarding() -> Self {
        Self {
            decide: |_, _| ForwardPlan::by_route().decide(),
            verdict: |_| Verdict::Relay(Vec::new()),
            own: Vec::new(),
            closed: None,
        }
    }
}

impl Role for Fake {
    type Waiting = ();
    type Own = ();
    type Ask = NoAsk;
    type Told = NoAsk;

    fn on_request(&mut self, _: Now, request: &InboundRequest, fx: &mut Effects<()>) -> Decision<()> {
        (self.decide)(request, fx)
    }

    fn on_response(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        outcome: &Outcome,
        _: &mut Effects<()>,
    ) -> Verdict<()> {
        (self.verdict)(outcome)
    }

    fn on_flow_closed(&mut self, _: Now, flow: Flow, _: &mut Effects<()>) {
        self.closed = Some(flow);
    }

    fn on_own_response(&mut self, _: Now, _: (), outcome: &Outcome, _: &mut Effects<()>) {
        self.own.push(outcome.status().map(|status| status.code()));
    }

    fn on_ask(&mut self, _: Now, _: AskId, ask: NoAsk, _: &mut Effects<()>) -> Option<NoAsk> {
        match ask {}
    }
}

/// The client, the next hop and a node of ours between them.
pub const CLIENT: &str = "192.0.2.1:5060";
pub const NEXT: &str = "192.0.2.9:5060";

pub struct Bench {
    pub node: Node<Fake>,
    pub now: Now,
    pub outputs: Vec<Output>,
}

impl Bench {
    pub fn new(fake: Fake) -> Self {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let listeners = vec![
            Listener { address: address("192.0.2.5:5060"), side: Side::Network },
            Listener { address: address("192.0.2.5:5070"), side: Side::Ue },
        ];
        let own = Peer { addresses: vec![address(CLIENT).ip(), address(NEXT).ip()], domains: Vec::new() };
        let foreign =
            Peer { addresses: vec![address("198.51.100.1:1").ip()], domains: vec!["home2.test".into()] };
        let settings = NodeSettings::new("node.home1.test", listeners, vec![own, foreign]);
        let now = Now { mono: Mono::ZERO, wall: Wall::from_unix_millis(1_700_000_000_000) };
        Self { node: Node::new(settings, fake, [7; 32]), now, outputs: Vec::new() }
    }

    pub fn forwarding() -> Self {
        Self::new(Fake::forwarding())
    }

    pub fn flow(listener: u8, remote: &str) -> Flow {
        Flow {
            listener: ListenerId(listener),
            transport: Transport::Udp,
            remote: remote.parse().unwrap(),
            connection: None,
        }
    }

    pub fn input(&mut self, input: Input) {
        self.node.handle(self.now, input);
        while let Some(output) = self.node.poll_output() {
            self.outputs.push(output);
        }
    }

    pub fn receive_on(&mut self, flow: Flow, text: impl Into<Bytes>) {
        let bytes = text.into();
        if self.node.hears(self.now, flow, &bytes) {
            self.input(Input::message(flow, bytes));
        }
    }

    pub fn receive(&mut self, from: &str, text: impl Into<Bytes>) {
        self.receive_on(Self::flow(0, from), text);
    }

    /// Lets time pass, deadline by deadline.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.node.poll_timeout().filter(|at| *at <= end.mono) {
            self.now = self.now + at.saturating_since(self.now.mono);
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// What was sent since last asked.
    pub fn sent(&mut self) -> Vec<Transmit> {
        let outputs = std::mem::take(&mut self.outputs);
        outputs
            .into_iter()
            .filter_map(|output| match output {
                Output::Transmit(transmit) => Some(transmit),
                _ => None,
            })
            .collect()
    }

    /// The one message sent since last asked.
    pub fn sent_one(&mut self) -> (SocketAddr, Message) {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let transmit = sent.remove(0);
        (transmit.flow.remote, read(&transmit.bytes))
    }

    /// The status of the one response sent since last asked.
    pub fn status(&mut self) -> u16 {
        self.sent_one().1.status().expect("a response").code()
    }

    /// The status of the one response sent since last asked, and the reason if it refuses.
    pub fn fate(&mut self) -> Fate {
        fate_in(&self.sent_one().1)
    }
}

/// The status of an answer, and the reason if it is a refusal.
pub type Fate = (u16, Option<Reason>);

pub fn refused(status: u16, cause: impl Into<Reason>) -> Fate {
    (status, Some(cause.into()))
}

pub fn fate_in(answer: &Message) -> Fate {
    let defects = [Defect::TooLarge, Defect::Malformed(Field::MaxForwards)];
    let mut reasons =
        NodeCause::ALL.iter().map(|cause| cause.reason()).chain(defects.into_iter().map(Reason::from));
    let warning = answer.value(HeaderName::Warning).unwrap_or_default();
    (answer.status().expect("a response").code(), reasons.find(|reason| reason.is_in(warning)))
}

pub fn read(bytes: &Bytes) -> Message {
    Message::parse(bytes.clone()).unwrap_or_else(|e| panic!("{:?} in {bytes:?}", e.defect))
}

/// A request from the client to the next hop.
pub fn request(method: &str, headers: &str) -> String {
    request_to(method, "sip:bob@192.0.2.9", headers)
}

pub fn request_to(method: &str, uri: &str, headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKclient\r\nFrom: <sip:a@home1.test>;tag=1\r\n\
         To: <sip:bob@home1.test>\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n{headers}Content-Length: 0\r\n\r\n"
    )
}

/// The answer of the next hop to a request that was sent to it.
pub fn answer(request: &Message, status: u16, headers: &str) -> String {
    use sip_message::{Response, StatusCode};
    let bytes = Response::to(request, StatusCode::new(status).unwrap(), "t").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    text.replace("Content-Length", &format!("{headers}Content-Length"))
}
