//! An S-CSCF on a desk, its peers, and what the HSS says of alice.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

use cx_protocol::{
    Answer, ApplicationServer, ConditionForm, DefaultHandling, DigestAlgorithm, DigestCredentials, Ha1,
    ImplicitRegistrationSet, Impu, InitialFilterCriterion, Maa, ProfilePart, PublicIdentity, Request,
    ResultCode, Saa, ServiceProfile, ServiceTrigger, Spt, TriggerPoint,
};
use ims_node::{Listener, NodeSettings, Peer, Reason, Side, digest};
use scscf::Scscf;
use sip_message::{Challenge, Credentials, HeaderName, Message};
use sip_resolve::{DnsAnswer, Kind, Question, Records};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::Desk;

pub const PCSCF: &str = "127.0.10.11:5062";
pub const ICSCF: &str = "127.0.10.13:5060";
pub const PS: &str = "127.0.10.17:5060";
pub const STRANGER: &str = "203.0.113.9:5060";
pub const PATH: &str = "<sip:ft00@pcscf1a.home1.test;lr;ob>";

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn settings() -> NodeSettings {
    let listeners = vec![Listener { address: address("127.0.10.14:5060"), side: Side::Network }];
    let own = [PCSCF, ICSCF, PS].map(|text| address(text).ip()).to_vec();
    NodeSettings::new("scscf1a.home1.test", listeners, vec![Peer { addresses: own, domains: vec![] }])
}

pub fn role() -> Scscf {
    let ips = |addresses: &[&str]| addresses.iter().map(|text| address(text).ip()).collect();
    Scscf::new(scscf::ScscfSettings {
        own_addresses: ips(&[PCSCF, ICSCF, PS]),
        peer_addresses: ips(&["127.0.10.23:5060", "127.0.10.27:5060"]),
        peer_domains: vec!["mobile.home1.test".into()],
        ..scscf::ScscfSettings::new("scscf1a.home1.test", "home1.test")
    })
}

pub fn desk() -> Desk<Scscf> {
    let mut desk = Desk::new(settings(), role());
    desk.on_dns = |question: &Question| {
        let ip = match (question.kind(), question.name()) {
            (Kind::A, "home1.test") => "127.0.10.13",
            (Kind::A, "home2.test" | "mobile.home1.test") => "127.0.10.23",
            (Kind::A, "pcscf1a.home1.test") => "127.0.10.11",
            (Kind::A, "ps1.home1.test") => "127.0.10.17",
            _ => return DnsAnswer::NoRecords(None),
        };
        DnsAnswer::Records(Records::Addresses(vec![ip.parse().unwrap()]), Duration::from_secs(300))
    };
    desk
}

/// Filter criteria as in the lab, with this default handling for SUBSCRIBE and PUBLISH.
pub fn criteria(handling: DefaultHandling) -> Vec<InitialFilterCriterion> {
    let method =
        |name: &str| Spt { groups: vec![0], negated: false, trigger: ServiceTrigger::Method(name.into()) };
    let criterion = |priority, name, default_handling| InitialFilterCriterion {
        priority,
        trigger: Some(TriggerPoint { condition: ConditionForm::Dnf, spts: vec![method(name)] }),
        application_server: ApplicationServer {
            uri: "sip:ps1.home1.test".into(),
            default_handling,
            include_register_request: false,
            include_register_response: false,
        },
        profile_part: ProfilePart::Both,
    };
    vec![
        criterion(0, "SUBSCRIBE", handling),
        criterion(1, "PUBLISH", handling),
        criterion(2, "REGISTER", DefaultHandling::Continued),
    ]
}

pub fn profile(handling: DefaultHandling) -> ServiceProfile {
    let identity =
        |uri: &str, barred| PublicIdentity { impu: Impu::new(uri).unwrap(), barred, display: None };
    let identities = vec![
        identity("sip:alice@home1.test", false),
        identity("sip:alias@home1.test", false),
        identity("sip:barred@home1.test", true),
        identity("tel:+15550001", false),
    ];
    ServiceProfile { identities: ImplicitRegistrationSet { identities }, criteria: criteria(handling) }
}

pub fn maa() -> Answer {
    maa_of("alice@home1.test")
}

pub fn maa_of(username: &str) -> Answer {
    let ha1 = |algorithm, own| {
        let hex = digest::ha1(own, username, "home1.test", "alice-secret");
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        Ha1::new(algorithm, &bytes).unwrap()
    };
    let ha1s = vec![
        ha1(DigestAlgorithm::Sha256, sip_message::DigestAlgorithm::Sha256),
        ha1(DigestAlgorithm::Md5, sip_message::DigestAlgorithm::Md5),
    ];
    Answer::Maa(Maa {
        result: ResultCode::Success,
        digest: Some(DigestCredentials { realm: "home1.test".into(), ha1s }),
    })
}

pub fn saa(handling: DefaultHandling) -> Answer {
    Answer::Saa(Saa { result: ResultCode::Success, impi: None, profile: Some(profile(handling)) })
}

pub fn saa_result(result: ResultCode) -> Answer {
    Answer::Saa(Saa { result, impi: None, profile: None })
}

pub fn request(method: &str, uri: &str, number: u32, headers: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.10.11:5062;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@home1.test>;tag=1\r\nTo: <{uri}>\r\nCall-ID: c-{method}\r\nCSeq: {number} {method}\r\n\
         {headers}Content-Length: 0\r\n\r\n"
    )
}

/// A REGISTER of alice as the P-CSCF sends it.
pub fn register(number: u32, headers: &str) -> String {
    let headers = format!("Path: {PATH}\r\nRequire: path\r\n{headers}");
    request("REGISTER", "sip:home1.test", number, &headers)
        .replace("To: <sip:home1.test>", "To: <sip:alice@home1.test>")
}

/// The Authorization header that answers this challenge with this password.
pub fn authorization(challenge: &str, password: &str, count: u32) -> String {
    authorization_as("alice@home1.test", challenge, password, count)
}

pub fn authorization_as(username: &str, challenge: &str, password: &str, count: u32) -> String {
    let challenge = Challenge::parse(challenge).unwrap();
    let algorithm = challenge.algorithm.unwrap();
    let count = format!("{count:08x}");
    let credentials = Credentials {
        username,
        realm: challenge.realm,
        nonce: challenge.nonce,
        uri: "sip:home1.test",
        algorithm: Some(algorithm.as_str()),
        cnonce: Some("c"),
        qop: Some("auth"),
        nc: Some(&count),
        ..Credentials::default()
    };
    let ha1 = digest::ha1(algorithm, username, "home1.test", password);
    let response = digest::response(algorithm, &ha1, "REGISTER", &credentials);
    format!("Authorization: {}\r\n", Credentials { response: &response, ..credentials })
}

/// Sends a REGISTER without credentials and gives the challenges.
pub fn challenged(desk: &mut Desk<Scscf>, number: u32, headers: &str) -> Vec<String> {
    desk.receive(0, address(ICSCF), register(number, headers));
    assert!(matches!(desk.asked(), Some(Request::Mar(_))), "{:?}", desk.asked());
    desk.hss(Ok(maa()));
    let (_, response) = desk.sent().unwrap();
    assert_eq!(response.status().unwrap().code(), 401);
    response.list_of_challenges()
}

/// Each WWW-Authenticate line is one challenge, though it holds commas.
pub trait Challenges {
    fn list_of_challenges(&self) -> Vec<String>;
}

impl Challenges for Message {
    fn list_of_challenges(&self) -> Vec<String> {
        self.values(HeaderName::WwwAuthenticate).map(str::to_owned).collect()
    }
}

/// Registers alice with these header lines; gives the 200. Two sequence numbers are used from `number` on.
pub fn register_alice(desk: &mut Desk<Scscf>, number: u32, headers: &str) -> Message {
    let challenges = challenged(desk, number, headers);
    let headers = format!("{headers}{}", authorization(&challenges[0], "alice-secret", 1));
    desk.receive(0, address(ICSCF), register(number + 1, &headers));
    desk.hss(Ok(saa(DefaultHandling::Terminated)));
    let (_, response) = desk.sent().unwrap();
    assert_eq!(response.status().unwrap().code(), 200);
    response
}

pub const CONTACT: &str = "Contact: <sip:alice@198.51.100.7:5080>\r\n";

/// An S-CSCF where alice is registered; the third-party REGISTER has been answered.
pub fn registered() -> Desk<Scscf> {
    let mut desk = desk();
    register_alice(&mut desk, 1, CONTACT);
    answer_third_party(&mut desk);
    desk
}

/// The Contact of a phone that says which instance it is, and understands GRUUs.
pub const INSTANCE: &str =
    "Contact: <sip:alice@198.51.100.7:5080>;+sip.instance=\"<urn:uuid:1>\"\r\nSupported: gruu\r\n";

/// An S-CSCF where alice's phone has a GRUU; the third-party REGISTER has been answered.
pub fn registered_with_gruu() -> Desk<Scscf> {
    let mut desk = desk();
    register_alice(&mut desk, 1, INSTANCE);
    answer_third_party(&mut desk);
    desk
}

/// The presence server accepts the third-party REGISTER that was sent; gives the seconds it named.
pub fn answer_third_party(desk: &mut Desk<Scscf>) -> Option<u32> {
    let (to, message) = desk.sent().expect("a third-party REGISTER");
    assert_eq!((to, message.cseq_method()), (address(PS), "REGISTER"));
    desk.respond(0, address(PS), &message, 200, "");
    message.expires()
}

/// The status and the reason of a refusal.
pub fn refused(status: u16, cause: impl Into<Reason>) -> Option<(u16, Reason)> {
    Some((status, cause.into()))
}

/// How the request is refused of which this message says what has become: `None` when it is sent on.
pub fn refusal_in(desk: &Desk<Scscf>, message: &Message) -> Option<(u16, Reason)> {
    let status = message.status()?.code();
    Some((status, desk.reason(message).expect("an error answer of our own")))
}

pub fn forwarded(desk: &mut Desk<Scscf>) -> (SocketAddr, Message) {
    let (to, message) = desk.sent().expect("something sent");
    assert!(message.status().is_none(), "{:?}", message.bytes());
    (to, message)
}

pub const ORIG: &str = "Route: <sip:orig@scscf1a.home1.test;lr>\r\nP-Asserted-Identity: <sip:alice@home1.test>\r\nEvent: presence\r\n";
