//! A presence server without a network: bytes in, bytes out, at times that the test says.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test, and no test uses all of them"
)]

use bytes::Bytes;
use clock::Wall;
use ims_node::{Input, Listener, NodeSettings, Peer, Reason, Record, Side};
use presence_document::{Pidf, Rules};
use presence_server::{Ask, PresenceServer, PresenceServerSettings, RuleBook};
use sip_message::{HeaderName, Message, Response, StatusCode};
use sip_resolve::{DnsAnswer, Kind, Records};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use testnet::Desk;

pub(crate) const SCSCF: &str = "127.0.10.14:5060";
pub(crate) const PEER: &str = "127.0.20.14:5060";
pub(crate) const STRANGER: &str = "127.0.66.1:5060";

pub(crate) const ALICE: &str = "sip:alice@home1.test";
pub(crate) const BOB: &str = "sip:bob@home2.test";
pub(crate) const CAROL: &str = "sip:carol@home1.test";
pub(crate) const ERIN: &str = "sip:erin@home1.test";

/// Where every name lies, so that only the name that is asked for matters.
const ANYWHERE: [u8; 4] = [127, 0, 10, 99];

/// 2026-01-01T00:00:00Z, in milliseconds.
pub(crate) const START: u64 = 1_767_225_600_000;

/// A presence server on a desk; what the desk has, this has.
pub(crate) struct Ps {
    desk: Desk<PresenceServer>,
    /// Always there, and apart from what is kept of anybody.
    watch_key: Option<Record>,
    branch: u32,
}

impl Deref for Ps {
    type Target = Desk<PresenceServer>;

    fn deref(&self) -> &Self::Target {
        &self.desk
    }
}

impl DerefMut for Ps {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.desk
    }
}

pub(crate) fn settings() -> PresenceServerSettings {
    PresenceServerSettings::new("ps1.home1.test", "home1.test")
}

fn node_settings() -> NodeSettings {
    let listener = Listener { address: "127.0.10.17:5060".parse().unwrap(), side: Side::Network };
    let peer = |address: &str, domains: &[&str]| Peer {
        addresses: vec![address.parse::<SocketAddr>().unwrap().ip()],
        domains: domains.iter().map(|domain| (*domain).into()).collect(),
    };
    NodeSettings::new("ps1.home1.test", vec![listener], vec![peer(SCSCF, &[]), peer(PEER, &["home2.test"])])
}

/// One rule for each watcher.
pub(crate) fn rules(watchers: &[(&str, &str)]) -> Rules {
    let rule = |(number, (watcher, action)): (usize, &(&str, &str))| {
        let all = "<pr:provide-services><pr:all-services/></pr:provide-services>\
            <pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>";
        format!(
            "<cp:rule id='r{number}'><cp:conditions><cp:identity><cp:one id='{watcher}'/></cp:identity></cp:conditions>\
             <cp:actions><pr:sub-handling>{action}</pr:sub-handling></cp:actions>\
             <cp:transformations>{all}</cp:transformations></cp:rule>"
        )
    };
    ruleset(&watchers.iter().enumerate().map(rule).collect::<String>())
}

pub(crate) fn ruleset(inner: &str) -> Rules {
    let text = format!(
        "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>\
         {inner}</cp:ruleset>"
    );
    Rules::parse(text.as_bytes()).unwrap()
}

pub(crate) fn book(of: &[(&str, Rules)]) -> RuleBook {
    of.iter().map(|(presentity, rules)| ((*presentity).into(), rules.clone())).collect()
}

/// Carol lets alice, bob and dave watch.
pub(crate) fn carols_friends() -> RuleBook {
    book(&[(CAROL, rules(&[(ALICE, "allow"), (BOB, "allow"), ("sip:dave@home2.test", "allow")]))])
}

pub(crate) fn pidf(basic: &str) -> String {
    format!(
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='{CAROL}'><tuple id='phone'>\
         <status><basic>{basic}</basic></status></tuple></presence>"
    )
}

impl Ps {
    pub(crate) fn new(settings: PresenceServerSettings, rules: RuleBook) -> Self {
        let role = PresenceServer::new(settings, rules);
        let mut desk = Desk::at(Wall::from_unix_millis(START), [7; 32], node_settings(), role);
        desk.on_dns = |question| match question.kind() {
            Kind::A => DnsAnswer::Records(Records::Addresses(vec![ANYWHERE.into()]), Duration::from_secs(9)),
            Kind::Naptr | Kind::Srv | Kind::Aaaa => DnsAnswer::NoRecords(None),
        };
        let mut ps = Self { desk, watch_key: None, branch: 0 };
        ps.set_watch_key_apart();
        ps
    }

    fn set_watch_key_apart(&mut self) {
        self.desk.file();
        let key: Box<[u8]> = (*b"n").into();
        if let Some(value) = self.desk.journal.remove(&key) {
            self.watch_key = Some(Record { key, value: Some(value) });
        }
    }

    /// Carol lets alice, bob and dave watch; everything else is as usual, but updates go by dialog.
    pub(crate) fn usual() -> Self {
        Self::new(by_dialog(), carols_friends())
    }

    /// The process ends in order, and after a while another one takes its journal up.
    pub(crate) fn restarted(
        mut self,
        after_s: u64,
        settings: PresenceServerSettings,
        rules: RuleBook,
    ) -> Self {
        self.handle(Input::Drain);
        self.pass(Duration::ZERO);
        self.killed(after_s, settings, rules)
    }

    /// The process dies where it stands, and after a while another one takes its journal up.
    pub(crate) fn killed(mut self, after_s: u64, settings: PresenceServerSettings, rules: RuleBook) -> Self {
        let key = self.watch_key.take().and_then(|record| Some((record.key, record.value?)));
        self.desk.journal.extend(key);
        let role = PresenceServer::new(settings, rules);
        self.desk.restart(Duration::from_secs(after_s), node_settings(), role);
        self.set_watch_key_apart();
        self
    }

    /// A process that takes up the records that another one has left, and nothing else.
    pub(crate) fn of_journal(records: impl Iterator<Item = (Box<[u8]>, Box<[u8]>)>) -> Self {
        let mut ps = Self::usual();
        (ps.desk.journal, ps.watch_key) = (records.collect(), None);
        ps.killed(10, by_dialog(), carols_friends())
    }

    pub(crate) fn handle(&mut self, input: Input<Ask>) {
        self.desk.input(input);
        self.set_watch_key_apart();
    }

    /// Hands a request in as it would come from `from`.
    pub(crate) fn receive(&mut self, from: &str, bytes: Bytes) {
        self.desk.receive(0, from.parse().unwrap(), bytes);
        self.set_watch_key_apart();
    }

    /// Everything sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| self.desk.sent()).map(|(_, message)| message).collect()
    }

    pub(crate) fn send(&mut self, request: &Request) -> Message {
        self.hand_in(SCSCF, request);
        let (_, response) = self.desk.sent().unwrap();
        assert!(response.status().is_some(), "something left before the answer");
        response
    }

    /// The response first, as it must be, and what followed it.
    pub(crate) fn send_all(&mut self, from: &str, request: &Request) -> Vec<Message> {
        self.hand_in(from, request);
        let all = self.sent();
        assert!(all[0].status().is_some(), "something left before the answer");
        all
    }

    pub(crate) fn hand_in(&mut self, from: &str, request: &Request) {
        assert_eq!(self.sent().len(), 0, "something was left unread");
        self.branch += 1;
        let bytes = request.bytes(self.branch);
        self.receive(from, bytes);
    }

    pub(crate) fn status(&mut self, request: &Request) -> u16 {
        let response = self.send(request);
        self.sent();
        code(&response)
    }

    /// The status of what a request is answered, and the reason if it is refused.
    pub(crate) fn fate(&mut self, request: &Request) -> Fate {
        let response = self.send(request);
        self.sent();
        self.fate_in(&response)
    }

    /// The same of an answer.
    pub(crate) fn fate_in(&self, response: &Message) -> Fate {
        (code(response), self.reason(response))
    }

    /// The one NOTIFY that has been sent.
    pub(crate) fn notify(&mut self) -> Message {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        assert_eq!(sent[0].method().unwrap().as_str(), "NOTIFY");
        sent.remove(0)
    }

    /// The one NOTIFY that has been sent; it is confirmed.
    pub(crate) fn notify_confirmed(&mut self) -> Message {
        let notify = self.notify();
        self.answer(&notify, 200);
        notify
    }

    /// What the NOTIFYs sent so far show; they are confirmed.
    pub(crate) fn shown_and_confirmed(&mut self) -> Vec<String> {
        let notifies = self.notifies();
        notifies.iter().for_each(|notify| self.answer(notify, 200));
        notifies.iter().map(shown).collect()
    }

    pub(crate) fn notifies(&mut self) -> Vec<Message> {
        let sent = self.sent();
        assert!(sent.iter().all(|message| message.method().is_some()), "{sent:?}");
        sent
    }

    /// The watcher, or somebody on the way to it, answers a NOTIFY.
    pub(crate) fn answer(&mut self, notify: &Message, status: u16) {
        let status = StatusCode::new(status).unwrap();
        self.receive(SCSCF, Response::to(notify, status, "watcher").to_bytes());
    }

    /// Time passes, and every deadline on the way is kept.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.desk.pass(time);
        self.handle(Input::Timeout);
    }

    pub(crate) fn pass_s(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub(crate) fn set_rules(&mut self, rules: RuleBook) {
        let now = self.now;
        let (role, _) = self.node.role_mut();
        role.set_rules(now, rules);
        self.handle(Input::Timeout);
    }

    /// What the presence server keeps, a line each.
    pub(crate) fn list(&mut self) -> String {
        self.ask(Ask::List).unwrap().to_string()
    }

    /// Alice, or who it is, subscribes and confirms the first NOTIFY.
    pub(crate) fn watch(&mut self, request: &Request) -> Watching {
        let response = self.send(request);
        assert_eq!(code(&response), 200, "{response:?}");
        let first = self.notify();
        self.answer(&first, 200);
        assert_eq!(self.sent().len(), 0);
        Watching { first, request: request.clone(), tag: response.to_tag().unwrap().into() }
    }

    /// Carol publishes; the tag of the publication.
    pub(crate) fn publish(&mut self, request: &Request) -> String {
        let response = self.send(request);
        assert_eq!(code(&response), 200, "{response:?}");
        etag(&response)
    }

    /// Carol is there, and the watchers confirm that they know.
    pub(crate) fn carol_is(&mut self, basic: &str) -> String {
        let tag = self.publish(&publish(CAROL).body(&pidf(basic)));
        self.confirm();
        tag
    }

    /// All NOTIFYs sent so far are confirmed.
    pub(crate) fn confirm(&mut self) {
        for notify in self.notifies() {
            self.answer(&notify, 200);
        }
    }
}

/// A line of a journal: key and value in hexadecimal digits.
pub(crate) fn record(line: &str) -> (Box<[u8]>, Box<[u8]>) {
    let bytes = |text: &str| {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    };
    let (key, value) = line.split_once(' ').unwrap();
    (bytes(key), bytes(value))
}

pub(crate) fn by_dialog() -> PresenceServerSettings {
    let mut settings = settings();
    settings.notify.updates = sip_event::Updates::Dialog;
    settings
}

/// A subscription that is there.
pub(crate) struct Watching {
    pub(crate) first: Message,
    request: Request,
    tag: String,
}

impl Watching {
    /// The next SUBSCRIBE of its dialog.
    pub(crate) fn again(&self, cseq: u32) -> Request {
        let mut request = self.request.clone();
        request.to_tag = Some(self.tag.clone());
        request.cseq = cseq;
        request
    }
}

/// A request as an S-CSCF hands it on.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) uri: String,
    pub(crate) from: String,
    pub(crate) call_id: String,
    pub(crate) to_tag: Option<String>,
    pub(crate) cseq: u32,
    lines: Vec<(&'static str, String)>,
    body: String,
}

pub(crate) fn subscribe(watcher: &str, presentity: &str) -> Request {
    let user = watcher.split(['@', ':']).nth(1).unwrap();
    Request::new("SUBSCRIBE", watcher, presentity)
        .with("Event", "presence")
        .with("Expires", "600")
        .with("Contact", &format!("<sip:{user}@127.0.10.11:5060>"))
        .with("Record-Route", "<sip:rr-t@127.0.10.14;lr>, <sip:rr@127.0.10.13;lr>")
}

pub(crate) fn publish(presentity: &str) -> Request {
    Request::new("PUBLISH", presentity, presentity)
        .with("Event", "presence")
        .with("Expires", "600")
        .with("Content-Type", "application/pidf+xml")
}

impl Request {
    pub(crate) fn new(method: &'static str, from: &str, uri: &str) -> Self {
        Self {
            method,
            uri: uri.into(),
            from: from.into(),
            call_id: format!("{method}-{from}-{uri}"),
            to_tag: None,
            cseq: 1,
            lines: vec![("P-Asserted-Identity", format!("<{from}>"))],
            body: String::new(),
        }
    }

    /// Sets a header.
    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        let mut request = self.without(name);
        request.lines.push((name, value.into()));
        request
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.lines.retain(|(own, _)| *own != name);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn about(mut self, uri: &str) -> Self {
        self.uri = uri.into();
        self
    }

    pub(crate) fn call_id(mut self, call_id: &str) -> Self {
        self.call_id = call_id.into();
        self
    }

    fn bytes(&self, branch: u32) -> Bytes {
        let Self { method, uri, from, call_id, cseq, body, .. } = self;
        let to_tag = self.to_tag.as_ref().map_or_else(String::new, |tag| format!(";tag={tag}"));
        let lines: String = self.lines.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.14:5060;branch=z9hG4bKt{branch}\r\n\
             Max-Forwards: 65\r\nFrom: <{from}>;tag=ft\r\nTo: <{uri}>{to_tag}\r\nCall-ID: {call_id}\r\n\
             CSeq: {cseq} {method}\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into()
    }
}

/// The status of an answer, and the reason if it is a refusal.
pub(crate) type Fate = (u16, Option<Reason>);

pub(crate) const OK: Fate = (200, None);

pub(crate) fn refused(status: u16, cause: impl Into<Reason>) -> Fate {
    (status, Some(cause.into()))
}

pub(crate) fn code(message: &Message) -> u16 {
    message.status().expect("a response").code()
}

pub(crate) fn etag(response: &Message) -> String {
    response.value(HeaderName::SipEtag).expect("an entity-tag").into()
}

pub(crate) fn state(notify: &Message) -> &str {
    notify.value(HeaderName::SubscriptionState).unwrap()
}

/// `open`, `closed`, `-` for a document without a service, or nothing.
pub(crate) fn shown(notify: &Message) -> String {
    if notify.body().is_empty() {
        return String::new();
    }
    assert_eq!(notify.value(HeaderName::ContentType), Some("application/pidf+xml"));
    let pidf = Pidf::parse(&notify.body()).unwrap();
    let all: Vec<String> =
        pidf.tuples().map(|tuple| format!("{:?}", tuple.basic().unwrap()).to_lowercase()).collect();
    if all.is_empty() { "-".into() } else { all.join(" ") }
}
