//! A run that is kept in a file, and what another one is compared with.

use super::line::Line;
use super::table::{Size, Table};
use crate::error::LabError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// The values of a run, by row and value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// What it was measured on: processor, cores, kernel, file system of the journals.
    pub machine: String,
    /// How much was done; a pair in the file.
    pub size: Size,
    /// The rows.
    pub rows: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Saved {
    /// Of a table.
    #[must_use]
    pub fn of(table: &Table) -> Self {
        let row = |line: &Line| {
            let values = line.values.iter().map(|(name, value)| ((*name).to_owned(), *value));
            (line.name.clone(), values.collect())
        };
        Self { machine: table.machine.clone(), size: table.size, rows: table.lines.iter().map(row).collect() }
    }

    /// Reads a file that [`Saved::write`] has written.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn read(path: &Path) -> Result<Self, LabError> {
        let text = std::fs::read_to_string(path).map_err(LabError::at(path))?;
        serde_json::from_str(&text).map_err(|error| LabError::at(path)(error.into()))
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LabError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| LabError::at(path)(error.into()))?;
        std::fs::write(path, text + "\n").map_err(LabError::at(path))
    }

    /// Each value of `now` as a multiple of the one here.
    #[must_use]
    pub fn against(&self, now: &Self) -> Comparison {
        let mut rows = Vec::new();
        for (name, values) in &now.rows {
            let Some(before) = self.rows.get(name) else { continue };
            let ratio = |(value, now): (&String, &f64)| {
                let before = before.get(value).filter(|before| **before > 0.0)?;
                Some(Compared { value: value.clone(), before: *before, now: *now })
            };
            rows.push(Row { name: name.clone(), values: values.iter().filter_map(ratio).collect() });
        }
        Comparison { is_same_machine: self.machine == now.machine, is_same_size: self.size == now.size, rows }
    }
}

/// A row that two runs have in common.
#[derive(Debug, Clone)]
struct Row {
    name: String,
    values: Vec<Compared>,
}

/// A value before and now.
#[derive(Debug, Clone)]
struct Compared {
    /// Its name.
    value: String,
    before: f64,
    now: f64,
}

/// Rows that two runs have in common.
#[derive(Debug, Clone)]
pub struct Comparison {
    is_same_machine: bool,
    is_same_size: bool,
    rows: Vec<Row>,
}

impl Comparison {
    /// Whether there is a row that both have.
    #[must_use]
    pub fn says_something(&self) -> bool {
        !self.rows.is_empty()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "now as a multiple of before; less is better")?;
        if !self.is_same_machine {
            write!(f, "; MEASURED ON ANOTHER MACHINE")?;
        }
        if !self.is_same_size {
            write!(f, "; MEASURED WITH OTHER USERS OR ROUNDS")?;
        }
        for Row { name, values } in &self.rows {
            write!(f, "\n{name:<24}")?;
            for Compared { value, before, now } in values {
                write!(f, "  {value} {:.2} ({before:.1} -> {now:.1})", now / before)?;
            }
        }
        if self.rows.is_empty() {
            write!(f, "\nThey have no row in common.")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

    use super::*;

    fn saved(cpu: f64) -> Saved {
        let values = [("cpu_us".to_owned(), cpu), ("median_ms".to_owned(), 2.0)];
        let rows = [("udp PUBLISH".to_owned(), values.into_iter().collect())];
        Saved {
            machine: "one".into(),
            size: Size { users: 800, rounds: 10 },
            rows: rows.into_iter().collect(),
        }
    }

    #[test]
    fn a_run_reads_back_as_it_was_written_and_is_compared_row_by_row() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run.json");
        saved(100.0).write(&path).unwrap();
        let before = Saved::read(&path).unwrap();
        assert_eq!(before, saved(100.0));
        let said = before.against(&saved(80.0)).to_string();
        assert!(said.contains("cpu_us 0.80 (100.0 -> 80.0)  median_ms 1.00"), "{said}");
        assert!(!said.contains("ANOTHER MACHINE"));
        let text = std::fs::read_to_string(&path).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(file.get("size"), Some(&serde_json::json!([800, 10])), "as in files of earlier versions");
        let size = Size { users: 20, rounds: 10 };
        let elsewhere = Saved { machine: "two".into(), size, rows: BTreeMap::new() };
        let said = before.against(&elsewhere).to_string();
        assert!(
            said.contains("ANOTHER MACHINE")
                && said.contains("OTHER USERS")
                && said.contains("no row in common"),
            "{said}"
        );
        std::fs::write(&path, "{").unwrap();
        assert!(Saved::read(&path).unwrap_err().to_string().contains("run.json"));
    }
}
