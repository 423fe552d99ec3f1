//! The configuration file of a P-CSCF.

use crate::{Pcscf, Settings, SubscribeReg};
use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{Configuration, InvalidKey};
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, SideConfig, State};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    node: NodeConfig,
    gm: GmConfig,
    #[serde(default)]
    pcscf: PcscfConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GmConfig {
    advertised: SocketAddr,
    #[serde(default)]
    home_domains: Vec<Box<str>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PcscfConfig {
    subscribe_reg: bool,
}

impl Default for PcscfConfig {
    fn default() -> Self {
        Self { subscribe_reg: true }
    }
}

impl Configuration for Config {
    fn ctl_socket(&self) -> &Path {
        &self.node.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        self.node.paths()
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        self.node.validate("node", State::Kept)?;
        let reached =
            self.node.listen.iter().map(|listen| listen.address).chain(self.node.aliases.iter().copied());
        if !reached.into_iter().any(|address| address == self.gm.advertised) {
            let reason = "must be an address of node.listen, or of node.aliases";
            return Err(InvalidKey::new("gm.advertised", reason));
        }
        for (side, reason) in [
            (SideConfig::Ue, "must have one with side = \"ue\""),
            (SideConfig::Network, "must have one with side = \"network\""),
        ] {
            if !self.node.listen.iter().any(|listen| listen.side == side) {
                return Err(InvalidKey::new("node.listen", reason));
            }
        }
        Ok(())
    }
}

impl Config {
    /// Those configured; without any, our own.
    fn home_domains(&self) -> Vec<Box<str>> {
        match self.gm.home_domains.as_slice() {
            [] => vec![self.node.domain.clone()],
            listed => listed.to_vec(),
        }
    }
}

/// Runs the node.
///
/// # Errors
/// What ends it before it is asked to end.
pub async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, Pcscf> = Blueprint {
        node: |config| &config.node,
        role: |config, _| {
            Ok(Pcscf::new(Settings {
                name: config.node.name.clone(),
                network: config.node.domain.clone(),
                home_domains: config.home_domains(),
                advertised: config.gm.advertised.to_string().into(),
                subscribe_reg: match config.pcscf.subscribe_reg {
                    true => SubscribeReg::On,
                    false => SubscribeReg::Off,
                },
            }))
        },
        reload: |_, _, _, _| Ok("nothing of a P-CSCF can change while it runs".into()),
    };
    node::run(start, blueprint).await
}
