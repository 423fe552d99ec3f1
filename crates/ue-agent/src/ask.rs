//! What the agent is asked, and what it answers; what comes of it later is a [`crate::Report`].

use crate::command::Command;
use crate::leave::Farewell;
use sip_message::Uri;
use std::fmt;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// What its user wants.
    Do(Command),
    /// End everything, as the farewell says, within [`crate::FAREWELL`].
    Leave(Farewell),
}

/// Whether it is being done.
pub type Told = Result<(), NotDone>;

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotDone {
    /// The agent is leaving.
    Leaving,
    /// The agent watches this presentity already.
    WatchedAlready(Uri),
    /// The agent watches as many presentities as it can ([`crate::MAX_WATCHES`]).
    TooManyWatched,
    /// The agent does not watch this presentity.
    NotWatched(Uri),
    /// RFC 4480 names no such activity, and it can be none of ours.
    NoActivity,
    /// There is nothing to take back.
    NothingPublished,
    /// Too many texts wait for the registration.
    TooManyTexts,
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaving => f.write_str("leaving"),
            Self::WatchedAlready(uri) => write!(f, "{uri} is watched already"),
            Self::TooManyWatched => f.write_str("too many are watched"),
            Self::NotWatched(uri) => write!(f, "{uri} is not watched"),
            Self::NoActivity => f.write_str("the activity is not the name of one"),
            Self::NothingPublished => f.write_str("nothing is published"),
            Self::TooManyTexts => f.write_str("too many texts wait to be sent"),
        }
    }
}

impl std::error::Error for NotDone {}
