//! Arrows drawn as a ladder, for terminals and for the eye.

use crate::arrow::Arrow;
use std::collections::BTreeSet;
use std::fmt::{self, Write};

/// Widest drawing of the figures' networks, in columns of text.
const WIDTH: usize = 110;

/// Room for the number of an arrow, and for the names beside it: `PresUpdateMsg  200 SUBSCRIBE`.
const NUMBER: usize = 4;
const LABEL: usize = 30;

/// Distance of two lifelines; the names of nodes are at most as long as the smaller one.
const NEAR: usize = 9;
const FAR: usize = 12;

/// Nodes that are drawn together under one name: a Presence Proxy of the contribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bracket {
    /// The name.
    pub name: &'static str,
    /// The nodes, by their names in the figure.
    pub nodes: Vec<Box<str>>,
}

impl Bracket {
    /// The Watcher Presence Proxy of figure 4: P-CSCF and S-CSCF of the watcher's domain, which has this number.
    #[must_use]
    pub fn watcher_proxy(domain: u8) -> Self {
        Self::of("Watcher Presence Proxy", ["pcscf", "scscf"], domain)
    }

    /// The Presentity Presence Proxy of figure 4: I-CSCF and S-CSCF of the presentity's domain.
    #[must_use]
    pub fn presentity_proxy(domain: u8) -> Self {
        Self::of("Presentity Presence Proxy", ["icscf", "scscf"], domain)
    }

    fn of(name: &'static str, roles: [&str; 2], domain: u8) -> Self {
        Self { name, nodes: roles.iter().map(|role| format!("{role}{domain}").into()).collect() }
    }
}

/// A ladder: one lifeline a node, one line an arrow, shown by its `Display`.
#[derive(Debug, Clone)]
pub struct Ladder<'a> {
    nodes: Vec<&'a str>,
    brackets: Vec<Bracket>,
    arrows: &'a [Arrow],
}

impl<'a> Ladder<'a> {
    /// A ladder of these arrows. The nodes stand as the path goes, from the first sender on; the HSS, which is asked and
    /// passed by, stands last.
    #[must_use]
    pub fn new(arrows: &'a [Arrow]) -> Self {
        let mut nodes: Vec<&str> = Vec::new();
        for node in arrows.iter().flat_map(|arrow| [&*arrow.from, &*arrow.to]) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes.sort_by_key(|node| node.starts_with("hss"));
        Self { nodes, brackets: Vec::new(), arrows }
    }

    /// The same with these nodes first, in this order.
    #[must_use]
    pub fn ordered(mut self, first: &[&'a str]) -> Self {
        let place = |node: &&str| first.iter().position(|named| named == node).unwrap_or(first.len());
        self.nodes.sort_by_key(place);
        self
    }

    /// Draws a bracket under the names of these nodes.
    #[must_use]
    pub fn with(mut self, bracket: Bracket) -> Self {
        self.brackets.push(bracket);
        self
    }

    fn column(&self, node: &str) -> usize {
        let at = self.nodes.iter().position(|known| *known == node).unwrap_or_default();
        NUMBER + NEAR / 2 + at * self.pitch()
    }

    fn pitch(&self) -> usize {
        ((WIDTH - NUMBER - LABEL) / self.nodes.len().max(1)).clamp(NEAR, FAR)
    }

    fn label_column(&self) -> usize {
        NUMBER + NEAR / 2 + self.nodes.len().saturating_sub(1) * self.pitch() + NEAR / 2
    }

    fn lifelines(&self) -> Canvas {
        let mut canvas = Canvas::default();
        for node in &self.nodes {
            canvas.put(self.column(node), "|");
        }
        canvas
    }

    fn header(&self) -> Canvas {
        let mut canvas = Canvas::default();
        for node in &self.nodes {
            canvas.put(self.column(node).saturating_sub(node.len() / 2), node);
        }
        canvas
    }

    /// `'-----'` from the first to the last of the bracket's nodes; the nodes between that are not in it stay free.
    fn bracket(&self, bracket: &Bracket) -> Canvas {
        let mut canvas = self.lifelines();
        let columns: BTreeSet<usize> =
            bracket.nodes.iter().filter(|n| self.nodes.contains(&&***n)).map(|n| self.column(n)).collect();
        if let (Some(first), Some(last)) = (columns.first(), columns.last()) {
            canvas.put(*first, &"-".repeat(last - first));
            columns.iter().for_each(|column| canvas.put(*column, "'"));
        }
        canvas.put(self.label_column(), bracket.name);
        canvas
    }

    fn arrow(&self, number: usize, arrow: &Arrow) -> Canvas {
        let mut canvas = self.lifelines();
        canvas.put(0, &format!("{number:>2}"));
        let (from, to) = (self.column(&arrow.from), self.column(&arrow.to));
        let between = from.abs_diff(to).saturating_sub(2);
        match from.cmp(&to) {
            std::cmp::Ordering::Less => canvas.put(from + 1, &format!("{}>", "-".repeat(between))),
            std::cmp::Ordering::Greater => canvas.put(to + 1, &format!("<{}", "-".repeat(between))),
            // One role and domain, two processes.
            std::cmp::Ordering::Equal => canvas.put(from, "@"),
        }
        canvas.put(self.label_column(), &format!("{:<15}{}", arrow.name, arrow.wire));
        canvas
    }
}

impl fmt::Display for Ladder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.header())?;
        for bracket in &self.brackets {
            writeln!(f, "{}", self.bracket(bracket))?;
        }
        writeln!(f, "{}", self.lifelines())?;
        for (number, arrow) in (1..).zip(self.arrows) {
            writeln!(f, "{}", self.arrow(number, arrow))?;
        }
        writeln!(f, "{}", self.lifelines())
    }
}

/// One line of text, written to by column.
#[derive(Debug, Default)]
struct Canvas(Vec<char>);

impl Canvas {
    fn put(&mut self, column: usize, text: &str) {
        let end = column + text.chars().count();
        if self.0.len() < end {
            self.0.resize(end, ' ');
        }
        for (place, glyph) in self.0.iter_mut().skip(column).zip(text.chars()) {
            *place = glyph;
        }
    }
}

impl fmt::Display for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|glyph| f.write_char(*glyph))
    }
}
