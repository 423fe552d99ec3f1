//! Answers that every process gives.

use ims_node::AskAnswer;
use serde::{Serialize, Serializer};
use std::fmt;

/// The answer to `stats`: what is counted, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics(Vec<(String, u64)>);

impl<N: Into<String>> FromIterator<(N, u64)> for Metrics {
    fn from_iter<I: IntoIterator<Item = (N, u64)>>(metrics: I) -> Self {
        Self(metrics.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(name, value)| writeln!(f, "{name} {value}"))
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl AskAnswer for Metrics {}

/// The answer to `drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Draining {
    draining: bool,
}

impl Draining {
    /// The process has begun to drain, and ends when it has finished.
    pub const BEGUN: Self = Self { draining: true };
}

impl fmt::Display for Draining {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl AskAnswer for Draining {}

/// The answer to `reload`: what has been taken over, and what would need a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Reloaded {
    /// What has been read again and is in force.
    pub taken_over: Vec<Box<str>>,
    /// What may have changed and is read at the start only.
    pub needs_restart: Vec<Box<str>>,
}

impl Reloaded {
    /// This has been read again.
    #[must_use]
    pub fn taken_over(what: impl Into<Box<str>>) -> Self {
        Self { taken_over: vec![what.into()], needs_restart: Vec::new() }
    }

    /// This is read at the start only.
    #[must_use]
    pub fn needs_restart(what: impl Into<Box<str>>) -> Self {
        Self { taken_over: Vec::new(), needs_restart: vec![what.into()] }
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.taken_over.iter().try_for_each(|what| writeln!(f, "taken over: {what}"))?;
        self.needs_restart.iter().try_for_each(|what| writeln!(f, "needs a restart: {what}"))
    }
}

impl AskAnswer for Reloaded {}

/// Why `reload` has changed nothing, as the error says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotReloaded(Box<str>);

impl NotReloaded {
    /// Because of this error.
    #[must_use]
    pub fn because(error: &impl fmt::Display) -> Self {
        Self(error.to_string().into())
    }
}

impl fmt::Display for NotReloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AskAnswer for NotReloaded {
    fn refusal(&self) -> Option<&'static str> {
        Some("not_reloaded")
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unanswered {
    /// Too many wait for one already.
    TooMany,
    /// None came in time.
    Late,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "too many commands wait for their answers",
            Self::Late => "there was no answer in time",
        })
    }
}

impl AskAnswer for Unanswered {
    fn refusal(&self) -> Option<&'static str> {
        Some(match self {
            Self::TooMany => "too_many_asks",
            Self::Late => "no_answer_in_time",
        })
    }
}
