//! Standard output, and the prompt for whoever types there.

use std::io::{self, IsTerminal as _, Write as _};

/// Where the agent tells what happens.
#[derive(Debug)]
pub(crate) struct Console {
    /// Whether somebody types commands on this terminal.
    is_typed: bool,
    /// Whether the prompt stands in the last line.
    at_prompt: bool,
}

impl Console {
    /// For commands that come from standard input, or for none.
    pub(crate) fn new(takes_commands: bool) -> Self {
        let is_typed = takes_commands && io::stdin().is_terminal() && io::stdout().is_terminal();
        Self { is_typed, at_prompt: false }
    }

    pub(crate) const fn is_typed(&self) -> bool {
        self.is_typed
    }

    /// One line, at once. Whoever listened may have gone.
    pub(crate) fn put(&mut self, text: &str) {
        let start = if std::mem::take(&mut self.at_prompt) { "\r" } else { "" };
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{start}{text}").and_then(|()| out.flush());
    }

    /// A line was typed behind the prompt.
    pub(crate) const fn typed(&mut self) {
        self.at_prompt = false;
    }

    /// Shows that commands are taken.
    pub(crate) fn prompt(&mut self) {
        if self.is_typed && !std::mem::replace(&mut self.at_prompt, true) {
            let mut out = io::stdout().lock();
            let _ = write!(out, "> ").and_then(|()| out.flush());
        }
    }
}
