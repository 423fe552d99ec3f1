//! What happened, for figures, for counting, and for telling two runs apart.

use clock::Mono;
use figure::{Recorded, Wire};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Line ends alone keep a flow alive and are no message (RFC 5626 section 3.5.1).
pub(crate) fn is_keepalive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// How often things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "each field counts what it names")]
pub struct Counters {
    pub datagrams: u64,
    pub datagrams_lost: u64,
    pub datagrams_duplicated: u64,
    pub datagrams_held_up: u64,
    pub datagrams_refused: u64,
    pub messages_delivered: u64,
    pub connections_opened: u64,
    pub connections_refused: u64,
    pub connections_broken: u64,
    pub syncs: u64,
    pub records_lost: u64,
    pub crashes: u64,
    pub restarts: u64,
}

#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) counters: Counters,
    pub(crate) messages: Vec<Recorded>,
    trace: DefaultHasher,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        // Its keys are fixed, so that equal runs have equal traces.
        Self { counters: Counters::default(), messages: Vec::new(), trace: DefaultHasher::new() }
    }

    pub(crate) fn message(&mut self, at: Mono, from: &str, to: &str, wire: Wire) {
        self.messages.push(Recorded { at: at.since_start(), from: from.into(), to: to.into(), wire });
    }

    /// Mixes one thing that happened into the trace.
    pub(crate) fn trace(&mut self, at: Mono, what: &str, about: impl Hash) {
        (at, what).hash(&mut self.trace);
        about.hash(&mut self.trace);
    }

    pub(crate) fn trace_hash(&self) -> u64 {
        self.trace.finish()
    }
}
