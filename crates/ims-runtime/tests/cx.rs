//! Cx over real sockets: client and server, losses and reconnection. Every step waits for its event.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

use cx_protocol::{
    Answer, CloseReason, CxFailure, Impi, Impu, Leg, Lir, LirType, Request, ResultCode, Rtr, RtrReason,
    Secret, Token,
};
use ims_runtime::cx::{
    self, CxClientConfig, CxEvent, CxIdentity, CxResolver, CxSender, CxServer, CxServerEvent, PeerQuestion,
};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

/// Longer than any wait of the protocol; only a failing test takes it.
const TOO_LONG: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(TOO_LONG, future).await.unwrap()
}

fn identity(host: &str, secret: &str) -> CxIdentity {
    let secret = Secret::new(secret.as_bytes()).unwrap();
    CxIdentity { host: host.into(), realm: "home1.test".into(), secret, secret_in: "this test".into() }
}

async fn server() -> CxServer {
    server_at("127.0.0.1:0".parse().unwrap()).await
}

async fn server_at(address: SocketAddr) -> CxServer {
    CxServer::bind(identity("hss1.home1.test", "secret"), &[address]).await.unwrap()
}

/// Gives what the test put there.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<Vec<SocketAddr>>>);

impl Addresses {
    fn of(server: &CxServer) -> Self {
        Self(Arc::new(Mutex::new(server.addresses().to_vec())))
    }
}

impl CxResolver for Addresses {
    async fn addresses(&mut self) -> Vec<SocketAddr> {
        self.0.lock().unwrap().clone()
    }
}

fn client(secret: &str, addresses: Addresses) -> (CxSender, Receiver<CxEvent>) {
    let identity = identity("scscf1a.home1.test", secret);
    let local_address = Some("127.0.0.1".parse().unwrap());
    cx::start(CxClientConfig { identity, local_address, recorder: None }, addresses)
}

fn lir() -> Request {
    let impu = Impu::new("sip:alice@home1.test").unwrap();
    Request::Lir(Lir { impu, leg: Leg::Terminating, kind: LirType::Location })
}

async fn connected(events: &mut Receiver<CxEvent>) {
    loop {
        match soon(events.recv()).await.unwrap() {
            CxEvent::Connected(host, _) => return assert_eq!(&*host, "hss1.home1.test"),
            CxEvent::Disconnected(_) => {}
            event @ (CxEvent::Answer(..) | CxEvent::Question(..)) => panic!("{event:?}"),
        }
    }
}

async fn answered(events: &mut Receiver<CxEvent>) -> (Token, Result<Answer, CxFailure>) {
    loop {
        match soon(events.recv()).await.unwrap() {
            CxEvent::Answer(token, result) => return (token, result.map(|answer| *answer)),
            CxEvent::Connected(..) | CxEvent::Disconnected(_) => {}
            event @ CxEvent::Question(..) => panic!("{event:?}"),
        }
    }
}

async fn questions(server: &mut CxServer, count: usize) -> Vec<PeerQuestion> {
    let mut questions = Vec::new();
    while questions.len() < count {
        for event in soon(server.next_batch()).await.unwrap() {
            match event {
                CxServerEvent::Question(question) => questions.push(question),
                CxServerEvent::Connected(_) => {}
                event @ CxServerEvent::Answer(..) => panic!("{event:?}"),
            }
        }
    }
    questions
}

fn ok(question: &PeerQuestion) -> Answer {
    question.request.answer(ResultCode::Success)
}

#[tokio::test]
async fn a_request_made_while_connecting_is_held_and_answered() {
    let mut server = server().await;
    let (sender, mut events) = client("secret", Addresses::of(&server));
    sender.request(Token(1), lir()).unwrap();
    let question = questions(&mut server, 1).await.remove(0);
    assert_eq!((&*question.peer, &*question.request), ("scscf1a.home1.test", &lir()));
    let answer = ok(&question);
    question.answer(answer.clone());
    assert_eq!(answered(&mut events).await, (Token(1), Ok(answer)));
}

#[tokio::test]
async fn rtr_finds_its_connection_by_the_hello_host() {
    let mut server = server().await;
    let (sender, mut events) = client("secret", Addresses::of(&server));
    connected(&mut events).await;
    let rtr = Request::Rtr(Rtr {
        impi: Impi::new("alice").unwrap(),
        impus: Vec::new(),
        reason: RtrReason::ServerChange,
        reason_info: None,
    });
    assert_eq!(server.request("scscf1b.home1.test", Token(7), rtr.clone()), Err(CxFailure::NotConnected));
    sender.request(Token(1), lir()).unwrap();
    questions(&mut server, 1).await;
    assert_eq!(server.hosts().collect::<Vec<_>>(), ["scscf1a.home1.test"]);
    server.request("SCSCF1a.home1.test", Token(8), rtr.clone()).unwrap();

    let (question, request) = match soon(events.recv()).await.unwrap() {
        CxEvent::Question(question, request) => (question, *request),
        event @ (CxEvent::Answer(..) | CxEvent::Connected(..) | CxEvent::Disconnected(_)) => {
            panic!("{event:?}")
        }
    };
    assert_eq!(request, rtr);
    let answer = rtr.answer(ResultCode::Success);
    sender.answer(question, answer.clone()).unwrap();
    let batch = soon(server.next_batch()).await.unwrap();
    let [CxServerEvent::Answer(Token(8), Ok(told))] = &batch[..] else { panic!("{batch:?}") };
    assert_eq!(**told, answer);
}

#[tokio::test]
async fn the_server_hears_that_a_peer_is_there_before_what_it_asks() {
    let mut server = server().await;
    let (sender, _events) = client("secret", Addresses::of(&server));
    sender.request(Token(1), lir()).unwrap();
    let mut heard = Vec::new();
    while heard.len() < 2 {
        heard.extend(soon(server.next_batch()).await.unwrap());
    }
    let [CxServerEvent::Connected(host), CxServerEvent::Question(_)] = &heard[..] else {
        panic!("{heard:?}")
    };
    assert_eq!(&**host, "scscf1a.home1.test");
}

#[tokio::test]
async fn a_server_that_dies_fails_what_is_outstanding_at_once_and_is_found_again() {
    let mut first = server().await;
    let addresses = Addresses::of(&first);
    let (sender, mut events) = client("secret", addresses.clone());
    connected(&mut events).await;
    sender.request(Token(1), lir()).unwrap();
    sender.request(Token(2), lir()).unwrap();
    let asked = questions(&mut first, 2).await;
    let address = first.addresses()[0];
    drop(first);
    assert_eq!(answered(&mut events).await, (Token(1), Err(CxFailure::ConnectionLost)));
    assert_eq!(answered(&mut events).await, (Token(2), Err(CxFailure::ConnectionLost)));
    assert!(matches!(soon(events.recv()).await, Some(CxEvent::Disconnected(CloseReason::Closed))));
    drop(asked);

    let mut second = server_at(address).await;
    connected(&mut events).await;
    sender.request(Token(3), lir()).unwrap();
    for question in questions(&mut second, 1).await {
        let answer = ok(&question);
        question.answer(answer);
    }
    assert_eq!(answered(&mut events).await.0, Token(3));
}

#[tokio::test]
async fn without_an_address_requests_fail_as_not_connected() {
    let (sender, mut events) = client("secret", Addresses::default());
    sender.request(Token(1), lir()).unwrap();
    assert_eq!(answered(&mut events).await, (Token(1), Err(CxFailure::NotConnected)));
}

#[tokio::test]
async fn a_request_waits_one_second_for_a_peer_that_accepts_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addresses = Addresses(Arc::new(Mutex::new(vec![silent.local_addr().unwrap()])));
    let (sender, mut events) = client("secret", addresses);
    let asked = tokio::time::Instant::now();
    sender.request(Token(1), lir()).unwrap();
    assert_eq!(answered(&mut events).await, (Token(1), Err(CxFailure::NotConnected)));
    assert!(asked.elapsed() >= cx::CONNECT_PATIENCE);
    assert!(asked.elapsed() < Duration::from_secs(5), "before hello's own deadline");
}

#[tokio::test]
async fn hello_with_a_wrong_secret_is_closed() {
    let server = server().await;
    let (_sender, mut events) = client("another", Addresses::of(&server));
    let event = soon(events.recv()).await.unwrap();
    let refused = CloseReason::HelloRefused(ResultCode::UnableToComply);
    assert!(matches!(event, CxEvent::Disconnected(reason) if reason == refused), "{event:?}");
}

#[tokio::test]
async fn connections_above_the_bound_are_closed_at_once() {
    let server = server().await;
    let address = server.addresses()[0];
    let mut taken = Vec::new();
    for _ in 0..cx::MAX_CONNECTIONS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_ne!(soon(stream.read(&mut [0; 16])).await.unwrap(), 0, "its hello");
        taken.push(stream);
    }
    let mut refused = TcpStream::connect(address).await.unwrap();
    // Closed without a word, by FIN or by RST.
    assert!(matches!(soon(refused.read(&mut [0; 16])).await, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_drain_answers_what_was_asked_and_then_ends() {
    let mut server = server().await;
    let address = server.addresses()[0];
    let (sender, mut events) = client("secret", Addresses::of(&server));
    connected(&mut events).await;
    sender.request(Token(1), lir()).unwrap();
    let question = questions(&mut server, 1).await.remove(0);
    server.drain();
    let answer = ok(&question);
    question.answer(answer.clone());
    assert_eq!(answered(&mut events).await, (Token(1), Ok(answer)));
    assert!(soon(server.next_batch()).await.is_none());
    assert!(TcpStream::connect(address).await.is_err());
}
