//! What a role is asked that is not SIP, and how its answers are read.

use serde::Serialize;
use std::fmt;

/// An answer to an operator: lines of text for people (`Display`), or a value for programs (`Serialize`).
pub trait AskAnswer: fmt::Display + Serialize {
    /// Why nothing was done, as a name in snake_case that programs can rely on; `None` when what was asked for was done.
    fn refusal(&self) -> Option<&'static str> {
        None
    }
}

/// Writes a list as an operator reads it: one item a line.
///
/// # Errors
/// Those of the formatter.
pub fn write_lines<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            f.write_str("\n")?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// What a role is asked that is asked nothing, and what it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum NoAsk {}

impl fmt::Display for NoAsk {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

impl AskAnswer for NoAsk {}
