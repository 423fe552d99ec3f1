//! Tiny nodes to try a world with.

#![allow(dead_code, reason = "each test binary uses its part")]

use bytes::Bytes;
use clock::{Mono, Now};
use cx_protocol::{Answer, CxFailure, Impu, Leg, Lir, LirType, Request, ResultCode};
use ims_node::{
    AskId, Decision, Effects, Flow, ForwardPlan, InboundRequest, Input, Listener, ListenerId, NoAsk, Node,
    NodeCause, NodeSettings, Outcome, Output, Record, Refusal, Role, Seq, Side, Transmit, Unreadable,
    Verdict,
};
use sip_message::{Draft, HeaderName, Method, StatusCode, Transport, Uri};
use sip_resolve::Hop;
use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::{NodeOutput, ScriptUe, VirtualNode, World};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// `10.0.0.LAST:5060`.
pub(crate) fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, last], 5060))
}

pub(crate) fn settings(name: &str, last: u8) -> NodeSettings {
    NodeSettings::new(name, vec![Listener { address: address(last), side: Side::Network }], Vec::new())
}

/// A proxy that asks the HSS where a SUBSCRIBE goes and sends everything on.
#[derive(Debug, Default)]
pub(crate) struct Forwarder {
    pub(crate) pushed: u32,
}

impl Role for Forwarder {
    type Waiting = ();
    type Own = ();
    type Ask = NoAsk;
    type Told = NoAsk;

    fn on_request(&mut self, _: Now, request: &InboundRequest, _: &mut Effects<()>) -> Decision<()> {
        if *request.method() == Method::Subscribe {
            let impu = Impu::new("sip:b@echo.test").unwrap();
            return Decision::AskHss(
                Request::Lir(Lir { impu, leg: Leg::Terminating, kind: LirType::Location }),
                (),
            );
        }
        ForwardPlan::by_route().decide()
    }

    fn on_hss_answer(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        answer: Result<Answer, CxFailure>,
        _: &mut Effects<()>,
    ) -> Decision<()> {
        match answer {
            Ok(answer) if answer.result().is_success() => ForwardPlan::by_route().decide(),
            Ok(_) => Refusal::new(StatusCode::NOT_FOUND, NodeCause::UnknownUser).into(),
            Err(_) => Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, NodeCause::HssSilent).into(),
        }
    }

    fn on_response(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        _: &Outcome,
        _: &mut Effects<()>,
    ) -> Verdict<()> {
        Verdict::Relay(Vec::new())
    }

    fn on_own_response(&mut self, _: Now, (): (), _: &Outcome, _: &mut Effects<()>) {}

    fn on_hss_request(&mut self, _: Now, request: &Request, _: &mut Effects<()>) -> Answer {
        self.pushed += 1;
        request.answer(ResultCode::Success)
    }

    fn on_ask(&mut self, _: Now, _: AskId, ask: NoAsk, _: &mut Effects<()>) -> Option<NoAsk> {
        match ask {}
    }
}

/// How many are kept?
#[derive(Debug)]
pub(crate) struct Count;

/// A user agent that keeps the Call-ID of every request, and answers 200 when it is kept.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    pub(crate) kept: BTreeSet<String>,
    pub(crate) seen: u32,
    pub(crate) restored_at: Option<Now>,
}

impl Role for Keeper {
    type Waiting = ();
    type Own = ();
    type Ask = Count;
    type Told = usize;

    fn on_request(&mut self, _: Now, request: &InboundRequest, fx: &mut Effects<(), usize>) -> Decision<()> {
        let call_id = request.message().call_id().to_owned();
        self.seen += 1;
        fx.persist(call_id.as_bytes(), &b"kept"[..]);
        fx.log("kept", &call_id);
        self.kept.insert(call_id);
        Decision::Reply(fx.response(request, StatusCode::OK))
    }

    fn on_hss_answer(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        _: Result<Answer, CxFailure>,
        _: &mut Effects<(), usize>,
    ) -> Decision<()> {
        Refusal::new(StatusCode::SERVER_ERROR, NodeCause::HssAnswerUnused).into()
    }

    fn on_response(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        _: &Outcome,
        _: &mut Effects<(), usize>,
    ) -> Verdict<()> {
        Verdict::Relay(Vec::new())
    }

    fn on_own_response(&mut self, _: Now, (): (), _: &Outcome, _: &mut Effects<(), usize>) {}

    fn on_ask(&mut self, _: Now, _: AskId, Count: Count, _: &mut Effects<(), usize>) -> Option<usize> {
        Some(self.kept.len())
    }

    fn restore(&mut self, _: Now, record: &Record) -> Result<(), Unreadable> {
        self.kept.insert(String::from_utf8(record.key.to_vec()).unwrap());
        Ok(())
    }

    fn restored(&mut self, now: Now, _: &mut Effects<(), usize>) {
        self.restored_at = Some(now);
    }
}

/// A node that does not wait for its disk before it speaks.
pub(crate) struct Hasty<N>(pub(crate) N);

impl<N: VirtualNode> VirtualNode for Hasty<N> {
    fn restore(&mut self, now: Now, records: &[Record], last: Seq) {
        self.0.restore(now, records, last);
    }

    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        self.0.receive(now, flow, bytes);
    }

    fn handle(&mut self, now: Now, input: Input) {
        self.0.handle(now, input);
    }

    fn ask(&mut self, now: Now, ask: Box<dyn Any>) {
        self.0.ask(now, ask);
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        let mut output = self.0.poll_output();
        if let Some(Output::Transmit(transmit)) = &mut output {
            transmit.after = None;
        }
        output
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.0.poll_timeout()
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }
}

/// Notes what happens to it, and sends what it is told.
#[derive(Default)]
pub(crate) struct Probe {
    pub(crate) notes: Vec<(Duration, String)>,
    pub(crate) flows: Vec<Flow>,
    pub(crate) outputs: VecDeque<NodeOutput>,
    pub(crate) timeout: Option<Mono>,
}

impl Probe {
    pub(crate) fn send(&mut self, flow: Flow, text: &str) {
        self.send_or(flow, None, text);
    }

    pub(crate) fn send_or(&mut self, flow: Flow, fallback: Option<SocketAddr>, text: &str) {
        let bytes = text.to_owned().into();
        self.outputs.push_back(Output::Transmit(Transmit { flow, fallback, bytes, after: None }));
    }
}

impl VirtualNode for Probe {
    fn restore(&mut self, _: Now, _: &[Record], _: Seq) {}

    fn receive(&mut self, now: Now, flow: Flow, bytes: Bytes) {
        self.flows.push(flow);
        self.notes.push((now.mono.since_start(), String::from_utf8(bytes.to_vec()).unwrap()));
    }

    fn handle(&mut self, now: Now, input: Input) {
        let note = match input {
            Input::SendFailed { .. } => "failed".into(),
            Input::Closed { .. } => "closed".into(),
            Input::Pong { .. } => "pong".into(),
            Input::Message { .. }
            | Input::Timeout
            | Input::Unframed { .. }
            | Input::Dns { .. }
            | Input::Hss { .. }
            | Input::HssLost
            | Input::HssRequest { .. }
            | Input::Synced(_)
            | Input::JournalFull(_)
            | Input::Room(_)
            | Input::Behind(_)
            | Input::Ask { .. }
            | Input::Drain
            | Input::GiveUp => return,
        };
        self.notes.push((now.mono.since_start(), note));
    }

    fn poll_output(&mut self) -> Option<NodeOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<Mono> {
        self.timeout
    }

    fn is_idle(&self) -> bool {
        true
    }
}

/// The way to `10.0.0.LAST`.
pub(crate) fn towards(transport: Transport, last: u8) -> Flow {
    Flow { listener: ListenerId(0), transport, remote: address(last), connection: None }
}

/// A request to `b@echo.test` in a call of its own.
pub(crate) fn draft(method: Method, call_id: &str) -> Draft {
    let cseq = format!("1 {method}");
    Draft::new(method, Uri::parse("sip:b@echo.test").unwrap())
        .header(HeaderName::From, "<sip:a@ue.test>;tag=1")
        .header(HeaderName::To, "<sip:b@echo.test>")
        .header(HeaderName::CallId, call_id)
        .header(HeaderName::CSeq, cseq)
        .header(HeaderName::MaxForwards, 70)
        .without_body()
}

/// `ue` (10.0.0.9) - `proxy` (10.0.0.1) - `echo` (10.0.0.2), found by DNS.
pub(crate) fn network(seed: u64) -> World {
    network_with(seed, |seed| Node::new(settings("echo.test", 2), Keeper::default(), seed))
}

pub(crate) fn network_with<N: VirtualNode>(seed: u64, echo: fn([u8; 32]) -> N) -> World {
    let mut world = World::new(seed);
    world.zone.sip("echo.test", &[("echo.test", 5060)]);
    world.zone.host("echo.test", address(2).ip());
    let proxy = settings("proxy.test", 1);
    world.add_node(&proxy.clone(), move |seed| Node::new(proxy.clone(), Forwarder::default(), seed));
    world.add("echo.test", vec![address(2)], echo);
    world.add("ue.test", vec![address(9)], |_| ScriptUe::new(address(9)));
    world
}

/// Lets the UE send a request to the proxy.
pub(crate) fn send(world: &mut World, method: Method, call_id: &str) -> String {
    let draft = draft(method, call_id);
    let to = Hop { address: address(1), transport: Transport::Udp };
    world.with("ue", |ue: &mut ScriptUe, now| ue.send(now, &draft, to)).unwrap()
}

/// The status of the answer to the request of this branch, if there is one.
pub(crate) fn answer(world: &World, branch: &str) -> Option<u16> {
    let ue: &ScriptUe = world.node("ue")?;
    ue.response(branch)?.status().map(StatusCode::code)
}
