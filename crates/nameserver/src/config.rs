//! The configuration file of the name server.

use ims_runtime::config::{Configuration, InvalidKey, Seconds};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// `nameserver.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameserverConfig {
    /// Unix socket for operator commands.
    pub ctl_socket: PathBuf,
    /// Addresses to answer on, each over UDP and TCP.
    #[serde(default)]
    pub listen: Vec<SocketAddr>,
    /// Others, on which the same zones are answered with other addresses.
    #[serde(default)]
    pub views: Vec<ViewConfig>,
    /// How long a TCP connection may be silent before it is closed.
    #[serde(default = "ten_seconds")]
    pub tcp_idle_s: Seconds,
    /// The zones served.
    pub zones: Vec<ZoneConfig>,
}

/// A `[[zones]]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoneConfig {
    /// Name of the zone, such as `home1.test`.
    pub origin: String,
    /// Its zone file.
    pub file: PathBuf,
}

/// A `[[views]]` section: the zones as they look from one network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewConfig {
    /// Addresses to answer on, each over UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// Where the addresses of the zone files are, seen from there.
    pub relocation: PathBuf,
}

fn ten_seconds() -> Seconds {
    Seconds(10)
}

impl Configuration for NameserverConfig {
    fn ctl_socket(&self) -> &Path {
        &self.ctl_socket
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let files = self.zones.iter_mut().map(|zone| &mut zone.file);
        let relocations = self.views.iter_mut().map(|view| &mut view.relocation);
        files.chain(relocations).chain([&mut self.ctl_socket]).collect()
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        if self.listen.is_empty() && self.views.is_empty() {
            return Err(InvalidKey::new("listen", "must name at least one address, or there must be views"));
        }
        if let Some(index) = self.views.iter().position(|view| view.listen.is_empty()) {
            return Err(InvalidKey::new(format!("views[{index}].listen"), "must name at least one address"));
        }
        if self.tcp_idle_s.0 == 0 {
            return Err(InvalidKey::new("tcp_idle_s", "must be at least 1"));
        }
        let plain = |origin: &str| origin.trim_end_matches('.').to_ascii_lowercase();
        for (index, zone) in self.zones.iter().enumerate() {
            let earlier = self.zones.iter().take(index);
            if earlier.into_iter().any(|other| plain(&other.origin) == plain(&zone.origin)) {
                return Err(InvalidKey::new(format!("zones[{index}].origin"), "is there twice"));
            }
        }
        Ok(())
    }
}
