//! The words of commands: what there is, and what is wrong with those that came.

use ims_node::AskAnswer;
use serde::Serialize;
use std::fmt;

/// A command, as `help` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The words, arguments in capitals: `explain PRESENTITY WATCHER`.
    pub words: &'static str,
    /// What comes of it.
    pub does: &'static str,
}

/// The answer to `help`: every command, in two columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Help(Vec<Usage>);

impl Help {
    /// These commands, in this order.
    #[must_use]
    pub fn of(commands: impl IntoIterator<Item = Usage>) -> Self {
        Self(commands.into_iter().collect())
    }
}

impl fmt::Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|usage| usage.words.chars().count()).max().unwrap_or_default();
        self.0.iter().try_for_each(|Usage { words, does }| writeln!(f, "{words:<width$}  {does}"))
    }
}

impl AskAnswer for Help {}

/// Why words are no command; the operator's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum BadWords {
    /// There is no such command.
    Unknown,
    /// The command takes other arguments.
    Usage(Usage),
    /// This argument cannot be read.
    Argument {
        /// Its name, as `help` has it.
        name: &'static str,
        /// What it must be.
        must_be: &'static str,
    },
}

impl fmt::Display for BadWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such command; `help` lists them"),
            Self::Usage(Usage { words, does }) => write!(f, "usage: {words} ({does})"),
            Self::Argument { name, must_be } => write!(f, "{name} must be {must_be}"),
        }
    }
}

impl AskAnswer for BadWords {
    fn refusal(&self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => "unknown_command",
            Self::Usage(_) => "wrong_arguments",
            Self::Argument { .. } => "bad_argument",
        })
    }
}

/// A command of the control socket. Its words are read into a question of type `A`; the reader may consult a `C`, such as
/// the configuration.
#[derive(Debug)]
pub struct Command<C, A> {
    usage: Usage,
    read: fn(&C, &[&str]) -> Result<A, BadWords>,
}

impl<C, A> Command<C, A> {
    /// A command. `words` are what an operator types, with the names of arguments in capitals; `does` is what `help` says
    /// of the command; `read` is called with exactly as many arguments as `words` names.
    #[must_use]
    pub const fn new(
        words: &'static str,
        does: &'static str,
        read: fn(&C, &[&str]) -> Result<A, BadWords>,
    ) -> Self {
        Self { usage: Usage { words, does }, read }
    }

    /// What `help` says of these.
    pub fn usages(commands: &[Self]) -> impl Iterator<Item = Usage> {
        commands.iter().map(|command| command.usage)
    }

    /// Reads the words of one of these.
    ///
    /// # Errors
    /// [`BadWords`].
    pub fn find(commands: &[Self], context: &C, words: &[&str]) -> Result<A, BadWords> {
        let (name, arguments) = words.split_first().ok_or(BadWords::Unknown)?;
        let is_named = |command: &&Self| command.usage.words.split(' ').next() == Some(*name);
        let command = commands.iter().find(is_named).ok_or(BadWords::Unknown)?;
        if command.usage.words.split(' ').count() != words.len() {
            return Err(BadWords::Usage(command.usage));
        }
        (command.read)(context, arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_as_many_arguments_as_its_words_say() {
        let user =
            |_: &(), words: &[&str]| words.first().map(|user| (*user).to_owned()).ok_or(BadWords::Unknown);
        let commands = [
            Command::new("list", "who is there", |(), _| Ok("all".to_owned())),
            Command::new("explain USER", "everything about a user", user),
        ];
        let usage = commands[1].usage;
        let rows: [(&[&str], _); 6] = [
            (&["list"], Ok("all".to_owned())),
            (&["explain", "bob"], Ok("bob".to_owned())),
            (&["explain"], Err(BadWords::Usage(usage))),
            (&["explain", "bob", "carol"], Err(BadWords::Usage(usage))),
            (&["dance"], Err(BadWords::Unknown)),
            (&[], Err(BadWords::Unknown)),
        ];
        for (words, expected) in rows {
            assert_eq!(Command::find(&commands, &(), words), expected, "{words:?}");
        }
    }

    #[test]
    fn help_has_two_columns() {
        let usage = |words, does| Usage { words, does };
        let usages = [usage("list", "who is there"), usage("explain USER", "everything")];
        assert_eq!(Help::of(usages).to_string(), "list          who is there\nexplain USER  everything\n");
    }
}
