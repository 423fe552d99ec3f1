//! The side of the HSS: many connections, one owner.

use super::CxIdentity;
use super::driver::{Driver, Heard, Owner, Told};
use super::held::Held;
use cx_protocol::{Answer, CloseReason, CxFailure, MAX_OUTSTANDING, Request, Role, Token};
use std::collections::HashMap;
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

/// Connections at a time; another one is closed at once.
pub const MAX_CONNECTIONS: usize = 256;

/// Events that the owner is handed together, so that it can commit what they change together.
pub const MAX_BATCH: usize = 256;

/// Events that wait for the owner; above it connections are not read until it takes some.
const EVENTS: usize = 4 * MAX_BATCH;

/// Messages that wait for one connection: all answers it can be owed, and as many requests.
const TOLD: usize = 2 * MAX_OUTSTANDING;

/// What the owner is to look at.
#[derive(Debug)]
pub enum CxServerEvent {
    /// A peer has said hello as this host, in lower case; what it asks comes after it.
    Connected(Box<str>),
    /// A peer asks.
    Question(PeerQuestion),
    /// What became of a request of [`CxServer::request`]: exactly one for each that was taken.
    Answer(Token, Result<Box<Answer>, CxFailure>),
}

/// A request of a peer, to be answered.
#[derive(Debug)]
pub struct PeerQuestion {
    /// The host that the peer said hello as, in lower case.
    pub peer: Box<str>,
    /// What it asks.
    pub request: Box<Request>,
    hop_by_hop: u32,
    connection: mpsc::Sender<Told>,
}

impl PeerQuestion {
    /// Answers; if the connection has ended meanwhile, the peer will ask again.
    pub fn answer(self, answer: Answer) {
        // There is room for every answer that can be owed; what remains is a connection that has ended.
        let _ = self.connection.try_send(Told::Answer(self.hop_by_hop, Box::new(answer)));
    }
}

/// The connections of an HSS. Dropping it closes them all.
#[derive(Debug)]
pub struct CxServer {
    addresses: Vec<SocketAddr>,
    inner: mpsc::Receiver<Inner>,
    peers: HashMap<Box<str>, Peer>,
    drain: watch::Sender<bool>,
    acceptors: Vec<JoinHandle<()>>,
}

/// The latest connection of a host. At most [`MAX_CONNECTIONS`] an address listened on.
#[derive(Debug)]
struct Peer {
    number: u64,
    connection: mpsc::Sender<Told>,
}

/// What the connections tell the server.
#[derive(Debug)]
enum Inner {
    Established(Box<str>, Peer),
    Event(CxServerEvent),
    Ended(Box<str>, u64),
}

impl CxServer {
    /// Listens on every address.
    ///
    /// # Errors
    /// When the system refuses one of them.
    pub async fn bind(identity: CxIdentity, listen: &[SocketAddr]) -> std::io::Result<Self> {
        let (events, inner) = mpsc::channel(EVENTS);
        let (drain, draining) = watch::channel(false);
        let mut server =
            Self { addresses: Vec::new(), inner, peers: HashMap::new(), drain, acceptors: Vec::new() };
        for (index, address) in (0..).zip(listen) {
            let refused = |error: std::io::Error| {
                std::io::Error::new(error.kind(), format!("a socket at {address} cannot be opened: {error}"))
            };
            let listener = TcpListener::bind(address).await.map_err(refused)?;
            server.addresses.push(listener.local_addr()?);
            let acceptor = Acceptor {
                identity: identity.clone(),
                events: events.clone(),
                draining: draining.clone(),
                // Numbers of different listeners never meet.
                next_number: index << 48,
                connections: JoinSet::new(),
            };
            server.acceptors.push(tokio::spawn(acceptor.run(listener)));
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Waits for events and takes all that are there, at most [`MAX_BATCH`], at least one; `None` when none can come
    /// any more, after [`CxServer::drain`]. Dropping the future loses none.
    pub async fn next_batch(&mut self) -> Option<Vec<CxServerEvent>> {
        loop {
            let mut inner = Vec::new();
            if self.inner.recv_many(&mut inner, MAX_BATCH).await == 0 {
                return None;
            }
            let batch: Vec<CxServerEvent> = inner.into_iter().filter_map(|inner| self.sort(inner)).collect();
            if !batch.is_empty() {
                return Some(batch);
            }
        }
    }

    /// Asks the peer that said hello as `host`; [`CxServerEvent::Answer`] comes later.
    ///
    /// # Errors
    /// `NotConnected` if there is none, `Overloaded` if it does not take what it is sent; no event comes then.
    pub fn request(&self, host: &str, token: Token, request: Request) -> Result<(), CxFailure> {
        let peer = self.peers.get(&*host.to_ascii_lowercase()).ok_or(CxFailure::NotConnected)?;
        peer.connection.try_send(Told::Request(token, Box::new(request))).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => CxFailure::Overloaded,
            mpsc::error::TrySendError::Closed(_) => CxFailure::NotConnected,
        })
    }

    /// The hosts that are connected.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        self.peers.keys().map(|host| &**host)
    }

    /// Accepts and reads no more. Every connection ends when what it asked is answered.
    pub fn drain(&self) {
        self.drain.send_replace(true);
    }

    fn sort(&mut self, inner: Inner) -> Option<CxServerEvent> {
        match inner {
            Inner::Event(event) => return Some(event),
            // A host that connects again has lost its earlier connection, whether or not we noticed.
            Inner::Established(host, peer) => {
                self.peers.insert(host.clone(), peer);
                return Some(CxServerEvent::Connected(host));
            }
            Inner::Ended(host, number) => {
                if self.peers.get(&host).is_some_and(|peer| peer.number == number) {
                    self.peers.remove(&host);
                }
            }
        }
        None
    }
}

impl Drop for CxServer {
    fn drop(&mut self) {
        self.acceptors.iter().for_each(JoinHandle::abort);
    }
}

/// Accepts on one address.
struct Acceptor {
    identity: CxIdentity,
    events: mpsc::Sender<Inner>,
    draining: watch::Receiver<bool>,
    next_number: u64,
    /// Dropped with the acceptor, which closes them.
    connections: JoinSet<()>,
}

impl Acceptor {
    async fn run(mut self, listener: TcpListener) {
        let mut drained = std::pin::pin!(drained(self.draining.clone()));
        loop {
            tokio::select! {
                () = &mut drained => break,
                _ = self.connections.join_next(), if !self.connections.is_empty() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) if self.connections.len() < MAX_CONNECTIONS => self.take(stream),
                    Ok((_, from)) => tracing::warn!(%from, "too many Cx connections, closed"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a Cx connection");
                        // Out of file descriptors, most likely; a connection that ends is the cure.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop(listener);
        while self.connections.join_next().await.is_some() {}
    }

    fn take(&mut self, stream: TcpStream) {
        self.next_number += 1;
        let (tell, told) = mpsc::channel(TOLD);
        let remote = Remote { number: self.next_number, host: None, tell, told, events: self.events.clone() };
        self.connections.spawn(remote.serve(stream, self.identity.clone(), self.draining.clone()));
    }
}

/// One connection's side of the owner.
struct Remote {
    number: u64,
    /// Known from hello on.
    host: Option<Box<str>>,
    tell: mpsc::Sender<Told>,
    told: mpsc::Receiver<Told>,
    events: mpsc::Sender<Inner>,
}

impl Remote {
    async fn serve(mut self, stream: TcpStream, identity: CxIdentity, draining: watch::Receiver<bool>) {
        let Ok(from) = stream.peer_addr() else { return };
        let Some(local) = identity.on_connection(Role::Acceptor) else { return };
        let ours = identity.secret_in;
        // Stays empty: the owner knows a peer only after hello.
        let mut held = Held::default();
        let reason = Driver::new(stream, local, &mut self, &mut held).run(drained(draining)).await;
        let host = self.host.take().unwrap_or_default();
        if reason == CloseReason::BadProof {
            tracing::error!(
                %from,
                "a node with another secret: compare {ours} with secret of [node.cx] in the node's configuration"
            );
        } else {
            tracing::info!(%from, %host, %reason, "Cx connection ended");
        }
        // The owner may be gone already.
        let _ = self.events.send(Inner::Ended(host, self.number)).await;
    }

    async fn send(&self, inner: Inner) {
        // An owner that is gone takes this task with it.
        let _ = self.events.send(inner).await;
    }
}

impl Owner for Remote {
    async fn told(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    async fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Established(host, realm) => {
                tracing::info!(%host, %realm, "Cx peer connected");
                self.host = Some(host.clone());
                let peer = Peer { number: self.number, connection: self.tell.clone() };
                self.send(Inner::Established(host, peer)).await;
            }
            Heard::Request(hop_by_hop, request) => {
                let peer = self.host.clone().unwrap_or_default();
                let connection = self.tell.clone();
                let question = PeerQuestion { peer, request, hop_by_hop, connection };
                self.send(Inner::Event(CxServerEvent::Question(question))).await;
            }
            Heard::Answer(token, result) => {
                self.send(Inner::Event(CxServerEvent::Answer(token, result))).await;
            }
        }
    }
}

/// Waits until the server drains; for ever if it is gone, because that takes its tasks with it.
async fn drained(mut draining: watch::Receiver<bool>) {
    if draining.wait_for(|drain| *drain).await.is_err() {
        pending().await
    }
}
