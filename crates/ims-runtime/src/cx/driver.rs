//! Moves the octets of one connection.

use super::held::Held;
use crate::recording::{Channel, Direction, Ends, Recorder};
use bytes::{Buf, BytesMut};
use clock::Mono;
use cx_protocol::{Answer, CloseReason, Connection, CxFailure, Input, LocalPeer, Output, Request, Token};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

/// Octets read at a time.
const READ: usize = 16 * 1024;
/// Octets waiting to be written; above it nothing more is read or taken until the peer reads.
const MAX_UNSENT: usize = 1024 * 1024;
/// How long the last octets of a closing connection may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the owner tells its connection.
#[derive(Debug)]
pub(super) enum Told {
    /// Ask the peer.
    Request(Token, Box<Request>),
    /// Answer the peer.
    Answer(u32, Box<Answer>),
}

/// What a connection tells its owner.
#[derive(Debug)]
pub(super) enum Heard {
    /// Hello is done: host and realm of the peer.
    Established(Box<str>, Box<str>),
    /// The peer asks.
    Request(u32, Box<Request>),
    /// What became of a request.
    Answer(Token, Result<Box<Answer>, CxFailure>),
}

/// Who has the connection.
pub(super) trait Owner: Send {
    /// What to do next; `None` when nobody is left who could say. Dropping the future loses nothing.
    fn told(&mut self) -> impl Future<Output = Option<Told>> + Send;
    /// Takes note; the connection waits for it.
    fn hear(&mut self, heard: Heard) -> impl Future<Output = ()> + Send;
}

/// One connection and its stream.
pub(super) struct Driver<'a, O> {
    start: Instant,
    connection: Connection,
    stream: TcpStream,
    unsent: BytesMut,
    owner: &'a mut O,
    held: &'a mut Held,
    phase: Phase,
    recorder: Option<(Recorder, Ends)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Hello is going on: requests are held.
    Greeting,
    Open,
    /// Nothing more is read; it ends when the peer's requests are answered.
    Draining,
}

/// What woke a driver.
enum Woken {
    Read(std::io::Result<usize>),
    Written(std::io::Result<usize>),
    Told(Option<Told>),
    Time,
    Drain,
}

impl<'a, O: Owner> Driver<'a, O> {
    /// A new connection; requests that the owner makes before hello is done are added to `held`.
    pub(super) fn new(stream: TcpStream, local: LocalPeer, owner: &'a mut O, held: &'a mut Held) -> Self {
        // Small frames that are waited for; where the option fails, they only take longer.
        let _ = stream.set_nodelay(true);
        Self {
            start: Instant::now(),
            connection: Connection::new(Mono::ZERO, local),
            stream,
            unsent: BytesMut::new(),
            owner,
            held,
            phase: Phase::Greeting,
            recorder: None,
        }
    }

    /// Records what is read and written.
    pub(super) fn recorded(mut self, recorder: Option<&Recorder>) -> Self {
        let ends = self.stream.local_addr().and_then(|local| Ok((local, self.stream.peer_addr()?)));
        self.recorder = recorder.cloned().zip(ends.ok().map(|(local, remote)| Ends { local, remote }));
        self
    }

    fn record(&self, direction: Direction, octets: &[u8]) {
        if let Some((recorder, ends)) = &self.recorder {
            recorder.record(direction, Channel::Cx, *ends, octets);
            recorder.flush();
        }
    }

    /// Runs until the connection is closed, by either side, by `drain`, or because the owner is gone.
    pub(super) async fn run(mut self, drain: impl Future<Output = ()>) -> CloseReason {
        let mut drain = std::pin::pin!(drain);
        let mut buffer = vec![0; READ];
        loop {
            if let Some(reason) = self.put_out().await {
                self.bid_farewell().await;
                return reason;
            }
            if self.phase == Phase::Draining && self.connection.unanswered() == 0 && self.unsent.is_empty() {
                return CloseReason::Closed;
            }
            let wake = self.wake_at();
            let room = self.unsent.len() < MAX_UNSENT;
            let (mut reader, mut writer) = self.stream.split();
            // What is to be said is gathered first and written in one go, before anything more is heard. `room` ends that.
            let is_due = wake.is_some_and(|wake| wake <= Instant::now());
            let woken = tokio::select! {
                biased;
                // However busy the connection is.
                () = std::future::ready(()), if is_due => Woken::Time,
                () = &mut drain, if self.phase != Phase::Draining => Woken::Drain,
                told = self.owner.told(), if room => Woken::Told(told),
                written = writer.write(&self.unsent), if !self.unsent.is_empty() => Woken::Written(written),
                read = reader.read(&mut buffer), if room && self.phase != Phase::Draining => Woken::Read(read),
                () = sleep_until(wake.unwrap_or(self.start)), if wake.is_some() => Woken::Time,
            };
            let now = Mono::at(self.start.elapsed());
            match woken {
                Woken::Read(Ok(0) | Err(_)) | Woken::Written(Err(_)) | Woken::Told(None) => {
                    self.connection.handle(now, Input::Closed);
                }
                Woken::Read(Ok(count)) => {
                    let octets = buffer.get(..count).unwrap_or_default();
                    self.record(Direction::In, octets);
                    self.connection.handle(now, Input::Received(octets));
                }
                Woken::Written(Ok(count)) => self.unsent.advance(count),
                Woken::Told(Some(told)) => self.on_told(now, told).await,
                Woken::Time => self.on_time(now).await,
                Woken::Drain => self.phase = Phase::Draining,
            }
        }
    }

    async fn on_told(&mut self, now: Mono, told: Told) {
        match told {
            Told::Request(token, request) if self.phase == Phase::Greeting => {
                if let Err(failure) = self.held.push(token, request) {
                    self.owner.hear(Heard::Answer(token, Err(failure))).await;
                }
            }
            Told::Request(token, request) => self.connection.handle(now, Input::Request { token, request }),
            Told::Answer(hop_by_hop, answer) => {
                self.connection.handle(now, Input::Answer { hop_by_hop, answer });
            }
        }
    }

    async fn on_time(&mut self, now: Mono) {
        while let Some(token) = self.held.pop_due(Instant::now()) {
            self.owner.hear(Heard::Answer(token, Err(CxFailure::NotConnected))).await;
        }
        self.connection.handle(now, Input::Deadline);
    }

    /// Does what the connection wants done; gives why it was closed, when it was.
    async fn put_out(&mut self) -> Option<CloseReason> {
        while let Some(output) = self.connection.poll_output() {
            match output {
                Output::Write(octets) => {
                    self.record(Direction::Out, &octets);
                    self.unsent.extend_from_slice(&octets);
                }
                Output::Established { host, realm } => {
                    self.phase = Phase::Open;
                    self.owner.hear(Heard::Established(host, realm)).await;
                    let now = Mono::at(self.start.elapsed());
                    while let Some((token, request)) = self.held.pop() {
                        self.connection.handle(now, Input::Request { token, request });
                    }
                }
                Output::Request { hop_by_hop, request } => {
                    self.owner.hear(Heard::Request(hop_by_hop, request)).await
                }
                Output::Answer { token, result } => self.owner.hear(Heard::Answer(token, result)).await,
                Output::Close(reason) => return Some(reason),
            }
        }
        None
    }

    /// The last octets say why the connection ends; a peer that does not take them is not waited for.
    async fn bid_farewell(&mut self) {
        let _ = timeout(FAREWELL, self.stream.write_all(&self.unsent)).await;
    }

    fn wake_at(&self) -> Option<Instant> {
        let connection = self.connection.poll_timeout().map(|at| self.start + at.since_start());
        [connection, self.held.deadline()].into_iter().flatten().min()
    }
}
