//! The configuration of an HSS.

use crate::seed::Subscribers;
use crate::store::Store;
use cx_protocol::Secret;
use ims_runtime::cli::{Failure, Occasion, tell_remarks};
use ims_runtime::config::{ConfigFile, Configuration, InvalidKey};
use ims_runtime::cx::{CxIdentity, MIN_SECRET};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One `hss*.toml`. No `Debug`: it has the secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HssConfig {
    /// Name of this node, told to its peers.
    host: Box<str>,
    /// Domain that it serves.
    realm: Box<str>,
    /// Where Cx is accepted.
    pub(crate) listen: Vec<SocketAddr>,
    /// The secret that all nodes of the domain have.
    cx_secret: Box<str>,
    /// Where the store is.
    state_dir: PathBuf,
    /// What the store is filled from at the first start, and on reload.
    subscribers: PathBuf,
    /// For operator commands.
    ctl_socket: PathBuf,
}

impl HssConfig {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    pub(crate) fn store_path(&self) -> PathBuf {
        self.state_dir.join("hss.sqlite")
    }

    pub(crate) fn subscribers(&self) -> ConfigFile<Subscribers> {
        ConfigFile::new(self.subscribers.clone())
    }

    /// Who this node is on Cx; `file` is where this configuration stands.
    pub(crate) fn identity(&self, file: &Path) -> Result<CxIdentity, InvalidKey> {
        if self.cx_secret.len() < MIN_SECRET {
            return Err(InvalidKey::new("cx_secret", format!("must have at least {MIN_SECRET} characters")));
        }
        let secret_in = format!("cx_secret in {}", file.display()).into();
        let secret = Secret::new(self.cx_secret.as_bytes());
        let secret = secret.ok_or_else(|| InvalidKey::new("cx_secret", "must not be empty"))?;
        Ok(CxIdentity { host: self.host.clone(), realm: self.realm.clone(), secret, secret_in })
    }
}

impl Configuration for HssConfig {
    fn ctl_socket(&self) -> &Path {
        &self.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        vec![&mut self.state_dir, &mut self.subscribers, &mut self.ctl_socket]
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        for (key, name) in [("host", &self.host), ("realm", &self.realm)] {
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(InvalidKey::new(key, "must be a domain name"));
            }
        }
        if self.listen.is_empty() {
            return Err(InvalidKey::new("listen", "must name at least one address"));
        }
        self.identity(Path::new("")).map(drop)
    }
}

/// `check` demands a good subscribers file, unless the file is absent and there is a store. A start with a store does not look at
/// the file, because the HSS works with the store.
pub(crate) fn check(config: &HssConfig, occasion: Occasion) -> Result<(), Failure> {
    let file = config.subscribers();
    let is_needed = occasion == Occasion::Check && file.path().exists();
    if !is_needed && Store::exists(&config.store_path()) {
        return Ok(());
    }
    let subscribers = file.load().map_err(|error| InvalidKey::new("subscribers", error.to_string()))?;
    tell_remarks(occasion, &file, &subscribers);
    Ok(())
}
