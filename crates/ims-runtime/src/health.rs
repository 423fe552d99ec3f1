//! Whether a node is ready, said by the node itself.

use ims_node::AskAnswer;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};

/// The operator command that asks for readiness.
pub const WORD: &str = "health";

/// Says once that the node `name` is ready: in the log, and in a line on standard output for whoever waits for it.
pub fn announce(name: &str) {
    tracing::info!(node = name, "ready");
    // Whoever started us may have closed our standard output.
    let _ = writeln!(io::stdout(), "{name} ready");
}

/// What must have happened once before a node is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The journal is replayed.
    Replay,
    /// The sockets are open.
    Listening,
    /// A DNS server has answered.
    Dns,
    /// An HSS has accepted our hello.
    Cx,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replay => "replay of the journal",
            Self::Listening => "open sockets",
            Self::Dns => "first DNS answer",
            Self::Cx => "first contact with the HSS",
        })
    }
}

/// The conditions that a node still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    waiting: BTreeSet<Condition>,
}

impl Health {
    /// A node that is ready when all `conditions` have been met.
    #[must_use]
    pub fn waiting_for(conditions: &[Condition]) -> Self {
        Self { waiting: conditions.iter().copied().collect() }
    }

    /// Notes that `condition` holds; true when that made the node ready.
    pub fn met(&mut self, condition: Condition) -> bool {
        self.waiting.remove(&condition) && self.is_ready()
    }

    /// Whether every condition has been met.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The answer to `health`.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        Readiness { ready: self.is_ready(), waiting_for: self.waiting.clone(), remarks: Vec::new() }
    }
}

/// The answer to `health`: ready, or what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    ready: bool,
    waiting_for: BTreeSet<Condition>,
    /// What is wrong though the process is ready.
    pub remarks: Vec<Box<str>>,
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ready {
            f.write_str("ready")?;
        } else {
            let missing: Vec<String> = self.waiting_for.iter().map(ToString::to_string).collect();
            write!(f, "not ready, waiting for: {}", missing.join(", "))?;
        }
        self.remarks.iter().try_for_each(|remark| write!(f, "; {remark}"))
    }
}

impl AskAnswer for Readiness {
    fn refusal(&self) -> Option<&'static str> {
        (!self.ready).then_some("not_ready")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_only_when_every_condition_was_met() {
        let mut health = Health::waiting_for(&[Condition::Cx, Condition::Dns]);
        let waiting = "not ready, waiting for: first DNS answer, first contact with the HSS";
        let readiness = health.readiness();
        assert_eq!((readiness.refusal(), readiness.to_string()), (Some("not_ready"), waiting.to_owned()));
        assert!(!health.met(Condition::Dns));
        assert!(!health.is_ready());
        assert!(health.met(Condition::Cx));
        assert!(!health.met(Condition::Cx), "already ready");
        let readiness = health.readiness();
        assert_eq!((readiness.refusal(), readiness.to_string()), (None, "ready".to_owned()));
    }
}
