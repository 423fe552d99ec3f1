//! The task that owns the node.

use super::backlog::{Backlog, Look, Source};
use super::ending::Phase;
use super::events::{SOCKET_EVENTS, SocketEvent, Woken};
use super::held::{Held, MAX_HELD};
use super::hss::Hss;
use super::stats::Stats;
use super::tcp::Connections;
use super::udp::UdpSockets;
use super::{Clock, NodeError, Operator};
use crate::cli::Failure;
use crate::config::Configuration;
use crate::ctl::CtlRequest;
use crate::cx::CxEvent;
use crate::dns::Dns;
use crate::health::{self, Condition, Health};
use crate::journal::{Journal, Status};
use crate::node_config::NodeConfig;
use crate::recording::{Channel, Direction, Ends, Recorder};
use bytes::Bytes;
use clock::Mono;
use ims_node::{CommandId, Flow, Input, Loss, Node, Role, Seq, Transmit};
use sip_resolve::{DnsAnswer, Kind, Question};
use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::yield_now;
use tokio::time::sleep_until;

/// Datagrams, or events of connections, that are handled before the others get their turn.
pub(super) const BATCH: usize = 64;
/// How soon datagrams that found their socket's buffer full are tried again.
const RESEND: Duration = Duration::from_millis(2);
/// How soon DNS is asked again for the first answer.
const PROBE: Duration = Duration::from_secs(1);

/// A node and all that it is connected to.
pub(super) struct Driver<C, R: Role> {
    pub(super) clock: Clock,
    pub(super) node: Node<R>,
    backlog: Backlog,
    /// What happened in consequence of outputs; taken before anything new.
    pub(super) inputs: VecDeque<Input>,
    pub(super) udp: UdpSockets,
    pub(super) tcp: Connections,
    events: mpsc::Receiver<SocketEvent>,
    pub(super) dns: Dns,
    /// A question for the first answer, until it comes, and when it is asked next.
    probe: Option<(Question, Mono)>,
    pub(super) hss: Option<Hss>,
    pub(super) journal: Option<Journal>,
    pub(super) held: Held,
    /// Whether the node was last told that there is room for more than answers.
    has_room: bool,
    /// Whether connections were given something that they have not had time to write.
    pub(super) connections_first: bool,
    /// What was to leave by UDP after that.
    pub(super) datagrams: Vec<Transmit>,
    /// Commands whose answer the node owes; the operator socket bounds them.
    pub(super) commands: HashMap<CommandId, CtlRequest>,
    pub(super) last_command: u64,
    pub(super) stats: Stats,
    pub(super) health: Health,
    pub(super) phase: Phase,
    pub(super) recorder: Option<Recorder>,
    pub(super) config: NodeConfig,
    pub(super) operator: Operator<C, R>,
}

impl<C: Configuration, R: Role> Driver<C, R> {
    /// Opens everything, for a node that has its state back.
    pub(super) fn start(
        (clock, node): (Clock, Node<R>),
        journal: Option<Journal>,
        config: NodeConfig,
        operator: Operator<C, R>,
    ) -> Result<Self, Failure> {
        let mut conditions = vec![Condition::Listening, Condition::Dns];
        conditions.extend(config.cx.as_ref().map(|_| Condition::Cx));
        let recorder = config.recording.as_ref().map(|recording| {
            Recorder::open(&recording.file, &config.name)
                .map_err(|error| NodeError::Recording(recording.file.clone(), error))
        });
        let recorder = recorder.transpose()?;
        let settings = config.settings();
        let (sender, events) = mpsc::channel(SOCKET_EVENTS);
        let udp = UdpSockets::bind(&settings.listeners, &sender)?;
        let tcp = Connections::listen(&settings, &sender, recorder.clone())?;
        let mut driver = Self {
            clock,
            node,
            backlog: Backlog::default(),
            inputs: VecDeque::new(),
            udp,
            tcp,
            events,
            dns: Dns::new(&config.dns)?,
            probe: Some((Question::new(&config.domain, Kind::Naptr), Mono::ZERO)),
            hss: Hss::start(&config, operator.file.path(), recorder.clone())?,
            // Without a journal nothing ever waits for one.
            held: Held::new(journal.as_ref().map_or(Seq(u64::MAX), |journal| journal.status().synced)),
            has_room: true,
            journal,
            connections_first: false,
            datagrams: Vec::new(),
            commands: HashMap::new(),
            last_command: 0,
            stats: Stats::default(),
            health: Health::waiting_for(&conditions),
            phase: Phase::Serving,
            recorder,
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
            self.settle()?;
            self.keep_order().await?;
            if self.has_ended()? {
                break;
            }
            if let Some(recorder) = &self.recorder {
                recorder.flush();
            }
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

    /// Whether the node has something to do that nobody waits for.
    fn is_due(&self) -> bool {
        self.node.poll_timeout().is_some_and(|at| at <= self.clock.now().mono)
    }

    async fn wait(&mut self) -> Woken {
        let open = !self.phase.is_closing();
        let wake = self.wake_at();
        let mut events = Vec::new();
        tokio::select! {
            () = self.udp.readable(), if open => Woken::Datagrams,
            _ = self.events.recv_many(&mut events, BATCH) => Woken::Sockets(events),
            (question, answer) = self.dns.next() => Woken::Dns(question, answer),
            event = next_of(&mut self.hss) => Woken::Cx(event),
            Some(request) = self.operator.ctl.next() => Woken::Ctl(request),
            signal = self.operator.signals.next() => Woken::Signal(signal),
            status = changed(&mut self.journal) => Woken::Journal(status),
            () = sleep_until(self.clock.instant(wake.unwrap_or_default())), if wake.is_some() => Woken::Time,
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        // Connections that have written what waited say nothing of it.
        let resend = (self.udp.has_unsent() || !self.has_room).then(|| self.clock.now().mono + RESEND);
        let probe = self.probe.as_ref().map(|(_, at)| *at);
        [self.node.poll_timeout(), self.phase.deadline(), resend, probe].into_iter().flatten().min()
    }

    fn on(&mut self, woken: Woken) -> Result<(), NodeError> {
        match woken {
            Woken::Datagrams => self.on_datagrams()?,
            Woken::Sockets(events) => {
                for event in events {
                    self.on_socket(event);
                    self.settle()?;
                }
                let look = if self.events.is_empty() { Look::End } else { Look::More };
                self.looked(Source::Streams, look);
            }
            Woken::Dns(question, answer) => self.on_dns(question, answer),
            Woken::Cx(event) => self.on_cx(event),
            Woken::Ctl(request) => self.on_command(request),
            Woken::Signal(signal) => self.on_signal(signal),
            Woken::Journal(status) => self.on_journal(status)?,
            Woken::Time => self.on_time(),
        }
        Ok(())
    }

    /// Does what the node wants until nothing more comes of it.
    pub(super) fn settle(&mut self) -> Result<(), NodeError> {
        loop {
            while let Some(output) = self.node.poll_output() {
                self.carry_out(output)?;
            }
            match self.inputs.pop_front() {
                Some(input) => self.handle(input),
                None => return Ok(()),
            }
        }
    }

    pub(super) fn handle(&mut self, input: Input) {
        if let Input::SendFailed { .. } = input {
            self.stats.send_failed += 1;
        }
        self.node.handle(self.clock.now(), input);
    }

    fn on_datagrams(&mut self) -> Result<(), NodeError> {
        let mut look = Look::More;
        for _ in 0..BATCH {
            let Some((flow, bytes)) = self.udp.receive() else {
                look = Look::End;
                break;
            };
            self.record(Direction::In, flow, &bytes);
            // Softphones keep their bindings alive with line ends and zeros.
            if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
                continue;
            }
            self.stats.udp_in += 1;
            self.handle(Input::Message { flow, bytes });
            self.settle()?;
        }
        self.looked(Source::Datagrams, look);
        Ok(())
    }

    fn looked(&mut self, source: Source, look: Look) {
        if let Some(behind) = self.backlog.after(self.clock.now().mono, source, look) {
            self.inputs.push_back(Input::Behind(behind));
        }
    }

    fn on_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Accepted(listener, remote, stream) => {
                self.tcp.accepted(listener, remote, stream, &mut self.inputs);
            }
            SocketEvent::Connected(id) => self.tcp.connected(id),
            SocketEvent::NotConnected(id, loss) | SocketEvent::Closed(id, loss) => {
                self.tcp.ended(id, loss, &mut self.inputs);
            }
            SocketEvent::Undelivered(listener, fallback, bytes) => {
                self.tcp.undelivered((listener, fallback), bytes, &mut self.inputs);
            }
            SocketEvent::Message(id, bytes) => self.on_stream(id, |flow| Input::Message { flow, bytes }),
            SocketEvent::Pong(id) => {
                if let Some(flow) = self.tcp.flow(id) {
                    self.handle(Input::Pong { flow });
                }
            }
            SocketEvent::Unframed(id, head) => self.on_stream(id, |flow| Input::Unframed { flow, head }),
            SocketEvent::Refused(flow) => {
                self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused })
            }
        }
    }

    /// What comes from a connection that the node has closed is no longer heard.
    fn on_stream(&mut self, id: u64, input: impl FnOnce(Flow) -> Input) {
        if let Some(flow) = self.tcp.heard(id).filter(|_| !self.phase.is_closing()) {
            self.stats.tcp_in += 1;
            self.handle(input(flow));
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
            self.handle(input);
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
            && !self.udp.has_unsent();
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
        for flow in self.udp.flush() {
            self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
        }
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

    pub(super) fn record(&self, direction: Direction, flow: Flow, bytes: &Bytes) {
        let listener = self.config.listen.get(usize::from(flow.listener.0));
        if let (Some(recorder), Some(listener)) = (&self.recorder, listener) {
            let ends = Ends { local: listener.address, remote: flow.remote };
            recorder.record(direction, Channel::Udp, ends, bytes);
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
