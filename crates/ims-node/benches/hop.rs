//! One proxy hop: bytes in, bytes out, through transactions, the proxy steps and a role that forwards; no sockets.

#![allow(missing_docs, reason = "a benchmark")]

use bytes::Bytes;
use clock::{Mono, Now, Wall};
use divan::{AllocProfiler, Bencher};
use ims_node::{
    AskId, Decision, Effects, Flow, ForwardPlan, InboundRequest, Input, Listener, ListenerId, NoAsk, Node,
    NodeSettings, Output, Peer, Role, Side,
};
use sip_message::{Message, Response, StatusCode, Transport};
use std::cell::RefCell;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

static SUBSCRIBE: &str = include_str!("../../sip-message/benches/subscribe-976.sip");

/// Requests before the first measured one.
const WARM_UP: usize = 40_000;

struct Forwarder;

impl Role for Forwarder {
    type Waiting = Infallible;
    type Own = Infallible;
    type Ask = NoAsk;
    type Told = NoAsk;

    fn on_request(
        &mut self,
        _: Now,
        _: &InboundRequest,
        _: &mut Effects<Infallible>,
    ) -> Decision<Infallible> {
        let mut plan = ForwardPlan::by_route();
        plan.routes = vec!["<sip:127.0.10.13;lr>".into()];
        plan.record_routes = vec!["<sip:rr-o@scscf1a.home1.test;lr>".into()];
        plan.decide()
    }

    fn on_ask(&mut self, _: Now, _: AskId, ask: NoAsk, _: &mut Effects<Infallible>) -> Option<NoAsk> {
        match ask {}
    }
}

fn main() {
    divan::main();
}

/// The node and what it sent that is not answered yet.
struct Bench {
    node: Node<Forwarder>,
    flow: Flow,
    count: u64,
    unanswered: Vec<Bytes>,
}

impl Bench {
    fn new() -> Self {
        let address = SocketAddr::from(([127, 0, 10, 14], 5060));
        let from = SocketAddr::from(([127, 0, 10, 11], 5062));
        let next = SocketAddr::from(([127, 0, 10, 13], 5060));
        let peer = Peer { addresses: vec![from.ip(), next.ip()], domains: Vec::new() };
        let listeners = vec![Listener { address, side: Side::Network }];
        let settings = NodeSettings::new("scscf1a.home1.test", listeners, vec![peer]);
        let flow =
            Flow { listener: ListenerId(0), transport: Transport::Udp, remote: from, connection: None };
        Self { node: Node::new(settings, Forwarder, [1; 32]), flow, count: 0, unanswered: Vec::new() }
    }

    fn now(&self) -> Now {
        Now { mono: Mono::at(Duration::from_millis(self.count)), wall: Wall::from_unix_millis(self.count) }
    }

    /// Answers one earlier request, lets timers run, and makes the next request. Not timed.
    fn next_request(&mut self) -> Bytes {
        self.count += 1;
        if let Some(request) = self.unanswered.pop().and_then(|bytes| Message::parse(bytes).ok()) {
            self.handle(Response::to(&request, StatusCode::OK, "t").to_bytes());
        }
        self.node.handle(self.now(), Input::Timeout);
        while self.node.poll_output().is_some() {}
        let branch = format!("z9hG4bK{:012x}.8f3a6c1d2e5b7f90", self.count);
        Bytes::from(SUBSCRIBE.replacen("z9hG4bKq3hx7m2p9k4w.8f3a6c1d2e5b7f90", &branch, 1))
    }

    fn handle(&mut self, bytes: Bytes) {
        self.node.handle(self.now(), Input::message(self.flow, bytes));
    }

    /// The measured part; a function of its own so that a profiler can tell it from the rest.
    #[inline(never)]
    fn forward(&mut self, bytes: Bytes) {
        self.handle(bytes);
        while let Some(output) = self.node.poll_output() {
            if let Output::Transmit(transmit) = output {
                self.unanswered.push(transmit.bytes);
            }
        }
    }
}

/// A millisecond passes between requests. The first ones are not measured, until the tables hold what they hold in the
/// long run of 1000 requests a second: a server transaction stays for 32 s.
#[divan::bench(sample_size = 100, sample_count = 1000)]
fn forward_976_byte_subscribe(bencher: Bencher<'_, '_>) {
    let mut bench = Bench::new();
    for _ in 0..WARM_UP {
        let request = bench.next_request();
        bench.forward(request);
    }
    let bench = RefCell::new(bench);
    bencher
        .with_inputs(|| bench.borrow_mut().next_request())
        .bench_local_values(|bytes| bench.borrow_mut().forward(bytes));
}
