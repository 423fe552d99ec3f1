//! A small role, a node of it on real sockets, and peers to talk to it.

use crate::cli::{Failure, Start};
use crate::config::{ConfigFile, Configuration, InvalidKey};
use crate::ctl::{self, Command, CtlAnswer, CtlError, CtlServer, Form, Reloaded};
use crate::node::{Blueprint, run};
use crate::node_config::{NodeConfig, State};
use crate::signals::Signals;
use clock::Now;
use cx_protocol::{Answer, CxFailure, Impu, Leg, Lir, LirType, Request};
use ims_node::{
    AskAnswer, AskId, Decision, Effects, ForwardPlan, InboundRequest, Next, NodeCause, Outcome, OwnRequest,
    Record, Refusal, Role, Unreadable, Verdict, write_lines,
};
use serde::{Deserialize, Serialize};
use sip_message::{Draft, HeaderName, Method, StatusCode};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Does what the user part of the Request-URI says.
#[derive(Debug, Default)]
pub(super) struct TestRole {
    pub(super) kept: Vec<String>,
    /// Work that is to be done, and that has been done.
    pending: usize,
    worked: usize,
    /// Asks that have no answer yet.
    asked: Vec<AskId>,
}

type Fx = Effects<(), TestTold>;

#[derive(Debug, Clone, Copy)]
pub(super) enum TestAsk {
    Kept,
    Worked,
    Keep,
    Later,
    Now,
}

#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct TestTold(Vec<String>);

impl fmt::Display for TestTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.0)
    }
}

impl AskAnswer for TestTold {}

impl Role for TestRole {
    type Waiting = ();
    type Own = ();
    type Ask = TestAsk;
    type Told = TestTold;

    fn on_request(&mut self, _: Now, request: &InboundRequest, fx: &mut Fx) -> Decision<()> {
        match request.request_uri().user().unwrap_or_default() {
            "keep" => {
                self.kept.push(request.message().call_id().to_owned());
                fx.persist(request.message().call_id().as_bytes(), b"kept".as_slice());
                Decision::Reply(fx.response(request, StatusCode::OK))
            }
            "ask" => {
                let impu = Impu::new("sip:alice@home1.test").unwrap();
                Decision::AskHss(
                    Request::Lir(Lir { impu, leg: Leg::Terminating, kind: LirType::Location }),
                    (),
                )
            }
            // An answer, and a request of our own that must not overtake it.
            "follow" => {
                let draft = Draft::new(Method::Options, request.request_uri().clone())
                    .header(HeaderName::MaxForwards, 70)
                    .header(HeaderName::From, "<sip:node1.home1.test>;tag=1")
                    .header(HeaderName::To, "<sip:follow@home1.test>")
                    .header(HeaderName::CallId, "follows")
                    .header(HeaderName::CSeq, "1 OPTIONS")
                    .without_body();
                fx.send(OwnRequest { draft, next: Next::Route, then: () });
                Decision::Reply(fx.response(request, StatusCode::OK))
            }
            "work" => {
                self.pending += 1;
                Decision::Reply(fx.response(request, StatusCode::OK))
            }
            "far" => ForwardPlan::by_route().decide(),
            "who" if !request.source().is_trusted() => {
                Refusal::new(StatusCode::FORBIDDEN, NodeCause::Outsider).into()
            }
            _ => Decision::Reply(fx.response(request, StatusCode::OK)),
        }
    }

    fn on_hss_answer(
        &mut self,
        _: Now,
        _: &InboundRequest,
        (): (),
        answer: Result<Answer, CxFailure>,
        _: &mut Fx,
    ) -> Decision<()> {
        assert_eq!(answer.unwrap_err(), CxFailure::NotConnected);
        Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssSilent).into()
    }

    fn on_response(&mut self, _: Now, _: &InboundRequest, (): (), _: &Outcome, _: &mut Fx) -> Verdict<()> {
        Verdict::Relay(Vec::new())
    }

    fn on_own_response(&mut self, _: Now, (): (), _: &Outcome, _: &mut Fx) {}

    fn has_work(&self) -> bool {
        self.pending > 0
    }

    fn work(&mut self, _: Now, _: usize, _: &mut Fx) {
        self.pending -= 1;
        self.worked += 1;
    }

    fn on_ask(&mut self, _: Now, id: AskId, ask: TestAsk, fx: &mut Fx) -> Option<TestTold> {
        match ask {
            TestAsk::Kept => Some(TestTold(self.kept.clone())),
            TestAsk::Worked => Some(TestTold(vec![self.worked.to_string()])),
            TestAsk::Keep => {
                fx.persist(b"by an operator".as_slice(), b"kept".as_slice());
                Some(TestTold(vec!["is kept".to_owned()]))
            }
            TestAsk::Later => {
                self.asked.push(id);
                None
            }
            TestAsk::Now => {
                let asked = std::mem::take(&mut self.asked);
                let answered = asked.len().to_string();
                asked.into_iter().for_each(|id| fx.tell(id, TestTold(vec!["now".to_owned()])));
                Some(TestTold(vec![answered]))
            }
        }
    }

    fn restore(&mut self, _: Now, record: &Record) -> Result<(), Unreadable> {
        self.kept.push(String::from_utf8(record.key.to_vec()).unwrap());
        Ok(())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestConfig {
    pub(super) node: NodeConfig,
}

impl Configuration for TestConfig {
    fn ctl_socket(&self) -> &Path {
        &self.node.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        self.node.paths()
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        self.node.validate("node", State::Kept)
    }
}

pub(super) const BLUEPRINT: Blueprint<TestConfig, TestRole> = Blueprint {
    node: |config| &config.node,
    role: |_, _| Ok(TestRole::default()),
    reload: |_, _, _, _| Ok(Reloaded::default()),
    commands: &[
        Command::new("kept", "what is kept", |_, _| Ok(TestAsk::Kept)),
        Command::new("worked", "how much work is done", |_, _| Ok(TestAsk::Worked)),
        Command::new("keep", "keeps something", |_, _| Ok(TestAsk::Keep)),
        Command::new("later", "has no answer yet", |_, _| Ok(TestAsk::Later)),
        Command::new("now", "answers every question that is still open", |_, _| Ok(TestAsk::Now)),
    ],
};

/// Where a node lives; it may be started there again and again.
pub(super) struct Place {
    directory: TempDir,
    pub(super) address: SocketAddr,
    pub(super) dns: SocketAddr,
}

/// A node at work.
pub(super) struct Running {
    pub(super) task: JoinHandle<Result<(), Failure>>,
    pub(super) ctl: PathBuf,
}

/// Longer than anything takes; shorter than the 32 s of Timer F.
const TOO_LONG: Duration = Duration::from_secs(10);

pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(TOO_LONG, future).await.unwrap()
}

/// An address of nobody's: tests of one process differ by the last octet, processes by the two before.
pub(super) fn free_address() -> SocketAddr {
    static LAST: AtomicU16 = AtomicU16::new(1);
    let [_, _, a, b] = std::process::id().to_be_bytes();
    let host = LAST.fetch_add(1, Ordering::Relaxed);
    let ip = [127, a | 1, b, u8::try_from(host % 250 + 1).unwrap()];
    std::net::UdpSocket::bind((std::net::Ipv4Addr::from(ip), 0)).unwrap().local_addr().unwrap()
}

impl Place {
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), address: free_address(), dns: free_address() }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn file(&self, more: &str) -> ConfigFile<TestConfig> {
        let text = format!(
            "[node]\nname = \"node1.home1.test\"\ndomain = \"home1.test\"\nctl_socket = \"ctl.sock\"\n\
             state_dir = \"state\"\nlisten = [{{ address = \"{}\", side = \"network\" }}]\n{more}\n\
             [node.dns]\nservers = [\"{}\"]\n",
            self.address, self.dns
        );
        std::fs::write(self.path("node.toml"), text).unwrap();
        ConfigFile::new(self.path("node.toml"))
    }

    pub(super) async fn prepare(&self, more: &str) -> Start<TestConfig> {
        let file = self.file(more);
        let config = file.load().unwrap();
        let ctl = CtlServer::bind(config.ctl_socket()).await.unwrap();
        Start { config, file, signals: Signals::listen().unwrap(), ctl }
    }

    /// Begins to start a node.
    pub(super) async fn spawn(&self, more: &str) -> Running {
        let start = self.prepare(more).await;
        Running { task: tokio::spawn(run(start, BLUEPRINT)), ctl: self.path("ctl.sock") }
    }

    /// Starts a node; its sockets are open on return.
    pub(super) async fn start(&self, more: &str) -> Running {
        let running = self.spawn(more).await;
        running.ask("stats").await;
        running
    }

    pub(super) async fn udp(&self) -> Client {
        let socket = UdpSocket::bind((self.address.ip(), 0)).await.unwrap();
        socket.connect(self.address).await.unwrap();
        Client(socket)
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

impl Running {
    pub(super) async fn try_ask(&self, words: &str) -> Result<CtlAnswer, CtlError> {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        soon(ctl::ask(&self.ctl, Form::Text, &words)).await
    }

    pub(super) async fn ask(&self, words: &str) -> CtlAnswer {
        self.try_ask(words).await.unwrap()
    }

    pub(super) async fn done(&self, words: &str) -> String {
        match self.ask(words).await {
            CtlAnswer::Done(text) => text,
            CtlAnswer::Refused(why) => panic!("{words}: {why}"),
        }
    }

    /// Ends at once and without a word, as a process that is killed; what it had open is closed.
    pub(super) async fn kill(self) {
        self.task.abort();
        assert!(soon(self.task).await.unwrap_err().is_cancelled());
    }
}

/// A UDP client of one node.
pub(super) struct Client(UdpSocket);

impl Client {
    pub(super) async fn send(&self, request: &str) {
        self.0.send(request.as_bytes()).await.unwrap();
    }

    pub(super) async fn receive(&self) -> String {
        let mut buffer = vec![0; 65_535];
        let length = soon(self.0.recv(&mut buffer)).await.unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    pub(super) async fn final_answer(&self) -> String {
        loop {
            let answer = self.receive().await;
            if !answer.starts_with("SIP/2.0 100 ") {
                return answer;
            }
        }
    }

    pub(super) async fn answer_to(&self, request: &str) -> String {
        self.send(request).await;
        self.receive().await
    }
}

/// A MESSAGE to this URI; the Call-ID also names the transaction.
pub(super) fn message(uri: &str, call_id: &str, transport: &str) -> String {
    format!(
        "MESSAGE {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} client.test;rport;branch=z9hG4bK{call_id}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:a@home1.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    )
}

/// What arrives until the text ends so.
pub(super) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut buffer = [0; 4096];
        let length = soon(stream.read(&mut buffer)).await.unwrap();
        assert_ne!(length, 0, "closed after {text}");
        text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    text
}

/// Answers the request that comes next on this stream.
pub(super) async fn answer_next(stream: &mut TcpStream) {
    let request = read_until(stream, "\r\n\r\n").await;
    let copied = ["Via:", "From:", "To:", "Call-ID:", "CSeq:"];
    let lines = request.lines().filter(|line| copied.iter().any(|name| line.starts_with(name)));
    let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
    let response = format!("SIP/2.0 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
    stream.write_all(response.as_bytes()).await.unwrap();
}

/// A DNS server that knows of nothing (RFC 1035 section 4.1.1: QR and RCODE 3).
pub(super) async fn ignorant_dns(address: SocketAddr) {
    let socket = UdpSocket::bind(address).await.unwrap();
    let mut buffer = [0; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        buffer[2] |= 0x80;
        buffer[3] = 3;
        socket.send_to(&buffer[..length], from).await.unwrap();
    }
}
