//! Parts that several configurations share.

use super::InvalidKey;
use serde::Deserialize;
use std::net::SocketAddr;
use std::time::Duration;

/// A whole number of seconds, for keys that end in `_s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// A whole number of milliseconds, for keys that end in `_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u32);

impl Millis {
    /// As a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }
}

/// A kind of address to ask DNS for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
}

/// The `[dns]` section: whom to ask for names, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsConfig {
    /// Name servers, the first asked first; at least one.
    pub servers: Vec<SocketAddr>,
    /// Which addresses to ask for, the preferred family first.
    #[serde(default = "ipv4_only")]
    pub families: Vec<AddressFamily>,
    /// How long one try at a server may take.
    #[serde(default = "one_second")]
    pub timeout_ms: Millis,
    /// Tries at a server before the question counts as failed.
    #[serde(default = "two")]
    pub attempts: u8,
}

fn ipv4_only() -> Vec<AddressFamily> {
    vec![AddressFamily::Ipv4]
}

fn one_second() -> Millis {
    Millis(1000)
}

fn two() -> u8 {
    2
}

impl DnsConfig {
    /// Checks the values; `section` is the name of this section in the file.
    ///
    /// # Errors
    /// The key that cannot be.
    pub fn validate(&self, section: &str) -> Result<(), InvalidKey> {
        let key = |name: &str| format!("{section}.{name}");
        if self.servers.is_empty() {
            return Err(InvalidKey::new(key("servers"), "must name at least one server"));
        }
        if self.families.is_empty() {
            return Err(InvalidKey::new(key("families"), "must name \"ipv4\", \"ipv6\" or both"));
        }
        if self.timeout_ms.0 == 0 {
            return Err(InvalidKey::new(key("timeout_ms"), "must be at least 1"));
        }
        if self.attempts == 0 {
            return Err(InvalidKey::new(key("attempts"), "must be at least 1"));
        }
        Ok(())
    }
}
