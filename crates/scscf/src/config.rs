//! The configuration file of an S-CSCF.

use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{Configuration, InvalidKey, Millis};
use ims_runtime::ctl::{Command, Reloaded};
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, State};
use scscf::{Ask, Scscf, ScscfSettings, StrictDigestUri, TerminatingRecordRoute};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: NodeConfig,
    #[serde(default)]
    scscf: ScscfConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScscfConfig {
    registration_min_s: u32,
    registration_max_s: u32,
    as_patience_ms: Millis,
    terminating_record_route: bool,
    strict_digest_uri: bool,
}

impl Default for ScscfConfig {
    fn default() -> Self {
        Self {
            registration_min_s: 60,
            registration_max_s: 600_000,
            as_patience_ms: Millis(4500),
            terminating_record_route: true,
            strict_digest_uri: false,
        }
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
        self.node.require_cx("must be set: an S-CSCF asks the HSS")?;
        if self.scscf.registration_min_s == 0 || self.scscf.registration_min_s > self.scscf.registration_max_s
        {
            let reason = "must be above 0 and not above registration_max_s";
            return Err(InvalidKey::new("scscf.registration_min_s", reason));
        }
        Ok(())
    }
}

impl Config {
    fn settings(&self) -> ScscfSettings {
        let record_route = match self.scscf.terminating_record_route {
            true => TerminatingRecordRoute::On,
            false => TerminatingRecordRoute::Off,
        };
        let strict = if self.scscf.strict_digest_uri { StrictDigestUri::On } else { StrictDigestUri::Off };
        let (home, others): (Vec<_>, Vec<_>) =
            self.node.peers.iter().partition(|peer| peer.domains.is_empty());
        ScscfSettings {
            terminating_record_route: record_route,
            min_expires_s: self.scscf.registration_min_s,
            max_expires_s: self.scscf.registration_max_s,
            timer_f: self.node.timers().timer_f(),
            as_patience: self.scscf.as_patience_ms.duration(),
            strict_digest_uri: strict,
            own_addresses: home.iter().flat_map(|peer| peer.addresses.iter().copied()).collect(),
            peer_addresses: others.iter().flat_map(|peer| peer.addresses.iter().copied()).collect(),
            peer_domains: others.iter().flat_map(|peer| peer.domains.iter().cloned()).collect(),
            ..ScscfSettings::new(&self.node.name, &self.node.domain)
        }
    }
}

/// What operators may ask.
const COMMANDS: &[Command<Config, Ask>] =
    &[Command::new("list", "who is registered, with contacts and seconds left", |_, _| Ok(Ask::List))];

/// Runs the node.
///
/// # Errors
/// What ends it before it is asked to end.
pub(crate) async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, Scscf> = Blueprint {
        node: |config| &config.node,
        role: |config, _| Ok(Scscf::new(config.settings())),
        reload: |config, _, role, _| {
            role.reconfigure(config.settings());
            Ok(Reloaded::taken_over("settings of [scscf]"))
        },
        commands: COMMANDS,
    };
    node::run(start, blueprint).await
}
