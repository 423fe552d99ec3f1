//! A store with alice in it, and the requests that S-CSCFs A and B make about her.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    dead_code,
    unreachable_pub,
    missing_docs,
    reason = "a test helper may fail its test, and each test uses a part of it"
)]

use clock::Now;
use cx_protocol::{
    Answer, ApplicationServer, AuthScheme, ConditionForm, DefaultHandling, DigestAlgorithm, Ha1, Impi,
    ImplicitRegistrationSet, Impu, InitialFilterCriterion, Leg, Lir, LirType, Mar, ProfilePart,
    PublicIdentity, RegistrationState, Request, Sar, SarType, ScscfName, ServiceProfile, ServiceTrigger,
    SessionCase, Spt, TriggerPoint, Uar, UarType, Udr,
};
use hss::{Account, Credentials, Hss, Scscf, ScscfDirectory, StoreChange};

pub const A: &str = "sip:scscf1a.home1.test";
pub const B: &str = "sip:scscf1b.home1.test";
pub const ALICE: &str = "alice";

pub fn name(uri: &str) -> ScscfName {
    ScscfName::new(uri).unwrap()
}

pub fn impi(username: &str) -> Impi {
    Impi::new(username).unwrap()
}

pub fn uri(text: &str) -> Impu {
    Impu::new(text).unwrap()
}

pub fn impu() -> Impu {
    uri("sip:alice@home1.test")
}

/// Sends SUBSCRIBE to her presence server, registered or not; nothing in her name while she is unregistered.
pub fn alice() -> Account {
    account(ALICE, "sip:alice@home1.test")
}

pub fn account(username: &str, identity: &str) -> Account {
    let credentials = |impi: &str| Credentials {
        impi: Impi::new(impi).unwrap(),
        ha1s: vec![
            Ha1::new(DigestAlgorithm::Md5, &[1; 16]).unwrap(),
            Ha1::new(DigestAlgorithm::Sha256, &[2; 32]).unwrap(),
        ],
    };
    Account {
        name: username.into(),
        realm: "home1.test".into(),
        credentials: vec![credentials(username), credentials(&format!("{username}@home1.test"))],
        algorithms: vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5],
        sets: vec![profile(&[(identity, false)])],
        mandatory: vec![],
        optional: vec![],
        visited_networks: None,
        presence_server: Some("sip:ps1.home1.test".into()),
        removed: false,
        agents: Vec::new(),
    }
}

pub fn profile(identities: &[(&str, bool)]) -> ServiceProfile {
    let identities = identities
        .iter()
        .map(|(text, barred)| PublicIdentity { impu: uri(text), barred: *barred, display: None })
        .collect();
    let spt = |groups: &[u32], trigger| Spt { groups: groups.to_vec(), negated: false, trigger };
    let terminating = vec![
        spt(&[0, 1], ServiceTrigger::Method("SUBSCRIBE".into())),
        spt(&[0], ServiceTrigger::SessionCase(SessionCase::TerminatingRegistered)),
        spt(&[1], ServiceTrigger::SessionCase(SessionCase::TerminatingUnregistered)),
    ];
    let register = vec![spt(&[0], ServiceTrigger::Method("REGISTER".into()))];
    let criterion = |priority, spts| InitialFilterCriterion {
        priority,
        trigger: Some(TriggerPoint { condition: ConditionForm::Dnf, spts }),
        application_server: ApplicationServer {
            uri: "sip:ps1.home1.test;lr".into(),
            default_handling: DefaultHandling::Terminated,
            include_register_request: false,
            include_register_response: false,
        },
        profile_part: ProfilePart::Both,
    };
    ServiceProfile {
        identities: ImplicitRegistrationSet { identities },
        criteria: vec![criterion(0, terminating), criterion(1, register)],
    }
}

/// A and B, of which B is the default; B can do 7 and A can do 7 and 8.
pub fn directory() -> ScscfDirectory {
    let scscf = |uri, capabilities: &[u32]| Scscf { name: name(uri), capabilities: capabilities.to_vec() };
    ScscfDirectory { scscfs: vec![scscf(A, &[7, 8]), scscf(B, &[7])], default: Some(name(B)) }
}

pub fn hss_with(accounts: impl IntoIterator<Item = Account>) -> Hss {
    let mut hss = Hss::new();
    hss.apply(Now::ZERO, StoreChange::Directory(directory())).unwrap();
    for account in accounts {
        hss.apply(Now::ZERO, StoreChange::Account(Box::new(account))).unwrap();
    }
    hss
}

/// A request about alice.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    Uar(UarType),
    Lir(Leg),
    LirForAnother,
    Mar(&'static str),
    Sar(SarType, &'static str),
}

impl Step {
    pub fn request(self) -> Request {
        let (impi, impu) = (impi(ALICE), impu());
        match self {
            Self::Uar(kind) => Request::Uar(Uar { impi, impu, visited_network: None, kind }),
            Self::Lir(leg) => Request::Lir(Lir { impu, leg, kind: LirType::Location }),
            Self::LirForAnother => {
                let kind = LirType::LocationAndCapabilities;
                Request::Lir(Lir { impu, leg: Leg::Terminating, kind })
            }
            Self::Mar(scscf) => {
                Request::Mar(Mar { impi, impu, server_name: name(scscf), scheme: AuthScheme::SipDigest })
            }
            Self::Sar(kind, scscf) => {
                Request::Sar(Sar { impi: Some(impi), impu, server_name: name(scscf), kind })
            }
        }
    }

    pub fn run(self, hss: &mut Hss) -> (Answer, Vec<StoreChange>) {
        let peer = match self {
            Self::Uar(_) | Self::Lir(_) | Self::LirForAnother => "icscf1.home1.test".to_owned(),
            Self::Mar(scscf) | Self::Sar(_, scscf) => name(scscf).host().to_owned(),
        };
        hss.answer(Now::ZERO, &peer, &self.request())
    }
}

/// What the store holds of alice: the state of her set, who has her, who is to have her next.
pub fn registration(hss: &Hss) -> (RegistrationState, Option<ScscfName>, Option<ScscfName>) {
    let text = hss.explain(ALICE).unwrap().to_string();
    let scscf = |label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label)).unwrap();
        (line != "-").then(|| name(line))
    };
    let state = text.lines().find_map(|line| line.strip_prefix("set 0 ")).unwrap();
    let state = match state {
        "not-registered" => RegistrationState::NotRegistered,
        "authentication-pending" => RegistrationState::AuthenticationPending,
        "registered" => RegistrationState::Registered,
        "unregistered" => RegistrationState::Unregistered,
        other => panic!("{other}"),
    };
    (state, scscf("scscf "), scscf("next scscf "))
}

pub fn udr(identity: &str) -> Request {
    Request::Udr(Udr { impu: uri(identity) })
}
