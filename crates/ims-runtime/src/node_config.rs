//! The `[node]` section that every SIP node has.
//!
//! ```toml
//! [node]
//! name = "scscf1a.home1.test"
//! domain = "home1.test"
//! ctl_socket = "../run/scscf1a.sock"
//! state_dir = "../run/scscf1a"
//! listen = [{ address = "127.0.10.21:5060", side = "network" }]
//! peers = [
//!     { addresses = ["127.0.10.11"] },
//!     { addresses = ["127.0.20.12"], domains = ["home2.test"] },
//! ]
//!
//! [node.dns]
//! servers = ["127.0.10.2:5300"]
//!
//! [node.cx]
//! secret = "of at least 16 characters"
//! ```

use crate::config::{DnsConfig, InvalidKey, Millis, Seconds};
use crate::cx::MIN_SECRET;
use crate::dns;
use cx_protocol::Secret;
use ims_node::{Listener, NodeSettings, Peer, Side};
use serde::{Deserialize, Deserializer};
use sip_message::Host;
use sip_transaction::Timers;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Addresses that a node may listen on; more is a bad configuration.
pub const MAX_LISTENERS: usize = 16;

/// Whether a role has state that must survive its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has: `state_dir` must be set.
    Kept,
    /// It has not: `state_dir` must not be set, because nothing would come of it.
    None,
}

/// The section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The node's name, as it stands in its own URIs.
    pub name: Box<str>,
    /// Its home domain.
    pub domain: Box<str>,
    /// Unix socket for operator commands.
    pub ctl_socket: PathBuf,
    /// Where the journal is.
    pub state_dir: Option<PathBuf>,
    /// Where SIP is spoken, over UDP and TCP.
    pub listen: Vec<ListenConfig>,
    /// Addresses by which others reach the node though it is not bound to them (behind a port mapping).
    #[serde(default)]
    pub aliases: Vec<SocketAddr>,
    /// Who is believed.
    #[serde(default)]
    pub peers: Vec<PeerConfig>,
    /// Whom to ask for names.
    pub dns: DnsConfig,
    /// How the HSS is reached; absent in a node that has none.
    pub cx: Option<CxConfig>,
    /// Timers between nodes.
    #[serde(default)]
    pub timers: TimersConfig,
    /// Timers towards UEs.
    #[serde(default)]
    pub ue_timers: TimersConfig,
    /// How long a hop may say nothing at all before the next one is tried, or the request is answered 504.
    #[serde(default = "before_five_seconds")]
    pub failover_after_ms: Millis,
    /// How long a hop that failed is tried last.
    #[serde(default = "half_a_minute")]
    pub suspicion_s: Seconds,
    /// A recording of everything read and written; only for the laboratory.
    pub recording: Option<RecordingConfig>,
}

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenConfig {
    /// The address, as the other side reaches it.
    pub address: SocketAddr,
    /// Who is out there.
    pub side: SideConfig,
}

/// Who is on the other side of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SideConfig {
    /// UEs, believed in nothing.
    Ue,
    /// Other nodes, believed if they are listed.
    Network,
}

/// Nodes that are believed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerConfig {
    /// Their exact addresses.
    pub addresses: Vec<IpAddr>,
    /// The domains whose identities they may assert; none for a node of our own network, which may assert any.
    #[serde(default)]
    pub domains: Vec<Box<str>>,
}

/// The `[node.cx]` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CxConfig {
    /// The secret that the domain's nodes share with its HSS.
    pub secret: SecretText,
    /// The domain whose HSS it is (SRV `_cx._tcp.DOMAIN`); without it the node's own.
    pub hss_domain: Option<Box<str>>,
}

/// Base timers; those left out have the values of RFC 3261 table 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimersConfig {
    /// Round-trip estimate.
    pub t1_ms: Option<Millis>,
    /// Longest gap between retransmissions.
    pub t2_ms: Option<Millis>,
    /// How long a message may stay in the network.
    pub t4_ms: Option<Millis>,
}

/// The `[node.recording]` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingConfig {
    /// The file to append to.
    pub file: PathBuf,
}

/// A secret as it stands in the file; hidden in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Box<str>);

impl SecretText {
    /// Its octets.
    #[must_use]
    pub const fn length(&self) -> usize {
        self.0.len()
    }

    /// As it stands there, for who must send it as it is.
    #[must_use]
    pub const fn text(&self) -> &str {
        &self.0
    }

    /// For use; `None` if it is empty.
    #[must_use]
    pub fn secret(&self) -> Option<Secret> {
        Secret::new(self.0.as_bytes())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<str>::deserialize(deserializer).map(Self)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(<hidden>)")
    }
}

const fn before_five_seconds() -> Millis {
    Millis(4500)
}

const fn half_a_minute() -> Seconds {
    Seconds(30)
}

impl NodeConfig {
    /// Every key that is a path, for [`Configuration::paths`](crate::config::Configuration::paths).
    pub fn paths(&mut self) -> Vec<&mut PathBuf> {
        let recording = self.recording.as_mut().map(|recording| &mut recording.file);
        [Some(&mut self.ctl_socket), self.state_dir.as_mut(), recording].into_iter().flatten().collect()
    }

    /// Checks that the node can ask the HSS, for a role that cannot do without; `reason` says so.
    ///
    /// # Errors
    /// `node.cx` is missing.
    pub fn require_cx(&self, reason: &'static str) -> Result<(), InvalidKey> {
        if self.cx.is_some() { Ok(()) } else { Err(InvalidKey::new("node.cx", reason)) }
    }

    /// Checks the values; `section` is the name of this section in the file.
    ///
    /// # Errors
    /// The key that cannot be.
    pub fn validate(&self, section: &str, state: State) -> Result<(), InvalidKey> {
        let invalid = |key: &str, reason| Err(InvalidKey::new(format!("{section}.{key}"), reason));
        for (key, name) in [("name", &self.name), ("domain", &self.domain)] {
            if !matches!(Host::parse(name), Ok(Host::Name(_))) {
                return invalid(key, "must be a host name");
            }
        }
        match (state, &self.state_dir) {
            (State::Kept, None) => return invalid("state_dir", "must be set: this role keeps state"),
            (State::None, Some(_)) => {
                return invalid("state_dir", "must not be set: this role keeps no state");
            }
            (State::Kept, Some(_)) | (State::None, None) => {}
        }
        self.validate_listeners(section)?;
        for (index, peer) in self.peers.iter().enumerate() {
            if peer.addresses.is_empty() {
                return invalid(&format!("peers[{index}].addresses"), "must name at least one address");
            }
        }
        for (key, timers) in [("timers", self.timers.timers()), ("ue_timers", self.ue_timers.timers())] {
            if timers.t1.is_zero() || timers.t2 < timers.t1 {
                return invalid(key, "must have t1_ms above 0 and t2_ms not below t1_ms");
            }
        }
        if self.failover_after_ms.duration() <= self.timers.timers().until_t2() {
            return invalid(
                "failover_after_ms",
                "must be longer than a node that lives takes to say 100 (3.5 s)",
            );
        }
        if self.failover_after_ms.duration() >= self.timers.timers().timer_f() {
            return invalid("failover_after_ms", "must be shorter than 64 times timers.t1_ms (Timer F)");
        }
        if self.cx.as_ref().is_some_and(|cx| cx.secret.length() < MIN_SECRET) {
            return invalid("cx.secret", "must have at least 16 characters, as the HSS demands");
        }
        self.dns.validate(&format!("{section}.dns"))
    }

    fn validate_listeners(&self, section: &str) -> Result<(), InvalidKey> {
        if !(1..=MAX_LISTENERS).contains(&self.listen.len()) {
            return Err(InvalidKey::new(format!("{section}.listen"), "must name 1 to 16 addresses"));
        }
        for (index, ListenConfig { address, .. }) in self.listen.iter().enumerate() {
            let reason = if address.ip().is_unspecified() || address.port() == 0 {
                "must be an address and port that peers can reach"
            } else if self.listen.iter().take(index).any(|other| other.address == *address) {
                "stands here twice"
            } else {
                continue;
            };
            return Err(InvalidKey::new(format!("{section}.listen[{index}].address"), reason));
        }
        Ok(())
    }

    /// What the node is told of itself.
    #[must_use]
    pub fn settings(&self) -> NodeSettings {
        let listeners = self.listen.iter().map(ListenConfig::listener).collect();
        let peer =
            |peer: &PeerConfig| Peer { addresses: peer.addresses.clone(), domains: peer.domains.clone() };
        NodeSettings {
            aliases: self.aliases.clone(),
            timers: self.timers.timers(),
            ue_timers: self.ue_timers.timers(),
            failover_after: self.failover_after_ms.duration(),
            suspicion: self.suspicion_s.duration(),
            resolver: dns::settings(&self.dns),
            ..NodeSettings::new(&self.name, listeners, self.peers.iter().map(peer).collect())
        }
    }
}

impl ListenConfig {
    fn listener(&self) -> Listener {
        let side = match self.side {
            SideConfig::Ue => Side::Ue,
            SideConfig::Network => Side::Network,
        };
        Listener { address: self.address, side }
    }
}

impl NodeConfig {
    /// The base timers between nodes.
    #[must_use]
    pub fn timers(&self) -> Timers {
        self.timers.timers()
    }

    /// The base timers on the UEs' side.
    #[must_use]
    pub fn ue_timers(&self) -> Timers {
        self.ue_timers.timers()
    }
}

impl TimersConfig {
    fn timers(self) -> Timers {
        let Timers { t1, t2, t4 } = Timers::DEFAULT;
        let or = |millis: Option<Millis>, default| millis.map_or(default, Millis::duration);
        Timers { t1: or(self.t1_ms, t1), t2: or(self.t2_ms, t2), t4: or(self.t4_ms, t4) }
    }
}
