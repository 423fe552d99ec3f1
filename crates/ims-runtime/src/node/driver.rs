//! The task that owns the node.

use super::answer::Waiter;
use super::asks::Asks;
use super::backlog::{Backlog, Look, Source};
use super::ending::Phase;
use super::held::{Held, MAX_HELD};
use super::hss::Hss;
use super::sockets::{BATCH, Datagram, Happened, Sockets};
use super::source::Inquiries;
use super::woken::Woken;
use super::{NodeError, Operator};
use crate::Clock;
use crate::cli::Failure;
use crate::config::Configuration;
use crate::cx::CxEvent;
use crate::dns::Dns;
use crate::health::{self, Condition, Health};
use crate::journal::{Journal, Status};
use crate::node_config::NodeConfig;
use crate::recording::Recorder;
use clock::Mono;
use ims_node::{AskAnswer, Input, Node, Role, Seq};
use sip_resolve::{DnsAnswer, Kind, Question};
use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::sleep_until;

/// How soon the node is told that there is room again: connections that have written what waited say nothing of it.
const ROOM: Duration = Duration::from_millis(2);
/// How soon DNS is asked again for the first answer.
const PROBE: Duration = Duration::from_secs(1);

/// A node and all that it is connected to.
pub(super) struct Driver<C: 'static, R: Role> {
    pub(super) clock: Clock,
    pub(super) node: Node<R>,
    pub(super) sockets: Sockets,
    backlog: Backlog,
    /// What else happened in consequence of outputs; taken before anything new.
    pub(super) inputs: VecDeque<Input>,
    pub(super) dns: Dns,
    /// A question for the first answer, until it comes, and when it is asked next.
    probe: Option<(Question, Mono)>,
    pub(super) hss: Option<Hss>,
    pub(super) journal: Option<Journal>,
    pub(super) held: Held<R::Told>,
    /// Whether the node was last told that there is room for more than answers.
    has_room: bool,
    /// Operators who wait for the role.
    pub(super) asks: Asks<Waiter<R::Told>>,
    /// Those who ask by another protocol.
    inquiries: Inquiries<R::Ask, R::Told>,
    /// Requests that were answered with an error of our own.
    pub(super) refused: u64,
    /// Messages from the network that were dropped without an answer.
    pub(super) dropped_in: u64,
    pub(super) health: Health,
    pub(super) phase: Phase,
    pub(super) config: NodeConfig,
    pub(super) operator: Operator<C, R>,
}

impl<C, R> Driver<C, R>
where
    C: Configuration,
    R: Role<Told: AskAnswer>,
{
    /// Opens everything, for a node that has its state back.
    pub(super) fn start(
        clock: Clock,
        node: Node<R>,
        journal: Option<Journal>,
        config: NodeConfig,
        operator: Operator<C, R>,
        inquiries: Inquiries<R::Ask, R::Told>,
    ) -> Result<Self, Failure> {
        let mut conditions = vec![Condition::Listening, Condition::Dns];
        conditions.extend(config.cx.as_ref().map(|_| Condition::Cx));
        let recorder = config.recording.as_ref().map(|recording| {
            Recorder::open(&recording.file, &config.name)
                .map_err(|error| NodeError::Recording(recording.file.clone(), error))
        });
        let recorder = recorder.transpose()?;
        let mut driver = Self {
            clock,
            node,
            sockets: Sockets::open(&config.settings(), recorder.clone())?,
            backlog: Backlog::default(),
            inputs: VecDeque::new(),
            dns: Dns::new(&config.dns)?,
            probe: Some((Question::new(&config.domain, Kind::Naptr), Mono::ZERO)),
            hss: Hss::start(&config, operator.file.path(), recorder)?,
            // Without a journal nothing ever waits for one.
            held: Held::new(journal.as_ref().map_or(Seq(u64::MAX), |journal| journal.status().synced)),
            has_room: true,
            journal,
            asks: Asks::new(),
            inquiries,
            refused: 0,
            dropped_in: 0,
            health: Health::waiting_for(&conditions),
            phase: Phase::Serving,
            config,
            operator,
        };
        driver.met(Condition::Listening);
        Ok(driver)
    }

    /// Works until the node has ended.
    pub(super) async fn run(mut self) -> Result<(), Failure> {
        loop {
            self.tell_room();
            self.carry_out_all()?;
            self.keep_order().await?;
            if self.has_ended()? {
                break;
            }
            self.sockets.flush_recording();
            let woken = self.wait().await;
            self.on(woken)?;
            // While there is always something to do, `wait` never rests, and connections, the operator and the journal's
            // news would have their turn only when tokio takes it from us, hundreds of messages later.
            if self.backlog.is_there() || self.is_due() {
                yield_now().await;
            }
        }
        self.keep_order().await?;
        self.close().await
    }

    async fn keep_order(&mut self) -> Result<(), NodeError> {
        while self.sockets.keep_order().await {
            self.carry_out_all()?;
        }
        Ok(())
    }

    /// Whether the node has something to do that nobody waits for.
    fn is_due(&self) -> bool {
        self.node.poll_timeout().is_some_and(|at| at <= self.clock.now().mono)
    }

    async fn wait(&mut self) -> Woken<R::Ask, R::Told> {
        let wake = self.wake_at();
        tokio::select! {
            happened = self.sockets.next() => Woken::Sockets(happened),
            (question, answer) = self.dns.next() => Woken::Dns(question, answer),
            event = next_of(&mut self.hss) => Woken::Cx(event),
            Some(request) = self.operator.ctl.next() => Woken::Ctl(request),
            inquiry = self.inquiries.next() => Woken::Asked(inquiry),
            signal = self.operator.signals.next() => Woken::Signal(signal),
            status = changed(&mut self.journal) => Woken::Journal(status),
            () = sleep_until(self.clock.instant(wake.unwrap_or_default())), if wake.is_some() => Woken::Time,
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        let now = self.clock.now().mono;
        let room = (!self.has_room).then(|| now + ROOM);
        let probe = self.probe.as_ref().map(|(_, at)| *at);
        let deadlines = [self.node.poll_timeout(), self.phase.deadline(), self.asks.deadline(), room, probe];
        deadlines.into_iter().chain([self.sockets.flush_at(now)]).flatten().min()
    }

    fn on(&mut self, woken: Woken<R::Ask, R::Told>) -> Result<(), NodeError> {
        match woken {
            Woken::Sockets(Happened::Datagrams) => self.on_datagrams()?,
            Woken::Sockets(Happened::Events(events)) => {
                for event in events {
                    if let Some(input) = self.sockets.on_event(event) {
                        self.handle(input.of_any());
                    }
                    self.carry_out_all()?;
                }
                let look = if self.sockets.has_events() { Look::More } else { Look::End };
                self.looked(Source::Streams, look);
            }
            Woken::Dns(question, answer) => self.on_dns(question, answer),
            Woken::Cx(event) => self.on_cx(event),
            Woken::Ctl(request) => self.on_command(request),
            Woken::Asked(inquiry) => self.on_inquiry(inquiry),
            Woken::Signal(signal) => self.on_signal(signal),
            Woken::Journal(status) => self.on_journal(status)?,
            Woken::Time => self.on_time(),
        }
        Ok(())
    }

    /// Does what the node wants until nothing more comes of it.
    pub(super) fn carry_out_all(&mut self) -> Result<(), NodeError> {
        loop {
            while let Some(output) = self.node.poll_output() {
                self.carry_out(output)?;
            }
            let input = self.sockets.next_input().or_else(|| self.inputs.pop_front());
            match input {
                Some(input) => self.handle(input.of_any()),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn handle(&mut self, input: Input<R::Ask>) {
        self.node.handle(self.clock.now(), input);
    }

    fn on_datagrams(&mut self) -> Result<(), NodeError> {
        let mut look = Look::More;
        for _ in 0..BATCH {
            match self.sockets.receive() {
                Datagram::None => {
                    look = Look::End;
                    break;
                }
                Datagram::KeepAlive => {}
                Datagram::Message(flow, bytes) => {
                    if self.node.hears(self.clock.now(), flow, &bytes) {
                        self.handle(Input::message(flow, bytes));
                        self.carry_out_all()?;
                    }
                }
            }
        }
        self.looked(Source::Datagrams, look);
        Ok(())
    }

    fn looked(&mut self, source: Source, look: Look) {
        if let Some(behind) = self.backlog.after(self.clock.now().mono, source, look) {
            self.inputs.push_back(Input::Behind(behind));
        }
    }

    fn on_dns(&mut self, question: Question, answer: DnsAnswer) {
        if answer != DnsAnswer::Failed {
            self.probe = None;
            self.met(Condition::Dns);
        }
        self.handle(Input::Dns { question, answer });
    }

    fn on_cx(&mut self, event: CxEvent) {
        if let CxEvent::Connected(..) = event {
            self.met(Condition::Cx);
        }
        if let Some(input) = self.hss.as_mut().and_then(|hss| hss.input(event)) {
            self.handle(input.of_any());
        }
    }

    fn on_journal(&mut self, status: Status) -> Result<(), NodeError> {
        if let Some(kind) = status.failed {
            return Err(NodeError::JournalLost(kind));
        }
        self.handle(Input::Synced(status.synced));
        for output in self.held.release(status.synced) {
            self.carry_out(output)?;
        }
        self.note_room();
        Ok(())
    }

    /// Tells the node whether sockets and journal take more than answers. At half of what may be held for the journal the rest is left
    /// to what others wait for. What a connection takes is bounded by what the node has under way ([`ims_node::Input::Room`]).
    fn tell_room(&mut self) {
        let has_room = self.held.count() <= MAX_HELD / 2
            && self.journal.as_ref().is_none_or(Journal::keeps_up)
            && !self.sockets.has_unsent();
        if has_room != std::mem::replace(&mut self.has_room, has_room) {
            self.inputs.push_back(Input::Room(has_room));
        }
    }

    /// Tells the node when the journal has become full, or is no longer.
    pub(super) fn note_room(&mut self) {
        if let Some(full) = self.journal.as_mut().and_then(Journal::full_changed) {
            tracing::warn!(full, "room in the journal");
            self.inputs.push_back(Input::JournalFull(full));
        }
    }

    fn on_time(&mut self) {
        let now = self.clock.now();
        self.sockets.flush();
        self.expire_asks();
        if let Some((question, at)) = &mut self.probe
            && *at <= now.mono
        {
            *at = now.mono + PROBE;
            self.dns.ask(question.clone());
        }
        self.node.handle(now, Input::Timeout);
    }

    fn met(&mut self, condition: Condition) {
        if self.health.met(condition) {
            health::announce(&self.config.name);
        }
    }
}

async fn next_of(hss: &mut Option<Hss>) -> CxEvent {
    match hss {
        Some(hss) => hss.next().await,
        None => pending().await,
    }
}

async fn changed(journal: &mut Option<Journal>) -> Status {
    match journal {
        Some(journal) => journal.changed().await,
        None => pending().await,
    }
}
