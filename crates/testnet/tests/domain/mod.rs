//! home1.test in virtual time: every node out of its real role, the HSS out of its real store, and user agents.
#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test helper may fail its test, and each test binary uses its part"
)]

mod accounts;
mod phone;
mod tape;

pub(crate) use accounts::Store;
pub(crate) use phone::{Line, asked, code};
pub(crate) use tape::{Seen, Tape};

use ims_node::{Listener, Node, Peer, Settings, Side};
use presence_document::Rules;
use presence_server::{PresenceServer, RuleBook};
use sip_event::Updates;
use sip_message::Transport;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use testnet::World;
use ue_agent::{Account, Instance, Password, Report, SubscriptionState, UeAgent};

pub(crate) const DOMAIN: &str = "home1.test";
pub(crate) const ALICE: &str = "sip:alice@home1.test";
pub(crate) const CAROL: &str = "sip:carol@home1.test";
pub(crate) const ERIN: &str = "sip:erin@home1.test";
pub(crate) const GRACE: &str = "sip:grace@home1.test";

/// The nodes, and the user agents with their last octets.
pub(crate) const NODES: [&str; 5] = ["pcscf1a", "icscf1", "scscf1a", "ps1", "hss1"];
pub(crate) const UES: [(&str, u8); 3] = [("alice", 31), ("carol", 32), ("erin", 33)];

const PEERS: [u8; 4] = [11, 13, 14, 17];

/// What a run may have otherwise.
#[derive(Clone)]
pub(crate) struct Home1 {
    /// How the UEs speak with the P-CSCF.
    pub(crate) transport: Transport,
    /// Which way updates go.
    pub(crate) updates: Updates,
    /// Whether I-CSCF and terminating S-CSCF stay on the way of a dialog.
    pub(crate) record_route: bool,
    pub(crate) rules: RuleBook,
    /// What the UEs ask for, in seconds.
    pub(crate) registration_s: u32,
    pub(crate) subscription_s: u32,
    pub(crate) publication_s: u32,
}

impl Home1 {
    /// Figures as drawn; carol and grace let alice watch, and nobody else.
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            transport,
            updates: Updates::Identity,
            record_route: true,
            rules: book(&[(CAROL, &[(ALICE, "allow")]), (GRACE, &[(ALICE, "allow")])]),
            registration_s: 600_000,
            subscription_s: 3600,
            publication_s: 3600,
        }
    }

    /// The later 3GPP behaviour: nobody on the presentity's side stays on the way.
    pub(crate) fn ts24141(transport: Transport) -> Self {
        Self { updates: Updates::Dialog, record_route: false, ..Self::new(transport) }
    }

    /// Builds it in an empty world.
    pub(crate) fn build(&self, world: &mut World) {
        self.add_names(world);
        world.add_hss("hss1", Store::home1());
        self.add_proxies(world);
        self.add_presence_server(world);
        for (name, last) in UES {
            self.add_ue(world, name, last);
        }
        for node in ["icscf1", "scscf1a"] {
            world.connect_hss(node, "hss1");
        }
    }

    /// A world with it.
    pub(crate) fn world(&self, seed: u64) -> World {
        let mut world = World::new(seed);
        self.build(&mut world);
        world
    }

    fn add_names(&self, world: &mut World) {
        world.zone.sip(DOMAIN, &[("icscf1.home1.test", 5060)]);
        for (name, last, port) in
            [("pcscf1a", 11, 5062), ("icscf1", 13, 5060), ("scscf1a", 14, 5060), ("ps1", 17, 5060)]
        {
            let name = format!("{name}.{DOMAIN}");
            world.zone.sip(&name, &[(&name, port)]);
            world.zone.host(&name, address(last, port).ip());
        }
    }

    fn add_proxies(&self, world: &mut World) {
        let gm = Listener { address: address(11, 5060), side: Side::Ue };
        let mw = Listener { address: address(11, 5062), side: Side::Network };
        let node = settings("pcscf1a", vec![gm, mw]);
        let role = pcscf::Settings {
            name: node.name.clone(),
            network: DOMAIN.into(),
            home_domains: vec![DOMAIN.into()],
            advertised: "127.0.10.11:5060".into(),
        };
        world.add_node(&node.clone(), move |seed| {
            Node::new(node.clone(), pcscf::Pcscf::new(role.clone()), seed)
        });

        let node = settings("icscf1", vec![network(13)]);
        let scscf = cx_protocol::ScscfName::new("sip:scscf1a.home1.test").unwrap();
        let role = icscf::Settings {
            name: node.name.clone(),
            record_route: if self.record_route { icscf::RecordRoute::On } else { icscf::RecordRoute::Off },
            scscfs: vec![icscf::Scscf { name: scscf, capabilities: vec![] }],
            scscf_patience: Duration::from_secs(5),
        };
        world.add_node(&node.clone(), move |seed| {
            Node::new(node.clone(), icscf::Icscf::new(role.clone()), seed)
        });

        let node = settings("scscf1a", vec![network(14)]);
        let terminating_record_route = match self.record_route {
            true => scscf::TerminatingRecordRoute::On,
            false => scscf::TerminatingRecordRoute::Off,
        };
        let role = scscf::Settings { terminating_record_route, ..scscf::Settings::new(&node.name, DOMAIN) };
        world.add_node(&node.clone(), move |seed| {
            Node::new(node.clone(), scscf::Scscf::new(role.clone()), seed)
        });
    }

    fn add_presence_server(&self, world: &mut World) {
        let node = settings("ps1", vec![network(17)]);
        let mut role = presence_server::Settings::new(&node.name, DOMAIN);
        role.notify.updates = self.updates;
        let rules = self.rules.clone();
        world.add_node(&node.clone(), move |seed| {
            Node::new(node.clone(), PresenceServer::new(role.clone(), rules.clone()), seed)
        });
    }

    fn add_ue(&self, world: &mut World, name: &str, last: u8) {
        let local = address(last, 5060);
        let node = Settings::new(name, vec![Listener { address: local, side: Side::Network }], vec![]);
        let user = format!("{name}@{DOMAIN}");
        let account = Account::new(&user, None, Password::new(&format!("{name}-secret"))).unwrap();
        let pcscf = ue_agent::Pcscf { address: address(11, 5060), transport: self.transport };
        let instance = Instance::derived(&user, &local.to_string());
        let mut role = ue_agent::Settings::new(account, pcscf, local, instance);
        role.registration_s = self.registration_s;
        role.subscription_s = self.subscription_s;
        role.publication_s = self.publication_s;
        world.add_node(&node.clone(), move |seed| Node::new(node.clone(), UeAgent::new(role.clone()), seed));
    }
}

/// `127.0.10.LAST:PORT`, as in the lab's configuration.
pub(crate) fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 10, last], port))
}

fn network(last: u8) -> Listener {
    Listener { address: address(last, 5060), side: Side::Network }
}

fn settings(name: &str, listeners: Vec<Listener>) -> Settings {
    let addresses = PEERS.map(|last| address(last, 0).ip()).to_vec();
    Settings::new(&format!("{name}.{DOMAIN}"), listeners, vec![Peer { addresses, domains: vec![] }])
}

/// The rules of presentities: what becomes of whom.
pub(crate) fn book(of: &[(&str, &[(&str, &str)])]) -> RuleBook {
    of.iter().map(|(presentity, watchers)| ((*presentity).into(), rules(watchers))).collect()
}

fn rules(watchers: &[(&str, &str)]) -> Rules {
    let mut text = "<cp:ruleset xmlns:cp='urn:ietf:params:xml:ns:common-policy' \
         xmlns:pr='urn:ietf:params:xml:ns:pres-rules'>"
        .to_owned();
    for (number, (watcher, action)) in watchers.iter().enumerate() {
        write!(
            text,
            "<cp:rule id='r{number}'><cp:conditions><cp:identity><cp:one id='{watcher}'/></cp:identity>\
             </cp:conditions><cp:actions><pr:sub-handling>{action}</pr:sub-handling></cp:actions>\
             <cp:transformations><pr:provide-services><pr:all-services/></pr:provide-services>\
             <pr:provide-persons><pr:all-persons/></pr:provide-persons><pr:provide-all-attributes/>\
             </cp:transformations></cp:rule>"
        )
        .unwrap();
    }
    Rules::parse((text + "</cp:ruleset>").as_bytes()).unwrap()
}

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Gives a user agent a command, which must be understood.
pub(crate) fn say(world: &mut World, ue: &str, line: &str) {
    world.command(ue, line).expect("a user agent answers at once").unwrap();
}

/// What a user agent has told since the last look.
pub(crate) fn reports(world: &mut World, ue: &str) -> Vec<Report> {
    let taken = world.with(ue, |node: &mut Node<UeAgent>, _| {
        let (role, _) = node.role_mut();
        std::iter::from_fn(|| role.poll_report()).collect()
    });
    taken.unwrap_or_default()
}

/// Lets things happen until nothing is under way.
pub(crate) fn quiet(world: &mut World) {
    world.run_until_quiet(secs(40)).unwrap();
}

/// Registers user agents on a network where nothing goes wrong.
pub(crate) fn register(world: &mut World, ues: &[&str]) {
    for ue in ues {
        say(world, ue, "register");
        quiet(world);
        let told = reports(world, ue);
        assert!(matches!(told[..], [Report::Registered { .. }]), "{told:?}");
    }
}

/// What a watcher was told last of anybody: `open` or `closed`, and the note.
pub(crate) fn shown(reports: &[Report]) -> Option<(&'static str, &str)> {
    reports.iter().rev().find_map(|report| {
        let Report::Presence { basic: Some(basic), note, .. } = report else { return None };
        Some((*basic, note.as_deref().unwrap_or("")))
    })
}

/// The statuses by which subscriptions ended, 0 where there was none.
pub(crate) fn endings(reports: &[Report]) -> Vec<u16> {
    let ended = |report: &Report| {
        let Report::Subscription { state: SubscriptionState::Ended, status, .. } = report else {
            return None;
        };
        Some(status.unwrap_or(0))
    };
    reports.iter().filter_map(ended).collect()
}

pub(crate) fn ps(world: &World) -> &PresenceServer {
    world.node::<Node<PresenceServer>>("ps1").expect("ps1 lives").role()
}

/// How many are registered, as the S-CSCF and the P-CSCF see it.
pub(crate) fn registered(world: &World) -> (usize, usize) {
    let scscf = world.node::<Node<scscf::Scscf>>("scscf1a").expect("scscf1a lives");
    let pcscf = world.node::<Node<pcscf::Pcscf>>("pcscf1a").expect("pcscf1a lives");
    (scscf.role().registered(), pcscf.role().registered())
}

/// Fails where any node keeps anything of anybody; only the P-CSCF's flow key may be on a disk.
pub(crate) fn assert_empty(world: &World) {
    assert_eq!(registered(world), (0, 0), "registrations");
    assert_eq!((ps(world).watches(), ps(world).presentities()), (0, 0), "the presence server's tables");
    let disks = ["pcscf1a", "scscf1a", "ps1"].map(|name| world.records_on_disk(name));
    assert_eq!(disks, [1, 0, 0], "records on disk");
    let still = [
        world.node::<Node<pcscf::Pcscf>>("pcscf1a").map(Node::is_quiet),
        world.node::<Node<icscf::Icscf>>("icscf1").map(Node::is_quiet),
        world.node::<Node<scscf::Scscf>>("scscf1a").map(Node::is_quiet),
        world.node::<Node<PresenceServer>>("ps1").map(Node::is_quiet),
    ];
    assert_eq!(still, [Some(true); 4], "transactions, errands and questions");
}
