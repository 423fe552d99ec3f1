//! What there is to start, read from the files of the nodes.

use crate::account::{self, Account};
use crate::error::LabError;
use crate::smsc::Esme;
use crate::subnet::{HostPort, Prefix};
use ims_runtime::node_config::{NodeConfig, SideConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// What a node is; in the order in which they are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The name server of all domains.
    Nameserver,
    /// The subscribers of a domain.
    Hss,
    /// The presence server.
    PresenceServer,
    /// S-CSCF.
    Scscf,
    /// I-CSCF.
    Icscf,
    /// P-CSCF.
    Pcscf,
    /// The SMS gateway.
    Gateway,
}

impl Role {
    /// The role of the node in `pcscf1a.toml`, of which this is the name without `.toml`.
    pub(crate) fn of_file(stem: &str) -> Option<Self> {
        match stem
            .trim_end_matches(|c: char| c.is_ascii_lowercase())
            .trim_end_matches(|c: char| c.is_ascii_digit())
        {
            "pcscf" => Some(Self::Pcscf),
            "icscf" => Some(Self::Icscf),
            "scscf" => Some(Self::Scscf),
            "hss" => Some(Self::Hss),
            "ps" => Some(Self::PresenceServer),
            "gateway" => Some(Self::Gateway),
            "" if stem == "nameserver" => Some(Self::Nameserver),
            _ => None,
        }
    }

    /// The binary that plays it.
    pub(crate) const fn binary(self) -> &'static str {
        match self {
            Self::Nameserver => "nameserver",
            Self::Hss => "hss",
            Self::PresenceServer => "presence-server",
            Self::Scscf => "scscf",
            Self::Icscf => "icscf",
            Self::Pcscf => "pcscf",
            Self::Gateway => "sms-gateway",
        }
    }

    /// Whether it can record what crosses its sockets.
    pub(crate) const fn records(&self) -> bool {
        match self {
            Self::Nameserver | Self::Hss => false,
            Self::PresenceServer | Self::Scscf | Self::Icscf | Self::Pcscf | Self::Gateway => true,
        }
    }
}

/// Addresses by the transport that is spoken there: `udp` and `tcp` (SIP), `cx`, `dns`.
pub type Addresses = BTreeMap<&'static str, Vec<SocketAddr>>;

/// One node: its file, and what that says.
#[derive(Debug, Clone)]
pub(crate) struct NodePlan {
    /// `pcscf1a`: the file's name without `.toml`.
    pub(crate) name: Box<str>,
    pub(crate) role: Role,
    pub(crate) domain: Option<Box<str>>,
    pub(crate) file: PathBuf,
    pub(crate) ctl_socket: PathBuf,
    /// Where other nodes reach it.
    pub(crate) addresses: Addresses,
    /// Where UEs reach it.
    pub(crate) ue_addresses: Addresses,
}

/// A topology.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of their start.
    pub(crate) nodes: Vec<NodePlan>,
    pub(crate) dns: SocketAddr,
    pub(crate) accounts: Vec<Account>,
    /// The SMS-C that the first gateway binds to.
    pub(crate) smsc: Option<SmscPlan>,
}

/// Whether phones without SIP take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShortMessages {
    /// They do not.
    None,
    /// By a gateway and an SMS-C of the lab's.
    Lab,
    /// By a gateway; the SMS-C is somebody else's.
    Foreign,
}

/// The SMS-C of a gateway, as its file has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SmscPlan {
    pub(crate) address: SocketAddr,
    system_id: Box<str>,
    password: Box<str>,
    source: Box<str>,
}

impl SmscPlan {
    fn read(file: &Path) -> Result<Option<Self>, LabError> {
        let GatewayFile { sms_gateway: Smscs { smsc } } = load(file)?;
        Ok(smsc.into_iter().next())
    }

    /// Who may bind.
    pub(crate) fn esme(&self) -> Esme {
        let Self { system_id, password, source, .. } = self.clone();
        Esme { system_id, password, address: source }
    }
}

#[derive(Deserialize)]
struct GatewayFile {
    sms_gateway: Smscs,
}

#[derive(Deserialize)]
struct Smscs {
    #[serde(default)]
    smsc: Vec<SmscPlan>,
}

/// A file of a SIP node, as far as it concerns us.
#[derive(Deserialize)]
struct SipFile {
    node: NodeConfig,
}

#[derive(Deserialize)]
struct HssFile {
    realm: Box<str>,
    listen: Vec<SocketAddr>,
    subscribers: PathBuf,
    ctl_socket: PathBuf,
}

#[derive(Deserialize)]
struct NameserverFile {
    listen: Vec<SocketAddr>,
    ctl_socket: PathBuf,
}

impl Plan {
    /// Reads the files in `directory` of the nodes of these domains, and of the name server; of gateways only with short messages.
    pub(crate) fn read(
        directory: &Path,
        domains: &[Box<str>],
        messages: ShortMessages,
    ) -> Result<Self, LabError> {
        let mut nodes = Vec::new();
        let mut accounts = Vec::new();
        let entries = std::fs::read_dir(directory).map_err(LabError::at(directory))?;
        let files: Result<BTreeSet<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
        for file in files.map_err(LabError::at(directory))? {
            let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let is_toml = file.extension().is_some_and(|extension| extension == "toml");
            let Some(role) = Role::of_file(stem).filter(|_| is_toml) else { continue };
            if role == Role::Gateway && messages == ShortMessages::None {
                continue;
            }
            let (node, subscribers) = NodePlan::read(stem, role, &file)?;
            let wanted = |domain: &str| domains.iter().any(|wanted| **wanted == *domain);
            if !node.domain.as_deref().is_none_or(wanted) {
                continue;
            }
            if let (Some(subscribers), Some(domain)) = (subscribers, &node.domain) {
                accounts.extend(account::read(&subscribers, domain)?);
            }
            nodes.push(node);
        }
        nodes.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
        if nodes.iter().all(|node| node.domain.is_none()) {
            return Err(LabError::NoNodes(directory.to_owned()));
        }
        let dns = nodes.iter().find_map(|node| node.addresses.get("dns")?.first().copied());
        let dns = dns.ok_or_else(|| LabError::NoNameserver(directory.to_owned()))?;
        let gateway = nodes.iter().find(|node| node.role == Role::Gateway);
        let smsc = gateway.filter(|_| messages == ShortMessages::Lab);
        let smsc = smsc.map(|node| SmscPlan::read(&node.file)).transpose()?.flatten();
        Ok(Self { nodes, dns, accounts, smsc })
    }

    /// Every address that the nodes listen on.
    pub(crate) fn listening(&self) -> impl Iterator<Item = SocketAddr> {
        self.nodes
            .iter()
            .flat_map(|node| node.addresses.values().chain(node.ue_addresses.values()).flatten().copied())
            .chain(self.smsc.iter().map(|smsc| smsc.address))
    }

    /// The hosts and ports of this network that the nodes listen on.
    pub(crate) fn hosts(&self, network: Prefix) -> Vec<HostPort> {
        let host = |address: SocketAddr| match address.ip() {
            IpAddr::V4(ip) => network.host_of(ip).map(|host| HostPort { host, port: address.port() }),
            IpAddr::V6(_) => None,
        };
        self.listening().filter_map(host).collect()
    }

    /// The node that has this address.
    pub(crate) fn named(&self, address: IpAddr) -> Option<&NodePlan> {
        self.nodes.iter().find(|node| node.has(address))
    }
}

impl NodePlan {
    /// The node in this file, and where its subscribers are, if it has any.
    fn read(name: &str, role: Role, file: &Path) -> Result<(Self, Option<PathBuf>), LabError> {
        let directory = file.parent().unwrap_or_else(|| Path::new(""));
        let mut node = Self {
            name: name.into(),
            role,
            domain: None,
            file: file.to_owned(),
            ctl_socket: PathBuf::new(),
            addresses: Addresses::new(),
            ue_addresses: Addresses::new(),
        };
        let mut subscribers = None;
        match role {
            Role::Nameserver => {
                let read: NameserverFile = load(file)?;
                node.addresses.insert("dns", read.listen);
                node.ctl_socket = directory.join(read.ctl_socket);
            }
            Role::Hss => {
                let read: HssFile = load(file)?;
                node.domain = Some(read.realm);
                node.addresses.insert("cx", read.listen);
                node.ctl_socket = directory.join(read.ctl_socket);
                subscribers = Some(directory.join(read.subscribers));
            }
            Role::PresenceServer | Role::Scscf | Role::Icscf | Role::Pcscf | Role::Gateway => {
                let SipFile { node: read } = load(file)?;
                for listen in read.listen {
                    let side = match listen.side {
                        SideConfig::Ue => &mut node.ue_addresses,
                        SideConfig::Network => &mut node.addresses,
                    };
                    for transport in ["udp", "tcp"] {
                        side.entry(transport).or_default().push(listen.address);
                    }
                }
                node.domain = Some(read.domain);
                node.ctl_socket = directory.join(read.ctl_socket);
            }
        }
        Ok((node, subscribers))
    }

    fn has(&self, address: IpAddr) -> bool {
        let mut all = self.addresses.values().chain(self.ue_addresses.values()).flatten();
        all.any(|listening| listening.ip() == address)
    }
}

/// Reads a TOML file, as much of it as the type knows.
pub(crate) fn load<T: DeserializeOwned>(file: &Path) -> Result<T, LabError> {
    let text = std::fs::read_to_string(file).map_err(LabError::at(file))?;
    toml::from_str(&text).map_err(|error| LabError::Configuration(file.to_owned(), error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_says_its_role() {
        for (stem, role) in [
            ("pcscf1a", Some(Role::Pcscf)),
            ("icscf2", Some(Role::Icscf)),
            ("scscf2b", Some(Role::Scscf)),
            ("ps1", Some(Role::PresenceServer)),
            ("gateway1", Some(Role::Gateway)),
            ("hss1", Some(Role::Hss)),
            ("nameserver", Some(Role::Nameserver)),
            ("subscribers-home1", None),
            ("ue", None),
        ] {
            assert_eq!(Role::of_file(stem), role, "{stem}");
        }
    }
}
