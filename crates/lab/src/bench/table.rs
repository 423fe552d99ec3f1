//! All lines of a run.

use super::line::Line;
use super::row::IN_FLIGHT;
use std::fmt;

/// What was measured, and on what.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the order of their measurement.
    pub lines: Vec<Line>,
    /// Processor, cores, kernel, file system of the journals.
    pub machine: String,
    /// Users, and how often each did the same.
    pub size: (u16, u16),
}

impl Table {
    /// Whether every request was answered as it should be.
    #[must_use]
    pub fn is_faultless(&self) -> bool {
        self.lines.iter().all(|line| line.failures.is_empty())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{IN_FLIGHT} requests in flight; every answer synced; {}", self.machine)?;
        f.write_str(if self.is_faultless() { "No errors." } else { "There were ERRORS." })
    }
}
