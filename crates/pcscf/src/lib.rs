//! P-CSCF: the UE's first hop (TS 24.229 section 5.2). It knows which flow belongs to which registered user, says so to
//! the network, and finds the flow again when something comes back.
//!
//! In the contribution: with the S-CSCF the Watcher Presence Proxy. Figures 1, 2 and 3 step 2 are `from_ue`, the last
//! NotifyPresUp of figures 1, 2, 6 and 7 `to_ue`.
//!
//! Not here: authentication (the S-CSCF's), filter criteria, IPsec.

mod ask;
mod bindings;
mod bound;
mod cause;
mod flow_token;
mod from_ue;
mod guesses;
mod leaving;
mod record_route;
mod reg_event;
mod registering;
mod registration;
mod role;
mod to_ue;

pub use ask::{Ask, RegisteredContact, Told};
pub use bindings::MAX_CONTACTS;
pub use cause::Cause;
pub use guesses::Guess;

use bindings::Bindings;
use cx_protocol::Impu;
use flow_token::FlowKey;
use guesses::Guesses;
use leaving::Leaving;
use reg_event::RegSubscriptions;
use registering::Registering;
use sip_event::Asking;
use sip_message::Uri;
use std::time::Duration;

/// What a P-CSCF is told.
#[derive(Debug, Clone)]
pub struct PcscfSettings {
    /// The node's name: `pcscf1a.home1.test`.
    pub name: Box<str>,
    /// The network's name, told to the home network (P-Visited-Network-ID).
    pub network: Box<str>,
    /// Domains whose users may register through this node: its own, and those of roaming partners.
    pub home_domains: Vec<Box<str>>,
    /// The address by which UEs name us, numeric because a phone may not resolve our names: `127.0.10.11:5060`.
    pub advertised: Box<str>,
    /// Whether we let the S-CSCF tell us which registrations it has ended.
    pub subscribe_reg: SubscribeReg,
    /// Whether users of several subscriptions may register from one UDP address.
    pub shared_flows: SharedFlows,
    /// T1 between nodes.
    pub t1: Duration,
    /// 64 times T1 on the UEs' side: so long a transaction with one may last.
    pub ue_timer_f: Duration,
}

/// See [`PcscfSettings::shared_flows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedFlows {
    /// They may: a load generator, or a softphone with several accounts on one socket.
    Allowed,
    /// A UDP address that registers somebody else has been given to another phone by a NAT, and whoever was there is
    /// registered there no more. A TCP connection is handed to nobody, and may always carry several.
    Ended,
}

/// See [`PcscfSettings::subscribe_reg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscribeReg {
    /// A subscription to the `reg` package for each user.
    On,
    /// None: a binding ends when it expires or its flow does.
    Off,
}

/// The role.
#[derive(Debug)]
pub struct Pcscf {
    settings: PcscfSettings,
    bindings: Bindings,
    registering: Registering,
    /// Flows that went because their user had too many.
    crowded_out: u64,
    key: Option<FlowKey>,
    reg: RegSubscriptions,
    leaving: Leaving,
    guesses: Guesses,
}

/// What is remembered while a request of our own is under way.
#[derive(Debug)]
pub enum Own {
    /// A SUBSCRIBE to the `reg` package.
    RegSubscribe(Asking<Impu>),
}

/// What is remembered while a request is held.
#[derive(Debug)]
pub enum Waiting {
    /// For the answer to a REGISTER.
    Registering {
        /// How many bindings had been filed when it was forwarded.
        filed: u64,
        /// The answers to challenges that it holds.
        guess: Option<Guess>,
    },
    /// For the network's answer to a request of a UE.
    Network,
    /// For a UE's answer.
    Ue,
}

impl Pcscf {
    /// Whether the URI is one of our flow entries; gives the token.
    fn token_of(uri: &Uri) -> Option<&str> {
        uri.user().filter(|user| user.starts_with(flow_token::PREFIX))
    }
}

/// Where the role puts what follows from an input: records, requests, questions to the HSS, answers to operators, events.
pub(crate) type Fx = ims_node::Effects<Own, Told>;
