//! What a node counts, for the operator command `stats`.

use std::fmt::Write as _;

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub(super) struct Stats {
    /// Messages read.
    pub(super) udp_in: u64,
    pub(super) tcp_in: u64,
    /// Messages handed to a socket.
    pub(super) udp_out: u64,
    pub(super) tcp_out: u64,
    /// Messages that could not be sent, and datagrams that peers refused.
    pub(super) send_failed: u64,
    /// Messages that were to be sent and found no room.
    pub(super) dropped_out: u64,
    /// Messages from the network that were dropped without an answer.
    pub(super) dropped_in: u64,
    /// Requests that were answered with an error of our own.
    pub(super) refused: u64,
}

/// What is true at the moment.
#[derive(Debug)]
pub(super) struct Gauges {
    pub(super) connections: usize,
    pub(super) held: usize,
    pub(super) journal_bytes: u64,
    pub(super) journal_live_bytes: u64,
}

impl Stats {
    /// One `name value` a line.
    pub(super) fn render(&self, gauges: &Gauges) -> String {
        let rows = [
            ("udp_in", self.udp_in),
            ("udp_out", self.udp_out),
            ("tcp_in", self.tcp_in),
            ("tcp_out", self.tcp_out),
            ("send_failed", self.send_failed),
            ("dropped_in", self.dropped_in),
            ("dropped_out", self.dropped_out),
            ("refused", self.refused),
            ("connections", gauges.connections as u64),
            ("held", gauges.held as u64),
            ("journal_bytes", gauges.journal_bytes),
            ("journal_live_bytes", gauges.journal_live_bytes),
        ];
        rows.iter().fold(String::new(), |mut text, (name, value)| {
            // Memory takes it.
            let _ = writeln!(text, "{name} {value}");
            text
        })
    }
}
