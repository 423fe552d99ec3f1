//! The configuration file of an I-CSCF.

use cx_protocol::ScscfName;
use icscf::{Admits, Icscf, IcscfSettings, RecordRoute, Scscf};
use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{Configuration, InvalidKey, Millis, reached_by_udp};
use ims_runtime::ctl::Reloaded;
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, State};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: NodeConfig,
    icscf: IcscfConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct IcscfConfig {
    #[serde(default = "on")]
    record_route: bool,
    #[serde(default = "before_five_seconds")]
    scscf_patience_ms: Millis,
    #[serde(default)]
    open: bool,
    scscfs: Vec<ScscfConfig>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScscfConfig {
    name: Box<str>,
    #[serde(default)]
    capabilities: Vec<u32>,
}

const fn on() -> bool {
    true
}

/// Longer than a node that lives takes to say 100.
const fn before_five_seconds() -> Millis {
    Millis(4500)
}

impl Configuration for Config {
    fn ctl_socket(&self) -> &Path {
        &self.node.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        self.node.paths()
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        self.node.validate("node", State::None)?;
        self.node.require_cx("must be set: an I-CSCF asks the HSS")?;
        for (index, scscf) in self.icscf.scscfs.iter().enumerate() {
            if ScscfName::new(&scscf.name).is_err() {
                return Err(InvalidKey::new(format!("icscf.scscfs[{index}].name"), "must be a SIP URI"));
            }
        }
        Ok(())
    }

    fn remarks(&self) -> Vec<InvalidKey> {
        let scscfs = self.icscf.scscfs.iter().enumerate();
        scscfs.filter_map(|(at, own)| reached_by_udp(format!("icscf.scscfs[{at}].name"), &own.name)).collect()
    }
}

impl Config {
    fn settings(&self) -> IcscfSettings {
        let scscf = |config: &ScscfConfig| {
            let name = ScscfName::new(&config.name).ok()?;
            Some(Scscf { name, capabilities: config.capabilities.clone() })
        };
        IcscfSettings {
            name: self.node.name.clone(),
            domain: self.node.domain.clone(),
            admits: if self.icscf.open { Admits::Anybody } else { Admits::Peers },
            record_route: if self.icscf.record_route { RecordRoute::On } else { RecordRoute::Off },
            scscfs: self.icscf.scscfs.iter().filter_map(scscf).collect(),
            scscf_patience: self.icscf.scscf_patience_ms.duration(),
        }
    }
}

/// Runs the node.
///
/// # Errors
/// What ends it before it is asked to end.
pub(crate) async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, Icscf> = Blueprint {
        node: |config| &config.node,
        role: |config, _| Ok(Icscf::new(config.settings())),
        reload: |config, _, role, _| {
            role.reconfigure(config.settings());
            Ok(Reloaded::taken_over("settings of [icscf]"))
        },
        commands: &[],
    };
    node::run(start, blueprint).await
}
