//! The rows for people.

use super::row::{IN_FLIGHT, Row};
use std::fmt;
use std::time::Duration;

/// All rows, and what they were measured on.
#[derive(Debug, Clone)]
pub struct Table {
    /// In the order of their measurement.
    pub rows: Vec<Row>,
    /// The file system of the journals.
    pub file_system: Box<str>,
}

impl Table {
    /// Whether every request was answered as it should be.
    #[must_use]
    pub fn is_faultless(&self) -> bool {
        self.rows.iter().all(|row| row.failures.is_empty())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, requests, repeats, median, percentile_99, .. } = self;
        let (rate, sum, way) = (self.rate(), self.cpu_us(), self.through_the_chain);
        let (median, slowest) = (millis(*median), millis(*percentile_99));
        let way = if way { "chain" } else { "alone" };
        write!(
            f,
            "{way} {operation:<17} {requests:>8} {rate:>7.0}/s {sum:>7.1} us {median:>7.1} ms {slowest:>7.1} ms"
        )?;
        let mut nodes: Vec<_> = self.cpu.iter().map(|(name, used)| (name, self.us_each(*used))).collect();
        nodes.retain(|(_, us)| *us >= 0.1);
        nodes.sort_by(|a, b| b.1.total_cmp(&a.1));
        for (name, us) in nodes {
            write!(f, "  {name} {us:.1}")?;
        }
        if *repeats > 0 {
            write!(f, "; sent again: {repeats}")?;
        }
        for (failure, times) in &self.failures {
            write!(f, "; ERROR: {times} {failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{IN_FLIGHT} requests in flight; journals on {}, every answer synced.",
            self.file_system
        )?;
        f.write_str(if self.is_faultless() { "No errors." } else { "There were ERRORS." })
    }
}

/// The line above the rows.
pub const HEAD: &str =
    "way   request           requests      rate   CPU all    median        99 %  CPU of each node, us";

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
