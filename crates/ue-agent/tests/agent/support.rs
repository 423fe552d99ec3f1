//! A user agent in virtual time, and the network around it played by the test.

use clock::Wall;
use ims_node::{Flow, Input, Listener, ListenerId, Loss, NodeSettings, Side};
use sip_message::{HeaderName, Message, Transport};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use testnet::Desk;
use ue_agent::{Account, Ask, Command, Instance, Password, Pcscf, Report, UeAgent, UeAgentSettings};

pub(crate) const PCSCF: &str = "127.0.10.11:5060";
pub(crate) const LOCAL: &str = "127.0.10.31:5060";
pub(crate) const INSTANCE: &str = "urn:uuid:f81d4fae-7dec-81d0-a765-00a0c91e6bf6";
pub(crate) const CAROL: &str = "sip:carol@home1.test";
/// 2026-01-02T03:04:05.678Z.
pub(crate) const START: Wall = Wall::from_unix_millis(1_767_323_045_678);

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn settings(transport: Transport) -> UeAgentSettings {
    let account = Account::new("alice@home1.test", None, Password::new("alice-secret")).unwrap();
    let pcscf = Pcscf { address: PCSCF.parse().unwrap(), transport };
    let local = LOCAL.parse().unwrap();
    let settings = UeAgentSettings::new(account, pcscf, local, Instance::given(INSTANCE).unwrap());
    // Its tests switch it on.
    UeAgentSettings { subscribe_reg: false, keepalive: Some(Duration::ZERO), ..settings }
}

/// An agent on a desk, and all that it has sent and said; what the desk has, this has.
pub(crate) struct Ue {
    desk: Desk<UeAgent>,
    flow: Flow,
    branches: BTreeSet<String>,
    requests: Vec<Message>,
    responses: Vec<Message>,
    /// The other end of the latest request's flow.
    pub(crate) sent_to: Option<SocketAddr>,
}

impl Deref for Ue {
    type Target = Desk<UeAgent>;

    fn deref(&self) -> &Self::Target {
        &self.desk
    }
}

impl DerefMut for Ue {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.desk
    }
}

impl Ue {
    pub(crate) fn new() -> Self {
        Self::with(settings(Transport::Udp))
    }

    pub(crate) fn with(settings: UeAgentSettings) -> Self {
        let listener = Listener { address: settings.local, side: Side::Network };
        let node_settings = NodeSettings::new("alice", vec![listener], Vec::new());
        let transport = settings.pcscf.transport;
        let connection = (transport == Transport::Tcp).then_some(1);
        let remote = settings.pcscf.address;
        Self {
            desk: Desk::at(START, [7; 32], node_settings, UeAgent::new(settings)),
            flow: Flow { listener: ListenerId(0), transport, remote, connection },
            branches: BTreeSet::new(),
            requests: Vec::new(),
            responses: Vec::new(),
            sent_to: None,
        }
    }

    /// Registered for an hour, everything told and taken.
    pub(crate) fn registered() -> Self {
        let mut ue = Self::new();
        ue.register();
        ue
    }

    pub(crate) fn register(&mut self) {
        self.words("register").unwrap();
        let first = self.request("REGISTER");
        self.answer(&first, "401 Unauthorized", &challenge("n1"));
        let second = self.request("REGISTER");
        self.answer(&second, "200 OK", &granted(3600));
        self.reports();
    }

    /// Subscribed to Carol, everything told and taken; gives the SUBSCRIBE.
    pub(crate) fn watching() -> (Self, Message) {
        let mut ue = Self::registered();
        ue.words("watch carol@home1.test").unwrap();
        let subscribe = ue.request("SUBSCRIBE");
        ue.answer(&subscribe, "200 OK", ";tag=ps1|Expires: 3600\r\nContact: <sip:ps1.home1.test>\r\n");
        ue.deliver(&notify(&subscribe, 1, "active;expires=3600", OPEN));
        ue.responses();
        ue.reports();
        (ue, subscribe)
    }

    /// What the user types; why it is not done, if it is not.
    pub(crate) fn words(&mut self, line: &str) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command = Command::parse(&words).map_err(|bad| bad.to_string())?;
        let told = self.desk.ask(Ask::Do(command));
        self.sort();
        told.unwrap().map_err(|why| why.to_string())
    }

    pub(crate) fn handle(&mut self, input: Input<Ask>) {
        self.desk.input(input);
        self.sort();
    }

    /// Requests apart from responses, and each request once.
    fn sort(&mut self) {
        while let Some((remote, message)) = self.desk.sent() {
            if message.status().is_some() {
                self.responses.push(message);
            } else if self.branches.insert(message.branch().unwrap().to_owned()) {
                self.sent_to = Some(remote);
                self.requests.push(message);
            }
        }
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.desk.pass(time);
        self.sort();
    }

    /// What was sent since the last look, each request once.
    pub(crate) fn requests(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.requests)
    }

    /// The one request sent since the last look.
    pub(crate) fn request(&mut self, method: &str) -> Message {
        let mut requests = self.requests();
        let methods: Vec<&str> = requests.iter().map(|request| request.cseq_method()).collect();
        assert_eq!(methods, [method]);
        requests.remove(0)
    }

    pub(crate) fn responses(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.responses)
    }

    /// The status of the one response since the last look.
    pub(crate) fn status(&mut self) -> u16 {
        let responses = self.responses();
        assert_eq!(responses.len(), 1);
        responses[0].status().unwrap().code()
    }

    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let (role, _) = self.node.role_mut();
        std::iter::from_fn(|| role.poll_report()).collect()
    }

    /// Answers a request; `headers` are lines, before them `;tag=x|` where To is to get another tag than `net`.
    pub(crate) fn answer(&mut self, request: &Message, status: &str, headers: &str) {
        let (tag, headers) = headers.split_once('|').unwrap_or((";tag=net", headers));
        let to = request.value(HeaderName::To).unwrap();
        let tag = if to.contains(";tag=") { "" } else { tag };
        let text = format!(
            "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n{headers}Content-Length: 0\r\n\r\n",
            request.value(HeaderName::Via).unwrap(),
            request.value(HeaderName::From).unwrap(),
            request.call_id(),
            request.value(HeaderName::CSeq).unwrap(),
        );
        self.deliver(&text);
    }

    pub(crate) fn deliver(&mut self, text: &str) {
        self.deliver_from(self.flow.remote, text);
    }

    pub(crate) fn deliver_from(&mut self, remote: SocketAddr, text: &str) {
        let flow = Flow { remote, ..self.flow };
        self.handle(Input::message(flow, text.to_owned()));
    }

    /// The network answers a keep-alive.
    pub(crate) fn pong(&mut self) {
        self.handle(Input::Pong { flow: self.flow });
    }

    pub(crate) fn close_connection(&mut self) {
        self.handle(Input::Closed { flow: self.flow, loss: Loss::Ended });
    }
}

pub(crate) fn challenge(nonce: &str) -> String {
    format!(
        "WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"{nonce}\", algorithm=SHA-256, qop=\"auth\"\r\n\
         WWW-Authenticate: Digest realm=\"home1.test\", nonce=\"{nonce}\", algorithm=MD5, qop=\"auth\"\r\n"
    )
}

pub(crate) fn gruu() -> String {
    format!("sip:alice@home1.test;gr={INSTANCE}")
}

/// The headers of a 200 to REGISTER.
pub(crate) fn granted(seconds: u32) -> String {
    granted_to(seconds, "")
}

pub(crate) fn granted_to(seconds: u32, transport: &str) -> String {
    format!(
        "Contact: <sip:other@127.0.10.99>;expires=17, <sip:alice@{LOCAL}{transport}>;expires={seconds};\
         +sip.instance=\"<{INSTANCE}>\";pub-gruu=\"{}\"\r\nService-Route: <sip:orig@scscf1a.home1.test;lr>\r\n\
         P-Associated-URI: <sip:alice@home1.test>, <tel:+15550001>\r\n",
        gruu()
    )
}

pub(crate) const OPEN: &str = "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:carol@home1.test\">\
    <tuple id=\"t1\"><status><basic>open</basic></status><note>in a meeting</note></tuple></presence>";

/// A NOTIFY of the dialog that this SUBSCRIBE makes.
pub(crate) fn notify(subscribe: &Message, cseq: u32, state: &str, body: &str) -> String {
    notify_of(subscribe, ("ps1", "presence"), (cseq, state), body)
}

pub(crate) fn notify_of(
    subscribe: &Message,
    (tag, event): (&str, &str),
    (cseq, state): (u32, &str),
    body: &str,
) -> String {
    let content_type = if body.is_empty() { "" } else { "Content-Type: application/pidf+xml\r\n" };
    let mark: String = state.chars().filter(char::is_ascii_alphanumeric).collect();
    let to = subscribe.value(HeaderName::To).unwrap().split(";tag=").next().unwrap().to_owned();
    format!(
        "NOTIFY sip:alice@{LOCAL} SIP/2.0\r\nVia: SIP/2.0/UDP {PCSCF};branch=z9hG4bKn{cseq}{tag}{event}{mark}\r\n\
         Max-Forwards: 66\r\nFrom: {to};tag={tag}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {cseq} NOTIFY\r\n\
         Record-Route: <sip:FT1@{PCSCF};lr;d=1>, <sip:rr-o@scscf1a.home1.test;lr>\r\nContact: <sip:ps1.home1.test>\r\n\
         Event: {event}\r\nSubscription-State: {state}\r\n{content_type}Content-Length: {}\r\n\r\n{body}",
        subscribe.value(HeaderName::From).unwrap(),
        subscribe.call_id(),
        body.len(),
    )
}
