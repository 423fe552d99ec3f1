//! The side of a CSCF: one connection to the HSS, made again whenever it is lost.

use super::CxIdentity;
use super::driver::{Driver, Heard, Owner, Told};
use super::held::Held;
use crate::recording::Recorder;
use cx_protocol::{
    Answer, Backoff, CloseReason, CxFailure, MAX_OUTSTANDING, Request, ResultCode, Role, Token,
};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long one address may take to accept a connection; then the next is tried.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Events that wait for the node; above it the connection is not read until the node takes some.
const EVENTS: usize = 1024;

/// Where the HSS is.
pub trait CxResolver: Send + 'static {
    /// The addresses to try, in order (SRV `_cx._tcp` of the home domain); empty if there are none at the moment.
    fn addresses(&mut self) -> impl Future<Output = Vec<SocketAddr>> + Send;
}

/// How the client connects.
#[derive(Debug, Clone)]
pub struct CxClientConfig {
    /// Who it says it is.
    pub identity: CxIdentity,
    /// The local address that connections leave from; `None` lets the system choose.
    pub local_address: Option<IpAddr>,
    /// Where what is read and written is recorded.
    pub recorder: Option<Recorder>,
}

/// What happens on the client's side.
#[derive(Debug)]
pub enum CxEvent {
    /// A connection is established, with this host of this realm.
    Connected(Box<str>, Box<str>),
    /// The connection ended; requests outstanding on it have failed before this.
    Disconnected(CloseReason),
    /// What became of a request: exactly one for each that [`CxSender::request`] took.
    Answer(Token, Result<Box<Answer>, CxFailure>),
    /// The HSS asks.
    Question(CxQuestion, Box<Request>),
}

/// Which request of the HSS an answer is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CxQuestion {
    connection: u64,
    hop_by_hop: u32,
}

/// Asks and answers. When every clone is dropped, the client ends.
#[derive(Debug, Clone)]
pub struct CxSender(mpsc::Sender<Order>);

#[derive(Debug)]
enum Order {
    Request(Token, Box<Request>),
    Answer(CxQuestion, Box<Answer>),
}

impl CxSender {
    /// Asks the HSS; [`CxEvent::Answer`] comes later. Without a connection it fails at once as not connected, but
    /// waits [`CONNECT_PATIENCE`](super::CONNECT_PATIENCE) for one in progress.
    ///
    /// # Errors
    /// [`CxFailure::Overloaded`] if too many wait already; no event comes then.
    pub fn request(&self, token: Token, request: Request) -> Result<(), CxFailure> {
        self.0.try_send(Order::Request(token, Box::new(request))).map_err(|_| CxFailure::Overloaded)
    }

    /// Answers the HSS. An answer to a connection that has ended is dropped: the HSS will ask again.
    ///
    /// # Errors
    /// [`CxFailure::Overloaded`] if too many wait already.
    pub fn answer(&self, question: CxQuestion, answer: Answer) -> Result<(), CxFailure> {
        self.0.try_send(Order::Answer(question, Box::new(answer))).map_err(|_| CxFailure::Overloaded)
    }
}

/// Starts a client on this runtime.
#[must_use]
pub fn start(config: CxClientConfig, resolver: impl CxResolver) -> (CxSender, mpsc::Receiver<CxEvent>) {
    let (orders, received) = mpsc::channel(MAX_OUTSTANDING);
    let (events, sent) = mpsc::channel(EVENTS);
    let client = Client { config, orders: received, events, held: Held::default(), connection: 0 };
    tokio::spawn(client.run(resolver));
    (CxSender(orders), sent)
}

struct Client {
    config: CxClientConfig,
    orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<CxEvent>,
    held: Held,
    /// Number of the present connection, so that a late answer does not go to another one.
    connection: u64,
}

/// The node has dropped its sender or its receiver.
struct Orphaned;

impl Client {
    async fn run(mut self, mut resolver: impl CxResolver) {
        // Ends by `Orphaned` only.
        let _ = self.keep_connected(&mut resolver).await;
    }

    async fn keep_connected(&mut self, resolver: &mut impl CxResolver) -> Result<(), Orphaned> {
        let mut backoff = Backoff::new();
        loop {
            if let Some(stream) = self.connect(resolver).await?
                && self.serve(stream).await?
            {
                backoff.reset();
            }
            let mut jitter = [0; 2];
            // Without random octets clients come back together, and no worse.
            let _ = getrandom::fill(&mut jitter);
            self.be_disconnected(backoff.after_failure(u16::from_le_bytes(jitter))).await?;
        }
    }

    /// Tries every address; requests are held meanwhile, each for its patience.
    async fn connect(&mut self, resolver: &mut impl CxResolver) -> Result<Option<TcpStream>, Orphaned> {
        let local = self.config.local_address;
        let mut attempt = std::pin::pin!(try_addresses(resolver, local));
        loop {
            let due = self.held.deadline();
            tokio::select! {
                stream = &mut attempt => return Ok(stream),
                order = self.orders.recv() => {
                    if let Order::Request(token, request) = order.ok_or(Orphaned)?
                        && let Err(failure) = self.held.push(token, request)
                    {
                        self.fail(token, failure).await?;
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    while let Some(token) = self.held.pop_due(Instant::now()) {
                        self.fail(token, CxFailure::NotConnected).await?;
                    }
                }
            }
        }
    }

    /// Uses a stream to its end; whether hello was done on it.
    async fn serve(&mut self, stream: TcpStream) -> Result<bool, Orphaned> {
        let Some(local) = self.config.identity.on_connection(Role::Initiator) else { return Ok(false) };
        self.connection += 1;
        let mut owner = Node {
            orders: &mut self.orders,
            events: &self.events,
            connection: self.connection,
            established: false,
        };
        let driver = Driver::new(stream, local, &mut owner, &mut self.held);
        let reason = driver.recorded(self.config.recorder.as_ref()).run(std::future::pending()).await;
        let established = owner.established;
        let other_secret =
            [CloseReason::BadProof, CloseReason::HelloRefused(ResultCode::UnableToComply)].contains(&reason);
        if other_secret {
            let ours = &self.config.identity.secret_in;
            tracing::error!(
                "the HSS has another secret: compare {ours} with cx_secret in the HSS's configuration"
            );
        } else {
            tracing::warn!(%reason, "no connection to the HSS");
        }
        self.events.send(CxEvent::Disconnected(reason)).await.map_err(|_| Orphaned)?;
        Ok(established)
    }

    /// Waits before the next attempt; there is nothing to wait for, so requests fail at once.
    async fn be_disconnected(&mut self, wait: Duration) -> Result<(), Orphaned> {
        while let Some((token, _)) = self.held.pop() {
            self.fail(token, CxFailure::NotConnected).await?;
        }
        let mut waited = std::pin::pin!(sleep(wait));
        loop {
            tokio::select! {
                () = &mut waited => return Ok(()),
                order = self.orders.recv() => {
                    if let Order::Request(token, _) = order.ok_or(Orphaned)? {
                        self.fail(token, CxFailure::NotConnected).await?;
                    }
                }
            }
        }
    }

    async fn fail(&self, token: Token, failure: CxFailure) -> Result<(), Orphaned> {
        self.events.send(CxEvent::Answer(token, Err(failure))).await.map_err(|_| Orphaned)
    }
}

/// The node, as its connection sees it.
struct Node<'a> {
    orders: &'a mut mpsc::Receiver<Order>,
    events: &'a mpsc::Sender<CxEvent>,
    connection: u64,
    established: bool,
}

impl Owner for Node<'_> {
    async fn told(&mut self) -> Option<Told> {
        loop {
            match self.orders.recv().await? {
                Order::Request(token, request) => return Some(Told::Request(token, request)),
                Order::Answer(question, answer) if question.connection == self.connection => {
                    return Some(Told::Answer(question.hop_by_hop, answer));
                }
                Order::Answer(..) => {}
            }
        }
    }

    async fn hear(&mut self, heard: Heard) {
        let event = match heard {
            Heard::Established(host, realm) => {
                self.established = true;
                tracing::info!(%host, %realm, "connected to the HSS");
                CxEvent::Connected(host, realm)
            }
            Heard::Request(hop_by_hop, request) => {
                CxEvent::Question(CxQuestion { connection: self.connection, hop_by_hop }, request)
            }
            Heard::Answer(token, result) => CxEvent::Answer(token, result),
        };
        // A node that no longer listens has dropped its sender too, or is about to: that ends the client.
        let _ = self.events.send(event).await;
    }
}

async fn try_addresses(resolver: &mut impl CxResolver, local: Option<IpAddr>) -> Option<TcpStream> {
    let addresses = resolver.addresses().await;
    if addresses.is_empty() {
        tracing::warn!("no address of the HSS is known");
    }
    for address in addresses {
        match timeout(CONNECT_DEADLINE, connect(address, local)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::warn!(%address, %error, "the HSS cannot be reached"),
            Err(_) => tracing::warn!(%address, "the HSS does not accept the connection"),
        }
    }
    None
}

async fn connect(address: SocketAddr, local: Option<IpAddr>) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(local) = local {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.connect(address).await
}
