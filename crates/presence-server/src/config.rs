//! The configuration file of a presence server.

use crate::rules_dir;
use ims_runtime::cli::{Failure, Occasion, Start};
use ims_runtime::config::{Configuration, InvalidKey, Seconds};
use ims_runtime::ctl::{BadWords, Command, Reloaded};
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, State};
use presence_document::SubHandling;
use presence_server::{
    Ask, Bounds, PresenceServer, PresenceServerSettings, PublishesForOthers, RegistrationHint, meant,
};
use serde::Deserialize;
use sip_event::{Limits, NotifyPolicy, Updates};
use std::path::{Path, PathBuf};

/// The default lifetime of the presence package (RFC 3856 section 6.4).
const PACKAGE_DEFAULT_S: u32 = 3600;

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: NodeConfig,
    presence_server: PresenceConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresenceConfig {
    rules_dir: PathBuf,
    #[serde(default)]
    default_action: ActionConfig,
    #[serde(default)]
    notify_updates: UpdatesConfig,
    #[serde(default)]
    registration_hint: HintConfig,
    #[serde(default = "immediately")]
    min_notify_interval_s: Seconds,
    #[serde(default = "one_minute")]
    subscription_min_s: u32,
    #[serde(default = "one_hour")]
    subscription_max_s: u32,
    #[serde(default = "one_minute")]
    publication_min_s: u32,
    #[serde(default = "one_hour")]
    publication_max_s: u32,
    #[serde(default)]
    limits: LimitsConfig,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActionConfig {
    #[default]
    Block,
    Confirm,
    PoliteBlock,
    Allow,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UpdatesConfig {
    #[default]
    Identity,
    Dialog,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum HintConfig {
    #[default]
    None,
    Open,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsConfig {
    subscriptions: usize,
    subscriptions_per_presentity: usize,
    subscriptions_per_watcher: usize,
    presentities: usize,
    publications_per_presentity: usize,
}

const fn immediately() -> Seconds {
    Seconds(0)
}

const fn one_minute() -> u32 {
    60
}

const fn one_hour() -> u32 {
    3600
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let Bounds { subscriptions, per_presentity, per_watcher, presentities, publications } = Bounds::USUAL;
        Self {
            subscriptions,
            subscriptions_per_presentity: per_presentity,
            subscriptions_per_watcher: per_watcher,
            presentities,
            publications_per_presentity: publications,
        }
    }
}

impl Configuration for Config {
    fn ctl_socket(&self) -> &Path {
        &self.node.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths = self.node.paths();
        paths.push(&mut self.presence_server.rules_dir);
        paths
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        self.node.validate("node", State::Kept)?;
        let config = &self.presence_server;
        for (key, min, max) in [
            ("subscription", config.subscription_min_s, config.subscription_max_s),
            ("publication", config.publication_min_s, config.publication_max_s),
        ] {
            if min == 0 || min > max {
                let reason = format!("must be above 0 and not above {key}_max_s");
                return Err(InvalidKey::new(format!("presence_server.{key}_min_s"), reason));
            }
        }
        config.limits.validate()
    }
}

impl LimitsConfig {
    fn validate(&self) -> Result<(), InvalidKey> {
        for (key, value) in [
            ("subscriptions", self.subscriptions),
            ("subscriptions_per_presentity", self.subscriptions_per_presentity),
            ("subscriptions_per_watcher", self.subscriptions_per_watcher),
            ("presentities", self.presentities),
            ("publications_per_presentity", self.publications_per_presentity),
        ] {
            if value == 0 {
                return Err(InvalidKey::new(format!("presence_server.limits.{key}"), "must be at least 1"));
            }
        }
        Ok(())
    }

    const fn bounds(&self) -> Bounds {
        Bounds {
            subscriptions: self.subscriptions,
            per_presentity: self.subscriptions_per_presentity,
            per_watcher: self.subscriptions_per_watcher,
            presentities: self.presentities,
            publications: self.publications_per_presentity,
        }
    }
}

impl Config {
    fn settings(&self) -> PresenceServerSettings {
        let config = &self.presence_server;
        let usual = PresenceServerSettings::new(&self.node.name, &self.node.domain);
        let updates = match config.notify_updates {
            UpdatesConfig::Identity => Updates::Identity,
            UpdatesConfig::Dialog => Updates::Dialog,
        };
        let min_interval = config.min_notify_interval_s.duration();
        let limits = |min_s, max_s| Limits { default_s: PACKAGE_DEFAULT_S, min_s, max_s };
        PresenceServerSettings {
            default_action: config.default_action.action(),
            notify: NotifyPolicy {
                updates,
                min_interval,
                timer_n: self.node.timers().timer_f(),
                ..usual.notify
            },
            subscription: limits(config.subscription_min_s, config.subscription_max_s),
            publication: limits(config.publication_min_s, config.publication_max_s),
            for_others: match self.node.cx {
                Some(_) => PublishesForOthers::AsHssSays,
                None => PublishesForOthers::Nobody,
            },
            registration_hint: match config.registration_hint {
                HintConfig::None => RegistrationHint::None,
                HintConfig::Open => RegistrationHint::Open,
            },
            bounds: config.limits.bounds(),
            ..usual
        }
    }

    fn rules_dir(&self) -> &Path {
        &self.presence_server.rules_dir
    }
}

impl ActionConfig {
    const fn action(self) -> SubHandling {
        match self {
            Self::Block => SubHandling::Block,
            Self::Confirm => SubHandling::Confirm,
            Self::PoliteBlock => SubHandling::PoliteBlock,
            Self::Allow => SubHandling::Allow,
        }
    }
}

/// Checks what the configuration names: every rules document.
///
/// # Errors
/// The first one that is not taken, and why.
pub(crate) fn check(config: &Config, _: Occasion) -> Result<(), Failure> {
    let read = rules_dir::read(config.rules_dir()).map(drop);
    read.map_err(|bad| InvalidKey::new("presence_server.rules_dir", bad.to_string()).into())
}

/// What operators may ask.
const COMMANDS: &[Command<Config, Ask>] = &[
    Command::new("list", "subscriptions, publications and registrations, with the seconds left", |_, _| {
        Ok(Ask::List)
    }),
    Command::new(
        "explain PRESENTITY WATCHER",
        "what becomes of this watcher's subscription to that presentity, and why",
        explain,
    ),
];

fn explain(config: &Config, words: &[&str]) -> Result<Ask, BadWords> {
    let uri = |at: usize, name| {
        let must_be = "an address such as carol@home1.test, or the name of a user of our domain";
        let meant = words.get(at).and_then(|text| meant(text, &config.node.domain));
        meant.ok_or(BadWords::Argument { name, must_be })
    };
    Ok(Ask::Explain { presentity: uri(0, "PRESENTITY")?, watcher: uri(1, "WATCHER")? })
}

/// Runs the node.
///
/// # Errors
/// What ends it before it is asked to end.
pub(crate) async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, PresenceServer> = Blueprint {
        node: |config| &config.node,
        role: |config, _| Ok(PresenceServer::new(config.settings(), rules_dir::read(config.rules_dir())?)),
        reload: |config, now, role, _| {
            let rules = rules_dir::read(config.rules_dir())?;
            role.reconfigure(now, config.settings(), rules);
            let mut reloaded = Reloaded::taken_over("settings of [presence_server]");
            reloaded.taken_over.push(format!("rules of {} presentities", role.rules()).into());
            Ok(reloaded)
        },
        commands: COMMANDS,
    };
    node::run(start, blueprint).await
}
