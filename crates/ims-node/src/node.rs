//! The node: what it holds, and how inputs reach the part that deals with them.

use crate::counters::Counters;
use crate::effects::{Effects, FlowAct, Storage};
use crate::errand::{Beside, Errand};
use crate::flow::Flow;
use crate::ids::{AskId, HssToken};
use crate::inbound::InboundRequest;
use crate::input::Input;
use crate::loop_check::LoopCheck;
use crate::output::{Event, Output, Transmit};
use crate::overload::Overload;
use crate::random::Random;
use crate::record::{Record, Seq};
use crate::refusals::Refusals;
use crate::role::Role;
use crate::settings::{NodeSettings, Peer};
use crate::shares::Shares;
use crate::under_way::UnderWay;
use crate::via_head::ViaHeads;
use crate::window::{SliceId, Window};
use bytes::Bytes;
use clock::{Mono, Now};
use hashbrown::HashMap;
use sip_message::{PING, Transport};
use sip_resolve::{LookupId, Resolver};
use sip_transaction::Transactions;
use std::borrow::Borrow;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Requests that wait for an answer of the HSS; above it a request is answered 500. More the connection would not take.
pub(crate) const MAX_HSS_WAITING: usize = cx_protocol::MAX_OUTSTANDING;

/// The way of a message, as the transactions carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) flow: Flow,
    pub(crate) fallback: Option<SocketAddr>,
    pub(crate) after: Option<Seq>,
}

/// Who waits for an answer of the HSS.
#[derive(Debug)]
pub(crate) enum HssWait<R: Role> {
    Request(Box<InboundRequest>, R::Waiting),
    Own(R::Own),
}

/// A role with everything around it that every SIP node needs.
#[derive(Debug)]
pub struct Node<R: Role> {
    pub(crate) settings: NodeSettings,
    pub(crate) role: R,
    pub(crate) transactions: Transactions<Path>,
    pub(crate) resolver: Resolver,
    pub(crate) loops: LoopCheck,
    pub(crate) via_heads: ViaHeads,
    pub(crate) fx: Effects<R::Own, R::Told>,
    pub(crate) under_way: UnderWay<R>,
    pub(crate) resolving: HashMap<LookupId, Errand<R>, foldhash::fast::RandomState>,
    pub(crate) hss: HashMap<HssToken, HssWait<R>, foldhash::fast::RandomState>,
    pub(crate) refusals: Refusals,
    pub(crate) overload: Overload,
    pub(crate) shares: Shares,
    pub(crate) counters: Counters,
    /// Where the request that is being dealt with came from.
    pub(crate) answering: Option<Beside>,
    pub(crate) window: Window,
    /// The slice of work whose requests are being sent.
    pub(crate) slice: Option<SliceId>,
    /// Whether sockets and journal take what work brings.
    has_room: bool,
    next_token: u64,
    draining: bool,
    /// Since when.
    journal_full: Option<Mono>,
    synced: Seq,
    outputs: VecDeque<Output<R::Told>>,
}

impl<R: Role> Node<R> {
    /// Believes these peers from now on.
    pub fn set_peers(&mut self, peers: Vec<Peer>) {
        self.settings.peers = peers;
    }

    /// A node at work for the first time. `seed` decides every tag, branch, nonce and token it will ever make.
    #[must_use]
    pub fn new(settings: NodeSettings, role: R, seed: [u8; 32]) -> Self {
        let mut random = Random::new(seed);
        Self {
            loops: LoopCheck::new(&mut random),
            via_heads: ViaHeads::new(&settings.listeners),
            window: Window::new(settings.timers.t1),
            resolver: Resolver::new(settings.resolver.clone()),
            settings,
            role,
            transactions: Transactions::new(),
            fx: Effects::new(random),
            under_way: UnderWay::new(),
            resolving: HashMap::default(),
            hss: HashMap::default(),
            refusals: Refusals::default(),
            overload: Overload::default(),
            shares: Shares::default(),
            counters: Counters::default(),
            answering: None,
            slice: None,
            has_room: true,
            next_token: 0,
            draining: false,
            journal_full: None,
            synced: Seq(0),
            outputs: VecDeque::new(),
        }
    }

    /// Goes on where an earlier process ended: `records` are the live records of its journal, `last` the highest number
    /// given to one.
    pub fn restore(&mut self, now: Now, records: impl IntoIterator<Item: Borrow<Record>>, last: Seq) {
        (self.fx.last_seq, self.fx.last_promise) = (last.0, last.0);
        self.synced = last;
        let mut unreadable = 0_u64;
        for record in records {
            unreadable += u64::from(self.role.restore(now, record.borrow()).is_err());
        }
        if unreadable > 0 {
            self.fx.log("journal records that cannot be read", &unreadable.to_string());
        }
        self.role.restored(now, &mut self.fx);
        self.run_effects(now);
        self.work(now);
    }

    /// One thing happened.
    pub fn handle(&mut self, now: Now, input: Input<R::Ask>) {
        match input {
            Input::Message { flow, received } => {
                self.refusals.heard(flow);
                self.under_way.heard(now.mono, flow);
                self.receive(now, flow, received);
            }
            Input::Unframed { flow, head } => self.receive_unframed(flow, head),
            Input::SendFailed { flow, loss } => self.on_send_failed(now, flow, loss),
            Input::Closed { flow, loss } => {
                self.on_way_lost(now, flow, loss);
                self.role.on_flow_closed(now, flow, &mut self.fx);
            }
            Input::Pong { flow } => self.role.on_pong(now, flow, &mut self.fx),
            Input::Dns { question, answer } => self.resolver.answer(now.mono, &question, answer),
            Input::Hss { token, answer } => self.on_hss_answer(now, token, answer),
            Input::HssRequest { id, request } => {
                let answer = self.role.on_hss_request(now, &request, &mut self.fx);
                let after = self.after_everything();
                self.push(Output::HssReply { id, answer, after });
            }
            Input::HssLost => self.role.on_hss_lost(now),
            Input::Synced(seq) => self.synced = self.synced.max(seq),
            Input::JournalFull(full) => {
                self.journal_full = full.then_some(now.mono);
                self.open_or_close_storage();
            }
            Input::Behind(behind) => {
                self.overload.tell_behind(behind);
                self.assess(now);
            }
            Input::Ask { id, ask } => self.on_ask(now, id, ask),
            Input::Room(room) => self.has_room = room,
            Input::Timeout => self.on_deadline(now),
            Input::Drain => {
                self.draining = true;
                self.role.on_drain();
                self.open_or_close_storage();
            }
            Input::GiveUp => self.give_up(now),
        }
        self.run_effects(now);
        self.answering = None;
        self.work(now);
    }

    /// An answer that nothing was kept for waits for nothing: an operator can look while the journal is full.
    fn on_ask(&mut self, now: Now, id: AskId, ask: R::Ask) {
        let before = self.fx.last_promise;
        let told = self.role.on_ask(now, id, ask, &mut self.fx);
        let holds_answer = std::mem::take(&mut self.fx.holds_answer);
        let Some(told) = told else { return };
        let is_promise = holds_answer || self.fx.last_promise > before;
        let after = if is_promise { self.after_everything() } else { None };
        self.push(Output::Told { id, told, after });
    }

    /// A slice of what no input asked for. It comes behind whatever the input has caused.
    fn work(&mut self, now: Now) {
        if !self.has_room || !self.role.has_work() {
            return;
        }
        let room = self.window.room(now.mono);
        if room == 0 {
            return;
        }
        self.slice = Some(self.window.begin(now.mono));
        self.role.work(now, room, &mut self.fx);
        self.run_effects(now);
        self.slice = None;
    }

    /// Whether there is work that cannot go on now.
    pub(crate) fn work_waits(&self) -> bool {
        self.role.has_work() && (!self.has_room || self.window.is_full())
    }

    fn on_hss_answer(
        &mut self,
        now: Now,
        token: HssToken,
        answer: Result<cx_protocol::Answer, cx_protocol::CxFailure>,
    ) {
        let is_busy = answer.as_ref().is_ok_and(|answer| answer.result() == cx_protocol::ResultCode::TooBusy);
        let answer = if is_busy { Err(cx_protocol::CxFailure::Overloaded) } else { answer };
        match self.hss.remove(&token) {
            Some(HssWait::Request(request, waiting)) => {
                let before = self.fx.last_promise;
                self.answering = self.beside(&request);
                let decision = self.role.on_hss_answer(now, &request, waiting, answer, &mut self.fx);
                let request = self.note_records(request, before);
                self.decide(now, request, decision);
            }
            Some(HssWait::Own(own)) => self.role.on_own_hss_answer(now, own, answer, &mut self.fx),
            None => {}
        }
    }

    fn on_deadline(&mut self, now: Now) {
        self.resolver.handle_timeout(now.mono);
        self.transactions.on_deadline(now.mono);
        self.drain_transactions(now);
        self.assess(now);
        if self.role.deadline().is_some_and(|at| at <= now.mono) {
            self.role.on_deadline(now, &mut self.fx);
        }
    }

    fn open_or_close_storage(&mut self) {
        self.fx.storage = match (self.draining, self.journal_full) {
            (true, _) => Storage::Ending,
            (false, Some(since)) => Storage::Full(since),
            (false, None) => Storage::Open,
        };
    }

    /// In the order in which they came, so that a run repeats.
    fn give_up(&mut self, now: Now) {
        let held = self.hss.drain().filter_map(|(_, waiting)| match waiting {
            HssWait::Request(request, _) => Some(request),
            HssWait::Own(_) => None,
        });
        let errands = self.under_way.drain().chain(self.resolving.drain().map(|(_, e)| e));
        let mut requests: Vec<Box<InboundRequest>> =
            held.chain(errands.filter_map(Errand::into_request)).collect();
        requests.sort_by_key(|request| request.server());
        for request in requests {
            self.refuse(now, &request, &crate::refusal::draining());
        }
    }

    /// Lets everything the role has started begin, until nothing new comes of it.
    pub(crate) fn run_effects(&mut self, now: Now) {
        loop {
            let is_busy = self.fx.is_any() && self.begin_effects(now);
            let resolved = self.resolver.poll_done();
            if !is_busy && resolved.is_none() {
                break;
            }
            if let Some((lookup, hops)) = resolved {
                self.on_resolved(now, lookup, hops);
            }
        }
        while let Some(question) = self.resolver.poll_question() {
            self.push(Output::AskDns(question));
        }
    }

    /// Whether requests are among it, of which more may come.
    fn begin_effects(&mut self, now: Now) -> bool {
        for (seq, record) in std::mem::take(&mut self.fx.records) {
            self.push(Output::Persist { seq, record });
        }
        for event in std::mem::take(&mut self.fx.events) {
            self.push(Output::Log(event));
        }
        for (flow, act) in std::mem::take(&mut self.fx.flows) {
            self.act_on(flow, act);
        }
        for (request, then) in std::mem::take(&mut self.fx.questions) {
            self.ask_hss(request, HssWait::Own(then));
        }
        for (id, told) in std::mem::take(&mut self.fx.told) {
            let after = self.after_everything();
            self.push(Output::Told { id, told, after });
        }
        let requests = std::mem::take(&mut self.fx.requests);
        let is_busy = !requests.is_empty();
        for request in requests {
            self.send_own(now, request);
        }
        is_busy
    }

    fn act_on(&mut self, flow: Flow, act: FlowAct) {
        match (act, flow.transport) {
            (FlowAct::Ping, _) => {
                let bytes = Bytes::from_static(PING);
                self.push(Output::Transmit(Transmit { flow, fallback: None, bytes, after: None }));
            }
            (FlowAct::Close, Transport::Tcp) => self.push(Output::Close(flow)),
            (FlowAct::Claim | FlowAct::Unclaim, Transport::Tcp) => {
                let is_claimed = act == FlowAct::Claim;
                self.push(Output::Claim { flow, is_claimed });
            }
            (FlowAct::Close | FlowAct::Claim | FlowAct::Unclaim, Transport::Udp) => {}
        }
    }

    pub(crate) fn ask_hss(&mut self, request: cx_protocol::Request, waiting: HssWait<R>) {
        self.next_token += 1;
        let token = HssToken(self.next_token);
        self.hss.insert(token, waiting);
        self.push(Output::AskHss { token, request });
    }

    pub(crate) fn push(&mut self, output: Output<R::Told>) {
        self.outputs.push_back(output);
    }

    pub(crate) fn transmit(&mut self, path: Path, bytes: Bytes) {
        let after = path.after.filter(|seq| *seq > self.synced);
        let Path { flow, fallback, .. } = path;
        self.push(Output::Transmit(Transmit { flow, fallback, bytes, after }));
    }

    pub(crate) fn log_hop(&mut self, address: SocketAddr, cause: &'static str, call_id: &str) {
        self.push(Output::Log(Event::HopFailed { address, cause, call_id: call_id.into() }));
    }

    /// What is said in the node's own name waits for all that it has decided so far.
    pub(crate) fn after_everything(&self) -> Option<Seq> {
        Some(Seq(self.fx.last_promise)).filter(|seq| *seq > self.synced)
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output<R::Told>> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Timeout`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let deadlines =
            [self.transactions.deadline(), self.resolver.poll_timeout(), self.overload.deadline()];
        let work = (self.has_room && self.role.has_work()).then(|| self.window.opens_at());
        deadlines.into_iter().chain([self.role.deadline(), work]).flatten().min()
    }

    /// The role, for operators and tests.
    #[must_use]
    pub const fn role(&self) -> &R {
        &self.role
    }

    /// The role, for adapters that hand it what is no SIP (a new configuration).
    pub const fn role_mut(&mut self) -> (&mut R, &mut Effects<R::Own, R::Told>) {
        (&mut self.role, &mut self.fx)
    }

    /// Whether nothing waits for an answer, and the role has done its work.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.under_way.is_empty() && self.resolving.is_empty() && self.hss.is_empty() && !self.role.has_work()
    }

    /// Whether every table is empty: nothing waits and no transaction lingers.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_idle() && self.transactions.is_empty()
    }
}
