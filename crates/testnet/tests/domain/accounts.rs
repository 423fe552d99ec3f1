//! The subscribers of the lab's home1.test in the real subscriber store.

use clock::Now;
use cx_protocol::{
    Answer, ApplicationServer, ConditionForm, DefaultHandling, DigestAlgorithm, Ha1, Impi,
    ImplicitRegistrationSet, Impu, InitialFilterCriterion, ProfilePart, PublicIdentity, Request, ScscfName,
    ServiceProfile, ServiceTrigger, SessionCase, Spt, TriggerPoint,
};
use hss::{Account, Credentials, Hss, Scscf, ScscfDirectory, StoreChange};
use md5::{Digest as _, Md5};
use testnet::HssOracle;

const REALM: &str = "home1.test";

/// The HSS of home1.test.
pub(crate) struct Store(pub(crate) Hss);

impl Store {
    /// With alice, carol, erin and grace; scscf1a serves everybody.
    pub(crate) fn home1() -> Self {
        let mut hss = Hss::new();
        let name = ScscfName::new("sip:scscf1a.home1.test").unwrap();
        let scscfs = vec![Scscf { name: name.clone(), capabilities: vec![] }];
        hss.apply(StoreChange::Directory(ScscfDirectory { scscfs, default: Some(name) })).unwrap();
        for user in ["alice", "carol", "erin", "grace"] {
            hss.apply(StoreChange::Account(Box::new(account(user)))).unwrap();
        }
        Self(hss)
    }
}

impl HssOracle for Store {
    fn answer(&mut self, now: Now, peer: &str, request: &Request) -> Answer {
        // The store outlives every test, so its changes are kept by being there.
        let (answer, _changes) = self.0.answer(now, peer, request);
        answer
    }

    fn poll_request(&mut self) -> Option<(Box<str>, Request)> {
        self.0.poll_request().map(|(scscf, request)| (scscf.host().into(), request))
    }
}

fn account(user: &str) -> Account {
    let impi = format!("{user}@{REALM}");
    let ha1 = Md5::digest(format!("{impi}:{REALM}:{user}-secret"));
    let credentials = Credentials {
        impi: Impi::new(&impi).unwrap(),
        ha1s: vec![Ha1::new(DigestAlgorithm::Md5, &ha1).unwrap()],
    };
    let identity = PublicIdentity {
        impu: Impu::new(&format!("sip:{user}@{REALM}")).unwrap(),
        barred: false,
        display: None,
    };
    let identities = ImplicitRegistrationSet { identities: vec![identity] };
    Account {
        name: user.into(),
        realm: REALM.into(),
        credentials: vec![credentials],
        algorithms: vec![DigestAlgorithm::Md5],
        sets: vec![ServiceProfile { identities, criteria: criteria() }],
        mandatory: vec![],
        optional: vec![],
        visited_networks: None,
        presence_server: Some("sip:ps1.home1.test".into()),
    }
}

/// The criteria of the lab's subscribers file.
fn criteria() -> Vec<InitialFilterCriterion> {
    let spt = |groups: &[u32], trigger| Spt { groups: groups.to_vec(), negated: false, trigger };
    let method = |name: &str| ServiceTrigger::Method(name.into());
    let event =
        |pattern: &str| ServiceTrigger::Header { name: "Event".into(), content: Some(pattern.into()) };
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
    let criterion = |priority, default_handling, profile_part, spts| InitialFilterCriterion {
        priority,
        trigger: Some(TriggerPoint { condition: ConditionForm::Dnf, spts }),
        application_server: ApplicationServer {
            uri: "sip:ps1.home1.test;lr".into(),
            default_handling,
            include_register_request: false,
            include_register_response: false,
        },
        profile_part,
    };
    vec![
        criterion(0, DefaultHandling::Terminated, ProfilePart::Both, subscribe),
        criterion(1, DefaultHandling::Terminated, ProfilePart::Registered, publish),
        criterion(
            2,
            DefaultHandling::Continued,
            ProfilePart::Registered,
            vec![spt(&[0], method("REGISTER"))],
        ),
    ]
}
