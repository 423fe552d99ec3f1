//! The figures' arrow lists.

use crate::arrow::Arrow;
use std::fmt;

/// A figure: its arrows in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    arrows: Vec<Arrow>,
}

/// A line that is no arrow; the number of the line, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FigureError {
    /// The line.
    pub line: usize,
}

const FILES: [(&str, &str); 10] = [
    ("figure-1", include_str!("../figures/figure-1.txt")),
    ("figure-1-ts24141", include_str!("../figures/figure-1-ts24141.txt")),
    ("figure-2", include_str!("../figures/figure-2.txt")),
    ("figure-2-ts24141", include_str!("../figures/figure-2-ts24141.txt")),
    ("figure-3", include_str!("../figures/figure-3.txt")),
    ("figure-5", include_str!("../figures/figure-5.txt")),
    ("figure-6", include_str!("../figures/figure-6.txt")),
    ("figure-7", include_str!("../figures/figure-7.txt")),
    ("denied-1", include_str!("../figures/denied-1.txt")),
    ("denied-2", include_str!("../figures/denied-2.txt")),
];

impl Figure {
    /// Reads one arrow a line; empty lines are skipped.
    ///
    /// # Errors
    /// [`FigureError`] names the first line that is no arrow.
    pub fn parse(text: &str) -> Result<Self, FigureError> {
        let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let arrows = lines.map(|(number, line)| Arrow::parse(line).ok_or(FigureError { line: number }));
        Ok(Self { arrows: arrows.collect::<Result<_, _>>()? })
    }

    /// A figure of this crate's `figures/`, by its file's name without `.txt`: `figure-1`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = FILES.into_iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// The names that [`Figure::named`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.into_iter().map(|(name, _)| name)
    }

    /// The arrows, in order.
    #[must_use]
    pub fn arrows(&self) -> &[Arrow] {
        &self.arrows
    }

    /// This figure and then another one: a publication and the update it causes.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.arrows.extend(next.arrows);
        self
    }
}

impl fmt::Display for FigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is no arrow", self.line)
    }
}

impl std::error::Error for FigureError {}
