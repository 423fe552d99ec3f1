//! Building one operator's network.

use super::accounts::Store;
use super::fault::Fault;
use super::names::{ALICE, CAROL, GRACE, Kind, UES, address, domain_of, nodes_of, octet};
use super::roamer::Roamer;
use super::rules::book;
use super::subject::Subject;
use ims_node::{Listener, Node, NodeSettings, Peer, Role, Side};
use presence_server::{PresenceServer, RuleBook};
use sip_event::Updates;
use sip_message::Transport;
use std::time::Duration;
use testnet::World;
use ue_agent::{Account, Instance, Password, UeAgent};

/// The last octet of the first domain's SMS gateway.
const GATEWAY: u8 = 18;

/// How much of a network there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// One node of each kind, and no other domain.
    Small,
    /// Two P-CSCFs and two S-CSCFs, and the other domain is known.
    Whole,
}

/// What a run may have otherwise.
#[derive(Clone)]
pub(crate) struct Home {
    /// home1.test or home2.test.
    pub(crate) number: u8,
    pub(crate) size: Size,
    /// How the UEs speak with the P-CSCF.
    pub(crate) transport: Transport,
    /// Which way updates go.
    pub(crate) updates: Updates,
    /// Whether I-CSCF and terminating S-CSCF stay on the way of a dialog.
    pub(crate) record_route: bool,
    pub(crate) rules: RuleBook,
    /// Whether P-CSCF and UEs watch registrations by the `reg` package.
    pub(crate) subscribe_reg: bool,
    /// What the UEs ask for, in seconds.
    pub(crate) registration_s: u32,
    pub(crate) subscription_s: u32,
    pub(crate) publication_s: u32,
    /// What is wrong with its nodes.
    pub(crate) fault: Option<Fault>,
}

impl Home {
    /// home1.test, figures as drawn; carol and grace let alice watch, and nobody else.
    pub(crate) fn new(transport: Transport) -> Self {
        Self {
            number: 1,
            size: Size::Small,
            transport,
            updates: Updates::Identity,
            record_route: true,
            rules: book(&[(CAROL, &[(ALICE, "allow")]), (GRACE, &[(ALICE, "allow")])]),
            subscribe_reg: true,
            registration_s: 600_000,
            subscription_s: 3600,
            publication_s: 3600,
            fault: None,
        }
    }

    /// The later 3GPP behaviour: nobody on the presentity's side stays on the way.
    pub(crate) fn ts24141(transport: Transport) -> Self {
        Self { updates: Updates::Dialog, record_route: false, ..Self::new(transport) }
    }

    /// Builds it in a world.
    pub(crate) fn build(&self, world: &mut World) {
        let domain = domain_of(self.number);
        world.zone.sip(&domain, &[(&self.host(&format!("icscf{}", self.number)), 5060)]);
        let hss = format!("hss{}", self.number);
        world.add_hss(&hss, Store::of(self.number, self.size));
        for (name, kind, last) in nodes_of(self.number, self.size) {
            match kind {
                Kind::Pcscf => self.add_pcscf(world, &name, last),
                Kind::Icscf => self.add_icscf(world, &name, last),
                Kind::Scscf => self.add_scscf(world, &name, last),
                Kind::PresenceServer => self.add_presence_server(world, &name, last),
                Kind::Hss => continue,
            }
            let (host, port) = (self.host(&name), if kind == Kind::Pcscf { 5062 } else { 5060 });
            world.zone.sip(&host, &[(&host, port)]);
            world.zone.host(&host, address(last, port).ip());
            if matches!(kind, Kind::Icscf | Kind::Scscf | Kind::PresenceServer) {
                world.connect_hss(&name, &hss);
            }
        }
        for (name, _, last) in UES.iter().filter(|(_, number, _)| *number == self.number) {
            self.add_ue(world, name, *last);
        }
    }

    /// A world with it alone.
    pub(crate) fn world(&self, seed: u64) -> World {
        let mut world = World::new(seed);
        self.build(&mut world);
        world
    }

    fn host(&self, name: &str) -> String {
        format!("{name}.{}", domain_of(self.number))
    }

    /// Nodes of the domain believe each other; those at its edge believe the other domain's of its own users.
    fn settings(&self, name: &str, kind: Kind, listeners: Vec<Listener>) -> NodeSettings {
        let own = nodes_of(self.number, self.size).into_iter().map(|(_, _, last)| address(last, 0).ip());
        let own = own.chain([address(octet(self.number, GATEWAY), 0).ip()]);
        let mut peers = vec![Peer { addresses: own.collect(), domains: vec![] }];
        if self.size == Size::Whole && matches!(kind, Kind::Icscf | Kind::Scscf) {
            let other = 3 - self.number;
            let addresses = [13, 14, 15, 17].map(|last| address(octet(other, last), 0).ip()).to_vec();
            peers.push(Peer { addresses, domains: vec![domain_of(other).into()] });
        }
        NodeSettings::new(&self.host(name), listeners, peers)
    }

    fn add<R: Role + 'static>(
        &self,
        world: &mut World,
        settings: NodeSettings,
        role: impl Fn() -> R + 'static,
    ) {
        let fault = self.fault;
        world.add_node(&settings.clone(), move |seed| {
            Subject::new(Node::new(settings.clone(), role(), seed), fault)
        });
    }

    fn add_pcscf(&self, world: &mut World, name: &str, last: u8) {
        let gm = Listener { address: address(last, 5060), side: Side::Ue };
        let mw = Listener { address: address(last, 5062), side: Side::Network };
        let node = self.settings(name, Kind::Pcscf, vec![gm, mw]);
        let role = pcscf::PcscfSettings {
            name: node.name.clone(),
            network: domain_of(self.number).into(),
            home_domains: vec![domain_of(self.number).into()],
            advertised: address(last, 5060).to_string().into(),
            subscribe_reg: match self.subscribe_reg {
                true => pcscf::SubscribeReg::On,
                false => pcscf::SubscribeReg::Off,
            },
            shared_flows: pcscf::SharedFlows::Ended,
            t1: node.timers.t1,
            ue_timer_f: node.ue_timers.timer_f(),
        };
        self.add(world, node, move || pcscf::Pcscf::new(role.clone()));
    }

    fn add_icscf(&self, world: &mut World, name: &str, last: u8) {
        let node = self.settings(name, Kind::Icscf, vec![network(last)]);
        let scscf = |name: &str| icscf::Scscf {
            name: cx_protocol::ScscfName::new(&format!("sip:{}", self.host(name))).unwrap(),
            capabilities: vec![],
        };
        let nodes = nodes_of(self.number, self.size);
        let role = icscf::IcscfSettings {
            name: node.name.clone(),
            domain: domain_of(self.number).into(),
            admits: icscf::Admits::Peers,
            record_route: if self.record_route { icscf::RecordRoute::On } else { icscf::RecordRoute::Off },
            scscfs: nodes
                .iter()
                .filter(|(_, kind, _)| *kind == Kind::Scscf)
                .map(|(name, ..)| scscf(name))
                .collect(),
            scscf_patience: Duration::from_millis(4500),
        };
        self.add(world, node, move || icscf::Icscf::new(role.clone()));
    }

    fn add_scscf(&self, world: &mut World, name: &str, last: u8) {
        let node = self.settings(name, Kind::Scscf, vec![network(last)]);
        let terminating_record_route = match self.record_route {
            true => scscf::TerminatingRecordRoute::On,
            false => scscf::TerminatingRecordRoute::Off,
        };
        let domain = domain_of(self.number);
        let role = scscf::ScscfSettings {
            terminating_record_route,
            ..scscf::ScscfSettings::new(&node.name, &domain)
        };
        self.add(world, node, move || scscf::Scscf::new(role.clone()));
    }

    fn add_presence_server(&self, world: &mut World, name: &str, last: u8) {
        let node = self.settings(name, Kind::PresenceServer, vec![network(last)]);
        let mut role = presence_server::PresenceServerSettings::new(&node.name, &domain_of(self.number));
        role.notify.updates = self.updates;
        role.for_others = presence_server::PublishesForOthers::AsHssSays;
        let rules = self.rules.clone();
        self.add(world, node, move || PresenceServer::new(role.clone(), rules.clone()));
    }

    /// Adds the SMS gateway, for phones without SIP.
    pub(crate) fn add_gateway(&self, world: &mut World) {
        let (name, last) = (format!("gateway{}", self.number), octet(self.number, GATEWAY));
        let node = NodeSettings::new(&self.host(&name), vec![network(last)], vec![]);
        let role = sms_gateway::GatewaySettings::new(&node.name);
        self.add(world, node, move || sms_gateway::SmsGateway::new(role.clone()));
        world.connect_hss(&name, &format!("hss{}", self.number));
    }

    fn add_ue(&self, world: &mut World, name: &str, last: u8) {
        let local = address(last, 5060);
        let node = NodeSettings::new(name, vec![Listener { address: local, side: Side::Network }], vec![]);
        let user = format!("{name}@{}", domain_of(self.number));
        let account = Account::new(&user, None, Password::new(&format!("{name}-secret"))).unwrap();
        let address = address(octet(self.number, 11), 5060);
        let pcscf = ue_agent::Pcscf { address, transport: self.transport };
        let instance = Instance::derived(&user, &local.to_string());
        let mut role = ue_agent::UeAgentSettings::new(account, pcscf, local, instance);
        role.registration_s = self.registration_s;
        role.subscription_s = self.subscription_s;
        role.publication_s = self.publication_s;
        role.subscribe_reg = self.subscribe_reg;
        world.add(name, vec![local], move |seed| {
            Roamer::new(Node::new(node.clone(), UeAgent::new(role.clone()), seed), address)
        });
    }
}

fn network(last: u8) -> Listener {
    Listener { address: address(last, 5060), side: Side::Network }
}
