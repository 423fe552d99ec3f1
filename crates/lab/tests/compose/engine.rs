//! Docker's command line.

use std::path::Path;
use std::process::{Command, Stdio};

/// How `docker-compose.yml` is run here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Compose {
    Plugin,
    Standalone,
}

impl Compose {
    pub(crate) fn command(self) -> Command {
        match self {
            Self::Plugin => {
                let mut command = Command::new("docker");
                command.arg("compose");
                command
            }
            Self::Standalone => Command::new("docker-compose"),
        }
    }
}

fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// What there is, or why nothing can be tested.
pub(crate) fn find() -> Result<Compose, &'static str> {
    if !works(Command::new("docker").arg("info")) {
        return Err("no Docker engine runs here");
    }
    let mut found = [Compose::Plugin, Compose::Standalone].into_iter();
    found.find(|compose| works(compose.command().arg("version"))).ok_or("docker compose is not installed")
}

/// Runs a command that must go well, and gives what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{text}\n{complaint}");
    text
}

pub(crate) fn docker(words: &[&str]) -> String {
    run(Command::new("docker").args(words)).trim().to_owned()
}

/// Whether an address of this machine, or a way out of it, is in a.b.0.0/16.
pub(crate) fn is_used(a: u8, b: u8) -> bool {
    let routes = std::fs::read_to_string(Path::new("/proc/net/route")).unwrap_or_default();
    let destinations = routes.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1));
    let mut octets = destinations.filter_map(|hex| u32::from_str_radix(hex, 16).ok()).map(u32::to_le_bytes);
    octets.any(|[first, second, ..]| (first, second) == (a, b))
}
