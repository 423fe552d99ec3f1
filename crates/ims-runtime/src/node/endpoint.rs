//! A node without an operator: sockets and clock alone, for a program that drives it itself, such as a user agent.
//!
//! It keeps no journal, asks no HSS and no DNS: its role sends on flows it knows.

use super::events::{SOCKET_EVENTS, SocketEvent};
use super::tcp::Connections;
use super::udp::{Sent, UdpSockets};
use super::{Clock, NodeError};
use crate::recording::{Channel, Direction, Ends, Recorder};
use bytes::Bytes;
use clock::{Mono, Now, Wall};
use cx_protocol::CxFailure;
use ims_node::{Effects, Event, Flow, Input, Listener, Loss, Node, Output, Reason, Role, Settings, Transmit};
use sip_message::Transport;
use sip_resolve::DnsAnswer;
use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

/// Datagrams, or events of connections, that are handled before the caller gets its turn.
const BATCH: usize = 64;
/// How soon datagrams that found their socket's buffer full are tried again.
const RESEND: Duration = Duration::from_millis(2);
/// How long the last messages on connections may take.
const FAREWELL: Duration = Duration::from_millis(250);

/// A node and its sockets.
pub struct Endpoint<R: Role> {
    clock: Clock,
    node: Node<R>,
    /// What happened in consequence of outputs; taken before anything new.
    inputs: VecDeque<Input>,
    udp: UdpSockets,
    tcp: Connections,
    events: mpsc::Receiver<SocketEvent>,
    listeners: Vec<Listener>,
    recorder: Option<Recorder>,
}

impl<R: Role> Endpoint<R> {
    /// Opens the sockets of `settings`; with `recording`, everything read and written is appended to that file. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// A socket or the recording cannot be opened, or there is no seed.
    pub fn open(settings: Settings, role: R, recording: Option<&Path>) -> Result<Self, NodeError> {
        let recorder = recording.map(|path| {
            Recorder::open(path, &settings.name).map_err(|error| NodeError::Recording(path.to_owned(), error))
        });
        let recorder = recorder.transpose()?;
        let listeners = settings.listeners.clone();
        let (sender, events) = mpsc::channel(SOCKET_EVENTS);
        let udp = UdpSockets::bind(&settings.listeners, &sender)?;
        let tcp = Connections::listen(&settings, &sender, recorder.clone())?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| NodeError::NoSeed)?;
        let (clock, node) = (Clock::start(), Node::new(settings, role, seed));
        Ok(Self { clock, node, inputs: VecDeque::new(), udp, tcp, events, listeners, recorder })
    }

    /// What the clocks show.
    #[must_use]
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The role, to look at.
    #[must_use]
    pub const fn role(&self) -> &R {
        self.node.role()
    }

    /// Asks the role for something, and does what comes of it.
    pub fn ask<T>(&mut self, what: impl FnOnce(Now, &mut R, &mut Effects<R::Own>) -> T) -> T {
        let now = self.clock.now();
        let (role, fx) = self.node.role_mut();
        let answer = what(now, role, fx);
        // What the role has started begins with the next input.
        self.node.handle(now, Input::Timeout);
        self.settle();
        answer
    }

    /// Waits for what happens next, and does what comes of it; dropping the future loses nothing.
    pub async fn work(&mut self) {
        let wake = self.wake_at();
        let mut events = Vec::new();
        tokio::select! {
            () = self.udp.readable() => self.on_datagrams(),
            _ = self.events.recv_many(&mut events, BATCH) => {
                for event in events {
                    self.on_socket(event);
                    self.settle();
                }
            }
            () = sleep_until(self.clock.instant(wake.unwrap_or_default())), if wake.is_some() => self.on_time(),
        }
        self.settle();
        if let Some(recorder) = &self.recorder {
            recorder.flush();
        }
    }

    /// Closes the connections once what is queued on them is written.
    pub async fn close(self) {
        self.tcp.close(FAREWELL).await;
        if let Some(recorder) = &self.recorder {
            recorder.flush();
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        let resend = self.udp.has_unsent().then(|| self.clock.now().mono + RESEND);
        [self.node.poll_timeout(), resend].into_iter().flatten().min()
    }

    fn on_datagrams(&mut self) {
        for _ in 0..BATCH {
            let Some((flow, bytes)) = self.udp.receive() else { break };
            self.record(Direction::In, flow, &bytes);
            if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
                continue;
            }
            self.handle(Input::Message { flow, bytes });
            self.settle();
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
            SocketEvent::Pong(id) => self.on_stream(id, |flow| Input::Pong { flow }),
            SocketEvent::Unframed(id, head) => self.on_stream(id, |flow| Input::Unframed { flow, head }),
            SocketEvent::Refused(flow) => {
                self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused })
            }
        }
    }

    fn on_stream(&mut self, id: u64, input: impl FnOnce(Flow) -> Input) {
        if let Some(flow) = self.tcp.heard(id) {
            self.handle(input(flow));
        }
    }

    fn on_time(&mut self) {
        for flow in self.udp.flush() {
            self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
        }
        self.handle(Input::Timeout);
    }

    fn handle(&mut self, input: Input) {
        self.node.handle(self.clock.now(), input);
    }

    /// Does what the node wants until nothing more comes of it.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.node.poll_output() {
                self.carry_out(output);
            }
            match self.inputs.pop_front() {
                Some(input) => self.handle(input),
                None => return,
            }
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Transmit(transmit) => self.transmit(transmit),
            Output::Close(flow) => self.tcp.close_flow(flow, &mut self.inputs),
            Output::Claim { flow, is_claimed } => self.tcp.claim(flow, is_claimed),
            Output::AskDns(question) => {
                self.inputs.push_back(Input::Dns { question, answer: DnsAnswer::Failed });
            }
            Output::AskHss { token, .. } => {
                self.inputs.push_back(Input::Hss { token, answer: Err(CxFailure::NotConnected) });
            }
            // Nothing is kept, so that what waits for it need not wait.
            Output::Persist { seq, .. } => self.inputs.push_back(Input::Synced(seq)),
            // Commands do not come this way, and neither do questions of an HSS.
            Output::CommandDone { .. } | Output::HssReply { .. } => {}
            Output::Log(event) => log(event),
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        let flow = transmit.flow;
        match flow.transport {
            Transport::Udp => {
                self.record(Direction::Out, flow, &transmit.bytes);
                if self.udp.send(flow.listener, flow.remote, transmit.bytes) == Sent::Failed {
                    self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
                }
            }
            Transport::Tcp => self.tcp.send(transmit, &mut self.inputs),
        }
    }

    fn record(&self, direction: Direction, flow: Flow, bytes: &Bytes) {
        let listener = self.listeners.get(usize::from(flow.listener.0));
        if let (Some(recorder), Some(listener)) = (&self.recorder, listener) {
            let ends = Ends { local: listener.address, remote: flow.remote };
            recorder.record(direction, Channel::Udp, ends, bytes);
        }
    }
}

/// What the wall clock shows, before there is an endpoint.
#[must_use]
pub fn wall() -> Wall {
    Clock::start().now().wall
}

fn log(event: Event) {
    match event {
        Event::Refused { status, reason, method, call_id, branch } => {
            let Reason { name, text, rule } = reason;
            tracing::info!(status = status.code(), reason = name, text, rule, %method, %call_id, %branch, "refused");
        }
        Event::Dropped { reason, from } => {
            tracing::debug!(reason = reason.name, text = reason.text, rule = reason.rule, %from, "dropped")
        }
        Event::HopFailed { address, cause, call_id } => {
            tracing::debug!(%address, reason = cause, %call_id, "next hop failed");
        }
        Event::Pressure(pressure) => tracing::warn!(?pressure, "overload"),
        Event::Role { what, about } => tracing::info!(%about, "{what}"),
    }
}
