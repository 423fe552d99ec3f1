//! What the gateway is asked: by those who bring short messages and take them away, and by operators.

use crate::number::Msisdn;
use crate::outbox::{Delivery, ShortMessage};
use crate::update::LegacyUpdate;
use ims_node::{AskAnswer, write_lines};
use serde::Serialize;
use std::fmt;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A user has written. The answer comes when the message is kept or acted on, or will not be.
    Update(LegacyUpdate),
    /// Somebody begins to take messages away: what is to be sent? The answer comes when there is something.
    Collect,
    /// The same asks for more.
    More,
    /// This is how it went with messages of [`Told::ToSend`].
    Sent(Vec<(u64, Delivery)>),
    /// For operators: everybody of whom something is kept.
    List,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Told {
    /// To [`Ask::Update`] and [`Ask::Sent`]: nothing more need be done about it.
    Taken,
    /// To [`Ask::Update`]: not now.
    NotTaken(NotTaken),
    /// To [`Ask::Collect`] and [`Ask::More`]: these, by their numbers; none if somebody else takes messages away now.
    ToSend(#[serde(skip)] Vec<(u64, ShortMessage)>),
    /// To [`Ask::List`].
    Listed {
        /// The first of them, in order.
        listed: Vec<Listed>,
        /// How many more there are.
        more: usize,
    },
}

/// Why an update is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotTaken {
    /// Its sender is nobody's number.
    NotANumber,
    /// Its sender has written too much lately.
    TooFast,
    /// Too much waits already.
    Full,
    /// The node can keep nothing now, or is ending.
    NotNow,
}

/// What is kept of a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Listed {
    /// The user's number.
    pub number: Msisdn,
    /// The user's SIP identity, once it is known.
    pub presentity: Option<Box<str>>,
    /// Updates that are accepted, and not confirmed by the presence server.
    pub waiting: usize,
    /// Seconds for which the status is still shown.
    pub seconds_left: u64,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken => f.write_str("taken"),
            Self::NotTaken(why) => write!(f, "not taken: {why}"),
            Self::ToSend(messages) => write!(f, "{} to send", messages.len()),
            Self::Listed { listed, more: 0 } => write_lines(f, listed),
            Self::Listed { listed, more } => {
                write_lines(f, listed)?;
                write!(f, "\nand {more} more")
            }
        }
    }
}

impl AskAnswer for Told {
    fn refusal(&self) -> Option<&'static str> {
        match self {
            Self::NotTaken(why) => Some(why.name()),
            Self::Taken | Self::ToSend(_) | Self::Listed { .. } => None,
        }
    }
}

impl NotTaken {
    const fn name(self) -> &'static str {
        match self {
            Self::NotANumber => "not_a_number",
            Self::TooFast => "too_fast",
            Self::Full => "full",
            Self::NotNow => "not_now",
        }
    }
}

impl fmt::Display for NotTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "its sender is nobody's number",
            Self::TooFast => "its sender has written too much lately",
            Self::Full => "too much waits already",
            Self::NotNow => "nothing can be kept now",
        })
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, presentity, waiting, seconds_left } = self;
        let presentity = presentity.as_deref().unwrap_or("-");
        write!(f, "{number} {presentity} {waiting} waiting {seconds_left}s")
    }
}
