//! All lines of a run.

use super::line::Line;
use super::row::IN_FLIGHT;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u16, u16)", into = "(u16, u16)")]
pub struct Size {
    /// Users.
    pub users: u16,
    /// How often each did the same.
    pub rounds: u16,
}

impl From<(u16, u16)> for Size {
    fn from((users, rounds): (u16, u16)) -> Self {
        Self { users, rounds }
    }
}

impl From<Size> for (u16, u16) {
    fn from(Size { users, rounds }: Size) -> Self {
        (users, rounds)
    }
}

/// What was measured, and on what.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the order of their measurement.
    pub lines: Vec<Line>,
    /// Processor, cores, kernel, file system of the journals.
    pub machine: String,
    /// How much was done.
    pub size: Size,
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
