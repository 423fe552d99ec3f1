//! A lab for a test.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test binary uses its part, and a test helper may fail its test"
)]

pub(crate) mod agents;
pub(crate) mod load;
pub(crate) mod own_network;

use lab::{Configuration, Lab, LabError, Options, ShortMessages};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The workspace's `config/`.
pub(crate) fn config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The value, or what the error says to people: what to build, or the last words of a node.
pub(crate) fn good<T>(result: Result<T, LabError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A network of home1.test.
pub(crate) async fn up(record: bool) -> Lab {
    good(Lab::up(Options { record, ..Options::new(&config()) }).await)
}

/// A network of both domains, with these over its configuration.
pub(crate) async fn both(overlays: impl IntoIterator<Item = PathBuf>) -> Lab {
    both_of(&config(), overlays).await
}

/// As [`both`], of this configuration.
pub(crate) async fn both_of(config: &Path, overlays: impl IntoIterator<Item = PathBuf>) -> Lab {
    let overlays = overlays.into_iter().collect();
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    good(Lab::up(Options { domains, overlays, ..Options::new(config) }).await)
}

/// An overlay by which CSCFs wait for others no longer than a test wants to.
pub(crate) fn impatient(place: &Path) -> PathBuf {
    let overlay = place.join("overlay");
    std::fs::create_dir(&overlay).unwrap_or_else(|error| panic!("{error}"));
    for (nodes, text) in [
        (&["icscf1", "icscf2"][..], "[icscf]\nscscf_patience_ms = 2000\n"),
        (&["scscf1a", "scscf1b", "scscf2a", "scscf2b"], "[scscf]\nas_patience_ms = 1000\n"),
    ] {
        for node in nodes {
            let written = std::fs::write(overlay.join(format!("{node}.toml")), text);
            written.unwrap_or_else(|error| panic!("{error}"));
        }
    }
    overlay
}

/// By what nodes speak to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Between {
    /// As the zones of `config/` say.
    Tcp,
    /// By `config/udp`.
    Udp,
}

impl Between {
    /// What goes over the configuration for that.
    pub(crate) fn overlay(self) -> Option<PathBuf> {
        match self {
            Self::Tcp => None,
            Self::Udp => Some(config().join("udp")),
        }
    }
}

/// A network of both domains that records.
pub(crate) async fn up_for(configuration: Configuration, between: Between) -> Lab {
    let domains = ["home1.test", "home2.test"].map(Into::into).to_vec();
    let theirs = configuration.overlay().map(|overlay| config().join(overlay));
    let overlays = theirs.into_iter().chain(between.overlay()).collect();
    let messages = ShortMessages::Lab;
    good(Lab::up(Options { domains, overlays, record: true, messages, ..Options::new(&config()) }).await)
}

/// Notes that something could not be tested, and why, where the list of skipped tests is wished.
pub(crate) fn skip(why: &str) {
    println!("SKIPPED: {why}");
    if let Some(list) = std::env::var_os("MUSTER_SKIPPED") {
        let list = std::fs::OpenOptions::new().append(true).create(true).open(list);
        // Whoever wishes the list has made its directory.
        list.and_then(|mut list| writeln!(list, "{why}")).unwrap_or_else(|error| panic!("{error}"));
    }
}
