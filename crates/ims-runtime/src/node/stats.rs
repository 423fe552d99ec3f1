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

impl Stats {
    /// One `name value` a line: these, and `more`.
    pub(super) fn render(&self, more: impl IntoIterator<Item = (String, u64)>) -> String {
        let rows = [
            ("udp_in", self.udp_in),
            ("udp_out", self.udp_out),
            ("tcp_in", self.tcp_in),
            ("tcp_out", self.tcp_out),
            ("send_failed", self.send_failed),
            ("dropped_in", self.dropped_in),
            ("dropped_out", self.dropped_out),
            ("refused", self.refused),
        ];
        let rows = rows.map(|(name, value)| (name.to_owned(), value));
        rows.into_iter().chain(more).fold(String::new(), |mut text, (name, value)| {
            // Memory takes it.
            let _ = writeln!(text, "{name} {value}");
            text
        })
    }
}
