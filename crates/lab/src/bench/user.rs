//! A user of the measured network: one socket, one request at a time.

use super::network::{self, DOMAIN};
use super::operation::UserState;
use bytes::Bytes;
use sip_message::{Draft, HeaderName, Message, Method, Response, StatusCode, Uri};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

/// First time after which a request is sent again; it doubles (RFC 3261 section 17.1.2.1).
const T1: Duration = Duration::from_millis(500);
/// Longest time between two repeats.
const T2: Duration = Duration::from_secs(4);
/// How long an answer may take, and the NOTIFY that belongs to it.
const PATIENCE: Duration = Duration::from_secs(16);
/// Longer than any message here.
const MAX_DATAGRAM: usize = 8 * 1024;

/// Where the users' requests go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the presence server, in the place of an S-CSCF: each says itself who it is.
    Alone,
    /// To the P-CSCF, and so through all nodes.
    Chain,
}

/// The node to which users send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstHop {
    pub(crate) way: Way,
    pub(crate) address: SocketAddr,
}

/// Why a request did not go well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// Another answer than a 2xx.
    Status(u16),
    /// No answer within [`PATIENCE`].
    NoAnswer,
    /// No NOTIFY within it.
    NoNotify,
    /// The answer lacks what it must have.
    Incomplete,
    /// There is nothing to change or take back: what went before it has failed.
    NothingThere,
    /// The socket fails.
    Socket(io::ErrorKind),
}

/// What a request was answered with.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Message,
    /// Times that the request was sent again.
    pub(crate) repeats: u64,
}

/// What an answer is made up of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Response,
    /// The NOTIFY that a SUBSCRIBE causes, too, in either order.
    Notify,
}

/// Somebody with an account, and what it has at the network.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    /// `sip:u00001@home1.test`.
    pub(crate) impu: String,
    /// The user whom it watches.
    pub(crate) watched: String,
    pub(crate) way: Way,
    pub(crate) state: UserState,
    socket: UdpSocket,
    local: SocketAddr,
    /// Grows with every request, so that everything counted by it is new.
    sequence: u32,
}

impl User {
    /// The user of this number out of `users`, at its own port of `host`.
    pub(crate) async fn new(number: u16, users: u16, host: Ipv4Addr, hop: FirstHop) -> io::Result<Self> {
        let socket = UdpSocket::bind((host, network::port(number))).await?;
        socket.connect(hop.address).await?;
        let impu = |number| format!("sip:{}@{DOMAIN}", network::name(number));
        Ok(Self {
            name: network::name(number),
            impu: impu(number),
            watched: impu(network::watched(number, users)),
            way: hop.way,
            state: UserState::default(),
            local: socket.local_addr()?,
            socket,
            sequence: 0,
        })
    }

    /// It speaks for this user from now on.
    pub(crate) fn becomes(&mut self, name: &str, watched: &str) {
        self.name = name.to_owned();
        self.impu = format!("sip:{name}@{DOMAIN}");
        self.watched = format!("sip:{watched}@{DOMAIN}");
    }

    /// The next message that comes to its socket, answered if it is a request.
    pub(crate) async fn hear(&self) -> Result<Message, Failure> {
        let heard = self.receive().await?;
        if heard.status().is_none() {
            self.send(&Response::to(&heard, StatusCode::OK, &self.name).to_bytes()).await?;
        }
        Ok(heard)
    }

    /// Its Contact value.
    pub(crate) fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.name, self.local)
    }

    /// A name for something that it begins now.
    pub(crate) fn fresh(&self) -> String {
        format!("{}-{}-{}", self.name, self.local.port(), self.sequence)
    }

    /// The beginning of a request of its own, to somebody; From, To, Call-ID and CSeq are there.
    pub(crate) fn draft(
        &mut self,
        method: Method,
        request_uri: &str,
        to: impl fmt::Display,
        call_id: &str,
    ) -> Result<Draft, Failure> {
        self.sequence += 1;
        let cseq = format!("{} {}", self.sequence, method.as_str());
        let request_uri = Uri::parse(request_uri).map_err(|_| Failure::Incomplete)?;
        let mut draft = Draft::new(method, request_uri)
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, format_args!("<{}>;tag={}", self.impu, self.name))
            .header(HeaderName::To, to)
            .header(HeaderName::CallId, call_id)
            .header(HeaderName::CSeq, cseq);
        if self.way == Way::Alone {
            draft = draft.header(HeaderName::PAssertedIdentity, format_args!("<{}>", self.impu));
        }
        Ok(draft)
    }

    /// Sends a request until it has its final answer, and the NOTIFY if one is expected; answers every NOTIFY.
    pub(crate) async fn ask(&self, draft: Draft, expect: Expect) -> Result<Answer, Failure> {
        let branch = format!("z9hG4bK{}", self.fresh());
        let call_id = draft.values(HeaderName::CallId).next().unwrap_or_default().to_owned();
        let request = draft.into_bytes(&format!("SIP/2.0/UDP {};branch={branch};rport", self.local));
        let begun = Instant::now();
        let (mut repeats, mut interval, mut next) = (0, T1, begun + T1);
        let (mut response, mut notified) = (None, expect == Expect::Response);
        self.send(&request).await?;
        loop {
            let heard = match timeout_at(next, self.receive()).await {
                Ok(heard) => heard?,
                Err(_) if begun.elapsed() >= PATIENCE => {
                    return Err(if response.is_some() { Failure::NoNotify } else { Failure::NoAnswer });
                }
                Err(_) => {
                    interval = (interval * 2).min(T2);
                    next += interval;
                    if response.is_none() {
                        repeats += 1;
                        self.send(&request).await?;
                    }
                    continue;
                }
            };
            match heard.status() {
                Some(status) if heard.branch() == Some(&branch) && !status.is_provisional() => {
                    response = Some(heard);
                }
                Some(_) => {}
                None => {
                    self.send(&Response::to(&heard, StatusCode::OK, &self.name).to_bytes()).await?;
                    notified |= heard.call_id() == call_id;
                }
            }
            let refused = response
                .as_ref()
                .and_then(|response| response.status())
                .is_some_and(|status| !status.is_success());
            if let Some(response) = response.take_if(|_| notified || refused) {
                return Ok(Answer { response, repeats });
            }
        }
    }

    async fn send(&self, bytes: &Bytes) -> Result<(), Failure> {
        self.socket.send(bytes).await.map(drop).map_err(|error| Failure::Socket(error.kind()))
    }

    /// The next message; what is none is passed over.
    async fn receive(&self) -> Result<Message, Failure> {
        let mut buffer = Vec::with_capacity(MAX_DATAGRAM);
        loop {
            buffer.clear();
            let received = self.socket.recv_buf(&mut buffer).await;
            received.map_err(|error| Failure::Socket(error.kind()))?;
            if let Ok(message) = Message::parse(Bytes::copy_from_slice(&buffer)) {
                return Ok(message);
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(code) => write!(f, "answered {code}"),
            Self::NoAnswer => f.write_str("not answered"),
            Self::NoNotify => f.write_str("without NOTIFY"),
            Self::Incomplete => f.write_str("answered without what is needed"),
            Self::NothingThere => f.write_str("with nothing to go on from"),
            Self::Socket(kind) => write!(f, "not sent: {kind}"),
        }
    }
}
