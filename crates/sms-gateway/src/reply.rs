//! What the gateway writes to users.

use crate::settings::GatewaySettings;
use crate::update::{Accepted, Shown};
use crate::vocabulary::Reachability;
use std::fmt;
use std::time::Duration;

/// Why an update has come to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// The HSS knows no user of this number, or no presence server of the user.
    NotServed,
    /// The presence server will not have it.
    Refused,
    /// HSS or presence server have not answered for too long.
    NobodyThere,
}

/// The presence server has it.
pub(crate) fn confirmed(update: &Accepted) -> String {
    let Shown { basic, activity, note } = &update.status.shown;
    let what = match (activity, basic) {
        (Some(activity), _) => activity.replace('-', " "),
        (None, Reachability::Open) => "available".to_owned(),
        (None, Reachability::Closed) => "not available".to_owned(),
    };
    let note = note.as_deref().map(|note| format!(" ({note})")).unwrap_or_default();
    let lasts = update.asked_s.map(|seconds| format!(" for {}", Lasts(seconds))).unwrap_or_default();
    format!("You are shown as {what}{note}{lasts}.")
}

pub(crate) fn failed(why: Failed) -> String {
    let why = match why {
        Failed::NotServed => "there is no presence service for your number",
        Failed::Refused => "the presence service does not take it",
        Failed::NobodyThere => "the presence service cannot be reached",
    };
    format!("Your status is not changed: {why}.")
}

/// What may be written.
pub(crate) fn help(settings: &GatewaySettings) -> String {
    let words: Vec<&str> = settings.vocabulary.words().collect();
    let lasts = Lasts(settings.lasts.as_secs());
    format!(
        "Write a status, how long (45m, 2h, 1d; else {lasts}) and a note: busy 2h in a meeting. Statuses: {}. quit: no more messages.",
        words.join(" ")
    )
}

pub(crate) const QUIT: &str = "You are sent nothing any more. Write start to be answered again.";
pub(crate) const STARTED: &str = "You are answered again.";

/// A duration in its largest whole unit.
struct Lasts(u64);

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HOUR: u64 = Duration::from_secs(3600).as_secs();
        match self.0 {
            seconds if seconds % (24 * HOUR) == 0 => write!(f, "{} d", seconds / (24 * HOUR)),
            seconds if seconds % HOUR == 0 => write!(f, "{} h", seconds / HOUR),
            seconds => write!(f, "{} min", seconds / 60),
        }
    }
}
