//! Reports as lines: for people, or one JSON object each.

use crate::account::short;
use crate::report::{Report, Status, SubscriptionState};
use clock::Wall;
use serde::Serialize;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people: time of day in UTC, and what happened.
    Human,
    /// One JSON object a line, with `time` and `event`.
    Json,
    /// As `Json`, and every presence with the document that it came in.
    JsonRaw,
    /// As `Human`, and behind every presence the document that it came in.
    HumanRaw,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    report: &'a Report,
}

/// One report as a line, its line break left out.
#[must_use]
pub fn line(form: Form, at: Wall, report: &Report) -> String {
    let report = match form {
        Form::Human | Form::Json => without_document(report),
        Form::HumanRaw | Form::JsonRaw => Cow::Borrowed(report),
    };
    let time = i64::try_from(at.unix_millis()).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    match form {
        Form::Human | Form::HumanRaw => {
            let time = time.map_or_else(String::new, |time| time.strftime("%H:%M:%S%.3f").to_string());
            format!("{time} {}", human(&report))
        }
        Form::Json | Form::JsonRaw => {
            let time =
                time.map_or_else(String::new, |time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string());
            // Text and numbers alone; that cannot fail.
            serde_json::to_string(&Line { time, report: &report }).unwrap_or_default()
        }
    }
}

fn without_document(report: &Report) -> Cow<'_, Report> {
    let mut report = Cow::Borrowed(report);
    if let Report::Presence { document: Some(_), .. } = &*report
        && let Report::Presence { document, .. } = report.to_mut()
    {
        *document = None;
    }
    report
}

fn human(report: &Report) -> String {
    match report {
        Report::Registered { uri, expires_s, .. } => format!("{} is registered ({expires_s} s)", short(uri)),
        Report::Deregistered { uri } => format!("{} is no longer registered", short(uri)),
        Report::Contact { uri, contact, state: "active", reason } => {
            format!("{} is also registered at {} ({reason})", short(uri), short(contact))
        }
        Report::Contact { uri, contact, reason, .. } => {
            format!("{} is no longer registered at {} ({reason})", short(uri), short(contact))
        }
        Report::RegisterFailed { uri, status, reason, retry_s } => {
            let refused = failure(*status, reason);
            format!("{} is not registered: {refused}{}", short(uri), again(*retry_s))
        }
        Report::Subscription { uri, state, reason, status, retry_s } => match state {
            SubscriptionState::Active | SubscriptionState::Pending => {
                format!("the subscription to {} is {}", short(uri), state.as_str())
            }
            // RFC 6665 section 4.1.3: what a fetch and leaving end with; otherwise it would be tried again.
            SubscriptionState::Ended
                if status.is_none() && retry_s.is_none() && reason.as_deref() == Some("timeout") =>
            {
                format!("the subscription to {} has ended, as asked", short(uri))
            }
            SubscriptionState::Ended => {
                let why = failure(*status, reason.as_deref().unwrap_or("no reason given"));
                format!("the subscription to {} has ended: {why}{}", short(uri), again(*retry_s))
            }
        },
        Report::Presence { .. } => presence(report),
        Report::Published { uri, expires_s } => {
            format!("the presence of {} is published ({expires_s} s)", short(uri))
        }
        Report::Unpublished { uri } => format!("the presence of {} is taken back", short(uri)),
        Report::PublishFailed { uri, status, reason } => {
            format!("the presence of {} is not published: {status} {reason}", short(uri))
        }
        Report::Message { from, text } => format!("{} says {text:?}", short(from)),
        Report::Answered { method, uri, status, reason } => {
            format!("{method} to {}: {}", short(uri), failure(*status, reason))
        }
        Report::Status(status) => standing(status),
        Report::Error { what } => format!("error: {what}"),
    }
}

fn failure(status: Option<u16>, reason: &str) -> String {
    status.map_or_else(|| reason.to_owned(), |status| format!("{status} {reason}"))
}

fn again(retry_s: Option<u64>) -> String {
    match retry_s {
        None => String::new(),
        Some(0) => "; trying again now".to_owned(),
        Some(seconds) => format!("; trying again in {seconds} s"),
    }
}

fn presence(report: &Report) -> String {
    let Report::Presence { uri, state, expires_s, basic, note, activities, document } = report else {
        return String::new();
    };
    let mut text = format!("{} is {}", short(uri), basic.unwrap_or("unknown"));
    // Memory takes all of it.
    if let Some(note) = note {
        let _ = write!(text, " {note:?}");
    }
    if !activities.is_empty() {
        let _ = write!(text, " [{}]", activities.join(", "));
    }
    let left = expires_s.map_or_else(String::new, |seconds| format!(", {seconds} s"));
    let _ = write!(text, " ({}{left})", state.as_str());
    if let Some(document) = document {
        // Somebody else's text, fit for a terminal.
        let shown = document.trim_end().replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), " ");
        let _ = write!(text, "\n{shown}");
    }
    text
}

fn standing(status: &Status) -> String {
    let registered = match status.registered_s {
        Some(seconds) => format!("registered ({seconds} s)"),
        None => "not registered".to_owned(),
    };
    let watching: Vec<&str> = status.watching.iter().map(|uri| short(uri)).collect();
    let watching = if watching.is_empty() { "nobody".to_owned() } else { watching.join(", ") };
    let published = if status.published { "published" } else { "not published" };
    format!("{} is {registered}, watches {watching}, presence {published}", short(&status.uri))
}
