//! One side of one connection.

use crate::command::{BareResult, from_body, to_body};
use crate::frame::VERSION;
use crate::hello::{Hello, Proof, prove, verify};
use crate::outstanding::{MAX_OUTSTANDING, Outstanding, Pending};
use crate::{
    Answer, CloseReason, Command, CxFailure, Frame, FrameDecoder, FrameKind, Input, LocalPeer, Output,
    ProtocolError, Request, ResultCode, Role, Token,
};
use bytes::Bytes;
use clock::Mono;
use std::collections::{HashSet, VecDeque};
use std::time::Duration;

/// How long the peer has for its hello and its proof.
pub const HELLO_DEADLINE: Duration = Duration::from_secs(5);
/// Silence after which the peer is asked whether it is there (RFC 3539 §3.4.1).
pub const WATCHDOG_IDLE: Duration = Duration::from_secs(10);
/// How long it then has to say anything at all.
pub const WATCHDOG_ANSWER: Duration = Duration::from_secs(5);

/// One side of one TCP connection, from its hello to its end.
#[derive(Debug)]
pub struct Connection {
    local: LocalPeer,
    decoder: FrameDecoder,
    state: State,
    outstanding: Outstanding,
    /// Hop-by-hop identifiers of the peer's requests that the caller has not answered, at most [`MAX_OUTSTANDING`].
    asked: HashSet<u32>,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    /// Hello sent; the peer's, and then its proof, awaited.
    Greeting {
        give_up: Mono,
        peer: Option<PeerHello>,
    },
    /// Proved, and heard of recently.
    Open {
        ask: Mono,
    },
    /// Proved, but silent: asked whether it is there.
    Suspect {
        give_up: Mono,
    },
    Closed,
}

/// The hello of the peer.
#[derive(Debug)]
struct PeerHello {
    hello: Hello,
    /// The hop-by-hop identifier that our proof answers it by.
    hop_by_hop: u32,
}

impl Connection {
    /// A connection whose stream is there; its hello is the first output.
    #[must_use]
    pub fn new(now: Mono, local: LocalPeer) -> Self {
        let mut connection = Self {
            state: State::Greeting { give_up: now + HELLO_DEADLINE, peer: None },
            decoder: FrameDecoder::new(),
            outstanding: Outstanding::default(),
            asked: HashSet::new(),
            outputs: VecDeque::new(),
            local,
        };
        let hello = to_body(&Hello::of(&connection.local, VERSION));
        let hop = connection.outstanding.fresh_hop();
        // The hello's names are bounded by configuration, so it always fits.
        let _ = connection.send(FrameKind::Request, Command::Hello.code(), hop, hello);
        connection
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Mono, input: Input<'_>) {
        match input {
            Input::Received(octets) => self.on_octets(now, octets),
            Input::Request { token, request } => self.on_ask(now, token, &request),
            Input::Answer { hop_by_hop, answer } => self.on_reply(hop_by_hop, &answer),
            Input::Deadline => self.on_deadline(now),
            Input::Closed => self.close(CloseReason::Closed),
        }
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to give [`Input::Deadline`] if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        let state_deadline = match &self.state {
            State::Greeting { give_up, .. } | State::Suspect { give_up } => *give_up,
            State::Open { ask } => *ask,
            State::Closed => return None,
        };
        Some(self.outstanding.next_deadline().map_or(state_deadline, |earliest| earliest.min(state_deadline)))
    }

    /// How many requests of the peer have been given out and not been answered.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.asked.len()
    }

    fn on_ask(&mut self, now: Mono, token: Token, request: &Request) {
        if let Err(failure) = self.try_ask(now, token, request) {
            self.outputs.push_back(Output::Answer { token, result: Err(failure) });
        }
    }

    fn try_ask(&mut self, now: Mono, token: Token, request: &Request) -> Result<(), CxFailure> {
        match self.state {
            State::Open { .. } | State::Suspect { .. } => {}
            State::Greeting { .. } | State::Closed => return Err(CxFailure::NotConnected),
        }
        let command = request.command();
        let hop = self.outstanding.enter(now, Pending { token, command })?;
        self.send(FrameKind::Request, command.code(), hop, request.encode()).map_err(|error| {
            self.outstanding.take(hop);
            CxFailure::Protocol(error)
        })
    }

    fn on_reply(&mut self, hop: u32, answer: &Answer) {
        if !self.asked.remove(&hop) {
            return;
        }
        let command = answer.command().code();
        if self.send(FrameKind::Answer, command, hop, answer.encode()).is_err() {
            self.send_error(command, hop, ResultCode::UnableToComply);
        }
    }

    fn on_deadline(&mut self, now: Mono) {
        while let Some(Pending { token, .. }) = self.outstanding.take_due(now) {
            self.outputs.push_back(Output::Answer { token, result: Err(CxFailure::Timeout) });
        }
        match self.state {
            State::Greeting { give_up, .. } if give_up <= now => self.close(CloseReason::HelloTimeout),
            State::Suspect { give_up } if give_up <= now => self.close(CloseReason::WatchdogTimeout),
            State::Open { ask } if ask <= now => {
                let hop = self.outstanding.fresh_hop();
                // An empty map always fits.
                let _ = self.send(FrameKind::Request, Command::Watchdog.code(), hop, Ok(EMPTY_MAP));
                self.state = State::Suspect { give_up: now + WATCHDOG_ANSWER };
            }
            State::Greeting { .. } | State::Suspect { .. } | State::Open { .. } | State::Closed => {}
        }
    }

    fn on_octets(&mut self, now: Mono, octets: &[u8]) {
        self.decoder.push(octets);
        while !matches!(self.state, State::Closed) {
            match self.decoder.next_frame() {
                Ok(Some(frame)) => self.on_frame(now, &frame),
                Ok(None) => return,
                Err(error) => self.close(CloseReason::Frame(error)),
            }
        }
    }

    fn on_frame(&mut self, now: Mono, frame: &Frame) {
        if frame.version != VERSION {
            if frame.kind == FrameKind::Request {
                self.send_error(frame.command, frame.hop_by_hop, ResultCode::UnsupportedVersion);
            }
            return self.close(CloseReason::Version(frame.version));
        }
        let command = Command::from_code(frame.command);
        match (&self.state, command) {
            (State::Closed, _) => {}
            (State::Greeting { .. }, Some(Command::Hello)) => self.on_hello(now, frame),
            // Nothing but hello before the proof, and no hello after it.
            (State::Greeting { .. }, _)
            | (State::Open { .. } | State::Suspect { .. }, Some(Command::Hello)) => {
                self.close(CloseReason::Unexpected);
            }
            (State::Open { .. } | State::Suspect { .. }, command) => {
                self.state = State::Open { ask: now + WATCHDOG_IDLE };
                match frame.kind {
                    FrameKind::Request => self.on_peer_request(command, frame),
                    FrameKind::Answer | FrameKind::Error => self.on_peer_answer(frame),
                }
            }
        }
    }

    fn on_hello(&mut self, now: Mono, frame: &Frame) {
        let State::Greeting { peer, .. } = &mut self.state else { return };
        match (frame.kind, peer.take()) {
            (FrameKind::Request, None) => {
                let Ok(hello) = from_body::<Hello>(&frame.body) else {
                    return self.close(CloseReason::BadHello);
                };
                if hello.version != VERSION {
                    self.send_error(frame.command, frame.hop_by_hop, ResultCode::UnsupportedVersion);
                    return self.close(CloseReason::Version(hello.version));
                }
                if !hello.is_plausible() {
                    return self.close(CloseReason::BadHello);
                }
                *peer = Some(PeerHello { hello: hello.clone(), hop_by_hop: frame.hop_by_hop });
                if self.local.role == Role::Initiator {
                    self.prove(&hello, frame.hop_by_hop);
                }
            }
            (FrameKind::Answer, Some(peer)) => self.on_proof(now, &peer, frame),
            (FrameKind::Error, _) => self.close(match from_body::<BareResult>(&frame.body) {
                Ok(BareResult { result }) => CloseReason::HelloRefused(result),
                Err(_) => CloseReason::BadHello,
            }),
            // A second hello, or a proof of we do not know whom.
            (FrameKind::Request, Some(_)) | (FrameKind::Answer, None) => self.close(CloseReason::Unexpected),
        }
    }

    /// The side that opened the connection proves first, so that a stranger who connects gets nothing to guess the secret by.
    fn on_proof(&mut self, now: Mono, peer: &PeerHello, frame: &Frame) {
        let PeerHello { hello, hop_by_hop } = peer;
        match from_body::<Proof>(&frame.body) {
            Ok(proof) if verify(&self.local, hello, &proof) => {
                if self.local.role == Role::Acceptor {
                    self.prove(hello, *hop_by_hop);
                }
                self.state = State::Open { ask: now + WATCHDOG_IDLE };
                let host = hello.host.to_ascii_lowercase().into();
                let realm = hello.realm.to_ascii_lowercase().into();
                self.outputs.push_back(Output::Established { host, realm });
            }
            Ok(_) => {
                if self.local.role == Role::Acceptor {
                    // A node with another secret is to know why it is let go.
                    self.send_error(Command::Hello.code(), *hop_by_hop, ResultCode::UnableToComply);
                }
                self.close(CloseReason::BadProof);
            }
            Err(_) => self.close(CloseReason::BadHello),
        }
    }

    fn prove(&mut self, hello: &Hello, hop: u32) {
        let proof = to_body(&prove(&self.local, hello));
        // A proof has a fixed size, so it always fits.
        let _ = self.send(FrameKind::Answer, Command::Hello.code(), hop, proof);
    }

    fn on_peer_request(&mut self, command: Option<Command>, frame: &Frame) {
        let hop = frame.hop_by_hop;
        let refused = match command {
            None | Some(Command::Hello) => ResultCode::CommandUnsupported,
            Some(Command::Watchdog) => {
                let alive = to_body(&BareResult { result: ResultCode::Success });
                // A result always fits.
                let _ = self.send(FrameKind::Answer, frame.command, hop, alive);
                return;
            }
            // Two open requests of one identifier: their answers could not be told apart.
            Some(_) if self.asked.contains(&hop) => return self.close(CloseReason::Unexpected),
            Some(_) if self.asked.len() >= MAX_OUTSTANDING => ResultCode::TooBusy,
            Some(command) => match Request::decode(command, &frame.body) {
                Ok(request) => {
                    self.asked.insert(hop);
                    let request = Box::new(request);
                    return self.outputs.push_back(Output::Request { hop_by_hop: hop, request });
                }
                Err(_) => ResultCode::UnableToComply,
            },
        };
        self.send_error(frame.command, hop, refused);
    }

    fn on_peer_answer(&mut self, frame: &Frame) {
        // No such request: a watchdog's answer, or one that came after its deadline.
        let Some(Pending { token, command }) = self.outstanding.take(frame.hop_by_hop) else { return };
        let result = if frame.command != command.code() {
            Err(CxFailure::Protocol(ProtocolError::WrongCommand))
        } else if frame.kind == FrameKind::Error {
            Err(match from_body::<BareResult>(&frame.body) {
                Ok(BareResult { result: ResultCode::TooBusy }) => CxFailure::Overloaded,
                Ok(BareResult { result }) => CxFailure::Protocol(ProtocolError::Refused(result)),
                Err(error) => CxFailure::Protocol(error),
            })
        } else {
            Answer::decode(command, &frame.body).map(Box::new).map_err(CxFailure::Protocol)
        };
        self.outputs.push_back(Output::Answer { token, result });
    }

    fn close(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Closed) {
            return;
        }
        self.state = State::Closed;
        self.asked.clear();
        while let Some(Pending { token, .. }) = self.outstanding.take_any() {
            self.outputs.push_back(Output::Answer { token, result: Err(CxFailure::ConnectionLost) });
        }
        self.outputs.push_back(Output::Close(reason));
    }

    fn send_error(&mut self, command: u16, hop: u32, result: ResultCode) {
        // A result always fits.
        let _ = self.send(FrameKind::Error, command, hop, to_body(&BareResult { result }));
    }

    fn send(
        &mut self,
        kind: FrameKind,
        command: u16,
        hop_by_hop: u32,
        body: Result<Bytes, ProtocolError>,
    ) -> Result<(), ProtocolError> {
        let frame = Frame { version: VERSION, kind, command, hop_by_hop, body: body? };
        let octets = frame.encode().map_err(|_| ProtocolError::TooLong)?;
        self.outputs.push_back(Output::Write(octets));
        Ok(())
    }
}

/// CBOR's empty map.
const EMPTY_MAP: Bytes = Bytes::from_static(&[0xA0]);
