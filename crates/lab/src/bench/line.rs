//! A line of the table: a name by which two runs are compared, and what was measured.

use std::fmt;

/// What was measured, of one thing.
#[derive(Debug, Clone)]
pub struct Line {
    /// Such as `udp SUBSCRIBE`; the same in every run.
    pub name: String,
    /// Each with its unit in its name: `cpu_us`, `median_ms`. Of all of them less is better.
    pub values: Vec<(&'static str, f64)>,
    /// What else there is to say.
    pub note: String,
    /// What went wrong, and how often.
    pub failures: Vec<(String, u64)>,
}

impl Line {
    /// The value of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<f64> {
        self.values.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<24}", self.name)?;
        for (name, value) in &self.values {
            let (what, unit) = name.rsplit_once('_').unwrap_or((name, ""));
            let what = what.replace('_', " ");
            write!(f, "  {what} {value:.*} {unit}", digits(*value))?;
        }
        if !self.note.is_empty() {
            write!(f, "  {}", self.note)?;
        }
        for (failure, times) in &self.failures {
            write!(f, "; ERROR: {times} {failure}")?;
        }
        Ok(())
    }
}

/// Digits behind the point that say something.
fn digits(value: f64) -> usize {
    if value >= 100.0 { 0 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_each_value_with_its_unit() {
        let line = Line {
            name: "udp SUBSCRIBE".into(),
            values: vec![("cpu_us", 241.6), ("last_notify_ms", 3.04)],
            note: "scscf1a 90.0".into(),
            failures: vec![("not answered".into(), 2)],
        };
        let expected =
            "udp SUBSCRIBE             cpu 242 us  last notify 3.0 ms  scscf1a 90.0; ERROR: 2 not answered";
        assert_eq!(line.to_string(), expected);
    }
}
