//! Whether a watcher may watch, and what (RFC 5025 section 3.2, rule PRS-04).

use crate::PresenceServer;
use crate::identity::Sender;
use clock::Now;
use presence_document::{Permissions, SubHandling, Verdict};
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

impl PresenceServer {
    /// Decides about a watcher while the presentity is in `sphere`.
    pub(crate) fn ruling(
        &self,
        now: Now,
        presentity: &str,
        watcher: &Sender,
        sphere: Option<&str>,
    ) -> Ruling {
        if watcher.is(presentity) {
            let verdict = Verdict { action: SubHandling::Allow, permissions: Permissions::all() };
            return Ruling { verdict, by: By::Itself };
        }
        let rules = self.rules.get(presentity);
        match rules.and_then(|rules| rules.evaluate(&watcher.as_watcher(), now.wall, sphere)) {
            Some(verdict) => Ruling { verdict, by: By::Rules },
            None => Ruling { verdict: by_default(self.settings.default_action), by: By::Default },
        }
    }
}

fn by_default(action: SubHandling) -> Verdict {
    let permissions = match action {
        SubHandling::Allow => Permissions::all(),
        SubHandling::Block | SubHandling::Confirm | SubHandling::PoliteBlock => Permissions::default(),
    };
    Verdict { action, permissions }
}
