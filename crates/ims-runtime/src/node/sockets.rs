//! A node's sockets: what comes in and goes out over UDP and TCP, in which order, counted and recorded.

use super::NodeError;
use super::events::{SOCKET_EVENTS, SocketEvent};
use super::tcp::Connections;
use super::udp::{Sent, UdpSockets};
use crate::recording::{Channel, Direction, Ends, Recorder};
use bytes::Bytes;
use clock::Mono;
use ims_node::{Flow, Input, Loss, NodeSettings, Peer, Received, Transmit};
use sip_message::Transport;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::yield_now;

/// Datagrams, or events of connections, that are handled before the others get their turn.
pub(super) const BATCH: usize = 64;
/// How soon datagrams that found their socket's buffer full are tried again.
const RESEND: Duration = Duration::from_millis(2);
/// How long the last messages on connections may take.
const FAREWELL: Duration = Duration::from_millis(250);

/// All sockets of one node.
pub(super) struct Sockets {
    udp: UdpSockets,
    tcp: Connections,
    events: mpsc::Receiver<SocketEvent>,
    /// What happened in consequence of sending and closing.
    inputs: VecDeque<Input>,
    listeners: Vec<SocketAddr>,
    recorder: Option<Recorder>,
    /// Whether connections were given something that they have not had time to write.
    connections_first: bool,
    /// What was to leave by UDP after that.
    datagrams: Vec<Transmit>,
    /// Whether messages are taken.
    is_reading: bool,
    counts: Counts,
}

/// Counters since the start of the process.
#[derive(Debug, Default)]
struct Counts {
    /// Messages read.
    udp_in: u64,
    tcp_in: u64,
    /// Messages handed to a socket.
    udp_out: u64,
    tcp_out: u64,
    /// Messages that could not be sent, and datagrams that peers refused.
    send_failed: u64,
    /// Datagrams that found no room.
    dropped_out: u64,
}

/// Why the sockets want to be looked at.
#[derive(Debug)]
pub(super) enum Happened {
    /// There are datagrams to read, by [`Sockets::receive`].
    Datagrams,
    /// These events, for [`Sockets::on_event`].
    Events(Vec<SocketEvent>),
}

/// What the look for one datagram has shown.
#[derive(Debug)]
pub(super) enum Datagram {
    /// There is none.
    None,
    /// One by which a softphone keeps its binding alive: line ends, blanks or zeros.
    KeepAlive,
    /// What may be a message.
    Message(Flow, Bytes),
}

impl Sockets {
    /// Opens the sockets of `settings`. Needs a tokio runtime.
    pub(super) fn open(settings: &NodeSettings, recorder: Option<Recorder>) -> Result<Self, NodeError> {
        let (sender, events) = mpsc::channel(SOCKET_EVENTS);
        Ok(Self {
            udp: UdpSockets::bind(&settings.listeners, &sender)?,
            tcp: Connections::listen(settings, &sender, recorder.clone())?,
            events,
            inputs: VecDeque::new(),
            listeners: settings.listeners.iter().map(|listener| listener.address).collect(),
            recorder,
            connections_first: false,
            datagrams: Vec::new(),
            is_reading: true,
            counts: Counts::default(),
        })
    }

    /// Waits until something has happened; dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Happened {
        let mut events = Vec::new();
        tokio::select! {
            () = self.udp.readable(), if self.is_reading => Happened::Datagrams,
            _ = self.events.recv_many(&mut events, BATCH) => Happened::Events(events),
        }
    }

    /// Looks for one datagram.
    pub(super) fn receive(&mut self) -> Datagram {
        let Some((flow, bytes)) = self.udp.receive() else { return Datagram::None };
        self.record(Direction::In, flow, &bytes);
        if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b' ' | 0)) {
            return Datagram::KeepAlive;
        }
        self.counts.udp_in += 1;
        Datagram::Message(flow, bytes)
    }

    /// What an event is to the node; what else comes of it is told by [`Sockets::next_input`].
    pub(super) fn on_event(&mut self, event: SocketEvent) -> Option<Input> {
        match event {
            SocketEvent::Accepted(listener, remote, stream) => {
                self.tcp.accepted(listener, remote, stream, &mut self.inputs);
            }
            SocketEvent::Connected(id) => self.tcp.connected(id),
            SocketEvent::NotConnected(id, loss) | SocketEvent::Closed(id, loss) => {
                self.tcp.ended(id, loss, &mut self.inputs);
            }
            SocketEvent::Undelivered(listener, fallback, bytes) => {
                self.tcp.undelivered(listener, fallback, bytes, &mut self.inputs);
            }
            SocketEvent::Message(id, bytes) => {
                let received = Received::read(bytes);
                if let Some(message) = received.message() {
                    self.tcp.learn_listener(id, message);
                }
                return self.heard(id).map(|flow| Input::Message { flow, received });
            }
            SocketEvent::Unframed(id, head) => {
                return self.heard(id).map(|flow| Input::Unframed { flow, head: Received::read(head) });
            }
            SocketEvent::Pong(id) => return self.tcp.flow(id).map(|flow| Input::Pong { flow }),
            SocketEvent::Refused(flow) => {
                self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused });
            }
        }
        None
    }

    /// What comes from a connection that the node has closed is no longer heard.
    fn heard(&mut self, id: u64) -> Option<Flow> {
        let flow = self.tcp.heard(id).filter(|_| self.is_reading)?;
        self.counts.tcp_in += 1;
        Some(flow)
    }

    /// Whether events wait that [`Sockets::next`] has not given.
    pub(super) fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What has happened in consequence of sending and closing; taken before anything new.
    pub(super) fn next_input(&mut self) -> Option<Input> {
        let input = self.inputs.pop_front()?;
        if let Input::SendFailed { .. } = input {
            self.counts.send_failed += 1;
        }
        Some(input)
    }

    /// Sends, or hands to a connection.
    pub(super) fn transmit(&mut self, transmit: Transmit) {
        let flow = transmit.flow;
        match flow.transport {
            Transport::Udp if self.connections_first => self.datagrams.push(transmit),
            Transport::Udp => {
                self.record(Direction::Out, flow, &transmit.bytes);
                match self.udp.send(flow.listener, flow.remote, transmit.bytes) {
                    Sent::Taken => self.counts.udp_out += 1,
                    Sent::Failed => self.inputs.push_back(Input::SendFailed { flow, loss: Loss::Refused }),
                    Sent::Dropped => self.counts.dropped_out += 1,
                }
            }
            Transport::Tcp => {
                self.counts.tcp_out += 1;
                self.connections_first = true;
                self.tcp.send(transmit, &mut self.inputs);
            }
        }
    }

    /// Connections are written by their tasks. Lets these go first, so that a NOTIFY by UDP does not overtake the 200 on
    /// a connection that it follows. Whether there was something to wait for: then something may have come of it. Dropping the
    /// future loses nothing.
    pub(super) async fn keep_order(&mut self) -> bool {
        if !self.connections_first {
            return false;
        }
        yield_now().await;
        self.connections_first = false;
        for transmit in std::mem::take(&mut self.datagrams) {
            self.transmit(transmit);
        }
        true
    }

    /// Closes the connections of this flow.
    pub(super) fn close_flow(&mut self, flow: Flow) {
        self.tcp.close_flow(flow, &mut self.inputs);
    }

    /// Somebody has a claim to this connection, or nobody has any more.
    pub(super) fn claim(&mut self, flow: Flow, is_claimed: bool) {
        self.tcp.claim(flow, is_claimed);
    }

    /// Believes these peers from now on.
    pub(super) fn set_peers(&mut self, peers: Vec<Peer>) {
        self.tcp.set_peers(peers);
    }

    /// Takes no message any more.
    pub(super) const fn stop_reading(&mut self) {
        self.is_reading = false;
    }

    /// Tells whether any datagram is still unsent because the send buffer of its socket was full.
    pub(super) fn has_unsent(&self) -> bool {
        self.udp.has_unsent()
    }

    /// When [`Sockets::flush`] has something to do.
    pub(super) fn flush_at(&self, now: Mono) -> Option<Mono> {
        self.has_unsent().then(|| now + RESEND)
    }

    /// Tries again what found no room.
    pub(super) fn flush(&mut self) {
        let failed = self.udp.flush().into_iter();
        self.inputs.extend(failed.map(|flow| Input::SendFailed { flow, loss: Loss::Refused }));
    }

    /// Writes the recording as far as it has come.
    pub(super) fn flush_recording(&self) {
        if let Some(recorder) = &self.recorder {
            recorder.flush();
        }
    }

    fn record(&self, direction: Direction, flow: Flow, bytes: &Bytes) {
        let local = self.listeners.get(usize::from(flow.listener.0));
        if let (Some(recorder), Some(local)) = (&self.recorder, local) {
            let ends = Ends { local: *local, remote: flow.remote };
            recorder.record(direction, Channel::Udp, ends, bytes);
        }
    }

    /// Counters and sizes, by name.
    pub(super) fn metrics(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Counts { udp_in, tcp_in, udp_out, tcp_out, send_failed, dropped_out } = self.counts;
        let counted = [
            ("udp_in", udp_in),
            ("udp_out", udp_out),
            ("tcp_in", tcp_in),
            ("tcp_out", tcp_out),
            ("send_failed", send_failed),
            ("dropped_out", dropped_out),
        ];
        counted.into_iter().chain(self.tcp.metrics())
    }

    /// Closes the connections once what is queued on them is written.
    pub(super) async fn close(self) {
        self.tcp.close(FAREWELL).await;
        if let Some(recorder) = &self.recorder {
            recorder.flush();
        }
    }
}
