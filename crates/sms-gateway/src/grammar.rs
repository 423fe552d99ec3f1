//! What a user may write, one line (rule GW-03):
//!
//! ```text
//! STATUS [DURATION] [NOTE]     busy 2h in a meeting
//! quit                         the gateway sends this user no more messages
//! start                        the gateway sends this user messages again
//! help, or ?                   the gateway answers with what may be written
//! ```
//!
//! STATUS is a word of the [`Vocabulary`], in any case. DURATION is a number of minutes, hours or days: `45m`, `45min`, `2h`, `1d`. Everything
//! behind it is the note. Anything else is not understood and changes nothing.

use crate::vocabulary::{Meaning, Vocabulary};
use std::time::Duration;

/// Characters of a note.
pub const MAX_NOTE: usize = 140;
/// Longest duration.
pub const MAX_DURATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The user has this status from now on.
    Status {
        /// What the word means.
        meaning: Meaning,
        /// How long the status counts, if the user says so.
        duration: Option<Duration>,
        /// The text behind the status word and the duration.
        note: Option<Box<str>>,
    },
    /// The user wants no more messages from the gateway.
    Quit,
    /// The user wants messages from the gateway again.
    Start,
    /// The user asks what may be written.
    Help,
}

/// The text is none of the commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUnderstood;

/// Reads a command.
///
/// # Errors
/// [`NotUnderstood`].
pub fn parse(text: &str, vocabulary: &Vocabulary) -> Result<Command, NotUnderstood> {
    let line = text.trim();
    if line.contains(|c: char| c.is_control()) {
        return Err(NotUnderstood);
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    if let Some(meaning) = vocabulary.meaning(word) {
        return status(meaning.clone(), rest);
    }
    let alone = |command: Command| if rest.is_empty() { Ok(command) } else { Err(NotUnderstood) };
    match &*word.to_lowercase() {
        "quit" => alone(Command::Quit),
        "start" => alone(Command::Start),
        "help" | "?" => alone(Command::Help),
        _ => Err(NotUnderstood),
    }
}

fn status(meaning: Meaning, rest: &str) -> Result<Command, NotUnderstood> {
    let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
    let (duration, note) = match duration(first) {
        Some(duration) => (Some(duration), behind.trim()),
        None => (None, rest),
    };
    if note.chars().count() > MAX_NOTE || duration.is_some_and(|it| it.is_zero() || it > MAX_DURATION) {
        return Err(NotUnderstood);
    }
    Ok(Command::Status { meaning, duration, note: (!note.is_empty()).then(|| note.into()) })
}

/// `45m`, `45min`, `2h`, `1d`; anything else is part of the note.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let seconds = match &*unit.to_lowercase() {
        "m" | "min" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return None,
    };
    // A number that is too long is a duration that is too long.
    let number: u64 = if number.is_empty() { return None } else { number.parse().unwrap_or(u64::MAX) };
    Some(Duration::from_secs(number.saturating_mul(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::Reachability::{Closed, Open};

    fn status(
        basic: crate::Reachability,
        activity: &str,
        minutes: u64,
        note: &str,
    ) -> Result<Command, NotUnderstood> {
        Ok(Command::Status {
            meaning: Meaning { basic, activity: (!activity.is_empty()).then(|| activity.into()) },
            duration: (minutes > 0).then(|| Duration::from_secs(60 * minutes)),
            note: (!note.is_empty()).then(|| note.into()),
        })
    }

    #[test]
    fn gw_03_a_line_is_a_command_or_is_not_understood() {
        let long = "x".repeat(MAX_NOTE);
        let table = [
            ("on", status(Open, "", 0, "")),
            ("  OFF ", status(Closed, "", 0, "")),
            ("busy 2h in a meeting", status(Open, "busy", 120, "in a meeting")),
            ("Busy 45min", status(Open, "busy", 45, "")),
            ("busy 45M  tea ", status(Open, "busy", 45, "tea")),
            ("away 7d", status(Open, "away", 7 * 24 * 60, "")),
            ("busy 2 hours", status(Open, "busy", 0, "2 hours")),
            ("busy h", status(Open, "busy", 0, "h")),
            ("on Grüße, Ω", status(Open, "", 0, "Grüße, Ω")),
            ("Quit", Ok(Command::Quit)),
            ("start", Ok(Command::Start)),
            ("?", Ok(Command::Help)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text, &Vocabulary::usual()), expected, "{text}");
        }
        let whole = format!("on {long}");
        assert_eq!(parse(&whole, &Vocabulary::usual()), status(Open, "", 0, &long));
        let too_long = format!("{whole}x");
        let endless = "busy ".repeat(2000);
        for text in [
            "",
            " ",
            "bussy",
            "hello there",
            "busy 0m",
            "busy 8d",
            "busy 99999999999999999999h",
            "quit now",
            "help me",
            "busy\nnow",
            "busy\u{0}",
            "busy\ttea",
            &too_long,
            &endless,
        ] {
            assert_eq!(parse(text, &Vocabulary::usual()), Err(NotUnderstood), "{text:?}");
        }
    }
}
