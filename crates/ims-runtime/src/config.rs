//! Configuration: one commented TOML file a node, read into a typed value and checked before anything starts.
//!
//! Units stand in the keys (`subscription_max_s`), unknown keys are refused (`deny_unknown_fields` on every struct), and
//! a relative path is relative to the directory of the file that names it. Nothing is substituted but what the command
//! line asks for: addresses ([`Relocation`]) and single values ([`Assignment`]).

mod assignment;
mod error;
mod place;
mod relocation;
mod sections;

pub use assignment::{Assignment, NotAnAssignment};
pub use error::{ConfigError, InvalidKey, Place};
pub use relocation::Relocation;
pub use sections::{AddressFamily, DnsConfig, Millis, Seconds};

use serde::de::DeserializeOwned;
use sip_message::Uri;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Bytes in a configuration file; a longer one is refused.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// A typed configuration.
pub trait Configuration: DeserializeOwned {
    /// Path of the Unix socket for operator commands (`ctl_socket`).
    fn ctl_socket(&self) -> &Path;

    /// Every key that is a path, so that the loader can make it relative to the file's directory.
    fn paths(&mut self) -> Vec<&mut PathBuf>;

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// The first key with a value that cannot be, and why.
    fn validate(&self) -> Result<(), InvalidKey>;

    /// Keys whose values can be and may not be meant: `check` and the log tell of them.
    fn remarks(&self) -> Vec<InvalidKey> {
        Vec::new()
    }
}

/// A remark on the URI of a node if it has a port or an address and no transport. That is one place that speaks UDP (RFC 3263 section
/// 4.1), whatever the zone prefers for the node's name.
#[must_use]
pub fn reached_by_udp(key: impl Into<Box<str>>, uri: &str) -> Option<InvalidKey> {
    const REASON: &str =
        "is reached by UDP, whatever the zone prefers: it has a port or an address and no transport";
    let uri = Uri::parse(uri).ok().filter(|uri| uri.is_sip() && !uri.params().has("transport"))?;
    let is_one_place = uri.port().is_some() || uri.address().is_some();
    is_one_place.then(|| InvalidKey::new(key, REASON))
}

/// A configuration file of type `C`.
#[derive(Debug)]
pub struct ConfigFile<C> {
    path: PathBuf,
    relocation: Option<PathBuf>,
    assignments: Box<[Assignment]>,
    holds: PhantomData<fn() -> C>,
}

impl<C> Clone for ConfigFile<C> {
    fn clone(&self) -> Self {
        let Self { path, relocation, assignments, .. } = self;
        Self {
            path: path.clone(),
            relocation: relocation.clone(),
            assignments: assignments.clone(),
            holds: PhantomData,
        }
    }
}

impl<C: Configuration> ConfigFile<C> {
    /// The file at `path`; nothing is read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, relocation: None, assignments: Box::default(), holds: PhantomData }
    }

    /// The same file with its addresses moved as a relocation file says.
    #[must_use]
    pub fn relocated(self, by: Option<PathBuf>) -> Self {
        Self { relocation: by, ..self }
    }

    /// The same file with values that go before those in it; the file must be good without them.
    #[must_use]
    pub fn with(self, assignments: Vec<Assignment>) -> Self {
        Self { assignments: assignments.into(), ..self }
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads and checks the file, as it is now.
    ///
    /// # Errors
    /// [`ConfigError`], which names file, line, column and key.
    pub fn load(&self) -> Result<C, ConfigError> {
        let text = self.read()?;
        let config: C = toml::from_str(&text).map_err(|error| self.malformed(&text, &error))?;
        let mut config = assignment::assign(config, &text, &self.assignments)?;
        let directory = self.path.parent().unwrap_or_else(|| Path::new(""));
        for path in config.paths() {
            *path = directory.join(&*path);
        }
        config.validate().map_err(|invalid| self.invalid_in(&text, invalid))?;
        Ok(config)
    }

    /// What [`Configuration::remarks`] says, with the places in this file.
    #[must_use]
    pub fn remarks(&self, config: &C) -> Vec<ConfigError> {
        config.remarks().into_iter().map(|remark| self.invalid(remark)).collect()
    }

    /// Says where in this file the key of `invalid` stands, for checks that are made after loading.
    #[must_use]
    pub fn invalid(&self, invalid: InvalidKey) -> ConfigError {
        // A file that can no longer be read leaves the key without its line.
        self.invalid_in(&self.read().unwrap_or_default(), invalid)
    }

    fn read(&self) -> Result<String, ConfigError> {
        let text = read_file(&self.path)?;
        Ok(match &self.relocation {
            Some(path) => Relocation::load(path)?.apply(&text),
            None => text,
        })
    }

    fn malformed(&self, text: &str, error: &toml::de::Error) -> ConfigError {
        let span = error.span();
        ConfigError::Malformed {
            place: Place::new(&self.path, text, span.as_ref().map_or(0, |span| span.start)),
            // An empty span stands for the whole file.
            key: span
                .filter(|span| !span.is_empty())
                .and_then(|span| place::key_at(text, &span))
                .map(Into::into),
            message: error.message().into(),
        }
    }

    fn invalid_in(&self, text: &str, invalid: InvalidKey) -> ConfigError {
        let offset = place::offset_of(text, invalid.key());
        ConfigError::Invalid { place: Place::new(&self.path, text, offset), invalid }
    }
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    if text.len() > MAX_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}
