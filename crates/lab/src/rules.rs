//! Rules by which a presentity refuses a watcher, in place of those that a network starts with.

use crate::error::LabError;
use crate::lab::Lab;
use crate::plan::Role;
use ims_runtime::ctl::CtlAnswer;
use std::path::{Path, PathBuf};

/// Rules that refuse, by the names of their presentities, in the configuration.
const DENIED: &str = "rules/denied";

/// The rules that were in force before.
#[derive(Debug)]
pub(crate) struct Rules {
    server: Box<str>,
    file: PathBuf,
    before: Vec<u8>,
}

impl Rules {
    /// Puts the rules that refuse into force, in the running network.
    pub(crate) async fn deny(lab: &Lab, presentity: &str) -> Result<Self, LabError> {
        let user = presentity.strip_prefix("sip:").unwrap_or(presentity);
        let (_, domain) = user.split_once('@').unwrap_or_default();
        let server =
            lab.nodes().find(|node| node.role == Role::PresenceServer && node.domain == Some(domain));
        let server = server.ok_or_else(|| LabError::UnknownNode(domain.into()))?.name.into();
        let name = format!("{user}.xml");
        let config = lab.directory().join("config");
        let network = domain.split('.').next().unwrap_or(domain);
        let file = config.join("rules").join(network).join(&name);
        let denied = config.join(DENIED).join(&name);
        let before = std::fs::read(&file).map_err(LabError::at(&file))?;
        let refusing = std::fs::read(&denied).map_err(LabError::at(&denied))?;
        let rules = Self { server, file, before };
        rules.put(lab, &refusing).await?;
        Ok(rules)
    }

    /// Puts back what was in force before.
    pub(crate) async fn restore(self, lab: &Lab) -> Result<(), LabError> {
        self.put(lab, &self.before).await
    }

    async fn put(&self, lab: &Lab, rules: &[u8]) -> Result<(), LabError> {
        let file: &Path = &self.file;
        std::fs::write(file, rules).map_err(LabError::at(file))?;
        match lab.ctl(&self.server, &["reload"]).await? {
            CtlAnswer::Done(_) => Ok(()),
            CtlAnswer::Refused(why) => Err(LabError::Refused { node: self.server.clone(), why: why.into() }),
        }
    }
}
