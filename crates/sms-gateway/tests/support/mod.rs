//! A gateway without a network: questions, requests and messages, at times that the test says.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test helper may fail its test, and no test uses all of them"
)]

use clock::Wall;
use cx_protocol::{Answer, CxFailure, Impu, Request, ResultCode, Uda};
use ims_node::{Listener, NodeSettings, Side};
use sip_message::{HeaderName, Message};
use sip_resolve::{DnsAnswer, Kind, Records};
use sms_gateway::{Ask, Delivery, GatewaySettings, LegacyUpdate, NotTaken, NumberForm, SmsGateway, Told};
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;
use testnet::Desk;

pub(crate) const PS1: &str = "127.0.10.17:5060";
pub(crate) const ERIN: &str = "+15550105";
/// 2026-01-01T00:00:00Z, in milliseconds.
const START: u64 = 1_767_225_600_000;

/// A gateway on a desk; what the desk has, this has.
pub(crate) struct Gateway(Desk<SmsGateway>);

impl Deref for Gateway {
    type Target = Desk<SmsGateway>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Gateway {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

pub(crate) fn settings() -> GatewaySettings {
    GatewaySettings::new("gateway1.home1.test")
}

fn node_settings() -> NodeSettings {
    let listener = Listener { address: "127.0.10.18:5060".parse().unwrap(), side: Side::Network };
    NodeSettings::new("gateway1.home1.test", vec![listener], vec![])
}

pub(crate) fn update(from: &str, text: &str) -> LegacyUpdate {
    LegacyUpdate {
        from: from.into(),
        form: NumberForm::Unknown,
        text: text.encode_utf16().collect(),
        part: None,
        validity: None,
    }
}

impl Gateway {
    pub(crate) fn new() -> Self {
        Self::of(settings())
    }

    pub(crate) fn of(settings: GatewaySettings) -> Self {
        let role = SmsGateway::new(settings);
        let mut desk = Desk::at(Wall::from_unix_millis(START), [7; 32], node_settings(), role);
        desk.on_dns = |question| match question.kind() {
            Kind::A => {
                let ip = PS1.parse::<SocketAddr>().unwrap().ip();
                DnsAnswer::Records(Records::Addresses(vec![ip]), Duration::from_secs(9))
            }
            Kind::Naptr | Kind::Srv | Kind::Aaaa => DnsAnswer::NoRecords(None),
        };
        Self(desk)
    }

    /// The process is killed, and after a while another one takes its journal up.
    pub(crate) fn restarted(mut self, after_s: u64) -> Self {
        self.0.file();
        self.0.restart(Duration::from_secs(after_s), node_settings(), SmsGateway::new(settings()));
        self
    }

    pub(crate) fn keeps_anything(&mut self) -> bool {
        self.0.file();
        !self.0.journal.is_empty()
    }

    pub(crate) fn writes(&mut self, from: &str, text: &str) -> Told {
        self.0.ask(Ask::Update(update(from, text))).unwrap()
    }

    pub(crate) fn is_taken(&mut self, from: &str, text: &str) {
        assert_eq!(self.writes(from, text), Told::Taken, "{text}");
    }

    pub(crate) fn why_not(&mut self, from: &str, text: &str) -> NotTaken {
        let told = self.writes(from, text);
        let Told::NotTaken(why) = told else { panic!("{text}: {told:?}") };
        why
    }

    /// The number that the HSS is asked about.
    pub(crate) fn asks_about(&mut self) -> String {
        match self.0.asked() {
            Some(Request::Udr(udr)) => udr.impu.as_str().to_owned(),
            asked => panic!("{asked:?}"),
        }
    }

    pub(crate) fn hss_says(&mut self, result: ResultCode, identity: &str, server: Option<&str>) {
        let impus = ["tel:+15550105", identity].map(|impu| Impu::new(impu).unwrap()).to_vec();
        let presence_server = server.map(Into::into);
        let uda = Uda { result, server_name: None, impus, state: None, presence_server, agents: Vec::new() };
        self.0.hss(Ok(Answer::Uda(uda)));
    }

    /// The HSS names erin and her presence server.
    pub(crate) fn hss_knows_erin(&mut self) {
        self.hss_says(ResultCode::Success, "sip:erin@home1.test", Some("sip:ps1.home1.test"));
    }

    pub(crate) fn hss_is_away(&mut self) {
        self.0.hss(Err(CxFailure::NotConnected));
    }

    /// The one PUBLISH that was sent.
    pub(crate) fn publish(&mut self) -> Message {
        let (to, publish) = self.0.sent().unwrap();
        assert_eq!((to, publish.method().unwrap().as_str()), (PS1.parse().unwrap(), "PUBLISH"));
        assert!(self.0.sent().is_none(), "one at a time");
        publish
    }

    /// The presence server answers.
    pub(crate) fn answers(&mut self, publish: &Message, status: u16, headers: &str) {
        self.0.respond(0, PS1.parse().unwrap(), publish, status, headers);
    }

    pub(crate) fn takes(&mut self, publish: &Message, etag: &str) {
        self.answers(publish, 200, &format!("SIP-ETag: {etag}\r\nExpires: 3600\r\n"));
    }

    /// The messages that are to be sent now; the SMS-C takes them.
    pub(crate) fn messages(&mut self) -> Vec<(String, String)> {
        let messages = match self.0.told().or_else(|| self.0.ask(Ask::Collect)) {
            Some(Told::ToSend(messages)) => messages,
            told => {
                assert_eq!(told, None);
                return Vec::new();
            }
        };
        let sent = messages.iter().map(|(number, _)| (*number, Delivery::Accepted)).collect();
        assert_eq!(self.0.ask(Ask::Sent(sent)), Some(Told::Taken));
        messages.into_iter().map(|(_, message)| (message.to.to_string(), message.text.into())).collect()
    }

    /// The only message.
    pub(crate) fn message(&mut self) -> String {
        let mut messages = self.messages();
        assert_eq!(messages.len(), 1, "{messages:?}");
        messages.remove(0).1
    }
}

/// What makes it the same request, and whether it has a document.
pub(crate) fn identity(request: &Message) -> (String, u32, String, Option<String>, bool) {
    (
        request.call_id().to_owned(),
        request.cseq(),
        request.from_tag().unwrap().to_owned(),
        request.value(HeaderName::SipIfMatch).map(str::to_owned),
        !request.body().is_empty(),
    )
}
