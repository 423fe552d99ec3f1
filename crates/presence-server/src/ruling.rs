//! What was decided about a watcher (RFC 5025 section 3.2, rule PRS-04).

use presence_document::{SubHandling, Verdict};
use sip_event::Authorisation;

/// What was decided about a watcher, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) verdict: Verdict,
    pub(crate) by: By,
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The watcher is the presentity.
    Itself,
    /// The presentity's rules.
    Rules,
    /// The configured default, because no rule speaks of the watcher.
    Default,
}

impl Ruling {
    /// What it means for a subscription.
    pub(crate) const fn authorisation(&self) -> Authorisation {
        match self.verdict.action {
            SubHandling::Allow | SubHandling::PoliteBlock => Authorisation::Allowed,
            SubHandling::Confirm => Authorisation::Undecided,
            SubHandling::Block => Authorisation::Refused,
        }
    }
}
