//! The subscribers of the lab in the real subscriber store.

use super::home::Size;
use super::names::{Kind, domain_of, nodes_of};
use clock::Now;
use cx_protocol::{
    Answer, ApplicationServer, ConditionForm, DefaultHandling, DigestAlgorithm, Ha1, Impi,
    ImplicitRegistrationSet, Impu, InitialFilterCriterion, ProfilePart, PublicIdentity, Request, ScscfName,
    ServiceProfile, ServiceTrigger, SessionCase, Spt, TriggerPoint,
};
use hss::{Account, Credentials, Hss, Scscf, ScscfDirectory, StoreChange};
use md5::{Digest as _, Md5};
use testnet::HssOracle;

/// The HSS of a domain. Its store outlives its process: what is asked to be kept is kept.
pub(crate) struct Store {
    pub(crate) hss: Hss,
    kept: Vec<StoreChange>,
}

impl Store {
    /// With the lab's accounts of that domain; its first S-CSCF serves everybody.
    pub(crate) fn of(number: u8, size: Size) -> Self {
        let nodes = nodes_of(number, size).into_iter().filter(|(_, kind, _)| *kind == Kind::Scscf);
        let scscfs: Vec<Scscf> =
            nodes.map(|(name, ..)| Scscf { name: scscf_name(number, &name), capabilities: vec![] }).collect();
        let default = scscfs.first().map(|scscf| scscf.name.clone());
        let mut kept = vec![StoreChange::Directory(ScscfDirectory { scscfs, default })];
        let users: &[&str] =
            if number == 1 { &["alice", "carol", "erin", "grace", "heidi"] } else { &["bob", "dave"] };
        kept.extend(users.iter().map(|user| StoreChange::Account(Box::new(account(number, user)))));
        Self { hss: restored(&kept), kept }
    }

    /// Another process takes over what was kept.
    pub(crate) fn restart(&mut self) {
        self.hss = restored(&self.kept);
    }

    /// The operator gives a user to another S-CSCF.
    pub(crate) fn reassign(&mut self, now: Now, user: &str, to: ScscfName) {
        let changes = self.hss.reassign(now, user, to).expect("a user of the domain");
        self.kept.extend(changes);
    }
}

/// `sip:NAME.DOMAIN`.
pub(crate) fn scscf_name(number: u8, name: &str) -> ScscfName {
    ScscfName::new(&format!("sip:{name}.{}", domain_of(number))).unwrap()
}

fn restored(kept: &[StoreChange]) -> Hss {
    let mut hss = Hss::new();
    for change in kept {
        hss.apply(Now::ZERO, change.clone()).unwrap();
    }
    hss
}

impl HssOracle for Store {
    fn answer(&mut self, now: Now, peer: &str, request: &Request) -> Answer {
        let (answer, changes) = self.hss.answer(now, peer, request);
        self.kept.extend(changes);
        answer
    }

    fn poll_request(&mut self) -> Option<(Box<str>, Request)> {
        let to_scscf = self.hss.poll_request().map(|(scscf, request)| (scscf.host().into(), request));
        to_scscf.or_else(|| self.hss.poll_notice())
    }
}

fn account(number: u8, user: &str) -> Account {
    let realm = domain_of(number);
    let impi = format!("{user}@{realm}");
    let ha1 = Md5::digest(format!("{impi}:{realm}:{user}-secret"));
    let credentials = Credentials {
        impi: Impi::new(&impi).unwrap(),
        ha1s: vec![Ha1::new(DigestAlgorithm::Md5, &ha1).unwrap()],
    };
    let identity = PublicIdentity {
        impu: Impu::new(&format!("sip:{user}@{realm}")).unwrap(),
        barred: false,
        display: None,
    };
    // Heidi's phone has no SIP.
    let phone = (user == "heidi").then(|| PublicIdentity {
        impu: Impu::new("tel:+15550107").unwrap(),
        barred: false,
        display: None,
    });
    let mut criteria = criteria(number);
    criteria.extend(phone.is_some().then(|| unregistered_publish(number)));
    let identities = ImplicitRegistrationSet { identities: [identity].into_iter().chain(phone).collect() };
    Account {
        name: user.into(),
        realm: realm.clone().into(),
        credentials: vec![credentials],
        algorithms: vec![DigestAlgorithm::Md5],
        sets: vec![ServiceProfile { identities, criteria }],
        mandatory: vec![],
        optional: vec![],
        visited_networks: None,
        presence_server: Some(format!("sip:ps{number}.{realm}").into()),
        removed: false,
        agents: vec![Impu::new(&format!("sip:gateway{number}.{}", domain_of(number))).unwrap()],
    }
}

/// The criteria of the lab's subscribers file.
fn criteria(number: u8) -> Vec<InitialFilterCriterion> {
    let subscribe = vec![
        spt(&[0, 1], method("SUBSCRIBE")),
        spt(&[0, 1], event(r"^\s*presence(\.winfo)?\s*(;|$)")),
        spt(&[0], ServiceTrigger::SessionCase(SessionCase::TerminatingRegistered)),
        spt(&[1], ServiceTrigger::SessionCase(SessionCase::TerminatingUnregistered)),
    ];
    let publish = vec![
        spt(&[0], method("PUBLISH")),
        spt(&[0], event(r"^\s*presence\s*(;|$)")),
        spt(&[0], ServiceTrigger::SessionCase(SessionCase::Originating)),
    ];
    let register = vec![spt(&[0], method("REGISTER"))];
    vec![
        criterion(number, 0, DefaultHandling::Terminated, ProfilePart::Both, subscribe),
        criterion(number, 1, DefaultHandling::Terminated, ProfilePart::Registered, publish),
        criterion(number, 2, DefaultHandling::Continued, ProfilePart::Registered, register),
    ]
}

/// What makes somebody who never registers a user of the network all the same: a service of one who is not registered.
fn unregistered_publish(number: u8) -> InitialFilterCriterion {
    let publish = [method("PUBLISH"), ServiceTrigger::SessionCase(SessionCase::OriginatingUnregistered)];
    let publish = publish.map(|trigger| spt(&[0], trigger)).to_vec();
    criterion(number, 3, DefaultHandling::Terminated, ProfilePart::Unregistered, publish)
}

fn criterion(
    number: u8,
    priority: u32,
    default_handling: DefaultHandling,
    profile_part: ProfilePart,
    spts: Vec<Spt>,
) -> InitialFilterCriterion {
    InitialFilterCriterion {
        priority,
        trigger: Some(TriggerPoint { condition: ConditionForm::Dnf, spts }),
        application_server: ApplicationServer {
            uri: format!("sip:ps{number}.{};lr", domain_of(number)).into(),
            default_handling,
            include_register_request: false,
            include_register_response: false,
        },
        profile_part,
    }
}

fn spt(groups: &[u32], trigger: ServiceTrigger) -> Spt {
    Spt { groups: groups.to_vec(), negated: false, trigger }
}

fn method(name: &str) -> ServiceTrigger {
    ServiceTrigger::Method(name.into())
}

fn event(pattern: &str) -> ServiceTrigger {
    ServiceTrigger::Header { name: "Event".into(), content: Some(pattern.into()) }
}
