//! The configuration file of an SMS gateway.

use crate::link::Link;
use crate::smsc_config::{Smsc, SmscConfig};
use ims_runtime::cli::{Failure, Start};
use ims_runtime::config::{Configuration, InvalidKey, Seconds};
use ims_runtime::ctl::{Command, Reloaded};
use ims_runtime::node::{self, Blueprint};
use ims_runtime::node_config::{NodeConfig, State};
use serde::Deserialize;
use sip_message::Uri;
use sms_gateway::{Ask, BadWord, GatewaySettings, Meaning, NumberPlan, Rate, SmsGateway, Vocabulary};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// The file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    node: NodeConfig,
    sms_gateway: GatewayConfig,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct GatewayConfig {
    identity: Box<str>,
    #[serde(default = "a_day")]
    status_lasts_s: Seconds,
    #[serde(default = "an_hour")]
    publication_s: u32,
    #[serde(default = "a_day")]
    validity_s: Seconds,
    numbers: NumberPlan,
    #[serde(default)]
    rate: RateConfig,
    words: Option<BTreeMap<Box<str>, Meaning>>,
    #[serde(default)]
    smsc: Vec<SmscConfig>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RateConfig {
    burst: u32,
    every_s: Seconds,
}

const fn a_day() -> Seconds {
    Seconds(24 * 3600)
}

const fn an_hour() -> u32 {
    3600
}

impl Default for RateConfig {
    fn default() -> Self {
        Self { burst: 10, every_s: Seconds(6) }
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
        self.node.require_cx("must be set: a gateway asks the HSS")?;
        let config = &self.sms_gateway;
        if !Uri::parse(&config.identity).is_ok_and(|uri| uri.is_sip()) {
            return Err(InvalidKey::new("sms_gateway.identity", "must be a SIP URI"));
        }
        if config.publication_s < 60 {
            return Err(InvalidKey::new("sms_gateway.publication_s", "must be at least 60"));
        }
        for (key, Seconds(seconds)) in
            [("status_lasts_s", config.status_lasts_s), ("validity_s", config.validity_s)]
        {
            if seconds < 60 {
                return Err(InvalidKey::new(format!("sms_gateway.{key}"), "must be at least 60"));
            }
        }
        if config.rate.burst == 0 {
            return Err(InvalidKey::new("sms_gateway.rate.burst", "must be at least 1"));
        }
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        let NumberPlan { country_code, international_prefix, national_prefix } = &config.numbers;
        for (key, value, may_be_empty) in [
            ("country_code", country_code, false),
            ("international_prefix", international_prefix, false),
            ("national_prefix", national_prefix, true),
        ] {
            if !digits(value) || (value.is_empty() && !may_be_empty) {
                return Err(InvalidKey::new(format!("sms_gateway.numbers.{key}"), "must be digits"));
            }
        }
        self.vocabulary()?;
        self.smscs().map(drop)
    }
}

impl Config {
    fn vocabulary(&self) -> Result<Vocabulary, InvalidKey> {
        let Some(words) = &self.sms_gateway.words else { return Ok(Vocabulary::usual()) };
        Vocabulary::new(words.clone()).map_err(|bad| {
            let (word, reason) = match &bad {
                BadWord::Command(word) => (word, "is a command, and cannot be a status"),
                BadWord::NotOneWord(word) => (word, "must be one word of at most 20 characters"),
                BadWord::Activity(word) => (word, "must have an activity of RFC 4480 section 3.2"),
            };
            InvalidKey::new(format!("sms_gateway.words.{word}"), reason)
        })
    }

    fn smscs(&self) -> Result<Vec<Smsc>, InvalidKey> {
        let all = self.sms_gateway.smsc.iter().enumerate();
        all.map(|(at, smsc)| smsc.build(&format!("sms_gateway.smsc[{at}]"))).collect()
    }

    fn settings(&self) -> Result<GatewaySettings, InvalidKey> {
        let config = &self.sms_gateway;
        Ok(GatewaySettings {
            name: self.node.name.clone(),
            identity: config.identity.clone(),
            numbers: config.numbers.clone(),
            vocabulary: self.vocabulary()?,
            lasts: config.status_lasts_s.duration(),
            publication_s: config.publication_s,
            validity: config.validity_s.duration(),
            rate: Rate { burst: config.rate.burst, every: config.rate.every_s.duration() },
        })
    }
}

/// What operators may ask.
const COMMANDS: &[Command<Config, Ask>] =
    &[Command::new("list", "users, their updates that wait, and their statuses", |_, _| Ok(Ask::List))];

/// Runs the node, and a connection to each SMS-C.
///
/// # Errors
/// What ends it before it is asked to end.
pub(crate) async fn run(start: Start<Config>) -> Result<(), Failure> {
    let blueprint: Blueprint<Config, SmsGateway> = Blueprint {
        node: |config| &config.node,
        role: |config, _| Ok(SmsGateway::new(config.settings()?)),
        reload: |config, _, role, _| {
            role.reconfigure(config.settings()?);
            let mut reloaded = Reloaded::taken_over("settings of [sms_gateway]");
            reloaded.needs_restart.push("what has changed in [[sms_gateway.smsc]]".into());
            Ok(reloaded)
        },
        commands: COMMANDS,
    };
    let (asker, inquiries) = node::inquiries();
    let mut links = JoinSet::new();
    // Only the link that holds this lock submits messages to users, so that no message goes out by two SMS-Cs.
    let outgoing = Arc::new(Mutex::new(()));
    let local = start.config.node.listen.first().map(|listen| listen.address.ip());
    for smsc in start.config.smscs()? {
        links.spawn(Link::new(smsc, local, asker.clone(), Arc::clone(&outgoing)).run());
    }
    let ended = node::run_asked(start, blueprint, inquiries).await;
    // Each link unbinds from its SMS-C once the node has ended and answers no more inquiries.
    while links.join_next().await.is_some() {}
    ended
}
