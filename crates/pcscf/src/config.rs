//! The configuration file of a P-CSCF.

use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{Configuration, InvalidKey};
use ims_runtime::ctl::{Command, Reloaded};
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, SideConfig, State};
use pcscf::{Ask, Pcscf, PcscfSettings, SharedFlows, SubscribeReg};
use serde::Deserialize;
use sip_message::Host;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: NodeConfig,
    gm: GmConfig,
    #[serde(default)]
    pcscf: PcscfConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GmConfig {
    advertised: SocketAddr,
    /// Without it, the node's own.
    home_domains: Option<Vec<Box<str>>>,
    #[serde(default)]
    shared_flows: bool,
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
        let domains = self.home_domains();
        if domains.is_empty()
            || !domains.iter().all(|domain| matches!(Host::parse(domain), Ok(Host::Name(_))))
        {
            let reason =
                "must name the domains whose users may register here, or be left out for the node's own";
            return Err(InvalidKey::new("gm.home_domains", reason));
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
        self.gm.home_domains.clone().unwrap_or_else(|| vec![self.node.domain.clone()])
    }
}

/// What operators may ask.
const COMMANDS: &[Command<Config, Ask>] =
    &[Command::new("list", "who is registered, on which flow, with seconds left", |_, _| Ok(Ask::List))];

/// Runs the node.
///
/// # Errors
/// What ends it before it is asked to end.
pub(crate) async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, Pcscf> = Blueprint {
        node: |config| &config.node,
        role: |config, _| {
            Ok(Pcscf::new(PcscfSettings {
                name: config.node.name.clone(),
                network: config.node.domain.clone(),
                home_domains: config.home_domains(),
                advertised: config.gm.advertised.to_string().into(),
                subscribe_reg: match config.pcscf.subscribe_reg {
                    true => SubscribeReg::On,
                    false => SubscribeReg::Off,
                },
                shared_flows: match config.gm.shared_flows {
                    true => SharedFlows::Allowed,
                    false => SharedFlows::Ended,
                },
                t1: config.node.timers().t1,
                ue_timer_f: config.node.ue_timers().timer_f(),
            }))
        },
        reload: |_, _, _, _| Ok(Reloaded::needs_restart("[gm] and [pcscf]")),
        commands: COMMANDS,
    };
    node::run(start, blueprint).await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

    use super::*;
    use ims_runtime::config::ConfigFile;

    fn load(home_domains: &str) -> Result<Config, String> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/pcscf1a.toml");
        let text = std::fs::read_to_string(file).unwrap();
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("home_domains"))
            .fold(String::new(), |text, line| {
                text + line + "\n" + if line == "[gm]" { home_domains } else { "" }
            });
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pcscf.toml");
        std::fs::write(&path, text).unwrap();
        ConfigFile::<Config>::new(path).load().map_err(|error| error.to_string())
    }

    #[test]
    fn home_domains_are_names_or_left_out() {
        assert_eq!(load("").unwrap().home_domains(), ["home1.test".into()]);
        assert_eq!(load("home_domains = [\"home3.test\"]\n").unwrap().home_domains(), ["home3.test".into()]);
        for bad in ["[]", "[\"\"]", "[\"home1.test\", \"127.0.0.1\"]"] {
            let error = load(&format!("home_domains = {bad}\n")).unwrap_err();
            assert!(error.contains("gm.home_domains: must name the domains"), "{bad}: {error}");
        }
    }
}
